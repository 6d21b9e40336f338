"""The speaker encoder: GE2E of SV2TTS (arXiv:1710.10467), as Resemblyzer ships it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import ENCODER_MEL
from models.errors import N_, TembrError

PARTIAL_FRAMES = 160  # 1.6 s: what the network was trained on
PARTIAL_STEP = 77  # frames from one partial utterance to the next: 1.3 partials a second


class RecordingTooShort(TembrError):
    """The recording holds less speech than the network needs."""

    def __init__(self, seconds: float):
        super().__init__(
            N_("The recording has %(seconds).1f s of speech; at least %(least).1f s is needed."),
            seconds=math.floor(10 * seconds) / 10,  # rounding up could name the limit itself
            least=PARTIAL_FRAMES / ENCODER_MEL.frames_per_second,
        )


@dataclass(frozen=True)
class SpeakerEncoderConfig:
    n_mels: int = ENCODER_MEL.n_mels
    hidden: int = 256
    layers: int = 3
    embedding: int = 256


class SpeakerEncoder(nn.Module):
    """Three LSTM layers over a mel, and a linear layer over the last state."""

    def __init__(self, config: SpeakerEncoderConfig):
        super().__init__()
        self.config = config
        self.lstm = nn.LSTM(config.n_mels, config.hidden, config.layers, batch_first=True)
        self.linear = nn.Linear(config.hidden, config.embedding)

    def forward(self, mels: Tensor) -> Tensor:
        """Embeddings of partial utterances.  mels: (batch, 160, 40).  Returns (batch, 256), unit L2 norm."""
        _, (hidden, _) = self.lstm(mels)
        return F.normalize(torch.relu(self.linear(hidden[-1])), dim=1)

    def embed(self, mel: Tensor) -> Tensor:
        """Speaker embedding of one utterance: the mean over its partial utterances.

        mel: (frames, 40), 10 ms a frame, silence trimmed.  Returns (256,), unit L2 norm.
        Raises RecordingTooShort below 1.6 s of speech.
        """
        if len(mel) < PARTIAL_FRAMES:
            raise RecordingTooShort(len(mel) / ENCODER_MEL.frames_per_second)
        partials = mel.unfold(0, PARTIAL_FRAMES, PARTIAL_STEP).transpose(1, 2)  # (partials, 160, 40)
        return F.normalize(self(partials).mean(0), dim=0)
