"""How high a voice speaks: median and spread of log F0, by normalised autocorrelation."""

import numpy as np

from models.audio import SAMPLE_RATE, speech_mask

MIN_F0, MAX_F0 = 60, 480  # Hz
FRAME = 800  # samples: three periods of the lowest voice
HOP = 160
VOICED = 0.6  # least normalised autocorrelation of a voiced frame
FIRST_PEAK = 0.9  # the shortest lag this close to the best is the period, not its double
MIN_VOICED_FRAMES = 8


def voiced_f0(waveform: np.ndarray) -> np.ndarray:
    """F0 of the voiced frames.  waveform: (samples,) at 16 kHz.  Returns (voiced frames,), Hz."""
    if len(waveform) < 2 * FRAME:
        return np.zeros(0, dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(waveform, FRAME)[::HOP].astype(np.float32)
    frames = frames[speech_mask(waveform)[: len(frames)]]
    frames = frames - frames.mean(1, keepdims=True)
    power = np.abs(np.fft.rfft(frames, 2 * FRAME)) ** 2
    autocorrelation = np.fft.irfft(power)[:, :FRAME]
    lags = np.arange(FRAME)
    normalised = autocorrelation / (autocorrelation[:, :1] + 1e-9) / (1 - lags / FRAME)
    shortest, longest = SAMPLE_RATE // MAX_F0, SAMPLE_RATE // MIN_F0
    candidates = normalised[:, shortest : longest + 1]
    inner = candidates[:, 1:-1]
    peaks = np.where((inner >= candidates[:, :-2]) & (inner > candidates[:, 2:]), inner, -1.0)
    best = peaks.max(1)
    first = (peaks >= FIRST_PEAK * best[:, None]).argmax(1) + shortest + 1
    return SAMPLE_RATE / first[best > VOICED].astype(np.float32)


def pitch_statistics(waveform: np.ndarray) -> np.ndarray:
    """Median and spread (half the distance of the 16th and 84th percentiles) of log F0, (2,).

    waveform: (samples,) at 16 kHz.  A voice without voiced frames (a whisper) gets the middle of human voices.
    """
    f0 = voiced_f0(waveform)
    if len(f0) < MIN_VOICED_FRAMES:
        return np.array([np.log(150.0), 0.2], dtype=np.float32)
    low, median, high = np.percentile(np.log(f0), [16, 50, 84])
    return np.array([median, (high - low) / 2], dtype=np.float32)
