"""The block that synthesizer and vocoder share: ConvNeXt over time (arXiv:2201.03545, as in Vocos arXiv:2306.00814)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNeXtBlock(nn.Module):
    """A depthwise convolution over time, then two pointwise layers, added to the input.

    With condition_dim, a condition (a voice) scales and shifts the normalised features.
    """

    def __init__(
        self, dim: int, hidden: int, kernel: int = 7, dropout: float = 0.0, scale: float = 0.1, condition_dim: int = 0
    ):
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.condition = nn.Linear(condition_dim, 2 * dim) if condition_dim else None
        self.expand = nn.Linear(dim, hidden)
        self.contract = nn.Linear(hidden, dim)
        self.scale = nn.Parameter(torch.full((dim,), scale))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None, condition: Tensor | None = None) -> Tensor:
        """x: (batch, time, dim); mask: (batch, time, 1), 0 where padded; condition: (batch, condition_dim)."""
        y = x if mask is None else x * mask
        y = self.norm(self.depthwise(y.transpose(1, 2)).transpose(1, 2))
        if self.condition is not None:
            gain, shift = self.condition(condition)[:, None].chunk(2, dim=-1)  # (batch, 1, dim) each
            y = y * (1 + gain) + shift
        y = self.contract(F.gelu(self.expand(y)))
        return x + self.dropout(self.scale * y)
