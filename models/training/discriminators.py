"""What tells real speech from made: periods of the waveform (HiFi-GAN, arXiv:2010.05646), spectrograms, and mels."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from models.losses import feature_loss
from models.training.losses import discriminator_loss, fake_loss, generator_loss
from models.training.run import descend

SLOPE = 0.1
MISMATCH_WEIGHT = 0.25  # against real and fake speech
PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((1024, 256), (512, 128), (256, 64))  # n_fft, hop


class PeriodDiscriminator(nn.Module):
    """2-D convolutions over a waveform folded at one period."""

    def __init__(self, period: int, channels: tuple[int, ...] = (16, 64, 128, 256)):
        super().__init__()
        self.period = period
        widths = (1, *channels)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(before, after, (5, 1), (3, 1), (2, 0)))
            for before, after in zip(widths[:-1], widths[1:], strict=True)
        )
        self.last = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        """waveform: (batch, samples).  Returns scores and the features of each layer."""
        x = F.pad(waveform, (0, -waveform.shape[1] % self.period), mode="constant")
        x = x.view(len(x), 1, -1, self.period)
        return _scores_and_features(x, self.layers, self.last)


class ResolutionDiscriminator(nn.Module):
    """2-D convolutions over the log spectrogram at one resolution."""

    def __init__(self, n_fft: int, hop_length: int, channels: int = 32):
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.layers = nn.ModuleList(
            [
                weight_norm(nn.Conv2d(1, channels, (7, 5), (2, 2), (3, 2))),
                weight_norm(nn.Conv2d(channels, channels, (5, 3), (2, 1), (2, 1))),
                weight_norm(nn.Conv2d(channels, channels, (5, 3), (2, 2), (2, 1))),
                weight_norm(nn.Conv2d(channels, channels, 3, (2, 1), 1)),
            ]
        )
        self.last = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        """waveform: (batch, samples).  Returns scores and the features of each layer."""
        stft = torch.stft(waveform.float(), self.n_fft, self.hop_length, window=self.window, return_complex=True)
        x = torch.log(torch.view_as_real(stft).square().sum(-1).clamp(min=1e-6)) / 4
        return _scores_and_features(x[:, None], self.layers, self.last)


class MelDiscriminator(nn.Module):
    """2-D convolutions over a mel; one head for any voice, and one that is told whose it should be.

    Joint unconditional and conditional scores as in GANSpeech (arXiv:2106.15153).
    """

    def __init__(self, condition_dim: int, channels: int = 48):
        super().__init__()
        self.layers = nn.ModuleList(
            [
                weight_norm(nn.Conv2d(1, channels, 5, (2, 1), 2)),
                weight_norm(nn.Conv2d(channels, channels, (5, 3), (2, 2), (2, 1))),
                weight_norm(nn.Conv2d(channels, channels, (5, 3), (2, 2), (2, 1))),
                weight_norm(nn.Conv2d(channels, channels, (5, 3), (2, 1), (2, 1))),
            ]
        )
        self.last = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))
        bands = 5  # of 80 after four strides of 2
        self.condition = nn.Sequential(
            nn.Linear(condition_dim, 128),
            nn.GELU(),
            nn.Linear(128, 2 * channels * bands),
            nn.Unflatten(1, (2, channels, bands, 1)),
        )
        self.joined = weight_norm(nn.Conv2d(channels, channels, 3, padding=1))
        self.told = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, mels: Tensor, voices: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """Scores of both heads and the features they come from, as Discriminators gives them.

        mels: (batch, frames, 80); voices: (batch, condition_dim).
        """
        scores, features = _scores_and_features(mels.transpose(1, 2)[:, None], self.layers, self.last)
        return [(scores, features), (self.conditional(features[-1], voices), [])]

    def conditional(self, features: Tensor, voices: Tensor) -> Tensor:
        """Scores of the head that is told the voice.  features: of the last layer, (batch, channels, 5, frames / 4)."""
        gain, shift = self.condition(voices).unbind(1)
        return self.told(F.leaky_relu(self.joined(features * (1 + gain) + shift), SLOPE))

    def mismatch_loss(self, of_real: list[tuple[Tensor, list[Tensor]]], voices: Tensor) -> Tensor:
        """Real speech that is said to be the next row's: as wrong as fake speech is, but less if the two are alike."""
        other = voices.roll(1, 0)
        apart = (1 - F.cosine_similarity(voices, other)).clamp(0, 1) * other.any(1)
        scores = self.conditional(of_real[0][1][-1], other).float()
        return (apart * scores.square().flatten(1).mean(1)).mean()


def _scores_and_features(x: Tensor, layers: nn.ModuleList, last: nn.Module) -> tuple[Tensor, list[Tensor]]:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), SLOPE)
        features.append(x)
    return last(x), features


class Discriminators(nn.Module):
    """Some discriminators together; if not told which, all periods and all resolutions."""

    def __init__(self, chosen: list[nn.Module] | None = None):
        super().__init__()
        self.all = nn.ModuleList(
            chosen
            or [PeriodDiscriminator(period) for period in PERIODS]
            + [ResolutionDiscriminator(n_fft, hop) for n_fft, hop in RESOLUTIONS]
        )

    def drawn(self, count: int, rng: np.random.Generator) -> "Discriminators":
        """count of them, sharing their weights: a step costs half with half of them, and learns nearly as much."""
        return Discriminators([self.all[i] for i in rng.permutation(len(self.all))[:count]])

    def forward(self, waveform: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """What each says of a waveform, (batch, samples): scores, and the features that they come from."""
        return [discriminator(waveform) for discriminator in self.all]


def adversarial_losses(
    discriminator: nn.Module,
    optimizer: torch.optim.Optimizer,
    real: Tensor,
    fake: Tensor,
    voices: Tensor | None = None,
    strangers: tuple[Tensor, Tensor] | None = None,
) -> dict[str, Tensor]:
    """One step of the discriminator, then what it says of the fake speech.

    voices: what a MelDiscriminator is told; strangers: fake speech and its voices, which nobody was ever recorded
    saying.  Returns its loss, and generator loss and feature matching.
    """
    told = () if voices is None else (voices,)
    with torch.autocast(fake.device.type, torch.bfloat16):
        of_real = discriminator(real, *told)
        loss = discriminator_loss(of_real, discriminator(fake.detach(), *told))
        if len(real) > 1 and told:
            loss = loss + MISMATCH_WEIGHT * discriminator.mismatch_loss(of_real, *told)
        if strangers is not None:
            mels, whose = strangers
            loss = loss + fake_loss(discriminator(mels.detach(), whose))
    descend(loss, optimizer, discriminator, max_norm=10.0)
    with torch.autocast(fake.device.type, torch.bfloat16):
        of_fake = discriminator(fake, *told)
        generator = generator_loss(of_fake)
        if strangers is not None:
            generator = generator + generator_loss(discriminator(*strangers))
    return {"discriminator": loss, "generator": generator, "features": feature_loss(of_real, of_fake)}
