"""Pitch: F0 and voicing of each mel frame, and the statistics of F0."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.convnext import ConvNeXtBlock

MIN_F0, MAX_F0 = 55.0, 520.0  # Hz, of the outermost bins
N_BINS = 128  # of log F0: 0.3 semitones each
NEAR = 4  # bins on each side of the most probable one, over which F0 is averaged
MIN_VOICED_FRAMES = 8
MIDDLE = (math.log(150.0), 0.2)  # of human voices


class PitchEstimator(nn.Module):
    """Estimate F0 and voicing of each frame from the mel, whose harmonics are resolved below 1 kHz.

    As in CREPE (arXiv:1802.06182) F0 is a distribution over bins of its logarithm.
    """

    def __init__(self, n_mels: int, dim: int, layers: int):
        super().__init__()
        self.embed = nn.Conv1d(n_mels, dim, 5, padding=2)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, 3 * dim) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, N_BINS + 1)
        self.register_buffer("bins", torch.linspace(math.log(MIN_F0), math.log(MAX_F0), N_BINS), persistent=False)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the bins, (batch, frames, 128), and of voicing, (batch, frames).  mel: (batch, 80, frames)."""
        x = self.embed(mel).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x)).float()
        return logits[..., :-1], logits[..., -1]

    @torch.no_grad()
    def read(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Log F0, and the probability that a frame is voiced.

        mel: (batch, 80, frames).  Returns (batch, frames) each; log F0 is undefined in unvoiced frames.
        """
        logits, voicing = self(mel)
        best = logits.argmax(-1, keepdim=True)
        away = (torch.arange(N_BINS, device=mel.device) - best).abs()
        near = logits.masked_fill(away > NEAR, -torch.inf).softmax(-1)
        return near @ self.bins, voicing.sigmoid()

    def f0(self, mel: Tensor) -> np.ndarray:
        """F0 in Hz, 0 where unvoiced.  mel: (80, frames).  Returns (frames,) float32."""
        log_f0, voiced = self.read(mel[None])
        return (log_f0.exp() * (voiced > 0.5))[0].float().cpu().numpy()

    def loss(self, mel: Tensor, f0: Tensor) -> Tensor:
        """Cross entropy of voicing plus that of the F0 bins.  f0: (batch, frames) in Hz, 0 where unvoiced."""
        logits, voicing = self(mel)
        voiced = f0 > 0
        wrong = F.binary_cross_entropy_with_logits(voicing, voiced.float())
        place = (f0.clamp(MIN_F0, MAX_F0).log() - self.bins[0]) / (self.bins[1] - self.bins[0])
        away = torch.arange(N_BINS, device=mel.device) - place[..., None]
        wanted = (-0.5 * away.square()).softmax(-1)  # a Gaussian with a standard deviation of one bin
        missed = -(wanted * logits.log_softmax(-1)).sum(-1)
        return wrong + (missed * voiced).sum() / voiced.sum().clamp(min=1)


def pitch_statistics(f0: np.ndarray) -> np.ndarray:
    """Median and spread (half of the 16th to 84th percentile range) of log F0, (2,).

    f0: (frames,) Hz, 0 where unvoiced.  With fewer than MIN_VOICED_FRAMES (a whisper): MIDDLE.
    """
    voiced = f0[f0 > 0]
    if len(voiced) < MIN_VOICED_FRAMES:
        return np.array(MIDDLE, dtype=np.float32)
    low, median, high = np.percentile(np.log(voiced), [16, 50, 84])
    return np.array([median, (high - low) / 2], dtype=np.float32)
