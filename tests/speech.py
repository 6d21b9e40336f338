"""Speech that several tests hear: a synthetic tone and a real voice."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from models.audio import SAMPLE_RATE
from models.recording import load_recording

torch.set_num_threads(1)  # work this small gains nothing from threads, and crawls with them when the cores are busy

DATA = Path(__file__).parent / "data"
KATHLEEN = DATA / "kathleen.opus"  # 4.4 s of a woman; see data/README.md


def harmonic_tone(hertz: float, seconds: float = 2.0, partials: int = 12, peak: float = 0.3) -> np.ndarray:
    """A steady voiced sound: partials falling off as those of a voice do.  (samples,) float32 at 16 kHz."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * n * hertz * time + n) / n for n in range(1, partials + 1))
    return (peak * tone / np.abs(tone).max()).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    """(samples,) of zeros at 16 kHz."""
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)


@lru_cache(maxsize=1)
def kathleen() -> np.ndarray:
    """The waveform of the real voice, (samples,) at 16 kHz, not to be written to."""
    waveform = load_recording(KATHLEEN, max_seconds=10)
    waveform.flags.writeable = False
    return waveform
