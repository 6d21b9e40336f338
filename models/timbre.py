"""Timbre: what a network that knows voices hears all the time in one, whatever it says.

The means and deviations over time of its features describe a style (arXiv:1701.01036).  They say more than its
embedding, which keeps of them what tells people apart.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.speaker_verifier import SpeakerVerifier, pieces

N_PIECES = 8  # of a recording
LEAST_FRAMES = 30  # of a piece
FLOOR = 0.05  # of the mean spread, which a statistic has at least


@dataclass(frozen=True)
class Timbre:
    """Statistics of a recording: means and deviations of its pieces, (2 * channels,) of each block of the verifier."""

    usual: list[Tensor]
    spread: list[Tensor]

    @classmethod
    @torch.no_grad()
    def of(cls, verifier: SpeakerVerifier, mel: Tensor, frames: int) -> "Timbre":
        """Of a recording, in pieces of so many frames, of a quarter of it if it is short, or of all of it over again.

        mel: (recording's frames, n_mels).
        """
        frames = max(min(frames, len(mel) // 4), LEAST_FRAMES)
        starts = torch.linspace(0, max(0, len(mel) - frames), N_PIECES, device=mel.device).long()
        lengths = torch.full_like(starts, len(mel))
        _, features = verifier(pieces(mel.expand(N_PIECES, -1, -1), lengths, frames, starts))
        each = [statistics(of_block) for of_block in features]
        return cls([stat.mean(0) for stat in each], [stat.std(0) for stat in each])

    def loss(self, features: list[Tensor]) -> Tensor:
        """How much further speech is from the usual than pieces of the recording are, in units of their spread.

        features: of the verifier, (batch, frames, channels) of each block.
        """
        away = [
            ((statistics(of_block) - usual).abs() / (spread + FLOOR * spread.mean() + 1e-6) - 1).clamp(min=0).mean()
            for of_block, usual, spread in zip(features, self.usual, self.spread, strict=True)
        ]
        return torch.stack(away).mean()


def statistics(features: Tensor) -> Tensor:
    """Means and standard deviations over time.  features: (batch, frames, channels)."""
    return torch.cat([features.float().mean(1), features.float().std(1)], dim=1)
