"""Distances of mels, prosody and words, as the synthesizer learns by them: its recipe, and what one voice adds."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models.synthesizer import Prosody

LEAST_LOG_POSTERIOR = -8.0  # a phone that is not heard at all costs no more
MAX_PITCH_ERROR = 4.0  # of a phone, in units of PITCH_UNIT; more is a mistake of the measurement

Discriminated = list[tuple[Tensor, list[Tensor]]]  # of each discriminator: scores, and features of its layers


def envelope_loss(fake: Tensor, real: Tensor, durations: Tensor, mask: Tensor) -> Tensor:
    """Mean distance of the phones' mean mels: what a voice is like, without what differs from frame to frame.

    fake, real: (batch, frames, 80), frames of the longest; durations: (batch, phones); mask: (batch, phones, 1).
    """
    sums = F.pad((fake - real).float().cumsum(1), (0, 0, 1, 0))  # (batch, frames + 1, 80)
    until = sums.gather(1, durations.cumsum(1)[..., None].expand(-1, -1, sums.shape[2]))
    of_phones = torch.diff(until, dim=1, prepend=torch.zeros_like(until[:, :1]))
    means = of_phones / durations.clamp(min=1)[..., None]
    return (means.abs() * mask).sum() / mask.sum() / sums.shape[2]


def prosody_losses(predicted: Prosody, wanted: Prosody, mask: Tensor) -> dict[str, Tensor]:
    """Mean squared errors over the phones.  mask: (batch, phones)."""

    def mean(error: Tensor) -> Tensor:
        return (error.square() * mask).sum() / mask.sum()

    return {
        "duration": mean(predicted.log_durations - wanted.log_durations),
        "pitch": mean((predicted.pitch - wanted.pitch).clamp(-MAX_PITCH_ERROR, MAX_PITCH_ERROR)),
        "energy": mean(predicted.energy - wanted.energy),
    }


def words_loss(heard: Tensor, mask: Tensor, classes: Tensor, durations: Tensor) -> Tensor:
    """Cross entropy of the phones that were asked for, frame by frame.

    heard: (batch, frames, n_symbols), log-posteriors; mask: (batch, frames, 1); classes, durations: (batch, phones).
    """
    frame = torch.arange(heard.shape[1], device=heard.device).expand(len(heard), -1).contiguous()
    phone = torch.searchsorted(durations.cumsum(1), frame, right=True).clamp(max=classes.shape[1] - 1)
    missed = -heard.gather(2, classes.gather(1, phone)[..., None]).clamp(min=LEAST_LOG_POSTERIOR)
    return (missed * mask).sum() / mask.sum()


def feature_loss(real: Discriminated, fake: Discriminated) -> Tensor:
    """Mean distance of the discriminators' features of real and of fake speech (feature matching)."""
    distances = [
        (r.detach().float() - f.float()).abs().mean() / (r.detach().float().abs().mean() + 1e-3)
        for (_, of_real), (_, of_fake) in zip(real, fake, strict=True)
        for r, f in zip(of_real, of_fake, strict=True)
    ]
    return torch.stack(distances).mean()


def discriminator_loss(real: Discriminated, fake: Discriminated) -> Tensor:
    """Least squares: real speech scores 1, fake speech 0 (arXiv:1611.04076)."""
    scores = [(of_real.float(), of_fake.float()) for (of_real, _), (of_fake, _) in zip(real, fake, strict=True)]
    return torch.stack([(1 - r).square().mean() + f.square().mean() for r, f in scores]).mean()


def fake_loss(fake: Discriminated) -> Tensor:
    """The part of discriminator_loss that has no real speech beside it."""
    return torch.stack([scores.float().square().mean() for scores, _ in fake]).mean()


def generator_loss(fake: Discriminated) -> Tensor:
    """Least squares: the generator wants a score of 1."""
    return torch.stack([(1 - scores.float()).square().mean() for scores, _ in fake]).mean()
