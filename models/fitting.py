"""Fitting: a few steps that bring the synthesizer nearer to a voice before it says its first sentence.

One network for everybody knows a stranger by a profile and a reference, and misses half of what makes a voice
somebody's.  That can be heard: each step says pieces of sentences (models.practice), and follows the gradient of what
other networks hear of voice, words and naturalness.  Tempo and melody stay as they are.  It takes two or three seconds
of two cores; models.learning takes minutes, learns from the recordings themselves, and goes further.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.adapter import OF_MELS, Adapter, changes_of, learnable
from models.device import CPU, has_bf16_products
from models.mel_discriminator import adversarial_losses
from models.practice import Lines, Teachers, practise
from models.reference import Reference
from models.speaker_verifier import pieces
from models.synthesizer import Voice
from models.timbre import Timbre


@dataclass(frozen=True)
class Fitting:
    """How a voice is fitted.  A loss NAME counts NAME_weight."""

    steps: int = 8
    rank: int = 16  # of the low-rank changes; 0: norms, scales and biases change alone
    piece_frames: int = 160  # two seconds
    peak_rate: float = 1.2e-2  # of the first step; a half cosine leads from there to a tenth
    share: float = 0.4  # of what is found that is kept: with most of the voice, and more natural (arXiv:2109.01903)
    enough: float = 0.7  # cosine with the voice that is asked for; halves of a recording have 0.76 to 0.98
    unheard_weight: float = 1.0
    timbre_weight: float = 1.0
    words_weight: float = 2.0
    generator_weight: float = 0.5
    adversary_rate: float = 3e-4


def fit(
    teachers: Teachers,
    voice: Voice,
    reference: Reference,
    lines: Sequence[Lines],
    made_on: str,
    fitting: Fitting = Fitting(),
) -> Adapter:
    """Fit the synthesizer to a voice.  The same inputs give the same adapter.

    voice: as the synthesizer knows it; reference: of the same voice; lines: some for each step, in every language, over
    again if they are fewer; made_on: fingerprint of the synthesizer.
    """
    network, learned = learnable(teachers.synthesizer, fitting.rank, OF_MELS)
    optimizer = torch.optim.AdamW(learned.values(), betas=(0.9, 0.98), weight_decay=0.0)
    discriminator = copy.deepcopy(teachers.discriminator).requires_grad_()
    adversary = torch.optim.AdamW(discriminator.parameters(), fitting.adversary_rate, betas=(0.5, 0.9))
    speaker, device = reference.speaker, reference.speaker.device.type
    is_fast = device != CPU or has_bf16_products()  # a CPU that only imitates it is slower
    with torch.autocast(device, torch.bfloat16, enabled=is_fast):
        timbre = Timbre.of(teachers.speakers, reference.mel[0], fitting.piece_frames)
    for step in range(fitting.steps):
        optimizer.param_groups[0]["lr"] = fitting.peak_rate * (0.55 + 0.45 * math.cos(math.pi * step / fitting.steps))
        generator = torch.Generator().manual_seed(step)
        with torch.autocast(device, torch.bfloat16, enabled=is_fast):
            said = lines[step % len(lines)]
            mels, losses = practise(
                network, teachers, said, voice, speaker, generator, fitting.piece_frames, fitting.enough, timbre
            )
        real = _recorded(reference.mel, mels, generator)
        told = speaker.expand(len(mels), -1)
        losses["generator"] = adversarial_losses(discriminator, adversary, real, mels, told)["generator"]
        loss = sum(getattr(fitting, f"{name}_weight") * loss for name, loss in losses.items())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned.values(), 1.0)
        optimizer.step()
    return Adapter(changes_of(teachers.synthesizer, learned), made_on).scaled(fitting.share)


def _recorded(mel: Tensor, said: Tensor, generator: torch.Generator) -> Tensor:
    """A piece of a recording, (1, frames, n_mels), for each of the mels that were said, as long as they are."""
    count, frames = said.shape[:2]
    lengths = torch.full((count,), mel.shape[1], device=mel.device)
    starts = torch.randint(mel.shape[1], (count,), generator=generator)
    return pieces(mel.expand(count, -1, -1), lengths, frames, starts.to(mel.device))
