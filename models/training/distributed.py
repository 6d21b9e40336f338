"""One run by several processes, each on a GPU of its own.  torchrun starts them:

    torchrun --nproc-per-node 4 -m models.training.train_vocoder CACHE RUN

Each draws batches of its own, so that four of them learn from four times the clips a step. Gradients are averaged
before an optimizer uses them: networks that began alike stay alike. They are averaged here and not by torch's
DistributedDataParallel, because the recipes run a network twice before one backward pass and teach discriminators
that take turns, which it does not allow. In a run without torchrun all of this does nothing.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed

PATIENCE = timedelta(hours=2)  # until a process that waits for the others gives up


@contextmanager
def together() -> Iterator[None]:
    """What is inside is done by all processes that torchrun started: over NCCL on GPUs, over Gloo without.

    Raises ValueError if there are more processes on this machine than GPUs.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:  # torchrun's
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(_own_gpu())
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield
        distributed.barrier()  # one that ended while another still spoke to it was seen to abort
    finally:
        distributed.destroy_process_group()


def _own_gpu() -> int:
    number, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= gpus:
        raise ValueError(f"One process a GPU: at most {gpus} here, not {os.environ['LOCAL_WORLD_SIZE']}.")
    return number


def rank() -> int:
    """Which of the processes this is."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that saves and prints."""
    return rank() == 0


def device() -> torch.device:
    """What this process trains on."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def wait() -> None:
    """Go on when all processes have come here."""
    if count() > 1:
        distributed.barrier()


def total(values: Tensor) -> Tensor:
    """The sum of a tensor over the processes; each gets the same."""
    if count() == 1:
        return values
    summed = values.detach().to(device(), copy=True)
    distributed.all_reduce(summed)
    return summed.to(values.device)


def gathered(own: dict) -> dict:
    """What all processes have, in one."""
    if count() == 1:
        return own
    parts = [None] * count()
    distributed.all_gather_object(parts, own)
    return {key: value for part in parts for key, value in part.items()}


@torch.no_grad()
def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Give every process the mean of the gradients.  To be called after backward, before they are clipped or used.

    The mean is over the processes that have a gradient for the parameter: each may have drawn other discriminators.
    """
    if count() == 1:
        return
    parameters = list(parameters)
    present = torch.tensor([float(p.grad is not None) for p in parameters], device=device())
    flat = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    summed = total(torch.cat([present, *(gradient.flatten().float() for gradient in flat)]))
    having, *sums = summed.split([len(parameters), *(p.numel() for p in parameters)])
    for parameter, gradient, number in zip(parameters, sums, having.tolist(), strict=True):
        parameter.grad = (gradient / number).view_as(parameter).to(parameter.dtype) if number else None


def averaging(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer, which from now on averages the gradients of its parameters before each step.

    What was clipped then, was clipped in each process by itself.
    """
    optimizer.register_step_pre_hook(
        lambda stepping, *_: average_gradients(p for group in stepping.param_groups for p in group["params"])
    )
    return optimizer
