"""A manifest of recordings made into arrays to train on.

    python -m models.training.corpus MANIFEST CACHE [--processes N]

MANIFEST is a metadata.csv (path|speaker|language|text|seconds|source), as models.training.manifests makes it.  CACHE
receives

    mels.npy       (frames, 80) float16      speech mels of all clips, one after the other
    pitch.npy      (frames,) float16         F0 in Hz, 0 where unvoiced
    waveforms.npy  (samples,) int16          the clips as recorded, 16 kHz, trimmed (unperturbed clips only)
    profiles.npy   (profiles, 338) float32   voice profiles, several for each speaker
    clips.json     {"clips": [Clip…], "profiles": {speaker: [first, count]}}

Speaker perturbation: each Russian recording is also kept played faster or slower, which moves pitch and formants
together, as if a smaller or a larger person had said it. Such a speaker is named SPEAKER@FACTOR.
"""

import argparse
import csv
import json
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
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
from models.recording import load_recording
from models.speaker_encoder import RecordingTooShort, SpeakerEncoder, SpeakerEncoderConfig
from models.training.convert_encoder import WEIGHTS as ENCODER_WEIGHTS
from models.voice_profile import profile_of

MIN_SECONDS, MAX_SECONDS = 0.25, 20.0
PERTURBED_LANGUAGE = "ru"  # few speakers: the language that needs more timbres
PERTURBATION_FACTORS = (0.84, 0.92, 1.1, 1.2)
PERTURBATIONS_PER_CLIP = 2
PROFILES_PER_SPEAKER = 12
MAX_DECODED_SECONDS = 600.0  # of a recording that libsndfile does not know


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


def read_audio(path: Path) -> tuple[np.ndarray, int]:
    """Waveform of a recording, (samples,) float32 with its channels averaged, and its sample rate.

    What libsndfile does not know (m4a, webm) is heard as a visitor's recording is.  Raises ValueError.
    """
    try:
        waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return load_recording(path, MAX_DECODED_SECONDS), SAMPLE_RATE
    return waveform.mean(1), rate


def load_clip(root: Path, clip: Clip) -> np.ndarray:
    """The clip's waveform at 16 kHz, trimmed and levelled, played at clip.factor.  (samples,) float32."""
    waveform, rate = read_audio(root / clip.path)
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
    """Profiles of the first clips that are long enough, up to PROFILES_PER_SPEAKER."""
    for clip in clips[:PROFILES_PER_SPEAKER]:
        try:
            waveform = load_clip(root, clip)[: 8 * SAMPLE_RATE]
            yield profile_of(waveform, pitch_of(waveform), encoder).features()
        except RecordingTooShort:
            continue


class GrowingArray:
    """An .npy file written piece by piece, so that a corpus need not fit into memory.  A context manager."""

    def __init__(self, path: Path, dtype: str, *width: int):
        self.dtype, self.width, self.length = np.dtype(dtype), width, 0
        self._file = path.open("wb")
        self._write_header()

    def append(self, piece: np.ndarray) -> tuple[int, int]:
        """Write a piece at the end.  Returns its first index and its length."""
        place = self.length, len(piece)
        self._file.write(np.ascontiguousarray(piece, self.dtype).tobytes())
        self.length += len(piece)
        return place

    def _write_header(self) -> None:
        """The header is of one length whatever the shape: numpy leaves room for the first axis to grow."""
        self._file.seek(0)
        described = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.length, *self.width)}
        np.lib.format.write_array_header_1_0(self._file, described)

    def __enter__(self) -> "GrowingArray":
        return self

    def __exit__(self, *error: object) -> None:
        self._write_header()
        self._file.close()


def prepare(manifest: Path, cache: Path, processes: int | None = None, perturb: bool = True) -> None:
    """Fill the cache from a manifest.  processes: as many as there are cores, if not given."""
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "clips.json").unlink(missing_ok=True)  # so that a cache half made is not taken for a whole one
    root = manifest.parent
    clips = read_manifest(manifest)
    clips += perturbations(clips) if perturb else []
    by_speaker = defaultdict(list)
    with Pool(processes or os.cpu_count()) as pool, ExitStack() as opened:
        mels = opened.enter_context(GrowingArray(cache / "mels.npy", "<f2", SPEECH_MEL.n_mels))
        pitches = opened.enter_context(GrowingArray(cache / "pitch.npy", "<f2"))
        waveforms = opened.enter_context(GrowingArray(cache / "waveforms.npy", "<i2"))
        for clip, (mel, pitch, waveform) in zip(
            clips, pool.imap(_features, [(root, clip) for clip in clips], chunksize=16), strict=True
        ):
            clip.mel = mels.append(mel)
            pitches.append(pitch)
            if clip.factor == 1.0:
                clip.waveform = waveforms.append(waveform)
            by_speaker[clip.speaker].append(clip)
        draw = random.Random(0)
        jobs = [(root, name, _reference_clips(own, draw)) for name, own in by_speaker.items()]
        profiles = dict(pool.imap_unordered(_profiles, jobs))
    places, first = {}, 0
    for speaker, rows in profiles.items():
        places[speaker] = (first, len(rows))
        first += len(rows)
    np.save(cache / "profiles.npy", np.concatenate(list(profiles.values())))
    write_clips(cache, [clip for clip in clips if places[clip.speaker][1]], places)


def _reference_clips(clips: list[Clip], draw: random.Random) -> list[Clip]:
    """Clips long enough to know the speaker from (at least 2.5 s if there are such), in random order."""
    long_enough = [clip for clip in clips if clip.mel[1] > 200] or clips
    return draw.sample(long_enough, len(long_enough))


def write_clips(cache: Path, clips: list[Clip], places: dict[str, tuple[int, int]]) -> None:
    """What load_clips reads.  It is there whole or not at all, and with it the cache."""
    index = {"clips": [asdict(clip) for clip in clips], "profiles": places}
    partial = cache / "clips.partial"
    partial.write_text(json.dumps(index, ensure_ascii=False))
    partial.replace(cache / "clips.json")


def load_clips(cache: Path) -> tuple[list[Clip], dict[str, tuple[int, int]]]:
    """The clips of a cache and where each speaker's profiles stand."""
    index = json.loads((cache / "clips.json").read_text())
    return [Clip(**clip) for clip in index["clips"]], index["profiles"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--processes", type=int)
    arguments = parser.parse_args()
    prepare(arguments.manifest, arguments.cache, arguments.processes)
