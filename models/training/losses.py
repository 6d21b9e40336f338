"""Distances between waveforms and mels as they are heard, and the losses of adversarial training."""

import torch
from torch import Tensor

from models.audio import spectrogram, speech_mel

STFT_RESOLUTIONS = ((1024, 200), (512, 100), (256, 50))  # n_fft, hop
QUIET = 1e-3  # magnitudes below it are alike


def mel_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Mean distance of the speech mels, in mel units.  Both (batch, samples)."""
    return (speech_mel(fake) - speech_mel(real)).abs().mean()


def stft_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Spectral convergence and log-magnitude distance at several resolutions (arXiv:1910.11480)."""
    losses = []
    for n_fft, hop_length in STFT_RESOLUTIONS:
        of_fake, of_real = spectrogram(fake, n_fft, hop_length), spectrogram(real, n_fft, hop_length)
        convergence = (of_fake - of_real).norm() / of_real.norm()
        log_distance = (of_fake.clamp(min=QUIET).log() - of_real.clamp(min=QUIET).log()).abs().mean()
        losses.append(convergence + log_distance)
    return torch.stack(losses).mean()
