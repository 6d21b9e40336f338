"""What tells real speech from made: periods of the waveform (HiFi-GAN, arXiv:2010.05646), spectrograms, and mels."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from models.mel_discriminator import scores_and_features

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
        return scores_and_features(x, self.layers, self.last)


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
        return scores_and_features(x[:, None], self.layers, self.last)


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
