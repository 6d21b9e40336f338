"""Who is speaking: a time-delay network like that of x-vectors (Snyder et al., 2018), learned from the corpus alone.

Its features are a perceptual loss: they tell voices apart where distances of mels do not.  The synthesizer is trained
by it, and a voice learned.  It has nothing to do with the speaker encoder.  models.training.speaker_classifier trains
it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import SPEECH_MEL

CONTEXTS = ((5, 1), (3, 2), (3, 3), (1, 1))  # kernel and dilation of each layer
SLOPE = 0.1


@dataclass(frozen=True)
class SpeakerClassifierConfig:
    n_speakers: int
    n_mels: int = SPEECH_MEL.n_mels
    dim: int = 352
    embedding: int = 192


class SpeakerClassifier(nn.Module):
    """Convolutions over mel frames, mean and standard deviation over time, and an embedding."""

    def __init__(self, config: SpeakerClassifierConfig):
        super().__init__()
        self.config = config
        widths = (config.n_mels, config.dim, config.dim, config.dim, 2 * config.dim)
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, kernel, padding=dilation * (kernel // 2), dilation=dilation)
            for before, after, (kernel, dilation) in zip(widths[:-1], widths[1:], CONTEXTS, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths[1:])
        self.project = nn.Linear(4 * config.dim, config.embedding)
        self.speakers = nn.Parameter(torch.randn(config.n_speakers, config.embedding) * 0.1)

    def forward(self, mels: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Embeddings, (batch, embedding) of unit norm, and the features of each layer, (batch, channels, frames).

        mels: (batch, frames, n_mels); mask: (batch, frames, 1).
        """
        mean = (mels * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
        mask = mask.transpose(1, 2)
        x, features = ((mels - mean).transpose(1, 2)) * mask, []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = norm(F.leaky_relu(layer(x), SLOPE)) * mask
            features.append(x)
        count = mask.sum(2).clamp(min=1)
        mean = x.float().sum(2) / count
        variance = x.float().square().sum(2) / count - mean.square()
        pooled = torch.cat([mean, variance.clamp(min=1e-4).sqrt()], dim=1)
        return F.normalize(self.project(pooled).float(), dim=1), features
