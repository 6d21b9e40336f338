"""How far what a made mel says is from what a recording says, as the aligner hears it."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.training.alignment import Aligner


class ContentLoss(nn.Module):
    """Divergence of the phones heard in made mels from those heard in recordings of the same timing.

    A voice asked for in a language it was never heard in has no recording to be compared with; without this a network
    that is only to sound like the voice soon babbles.
    """

    def __init__(self, aligner: Aligner):
        super().__init__()
        self.aligner = aligner.eval().requires_grad_(False)

    def forward(self, made: Tensor, real: Tensor, mask: Tensor) -> Tensor:
        """made, real: (batch, frames, 80); mask: (batch, frames, 1).  Mean Kullback-Leibler divergence of a frame."""
        with torch.no_grad():
            wanted = self.aligner(real, mask)
        said = self.aligner(made, mask)
        return (
            F.kl_div(said, wanted, log_target=True, reduction="none").sum(-1, keepdim=True) * mask
        ).sum() / mask.sum()


def trained_aligner(cache: Path) -> Aligner:
    """The aligner that wrote the alignments of a cache."""
    aligner = Aligner()
    aligner.load_state_dict(torch.load(cache / "aligner.state", map_location="cpu", weights_only=True)["network"])
    return aligner
