"""Pictures of a speech: its waveform as SVG, its mel as PNG, drawn from the file a block at a time."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from PIL import Image

from models import MAX_MEL, SAMPLE_RATE, SPEECH_MEL, speech_mel

N_BARS = 160
BAR, HEIGHT = 4, 64  # of the waveform, in its own units
ACCENT = "#e0573b"  # three times as bright or as dark as both a light and a dark page
MAX_COLUMNS = 1000  # of a mel; one column is 12.5 ms or, in a longer speech, more
BLOCK_SECONDS = 20
COLOURS = ((0, (13, 8, 35)), (90, (90, 24, 105)), (160, (216, 69, 62)), (215, (250, 165, 70)), (255, (252, 246, 200)))


def waveform(path: Path) -> str:
    """Draw N_BARS bars, each as high as its peak.  Raises soundfile.LibsndfileError for a file that is no sound."""
    peaks, n_samples = np.zeros(N_BARS), _seconds(path) * SAMPLE_RATE
    for start, samples in _blocks(path):
        bars = (np.arange(start, start + len(samples)) * N_BARS / n_samples).astype(int)
        np.maximum.at(peaks, bars.clip(max=N_BARS - 1), np.abs(samples))
    heights = np.maximum(2, peaks / max(peaks.max(), 1e-6) * (HEIGHT - BAR))
    lines = "".join(
        f"M{BAR * (n + 0.5):g} {(HEIGHT - height) / 2:.1f}v{height:.1f}" for n, height in enumerate(heights)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {BAR * N_BARS} {HEIGHT}" preserveAspectRatio="none">'
        f'<path d="{lines}" stroke="{ACCENT}" stroke-width="2" stroke-linecap="round"/></svg>'
    )


def mel(path: Path) -> bytes:
    """Draw the mel: time from left to right, frequency from bottom to top.  Raises soundfile.LibsndfileError."""
    n_frames = int(_seconds(path) * SPEECH_MEL.frames_per_second) + 1
    n_columns = min(n_frames, MAX_COLUMNS)
    sums, counts = np.zeros((SPEECH_MEL.n_mels, n_columns)), np.zeros(n_columns)
    for start, samples in _blocks(path):
        found = _mel_of(samples)
        frames = start // SPEECH_MEL.hop_length + np.arange(found.shape[1])
        columns = (frames * n_columns // n_frames).clip(max=n_columns - 1)
        np.add.at(sums.T, columns, found.T)
        np.add.at(counts, columns, 1)
    return _png(sums / np.maximum(counts, 1))


@torch.inference_mode()
def _mel_of(samples: np.ndarray) -> np.ndarray:
    return speech_mel(torch.from_numpy(samples)).numpy()


def _seconds(path: Path) -> float:
    about = soundfile.info(path)
    return max(about.frames, 1) / about.samplerate


def _blocks(path: Path) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the start of each block in samples, and its samples at SAMPLE_RATE."""
    with soundfile.SoundFile(path) as file:
        start = 0
        for block in file.blocks(BLOCK_SECONDS * file.samplerate, dtype="float32"):
            samples = soxr.resample(block, file.samplerate, SAMPLE_RATE)
            yield start, samples
            start += len(samples)


def _png(mel: np.ndarray) -> bytes:
    """mel: (n_mels, columns) within -MAX_MEL..MAX_MEL, the lowest first."""
    levels = np.round((mel[::-1] + MAX_MEL) * (255 / (2 * MAX_MEL))).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(levels).convert("P")
    picture.putpalette(_palette())
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _palette() -> bytes:
    """256 colours, from silence to the loudest."""
    at = [place for place, _ in COLOURS]
    channels = [np.interp(np.arange(256), at, [colour[n] for _, colour in COLOURS]) for n in range(3)]
    return np.stack(channels, axis=1).astype(np.uint8).tobytes()
