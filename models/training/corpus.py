"""A manifest of recordings made into arrays to train on.

    python -m models.training.corpus MANIFEST CACHE

MANIFEST is a metadata.csv (path|speaker|language|text|seconds|source).  CACHE receives

    mels.npy       (frames, 80) float16      speech mels of all clips, one after the other
    pitch.npy      (frames,) float16         F0 in Hz, 0 where unvoiced
    waveforms.npy  (samples,) int16          the clips as recorded, 16 kHz, trimmed (unperturbed clips only)
    profiles.npy   (profiles, 338) float32   voice profiles, several for each speaker
    clips.json     {"clips": [Clip…], "profiles": {speaker: [first, count]}}

Speaker perturbation: each Russian recording is also kept played faster or slower, which moves pitch and formants
together, as if a smaller or a larger person had said it. Such a speaker is named SPEAKER@FACTOR.
"""

import csv
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pyworld
import soundfile
import soxr
import torch

from models import checkpoint
from models.audio import SAMPLE_RATE, SPEECH_MEL, levelled, speech_mel, trim
from models.speaker_encoder import RecordingTooShort, SpeakerEncoder, SpeakerEncoderConfig
from models.training.convert_encoder import WEIGHTS as ENCODER_WEIGHTS
from models.voice_profile import profile_of

MIN_SECONDS, MAX_SECONDS = 0.25, 20.0
PERTURBED_LANGUAGE = "ru"  # few speakers: the language that needs more timbres
PERTURBATION_FACTORS = (0.84, 0.92, 1.1, 1.2)
PERTURBATIONS_PER_CLIP = 2
PROFILES_PER_SPEAKER = 12


@dataclass
class Clip:
    """One recording, or a perturbed copy of it.  Places are first index and length in the cache's arrays."""

    path: str
    speaker: str
    language: str
    text: str
    source: str
    factor: float  # playback speed against the recording
    mel: tuple[int, int] = (0, 0)
    waveform: tuple[int, int] | None = None


def read_manifest(path: Path) -> list[Clip]:
    """The clips of a metadata.csv within the limits of length."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    return [
        Clip(row["path"], row["speaker"], row["language"], row["text"], row["source"], 1.0)
        for row in rows
        if MIN_SECONDS <= float(row["seconds"]) <= MAX_SECONDS
    ]


def perturbations(clips: list[Clip], seed: int = 0) -> list[Clip]:
    """Copies of the clips in other timbres, for the language that has few."""
    draw = random.Random(seed)
    return [
        Clip(clip.path, f"{clip.speaker}@{factor}", clip.language, clip.text, clip.source, factor)
        for clip in clips
        if clip.language == PERTURBED_LANGUAGE
        for factor in draw.sample(PERTURBATION_FACTORS, PERTURBATIONS_PER_CLIP)
    ]


def load_clip(root: Path, clip: Clip) -> np.ndarray:
    """The clip's waveform at 16 kHz, trimmed and levelled, played at clip.factor.  (samples,) float32."""
    waveform, rate = soundfile.read(root / clip.path, dtype="float32")
    played = round(rate * clip.factor)
    if played != SAMPLE_RATE:
        waveform = soxr.resample(waveform, played, SAMPLE_RATE)
    return levelled(trim(waveform))


def pitch_of(waveform: np.ndarray) -> np.ndarray:
    """F0 of each speech-mel frame in Hz, 0 where unvoiced.  (frames,) float32; DIO and StoneMask of WORLD."""
    samples = waveform.astype(np.float64)
    milliseconds = 1000 / SPEECH_MEL.frames_per_second
    f0, times = pyworld.dio(samples, SAMPLE_RATE, f0_floor=60, f0_ceil=500, frame_period=milliseconds)
    return pyworld.stonemask(samples, f0, times, SAMPLE_RATE).astype(np.float32)


def _features(job: tuple[Path, Clip]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    torch.set_num_threads(1)
    waveform = load_clip(*job)
    mel = speech_mel(torch.from_numpy(waveform)).T.numpy().astype(np.float16)
    pitch = np.zeros(len(mel), dtype=np.float16)
    found = pitch_of(waveform)[: len(mel)]
    pitch[: len(found)] = found
    return mel, pitch, (waveform * 32767).astype(np.int16)


def _profiles(job: tuple[Path, str, list[Clip]]) -> tuple[str, np.ndarray]:
    torch.set_num_threads(1)
    root, speaker, clips = job
    encoder = checkpoint.load(ENCODER_WEIGHTS, SpeakerEncoder, SpeakerEncoderConfig)
    return speaker, np.array(list(_some_profiles(root, clips, encoder)), dtype=np.float32).reshape(-1, 338)


def _some_profiles(root: Path, clips: list[Clip], encoder: SpeakerEncoder) -> Iterator[np.ndarray]:
    """Profiles of the speaker's longest clips, up to PROFILES_PER_SPEAKER."""
    for clip in clips[:PROFILES_PER_SPEAKER]:
        try:
            yield profile_of(load_clip(root, clip)[: 8 * SAMPLE_RATE], encoder).features()
        except RecordingTooShort:
            continue


def prepare(manifest: Path, cache: Path, processes: int = 2) -> None:
    """Fill the cache from a manifest."""
    cache.mkdir(parents=True, exist_ok=True)
    root = manifest.parent
    clips = read_manifest(manifest)
    clips += perturbations(clips)
    mels, pitches, waveforms, frame, sample = [], [], [], 0, 0
    by_speaker = defaultdict(list)
    with Pool(processes) as pool:
        for clip, (mel, pitch, waveform) in zip(
            clips, pool.imap(_features, [(root, clip) for clip in clips], chunksize=16), strict=True
        ):
            clip.mel = (frame, len(mel))
            frame += len(mel)
            mels.append(mel)
            pitches.append(pitch)
            if clip.factor == 1.0:
                clip.waveform = (sample, len(waveform))
                sample += len(waveform)
                waveforms.append(waveform)
            by_speaker[clip.speaker].append(clip)
        draw = random.Random(0)
        jobs = [(root, name, _reference_clips(own, draw)) for name, own in by_speaker.items()]
        profiles = dict(pool.imap_unordered(_profiles, jobs))
    places, first = {}, 0
    for speaker, rows in profiles.items():
        places[speaker] = (first, len(rows))
        first += len(rows)
    np.save(cache / "mels.npy", np.concatenate(mels))
    np.save(cache / "pitch.npy", np.concatenate(pitches))
    np.save(cache / "waveforms.npy", np.concatenate(waveforms))
    np.save(cache / "profiles.npy", np.concatenate(list(profiles.values())))
    index = {"clips": [asdict(clip) for clip in clips if places[clip.speaker][1]], "profiles": places}
    (cache / "clips.json").write_text(json.dumps(index, ensure_ascii=False))


def _reference_clips(clips: list[Clip], draw: random.Random) -> list[Clip]:
    """Clips long enough to know the speaker from (at least 2.5 s if there are such), in random order."""
    long_enough = [clip for clip in clips if clip.mel[1] > 200] or clips
    return draw.sample(long_enough, len(long_enough))


def load_clips(cache: Path) -> tuple[list[Clip], dict[str, tuple[int, int]]]:
    """The clips of a cache and where each speaker's profiles stand."""
    index = json.loads((cache / "clips.json").read_text())
    return [Clip(**clip) for clip in index["clips"]], index["profiles"]


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
