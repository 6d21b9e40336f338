"""What one voice adds to the synthesizer's weights, so that it is said as that person says it.

Low-rank changes of the linear layers (LoRA, arXiv:2106.09685) and changes of what is small: norms, scales and biases.
Custom voice by few parameters, as in AdaSpeech (arXiv:2103.00993).  The shipped weights stay as they are.
"""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from models.checkpoint import UnreadableWeights
from models.errors import N_, TembrError
from models.synthesizer import Synthesizer

RANK = 16
OF_MELS = ("widen", "decoder", "attention", "head", "decoder_norm")  # parts that turn a plan into a mel
ADAPTED = ("encoder", "encoder_norm", "prosody", *OF_MELS)
MAX_ADAPTER_BYTES = 2_000_000
DOWN, UP = ".down", ".up"
MADE_ON = "made_on"  # in the metadata of a file


class InvalidAdapter(TembrError):
    """The bytes are not an adapter, or not one of this synthesizer."""


@dataclass(frozen=True, eq=False)
class Adapter:
    """changes: by the name of the weight that they are added to, or NAME.down and NAME.up, whose product is added;
    made_on: fingerprint of the synthesizer that it was learned on."""

    changes: dict[str, np.ndarray] = field(repr=False)
    made_on: str = ""

    @cached_property
    def key(self) -> bytes:
        """What tells it from all others."""
        return hashlib.sha256(self.made_on.encode() + self.to_bytes()).digest()

    def to_bytes(self) -> bytes:
        tensors = {name: np.ascontiguousarray(change, dtype=np.float16) for name, change in self.changes.items()}
        return save(tensors)

    def scaled(self, share: float) -> "Adapter":
        """An adapter that goes so much of the way that this one goes."""
        changes = {
            name: change if name.endswith(DOWN) else (share * change).astype(np.float16)
            for name, change in self.changes.items()
        }
        return Adapter(changes, self.made_on)

    @classmethod
    def from_bytes(cls, stored: bytes, made_on: str) -> "Adapter":
        """The adapter that to_bytes wrote.  Raises InvalidAdapter for anything else.

        made_on: as it is kept beside the bytes.
        """
        if len(stored) > MAX_ADAPTER_BYTES:
            template = N_("What a voice learned has at most %(limit)d bytes; this has %(size)d.")
            raise InvalidAdapter(template, limit=MAX_ADAPTER_BYTES, size=len(stored))
        try:
            changes = load(stored)
        except (SafetensorError, ValueError, KeyError) as error:
            raise InvalidAdapter(N_("This is not what a voice learned.")) from error
        if not all(change.dtype == np.float16 and np.isfinite(change).all() for change in changes.values()):
            raise InvalidAdapter(N_("What this voice learned contains numbers that are not finite."))
        return cls(changes, made_on)


def write_adapter(path: Path, adapter: Adapter) -> None:
    """Keep an adapter in a file."""
    stored = {name: np.ascontiguousarray(change, dtype=np.float16) for name, change in adapter.changes.items()}
    save_file(stored, path, {MADE_ON: adapter.made_on})


def read_adapter(path: Path) -> Adapter:
    """The adapter of a file that write_adapter wrote.  Raises UnreadableWeights."""
    try:
        with safe_open(path, framework="numpy") as file:
            made_on = file.metadata()[MADE_ON]
        return Adapter.from_bytes(path.read_bytes(), made_on)
    except (OSError, SafetensorError, KeyError, TypeError, InvalidAdapter) as error:
        template = N_("%(path)s is not a weights file of %(network)s: %(reason)s")
        raise UnreadableWeights(template, path=path, network=Adapter.__name__, reason=error) from error


class LowRank(nn.Module):
    """A linear layer that stays as it is, and a change of it that is learned."""

    def __init__(self, linear: nn.Linear, rank: int, generator: torch.Generator):
        super().__init__()
        self.linear = linear
        rank = min(rank, linear.in_features, linear.out_features)
        down = torch.randn(rank, linear.in_features, generator=generator) / linear.in_features**0.5
        self.down = nn.Parameter(down.to(linear.weight.device))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank, device=linear.weight.device))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + F.linear(F.linear(x, self.down), self.up)


