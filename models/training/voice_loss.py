"""How far a made mel is from the voice asked for, as the speaker encoder hears it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import (
    ENCODER_MEL,
    MAX_MEL,
    MIN_DB,
    PREEMPHASIS,
    REFERENCE_DB,
    SAMPLE_RATE,
    SPEECH_MEL,
    MelSettings,
    mel_filters,
)
from models.speaker_encoder import PARTIAL_FRAMES, SpeakerEncoder

MIN_PREEMPHASIS = 0.03  # its gain at 0 Hz, below which dividing by it would only raise noise
NEAR_ENOUGH = 0.15  # a recording's own pieces are this far from it; nearer would be flattery
FRAMES = round(PARTIAL_FRAMES * SPEECH_MEL.frames_per_second / ENCODER_MEL.frames_per_second)  # 128: 1.6 s
N_BINS = SPEECH_MEL.n_fft // 2 + 1


class VoiceLoss(nn.Module):
    """One minus the cosine of the embedding of a piece of each mel and the embedding asked for, beyond NEAR_ENOUGH.

    The encoder reads another mel than the synthesizer writes. A speech mel is turned into it band by band: logarithm
    and pre-emphasis are undone, the spectrum drawn straight between the middles of the bands. Embeddings of recordings
    that went this way have a cosine of 0.94 with their own (strangers: 0.59).
    """

    def __init__(self, encoder: SpeakerEncoder):
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.register_buffer("to_power", _to_spectrum())  # (401, 80): magnitudes from densities of the speech mel
        self.register_buffer("areas", mel_filters(SPEECH_MEL).sum(1))  # (80,)
        self.register_buffer("filters", mel_filters(_same_bins(ENCODER_MEL)))  # (40, 401)

    def encoder_mels(self, mels: Tensor) -> Tensor:
        """mels: (batch, frames, 80) speech mels.  Returns (batch, frames * 1.25, 40) encoder mels."""
        decibels = (mels.float() + MAX_MEL) / (2 * MAX_MEL) * -MIN_DB + MIN_DB + REFERENCE_DB
        density = 10 ** (decibels / 20) / self.areas
        power = (density @ self.to_power.T).square()
        # a window half as long: a quarter of a tone's power, half of a noise's; speech lies between
        bands = 0.375 * power @ self.filters.T
        longer = round(mels.shape[1] * ENCODER_MEL.frames_per_second / SPEECH_MEL.frames_per_second)
        return F.interpolate(bands.transpose(1, 2), size=longer, mode="linear").transpose(1, 2)

    def forward(self, mels: Tensor, lengths: Tensor, embeddings: Tensor) -> Tensor:
        """mels: (batch, frames, 80); lengths: (batch,) frames of each; embeddings: (batch, 256) of unit length.

        A piece of 1.6 s is drawn from each mel; a shorter mel is repeated.
        """
        first = (torch.rand(len(mels), device=mels.device) * (lengths - FRAMES + 1).clamp(min=1)).long()
        places = (first[:, None] + torch.arange(FRAMES, device=mels.device)) % lengths[:, None]
        pieces = mels.gather(1, places[..., None].expand(-1, -1, mels.shape[2]))
        heard = self.encoder(self.encoder_mels(pieces))
        return F.relu(1 - F.cosine_similarity(heard, embeddings) - NEAR_ENOUGH).mean()


def _same_bins(settings: MelSettings) -> MelSettings:
    return MelSettings(
        settings.n_mels, SPEECH_MEL.n_fft, SPEECH_MEL.hop_length, settings.min_frequency, settings.max_frequency
    )


def _to_spectrum() -> Tensor:
    """Linear interpolation from the middles of the speech mel's bands to STFT bins, pre-emphasis undone."""
    hertz = torch.linspace(0, SAMPLE_RATE / 2, N_BINS)
    filters = mel_filters(SPEECH_MEL)
    middles = (filters * hertz).sum(1) / filters.sum(1)
    after = torch.searchsorted(middles, hertz).clamp(1, len(middles) - 1)
    share = ((hertz - middles[after - 1]) / (middles[after] - middles[after - 1])).clamp(0, 1)
    matrix = torch.zeros(N_BINS, len(middles))
    matrix.scatter_(1, after[:, None], share[:, None])
    matrix.scatter_(1, after[:, None] - 1, 1 - share[:, None])
    emphasis = (1 - PREEMPHASIS * torch.exp(-2j * torch.pi * hertz / SAMPLE_RATE)).abs()
    return matrix / emphasis.clamp(min=MIN_PREEMPHASIS)[:, None]
