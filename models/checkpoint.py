"""Networks on disk: weights, config and provenance in one safetensors file, never pickle."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.overrides import TorchFunctionMode

from models.errors import N_, TembrError

Network = TypeVar("Network", bound=torch.nn.Module)


class UnreadableWeights(TembrError):
    """The weights file is missing, damaged, or of another network."""


def save(path: Path, network: torch.nn.Module, *, dtype: torch.dtype = torch.float16, **provenance: object) -> None:
    """Write a network and its config; floating tensors as dtype.  provenance (steps, licence…) must be JSON."""
    tensors = {
        name: (value.to(dtype) if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    metadata = {
        "network": type(network).__name__,
        "config": json.dumps(asdict(network.config)),
        "provenance": json.dumps(provenance),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        save_file(tensors, partial, metadata)  # readable by its owner alone
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path, network_class: type[Network], config_class: type) -> Network:
    """The network of a file written by save, in float32, in evaluation mode.  Raises UnreadableWeights."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iterator)
        if metadata.get("network") != network_class.__name__:
            template = N_("%(path)s holds %(network)s, not %(wanted)s.")
            wanted = network_class.__name__
            raise UnreadableWeights(template, path=path, network=metadata.get("network"), wanted=wanted)
        with _Uninitialised():
            network = network_class(config_class(**_config(metadata["config"])))
        if strange := network.state_dict().keys() ^ tensors.keys():
            template = N_(
                "%(path)s holds a %(network)s of another version of Tembr, with other layers (%(layer)s). Take the file"
                " away to use the weights that ship, or train it again: docs/training.md."
            )
            raise UnreadableWeights(template, path=path, network=network_class.__name__, layer=min(strange))
        network.load_state_dict({name: _in_full(value) for name, value in tensors.items()}, assign=True)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        template = N_("%(path)s is not a weights file of %(network)s: %(reason)s")
        raise UnreadableWeights(template, path=path, network=network_class.__name__, reason=error) from error
    return network.eval()


def _in_full(stored: torch.Tensor) -> torch.Tensor:
    """A copy of a tensor of a file; in float32, if its numbers are not whole."""
    return stored.to(torch.float32 if stored.is_floating_point() else stored.dtype, copy=True)


class _Uninitialised(TorchFunctionMode):
    """Keeps torch.nn.init from filling parameters that are going to be replaced."""

    def __torch_function__(self, function: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None):
        if getattr(function, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs or {})


def _config(stored: str) -> dict:
    """The fields of a config; JSON knows lists alone, a frozen config tuples."""
    fields = json.loads(stored)
    if not isinstance(fields, dict):
        raise TypeError(f"A config has named fields; this is {stored[:40]}.")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def find(name: str, folders: Sequence[Path]) -> Path:
    """The file of that name in the first folder that has one, so that an owner's weights come before the shipped.

    A link that leads nowhere is there, too: taking another file for it would hide the mistake.
    Raises UnreadableWeights, naming the folders, if none has it.
    """
    for folder in folders:
        if (folder / name).exists() or (folder / name).is_symlink():
            return folder / name
    places = ", ".join(map(str, folders))
    raise UnreadableWeights(N_("There is no %(name)s in any of: %(places)s."), name=name, places=places)


def fingerprint(network: torch.nn.Module) -> str:
    """A hash of all weights of a network, in hex."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def provenance(path: Path) -> dict:
    """What save was told about the weights."""
    with safe_open(path, framework="pt") as file:
        return json.loads((file.metadata() or {}).get("provenance", "{}"))
