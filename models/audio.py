"""Signal processing: the two mels of Real-Time-Voice-Cloning, levels, and the removal of silence."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

SAMPLE_RATE = 16_000  # Hz, of every waveform the networks hear


@dataclass(frozen=True)
class MelSettings:
    """How a waveform becomes a mel.  Lengths in samples at sample_rate, frequencies in Hz."""

    n_mels: int
    n_fft: int
    hop_length: int
    min_frequency: float
    max_frequency: float
    sample_rate: int = SAMPLE_RATE

    @property
    def frames_per_second(self) -> float:
        return self.sample_rate / self.hop_length


SPEECH_MEL = MelSettings(n_mels=80, n_fft=800, hop_length=200, min_frequency=55, max_frequency=7600)
ENCODER_MEL = MelSettings(n_mels=40, n_fft=400, hop_length=160, min_frequency=0, max_frequency=8000)

LINEAR_HZ, LINEAR_MELS = 1000.0, 15.0  # where Slaney's mel scale turns from linear to logarithmic
MEL_HZ = 200 / 3  # in a mel below that
LOG_STEP = np.log(6.4) / 27  # of log frequency in a mel above that

PREEMPHASIS = 0.97
MIN_AMPLITUDE = 1e-5  # -100 dB: what counts as digital silence
REFERENCE_DB = 20.0
MIN_DB = -100.0
MAX_MEL = 4.0  # a speech mel lies in [-MAX_MEL, MAX_MEL]

SPEECH_LEVEL_DB = -24.0  # dBFS RMS of what the synthesizer learned from
FADE_SECONDS = 0.005  # at both ends of a sentence, against clicks
FRAME_SECONDS = 0.01  # of the silence detector
SPEECH_RANGE_DB = 35.0  # a frame this far below the loudest ones is silence
SILENCE_FLOOR_DB = -60.0  # dBFS; below it nothing is speech


def mel_corners(settings: MelSettings) -> np.ndarray:
    """Frequencies in Hz, (n_mels + 2,), evenly spaced on Slaney's mel scale: linear up to 1 kHz, logarithmic above.

    A filter rises from one of them to the next, its centre, and falls to the one after.
    """

    def mels(frequency: float) -> float:
        return frequency / MEL_HZ if frequency < LINEAR_HZ else LINEAR_MELS + np.log(frequency / LINEAR_HZ) / LOG_STEP

    places = np.linspace(mels(settings.min_frequency), mels(settings.max_frequency), settings.n_mels + 2)
    return np.where(places < LINEAR_MELS, places * MEL_HZ, LINEAR_HZ * np.exp(LOG_STEP * (places - LINEAR_MELS)))


@lru_cache(maxsize=4)
def mel_filters(settings: MelSettings) -> Tensor:
    """Slaney-normalised triangular filters, (n_mels, n_fft // 2 + 1), as librosa makes them."""
    corners = mel_corners(settings)
    bins = np.fft.rfftfreq(settings.n_fft, 1 / settings.sample_rate)
    above, widths = bins - corners[:, None], np.diff(corners)[:, None]
    filters = np.minimum(above[:-2] / widths[:-1], -above[2:] / widths[1:]).clip(min=0).astype(np.float32)
    filters *= 2 / (corners[2:] - corners[:-2])[:, None]
    with torch.inference_mode(False):  # kept for everyone: a tensor of inference mode cannot be learned through
        return torch.from_numpy(filters)


def spectrogram(waveform: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Magnitudes of the centred short-time Fourier transform under a Hann window.

    waveform: (..., samples).  Returns (..., n_fft // 2 + 1, 1 + samples // hop_length).
    """
    window = torch.hann_window(n_fft, device=waveform.device)
    flat = waveform.reshape(waveform.shape[:-1].numel(), waveform.shape[-1])
    stft = torch.stft(flat, n_fft, hop_length, window=window, pad_mode="constant", return_complex=True)
    return stft.abs().reshape(*waveform.shape[:-1], *stft.shape[-2:])


def speech_mel(waveform: Tensor) -> Tensor:
    """The mel that the synthesizer writes and the vocoder reads.

    waveform: (..., samples) at 16 kHz.  Returns (..., 80, 1 + samples // 200) within [-4, 4], 12.5 ms a frame.
    Same figures as Real-Time-Voice-Cloning's synthesizer/audio.py.
    """
    emphasised = torch.cat([waveform[..., :1], waveform[..., 1:] - PREEMPHASIS * waveform[..., :-1]], dim=-1)
    magnitude = spectrogram(emphasised, SPEECH_MEL.n_fft, SPEECH_MEL.hop_length)
    mel = mel_filters(SPEECH_MEL).to(waveform.device) @ magnitude
    level = 20 * torch.log10(mel.clamp(min=MIN_AMPLITUDE)) - REFERENCE_DB
    return (2 * MAX_MEL * (level - MIN_DB) / -MIN_DB - MAX_MEL).clamp(-MAX_MEL, MAX_MEL)


def encoder_mel(waveform: Tensor) -> Tensor:
    """The mel that the speaker encoder reads: power, not logarithmic.

    waveform: (samples,) at 16 kHz.  Returns (1 + samples // 160, 40), 10 ms a frame.
    """
    power = spectrogram(waveform, ENCODER_MEL.n_fft, ENCODER_MEL.hop_length) ** 2
    return (mel_filters(ENCODER_MEL).to(waveform.device) @ power).T


def level_db(waveform: np.ndarray) -> float:
    """RMS level of a waveform in dBFS; -120 for silence and for an empty waveform."""
    return 10 * np.log10(np.square(waveform, dtype=np.float64).sum() / max(1, len(waveform)) + 1e-12)


def level_gain(waveform: np.ndarray, target_db: float = SPEECH_LEVEL_DB) -> np.float32:
    """Gain that brings a waveform to target_db dBFS RMS, reduced where it would clip."""
    peak = float(np.max(np.abs(waveform), initial=1e-9))
    return np.float32(min(10 ** ((target_db - level_db(waveform)) / 20), 0.999 / peak))


def levelled(waveform: np.ndarray, target_db: float = SPEECH_LEVEL_DB) -> np.ndarray:
    """Scale a waveform to target_db dBFS RMS, without clipping."""
    return waveform * level_gain(waveform, target_db)


def speech_mask(waveform: np.ndarray) -> np.ndarray:
    """Tell which 10 ms frames hold speech, by energy.

    waveform: (samples,) at 16 kHz.  Returns booleans, (frames,).
    """
    hop = int(FRAME_SECONDS * SAMPLE_RATE)
    padded = np.pad(waveform, (0, -len(waveform) % hop + hop))
    squares = np.square(padded, dtype=np.float64).reshape(-1, hop).mean(1)
    power = 10 * np.log10((squares[:-1] + squares[1:]) / 2 + 1e-10)
    if not len(power):
        return np.zeros(0, dtype=bool)
    return power > max(np.percentile(power, 95) - SPEECH_RANGE_DB, SILENCE_FLOOR_DB)


def trim(waveform: np.ndarray, margin_seconds: float = 0.05, max_pause_seconds: float | None = None) -> np.ndarray:
    """Cut silence off the ends of a waveform, (samples,) at 16 kHz, and pauses inside to max_pause_seconds if given."""
    mask = speech_mask(waveform)
    if not mask.any():
        return waveform[:0]
    hop, margin = int(FRAME_SECONDS * SAMPLE_RATE), int(margin_seconds * SAMPLE_RATE)
    speech = np.flatnonzero(mask)
    ends = slice(max(0, speech[0] * hop - margin), (speech[-1] + 1) * hop + margin)
    if max_pause_seconds is None:
        return waveform[ends]
    keep = max(1, int(max_pause_seconds / FRAME_SECONDS / 2))  # frames on each side of a pause
    near_speech = np.convolve(mask, np.ones(2 * keep + 1))[keep:-keep] > 0
    return waveform[ends][np.repeat(near_speech, hop)[: len(waveform)][ends]]


def faded(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Fade a waveform, (samples,), in and out over FADE_SECONDS."""
    n_samples = min(int(FADE_SECONDS * sample_rate), len(waveform) // 2)
    ramp = np.linspace(0, 1, n_samples, dtype=np.float32)
    shaped = waveform.copy()
    shaped[:n_samples] *= ramp
    shaped[len(shaped) - n_samples :] *= ramp[::-1]
    return shaped
