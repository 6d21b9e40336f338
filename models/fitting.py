"""Fitting: a few steps that bring the synthesizer nearer to a voice before it says its first sentence.

One network for everybody knows a stranger by a profile and a reference, and misses half of what makes a voice
somebody's.  That can be heard: each step says pieces of sentences (models.practice), and follows the gradient of what
frozen networks hear of voice, words and naturalness.  Tempo and melody stay as they are.  It takes about a second of
two cores; models.learning takes minutes, hears the recordings themselves, and goes further.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.adapter import OF_MELS, Adapter, changes_of, learnable
from models.device import CPU, has_bf16_products
from models.losses import generator_loss
from models.practice import Lines, Teachers, practise
from models.synthesizer import Voice


@dataclass(frozen=True)
class Fitting:
    """How a voice is fitted.  A loss NAME counts NAME_weight."""

    steps: int = 4
    rank: int = 0  # of the low-rank changes; without them norms, scales and biases change alone
    piece_frames: int = 160  # two seconds
    peak_rate: float = 1.2e-2  # of the first step; a half cosine leads from there to a tenth
    enough: float = 0.7  # cosine with the voice that is asked for; halves of a recording have 0.76 to 0.98
    unheard_weight: float = 1.0
    words_weight: float = 2.0
    generator_weight: float = 0.5


def fit(
    teachers: Teachers,
    voice: Voice,
    speaker: Tensor,
    lines: Sequence[Lines],
    made_on: str,
    fitting: Fitting = Fitting(),
) -> Adapter:
    """Fit the synthesizer to a voice.  The same inputs give the same adapter.

    voice, speaker: of the voice, (1, …), as the synthesizer knows it and as the verifier hears it; lines: some for each
    step, in every language, over again if they are fewer; made_on: fingerprint of the synthesizer.
    """
    network, learned = learnable(teachers.synthesizer, fitting.rank, OF_MELS)
    optimizer = torch.optim.AdamW(learned.values(), betas=(0.9, 0.98), weight_decay=0.0)
    device = speaker.device.type
    is_fast = device != CPU or has_bf16_products()  # a CPU that only imitates it is slower
    for step in range(fitting.steps):
        optimizer.param_groups[0]["lr"] = fitting.peak_rate * (0.55 + 0.45 * math.cos(math.pi * step / fitting.steps))
        generator = torch.Generator().manual_seed(step)
        with torch.autocast(device, torch.bfloat16, enabled=is_fast):
            said = lines[step % len(lines)]
            mels, losses = practise(
                network, teachers, said, voice, speaker, generator, fitting.piece_frames, fitting.enough
            )
            losses["generator"] = generator_loss(teachers.discriminator(mels, speaker.expand(len(mels), -1)))
        loss = sum(getattr(fitting, f"{name}_weight") * loss for name, loss in losses.items())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned.values(), 1.0)
        optimizer.step()
    return Adapter(changes_of(teachers.synthesizer, learned), made_on)
