"""What test_distributed has torchrun do in each of two processes.  Arguments: a cache, and a folder for what came."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

from models.training import alignment, distributed, run, train_vocoder
from tests.tiny_networks import TINY_VOCODER

STEPS = 4
RECIPE = train_vocoder.VocoderRecipe(
    batch=1, segment_frames=16, pitch_until=0, adversaries_from=2, adversaries_per_step=2
)


class Noting(run.Meter):
    """A meter that also keeps what this process gave it."""

    kept: list[float] = []

    def add(self, step: int, **losses: torch.Tensor) -> None:
        self.kept.append(float(losses["mel"].detach()))
        super().add(step, **losses)


def half_batch_gradient() -> list[float]:
    """The averaged gradient of a layer that saw this process's half of eight rows."""
    torch.manual_seed(0)
    layer, rows = torch.nn.Linear(3, 1), torch.randn(8, 3)
    layer(rows[distributed.rank() * 4 :][:4]).square().mean().backward()
    distributed.average_gradients(layer.parameters())
    return layer.weight.grad[0].tolist()


def unshared_gradients() -> list[float | None]:
    """Of three numbers after averaging: the first has a gradient in one process alone, the last in none."""
    numbers = [torch.zeros(1, requires_grad=True) for _ in range(3)]
    if distributed.is_first():
        numbers[0].grad = torch.tensor([4.0])
    numbers[1].grad = torch.tensor([float(distributed.rank())])
    distributed.average_gradients(numbers)
    return [None if number.grad is None else float(number.grad) for number in numbers]


def main(cache: Path, out: Path) -> None:
    rank = distributed.rank()
    found = {"half": half_batch_gradient(), "unshared": unshared_gradients(), "count": distributed.count()}
    run.LOG_STEPS = STEPS
    train_vocoder.Meter = Noting
    network = train_vocoder.train(cache, out, STEPS, RECIPE, config=TINY_VOCODER)
    found["mel"] = Noting.kept
    torch.save(network.state_dict(), out / f"vocoder{rank}.pt")
    found["own"] = distributed.gathered({rank: rank})
    alignment.align_corpus(cache, 2)
    chance = [int(chance.integers(1 << 40)) for _, chance in run.Run(out / "nothing.state", {}).steps(2)]
    found |= {"chance": chance, "noise": float(torch.rand(1)), "first": float(np.float64(distributed.is_first()))}
    (out / f"found{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    with distributed.together():
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)  # Gloo's threads were once seen to abort a process that had ended well
