"""The vocoder: a frame-rate network filters pulses and noise in the STFT domain; an inverse STFT gives the waveform.

Vocos (arXiv:2306.00814) with the source of a neural source-filter model (arXiv:1904.12088, HiFTNet arXiv:2309.09493):
pulses at F0 carry the phase of the harmonics, which the network then only corrects.  The mel ends at 7.6 kHz; what lies
above 8 kHz is the spectrum below it once more, at levels that the network predicts (spectral band replication).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import SPEECH_MEL
from models.convnext import ConvNeXtBlock
from models.device import in_precision
from models.pitch import PitchEstimator

UNVOICED = 0.1  # amplitude of the pulses in unvoiced frames, so that a wrong voicing decision can be corrected
MAX_LOG_MAGNITUDE = 4.6  # of one STFT bin; keeps the exponential finite
TOP_HARMONIC = 7800.0  # Hz
EXCITATION_BINS = 15  # over which the copied spectrum is made flat
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
    sample_rate: int = SPEECH_MEL.sample_rate  # of what is given out: of the mel, or at most 1.5 times as much
    high_bands: int = 0  # levels a frame of what lies above the mel's rate
    high_hidden: int = 192


class Vocoder(nn.Module):
    """ConvNeXt blocks over mel frames; each frame predicts one filter for the pulses and one for the noise.

    The filter of the pulses has a magnitude and a phase in each bin, that of the noise a magnitude.
    """

    def __init__(self, config: VocoderConfig):
        super().__init__()
        self.config = config
        self.precision = torch.float32  # of the blocks' products, whose sums stay in float32
        self.pitch = PitchEstimator(config.n_mels, config.pitch_dim, config.pitch_layers)
        self.embed = nn.Conv1d(config.n_mels, config.dim, 7, padding=3)
        self.embed_source = nn.Conv1d(2, config.dim, 7, padding=3)
        self.embed_norm = nn.LayerNorm(config.dim)
        self.blocks = nn.ModuleList(ConvNeXtBlock(config.dim, config.hidden) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, 3 * (config.n_fft // 2 + 1))
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        if config.high_bands:
            self.high = nn.Sequential(
                nn.Linear(config.dim, config.high_hidden), nn.GELU(), nn.Linear(config.high_hidden, config.high_bands)
            )
            self.given_n_fft = config.n_fft * config.sample_rate // SPEECH_MEL.sample_rate
            self.register_buffer("given_window", torch.hann_window(self.given_n_fft), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """Waveforms of speech mels; in evaluation mode the noise is the same every time.

        mel: (batch, 80, frames) within [-4, 4].  Returns (batch, (frames - 1) * samples) at config.sample_rate, with
        200 samples a frame at 16 kHz, 300 at 24 kHz.
        """
        log_f0, voiced = self.pitch.read(mel)
        x = self.frames(mel, log_f0, voiced)
        pulse_level, phase, noise_level = self.head(x).float().transpose(1, 2).chunk(3, dim=1)
        stft = self._pulses(log_f0, voiced) * torch.polar(magnitude(pulse_level), phase)
        stft = stft + self._noise(log_f0) * magnitude(noise_level)
        if not self.config.high_bands:
            return torch.istft(stft, self.config.n_fft, self.config.hop_length, window=self.window)
        stft = self._widened(stft, self.high(x).float().transpose(1, 2))
        hop_length = self.config.hop_length * self.given_n_fft // self.config.n_fft
        return torch.istft(stft, self.given_n_fft, hop_length, window=self.given_window)

    def frames(self, mel: Tensor, log_f0: Tensor, voiced: Tensor) -> Tensor:
        """What the heads read, (batch, frames, dim).  mel: as forward's; log_f0, voiced: (batch, frames)."""
        source = torch.stack([(log_f0 - PITCH_MIDDLE) / PITCH_SPREAD, voiced], dim=1)
        x = self.embed_norm((self.embed(mel) + self.embed_source(source)).transpose(1, 2))
        with in_precision(self.precision, x.device):
            for block in self.blocks:
                x = block(x)
        return self.norm(x)

    def _widened(self, stft: Tensor, levels: Tensor) -> Tensor:
        """The STFT at config.sample_rate: the upper bins of stft once more above it, made flat and set to levels.

        All bins are 20 Hz wide and all frames 12.5 ms apart, so the copy keeps its phase from frame to frame.
        stft: (batch, 401, frames) at 16 kHz; levels: (batch, high_bands, frames), log RMS magnitudes of the bands.
        """
        n_bins = (self.given_n_fft - self.config.n_fft) // 2
        power = stft.abs().square().transpose(1, 2)
        power = F.avg_pool1d(power, EXCITATION_BINS, 1, EXCITATION_BINS // 2, count_include_pad=False).transpose(1, 2)
        flat = stft[:, -n_bins:] / power[:, -n_bins:].clamp(min=1e-12).sqrt()
        levels = F.interpolate(levels.transpose(1, 2), size=n_bins, mode="linear").transpose(1, 2)
        low = stft.clone()
        low[:, -1] /= 2  # the last bin was its own mirror image
        return torch.cat([low, flat * magnitude(levels)], dim=1) * (self.given_n_fft / self.config.n_fft)

    def _pulses(self, log_f0: Tensor, voiced: Tensor) -> Tensor:
        """STFT of the pulses, normalised to magnitude 1 at the harmonics of a voiced frame."""
        stft = self._stft(pulses(log_f0.exp(), self.config.hop_length, SPEECH_MEL.sample_rate))
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
