"""What tests of the recipes share: the losses of a run, and a run that is broken off and taken up again."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.training import run


class Stopped(Exception):
    """A run was broken off."""


class Losses:
    """Takes the place of a Meter: keeps every loss, and may break the run off at a step."""

    def __init__(self, stop_at: int | None = None):
        self.kept: dict[str, list[float]] = {}
        self.stop_at = stop_at

    def __call__(self) -> "Losses":
        return self

    def add(self, step: int, **of_step: torch.Tensor) -> None:
        if step == self.stop_at:
            raise Stopped
        for name, loss in of_step.items():
            self.kept.setdefault(name, []).append(float(loss.detach()))

    def remaining(self, name: str) -> float:
        """The mean of the last quarter of the steps over that of the first."""
        quarter = max(1, len(self.kept[name]) // 4)
        return np.mean(self.kept[name][-quarter:]) / np.mean(self.kept[name][:quarter])


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two networks are alike to the last bit."""
    states = one.state_dict(), other.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0] | states[1])


def assert_resuming_changes_nothing(train, module, folder: Path, monkeypatch) -> None:
    """train(folder) as a whole, and broken off in its fourth step, then taken up from what was kept before."""
    monkeypatch.setattr(run, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(module, "Meter", Losses())
    unbroken = train(folder / "unbroken")
    monkeypatch.setattr(module, "Meter", Losses(stop_at=3))
    with pytest.raises(Stopped):
        train(folder / "stopped")
    afterwards = Losses()
    monkeypatch.setattr(module, "Meter", afterwards)
    resumed = train(folder / "stopped")
    assert {len(kept) for kept in afterwards.kept.values()} == {3}  # steps 3, 4 and 5, not all six again
    assert same(resumed, unbroken)
    assert not list(folder.rglob("*.partial"))
