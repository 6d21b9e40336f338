"""Speech of the voice that the synthesizer's decoder looks at, so that a stranger is heard and not guessed.

A speech prompt beats an embedding (P-Flow, NeurIPS 2023); it is attended to by what is said in it (arXiv:2204.00990).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.convnext import ConvNeXtBlock

LEAST_CONTENT = -12.0  # log-posterior below which a phone is surely not there
NOTHING_CONTENT = -6.0  # of every phone in the frame that stands for having found none
NEVER = -1e4  # the fitness of a frame that is padded
SHARPNESS = (0.5, 1.5)  # of the untrained heads: how much a log-posterior counts, from the first to the last


@dataclass(frozen=True)
class Reference:
    """Recordings of a voice.

    mel: (batch, frames, n_mels); content: (batch, frames, n_symbols), log-posteriors of the phones;
    mask: (batch, frames, 1), 0 where padded, and in every frame of a voice without a reference;
    speaker: (batch, speaker_dim), the speaker verifier's embedding, 0 of a voice without a reference.
    """

    mel: Tensor
    content: Tensor
    mask: Tensor
    speaker: Tensor


class ReferenceEncoder(nn.Module):
    """Features of each frame of a reference, and a summary of all by attentive statistics (arXiv:1803.10963)."""

    def __init__(self, n_mels: int, n_symbols: int, dim: int, layers: int, summary_dim: int):
        super().__init__()
        self.embed = nn.Linear(n_mels + n_symbols, dim)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, 2 * dim, 5) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.weigh = nn.Linear(dim, 1)
        self.summary = nn.Linear(2 * dim, summary_dim)
        nn.init.zeros_(self.summary.weight)
        nn.init.zeros_(self.summary.bias)

    def forward(self, reference: Reference) -> tuple[Tensor, Tensor]:
        """Returns (batch, frames, dim) and (batch, summary_dim), the latter 0 for a voice without a reference."""
        mask = reference.mask
        x = self.embed(torch.cat([reference.mel, reference.content.exp()], dim=-1)) * mask
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x)
        weights = self.weigh(x).float().masked_fill(mask == 0, -1e4).softmax(1)
        mean = (weights * x).sum(1)
        variance = (weights * x.float().square()).sum(1) - mean.square()
        summary = self.summary(torch.cat([mean, variance.clamp(min=1e-4).sqrt()], dim=-1))
        return x, summary * (mask.sum(1) > 0)


@dataclass(frozen=True)
class Memory:
    """What an attention layer needs of references, whatever is going to be said; made once for a voice.

    keys, values: (batch, heads, 1 + frames, head_dim), the first frame being that of having found nothing;
    fitness: (batch, n_symbols, heads, 1 + frames), how much each phone looks for each frame.
    """

    keys: Tensor
    values: Tensor
    fitness: Tensor


class ReferenceAttention(nn.Module):
    """Each frame that is to be said looks for its phone in the reference, and takes how the voice says it.

    A score has two parts: the log-posterior of the wanted phones in the reference's frame, and what queries and keys
    learn beside it.  One learned frame stands for having found nothing.
    """

    def __init__(self, n_symbols: int, feature_dim: int, frame_dim: int, heads: int, head_dim: int):
        super().__init__()
        self.heads, self.head_dim = heads, head_dim
        self.norm = nn.LayerNorm(frame_dim)
        self.query = nn.Linear(frame_dim, heads * head_dim)
        self.key = nn.Linear(feature_dim, heads * head_dim)
        self.value = nn.Linear(feature_dim, heads * head_dim)
        self.nothing = nn.Parameter(torch.zeros(1, 1, feature_dim))
        self.phones = nn.Embedding(n_symbols, heads * n_symbols)  # which content a phone looks for, in each head
        self.output = nn.Linear(heads * head_dim, frame_dim)
        nn.init.normal_(self.query.weight, std=0.01)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    @torch.no_grad()
    def look_for(self, classes: Tensor) -> None:
        """Let each phone look for frames of its own class.  classes: (n_symbols,), the class of each symbol."""
        own = torch.eye(len(classes))[classes]  # (n_symbols, n_symbols)
        sharpness = torch.linspace(*SHARPNESS, self.heads)
        self.phones.weight.copy_((sharpness[:, None] * own[:, None]).flatten(1))

    def remember(self, features: Tensor, reference: Reference) -> Memory:
        """Make the memory of references, which serves whatever is going to be said.

        features: (batch, reference frames, feature_dim).
        """
        batch = len(features)
        features = torch.cat([self.nothing.expand(batch, -1, -1).to(features.dtype), features], dim=1)
        nothing = reference.content.new_full((batch, 1, reference.content.shape[2]), NOTHING_CONTENT)
        content = torch.cat([nothing, reference.content.clamp(min=LEAST_CONTENT)], dim=1)
        mask = torch.cat([reference.mask.new_ones(batch, 1, 1), reference.mask], dim=1)
        wanted = self.phones.weight.view(-1, content.shape[2])  # (n_symbols * heads, n_symbols)
        fitness = wanted @ content.transpose(1, 2)
        fitness = fitness.masked_fill(mask.transpose(1, 2) == 0, NEVER).unflatten(1, (-1, self.heads))
        return Memory(self._split(self.key(features)), self._split(self.value(features)), fitness)

    def forward(self, x: Tensor, phones: Tensor, memory: Memory) -> Tensor:
        """What the references add to x, (batch, frames, frame_dim).

        x: (batch, frames, frame_dim); phones: (batch, frames), the id of each frame's phone.
        """
        query = self._split(self.query(self.norm(x)))
        batch, n_symbols = memory.fitness.shape[:2]
        rows = phones + n_symbols * torch.arange(batch, device=phones.device)[:, None]
        fitness = F.embedding(rows, memory.fitness.flatten(0, 1).flatten(1)).unflatten(2, (self.heads, -1))
        keys, values, fitness = (part.to(query.dtype) for part in (memory.keys, memory.values, fitness))
        # In steps: PyTorch's own kernel takes three times as long here in bfloat16 with gradients.
        scores = query @ keys.transpose(2, 3) * self.head_dim**-0.5 + fitness.transpose(1, 2)
        found = scores.softmax(-1).to(values.dtype) @ values
        return self.output(found.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        """(batch, frames, heads * head_dim) as (batch, heads, frames, head_dim)."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)
