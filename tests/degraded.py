"""What goes wrong with recordings, done to a good one.  Waveforms: (samples,) float32 at 16 kHz, within full scale."""

import numpy as np

from models.audio import SAMPLE_RATE

CHORD_SECONDS = 1.0
CHORD_ROOTS = (220.0, 174.6, 130.8, 196.0)  # Hz
CHORD = (1, 1.26, 1.5, 2)  # a major chord and its octave


def with_noise(speech: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Speech with noise so many decibels below it, both as RMS of the whole; the noise repeats where it is shorter."""
    noise = np.resize(noise, len(speech)).astype(np.float64)
    return _within_full_scale(speech + noise * _rms(speech) / _rms(noise) * 10 ** (-snr_db / 20))


def white(n_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n_samples)


def pink(n_samples: int, seed: int = 0) -> np.ndarray:
    """Noise that falls by 3 dB an octave, as that of a room or a street."""
    spectrum = np.fft.rfft(white(n_samples, seed))
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(_frequencies(n_samples), 30)), n_samples)


def babble(voices: list[np.ndarray]) -> np.ndarray:
    """People talking at once, equally loud, as long as the longest of them."""
    n_samples = max(map(len, voices))
    return sum(np.resize(voice, n_samples) / _rms(voice) for voice in voices)


def chords(seconds: float, seed: int = 0) -> np.ndarray:
    """Music: struck chords of six partials each, one a second."""
    rng, pieces = np.random.default_rng(seed), []
    time = np.arange(int(CHORD_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    shape = np.exp(-1.2 * time) * np.minimum(1, time / 0.01)
    for number in range(int(np.ceil(seconds / CHORD_SECONDS))):
        root = CHORD_ROOTS[number % len(CHORD_ROOTS)]
        notes = [(root * step * partial, partial) for step in CHORD for partial in range(1, 7)]
        pieces.append(shape * sum(np.sin(2 * np.pi * f * time + 6 * rng.random()) / n for f, n in notes))
    return np.concatenate(pieces)[: int(seconds * SAMPLE_RATE)]


def clipped(speech: np.ndarray, share: float) -> np.ndarray:
    """Speech so loud that this share of its samples is cut off at full scale."""
    top = np.quantile(np.abs(speech), 1 - share)
    return (np.clip(speech, -top, top) * (0.999 / top)).astype(np.float32)


def low_passed(speech: np.ndarray, hertz: float) -> np.ndarray:
    """Speech with nothing left above a frequency."""
    spectrum = np.fft.rfft(speech) / (1 + np.exp((_frequencies(len(speech)) - hertz) / 40))
    return np.fft.irfft(spectrum, len(speech)).astype(np.float32)


def telephoned(speech: np.ndarray) -> np.ndarray:
    """Speech from 300 to 3,400 Hz."""
    spectrum = np.fft.rfft(low_passed(speech, 3400)) / (1 + np.exp((300 - _frequencies(len(speech))) / 20))
    return np.fft.irfft(spectrum, len(speech)).astype(np.float32)


def reverberated(speech: np.ndarray, rt60: float, seed: int = 0) -> np.ndarray:
    """Speech in a hard room: as much sound from the walls as from the mouth, 60 dB less after rt60 seconds."""
    time = np.arange(int(1.2 * rt60 * SAMPLE_RATE)) / SAMPLE_RATE
    response = np.random.default_rng(seed).normal(size=len(time)) * 10 ** (-3 * time / rt60)
    response[:32] = 0  # the walls are 2 ms away
    response /= np.linalg.norm(response)
    response[0] = 1
    n_samples = len(speech) + int(0.3 * rt60 * SAMPLE_RATE)
    n_fft = len(speech) + len(response)
    heard = np.fft.irfft(np.fft.rfft(speech, n_fft) * np.fft.rfft(response, n_fft), n_fft)[:n_samples]
    return _within_full_scale(heard * _rms(speech) / _rms(heard))


def quiet(speech: np.ndarray, decibels: float) -> np.ndarray:
    """Speech so many decibels quieter, in the 16 bits of a file."""
    return (np.round(speech * 10 ** (-decibels / 20) * 32767) / 32767).astype(np.float32)


def in_turn(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Two people who speak one after the other, two turns each, equally loud."""
    other = other * (_rms(one) / _rms(other))
    turns = [half for halves in zip(np.array_split(one, 2), np.array_split(other, 2), strict=True) for half in halves]
    return _within_full_scale(np.concatenate(turns))


def _frequencies(n_samples: int) -> np.ndarray:
    return np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)


def _rms(waveform: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) + 1e-12


def _within_full_scale(waveform: np.ndarray) -> np.ndarray:
    peak = np.abs(waveform).max()
    return (waveform * min(1, 0.999 / peak)).astype(np.float32)
