"""Where the networks run and in which precision: a GPU that has proved itself by running a kernel, else the CPU."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from models.errors import N_, Message, TembrError

AUTO, CPU, GPU = "auto", "cpu", "cuda"
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class UnknownDevice(TembrError):
    """The setting names no device, or no precision."""


@dataclass(frozen=True)
class Device:
    """name: as torch names it; precision: of the networks' large products; refusal: why it is not the one asked for."""

    name: str
    precision: torch.dtype
    refusal: Message | None = None


def choose(asked: str = AUTO, precision: str = AUTO) -> Device:
    """The device that was asked for if it computes, else the CPU with the reason.

    asked: "auto" (a GPU if there is one), "cpu", "cuda", "cuda:0", ...  precision: "auto" or one of PRECISIONS.
    Raises UnknownDevice.
    """
    is_gpu = asked.partition(":")[0] == GPU
    if not (is_gpu or asked in (AUTO, CPU)):
        raise UnknownDevice(N_("The device %(given)s is unknown: take auto, cpu, cuda or cuda:0."), given=asked)
    if precision not in (AUTO, *PRECISIONS):
        known = ", ".join((AUTO, *PRECISIONS))
        template = N_("The precision %(given)s is unknown: take one of %(known)s.")
        raise UnknownDevice(template, given=precision, known=known)
    name, refusal = CPU, None
    if is_gpu or asked == AUTO and torch.cuda.is_available():
        name = asked if ":" in asked else f"{GPU}:0"
        try:
            prove(name)
        except (RuntimeError, AssertionError) as fault:
            reason = str(fault).strip().partition("\n")[0].rstrip(".")
            template = N_("The GPU %(device)s cannot be used (%(reason)s), so the CPU speaks, more slowly.")
            name, refusal = CPU, Message(template, {"device": name, "reason": reason})
    return Device(name, PRECISIONS.get(precision) or usual_precision(name), refusal)


def prove(name: str) -> None:
    """Run on a device what the networks need of it, and check the result.

    Raises RuntimeError, and AssertionError from a build of torch without CUDA.
    """
    ones = torch.ones(1, 16, 64, device=name)
    convolved = F.conv1d(ones, torch.ones(16, 16, 3, device=name))  # 48 in all of 16 * 62
    spectrum = torch.fft.rfft(convolved @ torch.ones(62, 62, device=name))
    if round(float(spectrum[..., 0].real.sum())) != 48 * 16 * 62 * 62:
        raise RuntimeError("it computes wrong results")


def usual_precision(name: str) -> torch.dtype:
    """bfloat16 on a CPU that multiplies it in hardware, else float32.

    Measured on such a CPU by benchmarks.gpu: twice as fast, and what changes is 0.03 dB of a mel and 56 dB below the
    waveform.  On GPUs it has not been measured.
    """
    is_fast = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if name == CPU and is_fast and has_bf16_products() else torch.float32


def has_bf16_products() -> bool:
    """Whether the CPU has AVX512_BF16; oneDNN's own answer is yes wherever it can emulate it, slowly."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # no public function tells
    return bool(supported and supported())


def in_precision(precision: torch.dtype, device: torch.device) -> AbstractContextManager:
    """A context whose matrix products and convolutions are computed in that precision; float32 changes nothing."""
    return nullcontext() if precision == torch.float32 else torch.autocast(device.type, precision)


def free_memory(name: str) -> None:
    """Give what torch keeps of a GPU's memory back to it."""
    if name.startswith(GPU):
        torch.cuda.empty_cache()


def copied_to_cpu(network: torch.nn.Module) -> torch.nn.Module:
    """The same network on the CPU, in evaluation mode, without a second copy on the GPU."""
    copy = type(network)(network.config)
    copy.load_state_dict({name: value.cpu() for name, value in network.state_dict().items()})
    return copy.eval()
