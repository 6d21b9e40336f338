"""What tells real mels from made ones, and whose they should be: it keeps the synthesizer's mels sharp."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from models.losses import discriminator_loss, fake_loss, feature_loss, generator_loss

SLOPE = 0.1
MISMATCH_WEIGHT = 0.25  # against real and fake speech
MAX_NORM = 10.0  # of the gradient of a discriminator


@dataclass(frozen=True)
class MelDiscriminatorConfig:
    condition_dim: int  # of what it is told of a voice
    channels: int = 48


class MelDiscriminator(nn.Module):
    """2-D convolutions over a mel; one head for any voice, and one that is told whose it should be.

    Joint unconditional and conditional scores as in GANSpeech (arXiv:2106.15153).
    """

    def __init__(self, config: MelDiscriminatorConfig):
        super().__init__()
        self.config = config
        channels = config.channels
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
            nn.Linear(config.condition_dim, 128),
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
        scores, features = scores_and_features(mels.transpose(1, 2)[:, None], self.layers, self.last)
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


def scores_and_features(x: Tensor, layers: nn.ModuleList, last: nn.Module) -> tuple[Tensor, list[Tensor]]:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), SLOPE)
        features.append(x)
    return last(x), features


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
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(discriminator.parameters(), MAX_NORM)
    optimizer.step()
    with torch.autocast(fake.device.type, torch.bfloat16):
        of_fake = discriminator(fake, *told)
        generator = generator_loss(of_fake)
        if strangers is not None:
            generator = generator + generator_loss(discriminator(*strangers))
    return {"discriminator": loss, "generator": generator, "features": feature_loss(of_real, of_fake)}
