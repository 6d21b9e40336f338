"""What is found in recordings that were spoilt in known ways: the table of docs/quality.md.

    .venv/bin/python -m benchmarks.quality CORPUS [--clips 12] [--clean 100]

CORPUS: a folder with metadata.csv (path|speaker|language|text|seconds|source) and its recordings.  Real voices only
are taken.  A row of the table: a degradation, the median of each figure, and of how many recordings what was told.
"""

import argparse
import csv
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

from models import Findings, VoiceCloner
from models.audio import SAMPLE_RATE
from models.recording import load_recording
from models.speech_file import encode
from tests import degraded

SOURCES = {"librispeech": 7, "festvox_ru": 2, "kathleen": 1, "asterisk_en": 1, "asterisk_ru": 1}  # of 12 recordings
MIN_SECONDS, MAX_SECONDS = 5.0, 12.0
FIGURES = ("level_db", "snr_db", "clipped", "bandwidth", "group_similarity", "tonal", "fall_db")
HEADING = """\
| | level, dBFS | above noise, dB | at the peak | up to, kHz | similarity | tonal | fall, dB | told |
|---|---|---|---|---|---|---|---|---|"""

Degradation = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of a recording, given another speaker's


def degradations(crowd: list[np.ndarray]) -> dict[str, Degradation]:
    """Every way of spoiling.  crowd: recordings of others, who babble."""
    ways: dict[str, Degradation] = {"as recorded": lambda speech, _: speech}
    for snr in (30, 20, 15, 10, 5):
        ways[f"white noise, {snr} dB"] = partial(_noisy, degraded.white, snr)
    for snr in (20, 10):
        ways[f"pink noise, {snr} dB"] = partial(_noisy, degraded.pink, snr)
    for snr in (20, 10, 5):
        ways[f"babble, {snr} dB"] = lambda speech, _, snr=snr: degraded.with_noise(speech, degraded.babble(crowd), snr)
    for snr in (20, 15, 10, 5):
        ways[f"music, {snr} dB"] = lambda speech, _, snr=snr: degraded.with_noise(speech, _music(speech), snr)
    for share in (0.001, 0.003, 0.01, 0.1):
        ways[f"clipped, {share:.1%}"] = lambda speech, _, share=share: degraded.clipped(speech, share)
    ways["clipped, 1.0%, as mp3"] = lambda speech, _: _coded(degraded.clipped(speech, 0.01), "mp3")
    ways["clipped, 1.0%, as Opus"] = lambda speech, _: _coded(degraded.clipped(speech, 0.01), "ogg")
    for hertz in (7000, 5000, 3400):
        ways[f"low pass, {hertz} Hz"] = lambda speech, _, hertz=hertz: degraded.low_passed(speech, hertz)
    ways["telephone"] = lambda speech, _: degraded.telephoned(speech)
    ways["telephone, as Opus"] = lambda speech, _: _coded(degraded.telephoned(speech), "ogg")
    for rt60 in (0.3, 0.6, 1.0, 2.0):
        ways[f"reverb, {rt60} s"] = lambda speech, _, rt60=rt60: degraded.reverberated(speech, rt60)
    for decibels in (20, 30):
        ways[f"{decibels} dB quieter"] = lambda speech, _, decibels=decibels: degraded.quiet(speech, decibels)
    ways["two people in turn"] = degraded.in_turn
    for snr in (0, 6):
        ways[f"two people at once, {snr} dB"] = lambda speech, other, snr=snr: degraded.with_noise(speech, other, snr)
    return ways


def _noisy(noise: Callable[[int], np.ndarray], snr: float, speech: np.ndarray, _other: np.ndarray) -> np.ndarray:
    return degraded.with_noise(speech, noise(len(speech)), snr)


def _music(speech: np.ndarray) -> np.ndarray:
    return degraded.chords(len(speech) / SAMPLE_RATE)


def _coded(waveform: np.ndarray, format: str) -> np.ndarray:
    return load_recording(encode(waveform, SAMPLE_RATE, format), max_seconds=60)


def recordings(corpus: Path, n_clips: int, seed: int) -> list[np.ndarray]:
    """So many recordings of real people, in the proportions of SOURCES, each at most MAX_SECONDS long."""
    with (corpus / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="|") if float(row["seconds"]) >= MIN_SECONDS]
    rng, chosen = random.Random(seed), []
    for source, share in SOURCES.items():
        of_source = [row for row in rows if row["source"] == source]
        chosen += rng.sample(of_source, round(share * n_clips / sum(SOURCES.values())))
    waveforms = (load_recording(corpus / row["path"], max_seconds=120) for row in chosen)
    return [waveform[: int(MAX_SECONDS * SAMPLE_RATE)] for waveform in waveforms]


def row(name: str, findings: list[Findings]) -> str:
    """A line of the table, in Markdown."""
    figures = [median(getattr(of_one.figures, figure) for of_one in findings) for figure in FIGURES]
    told = Counter(finding.code for of_one in findings for finding in of_one.found)
    words = ", ".join(f"{code} {count}" for code, count in told.most_common()) or "nothing"
    level, snr, clipped, bandwidth, similarity, tonal, fall = figures
    return (
        f"| {name} | {level:.0f} | {snr:.0f} | {clipped:.2%} | {bandwidth / 1000:.1f} | {similarity:.2f} | {tonal:.0%} "
        f"| {fall:.1f} | {words} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What is found in spoilt recordings.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--clean", type=int, default=100)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    cloner = VoiceCloner.load(device="cpu")
    clips, crowd = recordings(asked.corpus, asked.clips, seed=1), recordings(asked.corpus, 6, seed=2)
    print(HEADING)
    for name, degrade in degradations(crowd).items():
        spoilt = [degrade(clip, crowd[at % len(crowd)]) for at, clip in enumerate(clips)]
        print(row(name, [cloner.examine(waveform)[1] for waveform in spoilt]), flush=True)
    clean = recordings(asked.corpus, asked.clean, seed=3)
    print(row(f"{len(clean)} others as recorded", [cloner.examine(clip)[1] for clip in clean]), flush=True)


if __name__ == "__main__":
    main()
