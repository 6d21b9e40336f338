"""Which phone is being said: posteriors of each frame of any recording, without its text.

models.training.alignment trains it and aligns texts with it; the synthesizer finds by it what a reference says where.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import SPEECH_MEL
from models.convnext import ConvNeXtBlock


@dataclass(frozen=True)
class PhoneClassifierConfig:
    n_symbols: int
    n_mels: int = SPEECH_MEL.n_mels
    dim: int = 192
    hidden: int = 576
    layers: int = 4
    kernel: int = 5  # frames
    dropout: float = 0.1


class PhoneClassifier(nn.Module):
    """ConvNeXt blocks over mel frames.  All pauses are one class, that of text.symbols.START."""

    def __init__(self, config: PhoneClassifierConfig):
        super().__init__()
        self.config = config
        self.embed = nn.Linear(config.n_mels, config.dim)
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.dim, config.hidden, config.kernel, config.dropout) for _ in range(config.layers)
        )
        self.head = nn.Linear(config.dim, config.n_symbols)
        self.register_buffer("prior", torch.full((config.n_symbols,), 1 / config.n_symbols))  # in training

    def forward(self, mels: Tensor, mask: Tensor) -> Tensor:
        """Log-posteriors of the phones, (batch, frames, n_symbols).

        mels: (batch, frames, n_mels), of any level, since each utterance's mean is subtracted; mask: (batch, frames,
        1), 0 where padded, at least one frame of each utterance being 1.
        """
        mean = (mels * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
        x = self.embed((mels - mean) * mask)
        for block in self.blocks:
            x = block(x, mask)
        return F.log_softmax(self.head(x).float(), dim=-1)
