"""A training run that can be stopped at any time and goes on exactly where it was."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from models import checkpoint

SAVE_SECONDS = 180.0
LOG_STEPS = 50
AVERAGE_DECAY = 0.998  # a step: the mean reaches back about 500 steps, in a short run a tenth of it


@dataclass
class Run:
    """What a run needs to go on: parts are its networks and optimizers, each with a state_dict.

    Random numbers are drawn anew at each step from seed and step, so a resumed run repeats what an unbroken one does.
    """

    path: Path
    parts: dict
    seed: int = 0
    step: int = 0

    def resume(self, start: Path | None = None) -> None:
        """Take up the state kept at path; if there is none, begin at step 0 from start.

        start: another run's state, or weights (.safetensors).  A part that it does not know begins anew, and so does
        the mean of the weights, which is of this run alone.
        """
        kept = self.path if self.path.exists() else start
        if kept and kept.suffix == ".safetensors":
            take_weights(self.parts["network"], kept)
        elif kept:
            state = torch.load(kept, map_location="cpu", weights_only=True)
            known = self.parts.keys() & state.keys()
            if kept == self.path:
                self.step = state["step"]
            else:
                known.discard("averaged")
            for name in known:
                self.parts[name].load_state_dict(state[name])
        if kept != self.path and "averaged" in self.parts:
            self.parts["averaged"].module.load_state_dict(self.parts["network"].state_dict())

    def save(self) -> None:
        """Keep the state, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        torch.save({"step": self.step, **{name: part.state_dict() for name, part in self.parts.items()}}, partial)
        partial.replace(self.path)

    def steps(self, last: int) -> Iterator[tuple[int, np.random.Generator]]:
        """The steps still to do, each with its own random numbers; saves by time and at the end."""
        saved = time.monotonic()
        while self.step < last:
            torch.manual_seed(self.seed * 1_000_003 + self.step)
            yield self.step, np.random.default_rng((self.seed, self.step))
            self.step += 1
            if time.monotonic() - saved > SAVE_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()


class Meter:
    """Means of the losses since the last line printed, and the time a step takes."""

    def __init__(self):
        self.sums: dict[str, float] = {}
        self.count, self.since = 0, time.monotonic()

    def add(self, step: int, **losses: torch.Tensor) -> None:
        for name, loss in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(loss.detach())
        self.count += 1
        if (step + 1) % LOG_STEPS == 0:
            means = "  ".join(f"{name} {total / self.count:.4f}" for name, total in self.sums.items())
            seconds = (time.monotonic() - self.since) / self.count
            print(f"step {step + 1}  {means}  {seconds:.3f} s/step", flush=True)
            self.__init__()


def take_weights(network: nn.Module, path: Path) -> None:
    """Begin with the weights of a file that checkpoint.save wrote.  Raises UnreadableWeights, or ValueError."""
    given = checkpoint.load(path, type(network), type(network.config))
    if given.config != network.config:
        raise ValueError(f"{path} is of a network of another size: {given.config}, not {network.config}.")
    network.load_state_dict(given.state_dict())


def averaged(network: nn.Module) -> AveragedModel:
    """The running mean of a network's weights, to be updated after each step: what a run gives out.

    It sounds like the end of a run at any time, since the noise of single steps is averaged away.
    """
    return AveragedModel(network, multi_avg_fn=_follow)


@torch.no_grad()
def _follow(mean: list[Tensor], weights: list[Tensor], count: Tensor) -> None:
    """Bring the mean of count steps nearer to the weights of the next, the first steps being soon forgotten."""
    decay = min(AVERAGE_DECAY, (1 + float(count)) / (10 + float(count)))
    torch._foreach_lerp_(mean, weights, 1 - decay)


def learning_rate(step: int, last: int, peak: float, warmup: int = 200) -> float:
    """Linear warm-up, then a half cosine down to a hundredth of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, last - warmup)
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, progress))) / 2)


def set_learning_rate(optimizer: torch.optim.Optimizer, *rates: float) -> None:
    """One rate for all groups of parameters, or one for each."""
    groups = optimizer.param_groups
    for group, rate in zip(groups, rates * len(groups) if len(rates) == 1 else rates, strict=True):
        group["lr"] = rate


def descend(loss: Tensor, optimizer: torch.optim.Optimizer, network: nn.Module, max_norm: float) -> None:
    """One step down the gradient of a loss, its norm clipped."""
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm)
    optimizer.step()


def device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
