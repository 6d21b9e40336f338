"""Weights between those of two synthesizers, one trained on from the other (arXiv:2109.01903).

    python -m models.training.mix BEFORE AFTER SHARE OUT

SHARE: how far from BEFORE to AFTER, 0..1.  Most of what training gained stays, and most of what it cost elsewhere
does not.  Writes OUT, whose card should name both.
"""

import sys
from pathlib import Path

import torch

from models import checkpoint
from models.synthesizer import Synthesizer, SynthesizerConfig


@torch.no_grad()
def mixed(before: Synthesizer, after: Synthesizer, share: float) -> Synthesizer:
    """Change `before` by so much of the way to `after`, and return it."""
    if before.config != after.config:
        raise ValueError(f"These are networks of two sizes: {before.config} and {after.config}.")
    wanted = after.state_dict()
    for name, value in before.state_dict().items():
        value.lerp_(wanted[name], share)
    return before


def main(before: str, after: str, share: str, out: str) -> None:
    networks = (checkpoint.load(Path(path), Synthesizer, SynthesizerConfig) for path in (before, after))
    checkpoint.save(Path(out), mixed(*networks, float(share)), mixed=float(share))


if __name__ == "__main__":
    main(*sys.argv[1:])
