"""The vocoder: a frame-rate network filters pulses and noise in the STFT domain; an inverse STFT gives the waveform.

Vocos (arXiv:2306.00814) with the source of a neural source-filter model (arXiv:1904.12088, HiFTNet arXiv:2309.09493):
pulses at F0 carry the phase of the harmonics, which the network then only corrects.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import SPEECH_MEL
from models.convnext import ConvNeXtBlock
from models.pitch import PitchEstimator

UNVOICED = 0.1  # amplitude of the pulses in unvoiced frames, so that a wrong voicing decision can be corrected
MAX_LOG_MAGNITUDE = 4.6  # of one STFT bin; keeps the exponential finite
TOP_HARMONIC = 7800.0  # Hz
PITCH_MIDDLE, PITCH_SPREAD = 5.0, 0.5  # of log F0


@dataclass(frozen=True)
class VocoderConfig:
    n_mels: int = SPEECH_MEL.n_mels
    dim: int = 384
    hidden: int = 1152
    layers: int = 8
    pitch_dim: int = 128
    pitch_layers: int = 4
    n_fft: int = SPEECH_MEL.n_fft
    hop_length: int = SPEECH_MEL.hop_length
    sample_rate: int = SPEECH_MEL.sample_rate


class Vocoder(nn.Module):
    """ConvNeXt blocks over mel frames; each frame predicts one filter for the pulses and one for the noise.

    The filter of the pulses has a magnitude and a phase in each bin, that of the noise a magnitude.
    """

    def __init__(self, config: VocoderConfig):
        super().__init__()
        self.config = config
        self.pitch = PitchEstimator(config.n_mels, config.pitch_dim, config.pitch_layers)
        self.embed = nn.Conv1d(config.n_mels, config.dim, 7, padding=3)
        self.embed_source = nn.Conv1d(2, config.dim, 7, padding=3)
        self.embed_norm = nn.LayerNorm(config.dim)
        self.blocks = nn.ModuleList(ConvNeXtBlock(config.dim, config.hidden) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, 3 * (config.n_fft // 2 + 1))
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """Waveforms of speech mels; in evaluation mode the noise is the same every time.

        mel: (batch, 80, frames) within [-4, 4].  Returns (batch, (frames - 1) * 200) at 16 kHz.
        """
        log_f0, voiced = self.pitch.read(mel)
        source = torch.stack([(log_f0 - PITCH_MIDDLE) / PITCH_SPREAD, voiced], dim=1)
        x = self.embed_norm((self.embed(mel) + self.embed_source(source)).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        pulse_level, phase, noise_level = self.head(self.norm(x)).float().transpose(1, 2).chunk(3, dim=1)
        stft = self._pulses(log_f0, voiced) * torch.polar(magnitude(pulse_level), phase)
        stft = stft + self._noise(log_f0) * magnitude(noise_level)
        return torch.istft(stft, self.config.n_fft, self.config.hop_length, window=self.window)

    def _pulses(self, log_f0: Tensor, voiced: Tensor) -> Tensor:
        """STFT of the pulses, normalised to magnitude 1 at the harmonics of a voiced frame."""
        stft = self._stft(pulses(log_f0.exp(), self.config.hop_length, self.config.sample_rate))
        return stft * (UNVOICED + (1 - UNVOICED) * voiced[:, None]) / (self.window.sum() / 2)

    def _noise(self, like: Tensor) -> Tensor:
        """STFT of white noise with every magnitude set to 1, since the filter decides the magnitudes."""
        n_samples = (like.shape[1] - 1) * self.config.hop_length
        if self.training:
            noise = torch.randn(len(like), n_samples, device=like.device)
        else:
            noise = torch.randn(1, n_samples, generator=torch.Generator().manual_seed(0)).to(like.device)
        return self._stft(noise).sgn()

    def _stft(self, waveforms: Tensor) -> Tensor:
        n_fft, hop_length = self.config.n_fft, self.config.hop_length
        return torch.stft(waveforms, n_fft, hop_length, window=self.window, pad_mode="constant", return_complex=True)


def magnitude(level: Tensor) -> Tensor:
    return level.clamp(max=MAX_LOG_MAGNITUDE).exp()


def pulses(f0: Tensor, hop_length: int, sample_rate: int) -> Tensor:
    """All harmonics of F0 up to TOP_HARMONIC, as cosines of amplitude 1.

    f0: (batch, frames) Hz.  Returns (batch, (frames - 1) * hop_length).
    """
    n_samples = (f0.shape[1] - 1) * hop_length
    f0 = F.interpolate(f0[:, None].double(), size=n_samples + 1, mode="linear", align_corners=True)[:, 0, :n_samples]
    angle = (2 * math.pi * ((f0 / sample_rate).cumsum(1) % 1)).float()
    harmonics = (TOP_HARMONIC / f0).floor().float()
    half = torch.sin(angle / 2)
    at_pulse = half < 1e-3
    # Dirichlet kernel: the closed form of the sum of cosines
    between = torch.sin((harmonics + 0.5) * angle) / (2 * half.masked_fill(at_pulse, 1.0)) - 0.5
    return torch.where(at_pulse, harmonics, between)
