"""From mel to sound: a frame-rate network with an inverse STFT at its end (Vocos, arXiv:2306.00814)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.audio import SPEECH_MEL
from models.convnext import ConvNeXtBlock

MAX_MAGNITUDE = 1e2  # of one STFT bin; keeps the exponential finite


@dataclass(frozen=True)
class VocoderConfig:
    n_mels: int = SPEECH_MEL.n_mels
    dim: int = 384
    hidden: int = 1152
    layers: int = 8
    n_fft: int = SPEECH_MEL.n_fft
    hop_length: int = SPEECH_MEL.hop_length
    sample_rate: int = SPEECH_MEL.sample_rate


class Vocoder(nn.Module):
    """ConvNeXt blocks over mel frames; each frame then gives magnitudes and phases of one STFT column."""

    def __init__(self, config: VocoderConfig):
        super().__init__()
        self.config = config
        self.embed = nn.Conv1d(config.n_mels, config.dim, 7, padding=3)
        self.embed_norm = nn.LayerNorm(config.dim)
        self.blocks = nn.ModuleList(ConvNeXtBlock(config.dim, config.hidden) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, config.n_fft + 2)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """Waveforms of speech mels.

        mel: (batch, 80, frames) within [-4, 4].  Returns (batch, (frames - 1) * 200) at 16 kHz.
        """
        x = self.embed_norm(self.embed(mel).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        log_magnitude, phase = self.head(self.norm(x)).float().transpose(1, 2).chunk(2, dim=1)
        magnitude = torch.exp(log_magnitude).clamp(max=MAX_MAGNITUDE)
        stft = torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))
        return torch.istft(stft, self.config.n_fft, self.config.hop_length, window=self.window)