def learnable(
    network: Synthesizer, rank: int = RANK, parts: Sequence[str] = ADAPTED
) -> tuple[Synthesizer, dict[str, nn.Parameter]]:
    """A copy of the network that learns an adapter, and what it learns, by the names of Adapter.changes.

    parts: of the network, that learn.  The copy shares all weights with the network but those small ones that it
    learns as a whole.  In evaluation mode.
    """
    generator = torch.Generator().manual_seed(0)
    frozen = {id(tensor): _frozen(tensor) for tensor in [*network.parameters(), *network.buffers()]}
    changed, learned = copy.deepcopy(network, frozen), {}
    for name, module in list(changed.named_modules()):
        if name.split(".")[0] not in parts:
            continue
        for part, weight in list(module.named_parameters(recurse=False)):
            if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding) and part == "weight":
                continue
            learned[f"{name}.{part}"] = nn.Parameter(weight.detach().clone())
            setattr(module, part, learned[f"{name}.{part}"])
        is_condition = name.endswith(".condition")  # of one voice its bias says it all
        if rank and isinstance(module, nn.Linear) and not is_condition:
            layer = LowRank(module, rank, generator)
            learned[f"{name}.weight{DOWN}"], learned[f"{name}.weight{UP}"] = layer.down, layer.up
            changed.set_submodule(name, layer)
    return changed.eval(), learned


def _frozen(tensor: Tensor) -> Tensor:
    return nn.Parameter(tensor.detach(), requires_grad=False) if isinstance(tensor, nn.Parameter) else tensor


@torch.no_grad()
def changes_of(network: Synthesizer, learned: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """What was learned, as Adapter.changes.  learned: as learnable gives it, or a mean of it."""
    own = dict(network.named_parameters())
    return {
        name: (value if name.endswith((DOWN, UP)) else value - own[name]).cpu().numpy().astype(np.float16)
        for name, value in learned.items()
    }


@torch.no_grad()
def merge(network: Synthesizer, adapter: Adapter) -> None:
    """Add an adapter's changes to the network's own weights.  Raises InvalidAdapter when they do not fit them."""
    own, changes = dict(network.named_parameters()), {}
    for name, change in adapter.changes.items():
        change = torch.from_numpy(change).float()
        if name.endswith(DOWN):
            name, up = name.removesuffix(DOWN), adapter.changes.get(name.removesuffix(DOWN) + UP)
            change = torch.from_numpy(up).float() @ change if up is not None else change
        if not name.endswith(UP):
            changes[name] = change
    if any(name not in own or own[name].shape != change.shape for name, change in changes.items()):
        raise InvalidAdapter(N_("What this voice learned does not fit the networks in use."))
    for name, change in changes.items():
        own[name] += change.to(own[name].device)


@torch.no_grad()
def adapted(network: Synthesizer, adapter: Adapter) -> Synthesizer:
    """A copy of the network with the adapter's changes, which shares all else: it takes some 4 MB.

    Raises InvalidAdapter when the changes do not fit the network.
    """
    changes = {name: torch.from_numpy(change).float() for name, change in adapter.changes.items()}
    halves = [{name.removesuffix(half) for name in changes if name.endswith(half)} for half in (DOWN, UP)]
    rank = max((len(change) for name, change in changes.items() if name.endswith(DOWN)), default=0)
    changed, learned = learnable(network, min(rank, RANK))
    fits = halves[0] == halves[1] and all(
        name in learned and learned[name].shape == change.shape for name, change in changes.items()
    )
    if not fits:
        raise InvalidAdapter(N_("What this voice learned does not fit the networks in use."))
    for name, change in changes.items():
        if name.endswith((DOWN, UP)):
            learned[name].copy_(change)
        else:
            learned[name].add_(change.to(learned[name].device))
    return changed.requires_grad_(False)
