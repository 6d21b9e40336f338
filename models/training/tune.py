"""The synthesizer tuned on one voice, where a voice has minutes of recordings rather than seconds.

    python -m models.training.tune RECORDINGS OUT --language ru|en [--general CACHE] [--steps 300] [--vocoder-steps 0]

RECORDINGS is a folder of recordings of at most 20 s, each with what is said in a .txt of the same name. OUT receives

    synthesizer.safetensors   for instance/weights; with --vocoder-steps vocoder.safetensors, too
    voices/                   for the bank (TEMBR_READY_VOICES=OUT/voices): the voice, its profile the mean of its clips
    work/                     manifest, cache and states; the same command goes on where it was stopped

--general is the cache of a larger corpus with alignments: clips of it are mixed in, so that the networks do not forget
other voices and words, and its aligner knows the phones already. Without one the aligner learns from RECORDINGS alone.
"""

import argparse
import json
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models import checkpoint
from models.audio import SAMPLE_RATE
from models.limits import LANGUAGES
from models.speaker_encoder import RecordingTooShort, SpeakerEncoder, SpeakerEncoderConfig
from models.speech_file import encode
from models.synthesizer import Synthesizer, SynthesizerConfig
from models.training import alignment, corpus, manifests, train_synthesizer, train_vocoder
from models.training.convert_encoder import WEIGHTS as ENCODER_WEIGHTS
from models.training.corpus import Clip, load_clips, write_clips
from models.vocoder import Vocoder, VocoderConfig
from models.voice_profile import VoiceProfile, merged, profile_of

SHIPPED = ENCODER_WEIGHTS.parent
SAMPLE_SECONDS = (2.0, 8.0)  # of the clip by which the bank lets the voice be heard
ALIGNER_STEPS = (200, 1500)  # from an aligner that knows the phones; from nothing
ARRAYS = {"mels": "mel", "pitch": "mel", "waveforms": "waveform"}  # array of a cache -> the place of a clip in it


class TooLittleSpeech(ValueError):
    """The recordings do not hold enough to know the voice from."""


@dataclass(frozen=True)
class Tuning:
    """What to tune on, and how gently."""

    recordings: Path
    out: Path
    language: str
    general: Path | None = None
    share: float = 0.5  # of the general corpus in what is learned from, by duration
    steps: int = 450  # of the first third only the discriminator learns: untrained it would mislead
    vocoder_steps: int = 0
    aligner_steps: int | None = None
    peak_rate: float = 1e-4  # a tenth of the synthesizer's recipe, a fifth of the vocoder's
    start: Path = SHIPPED / "synthesizer.safetensors"
    vocoder_start: Path = SHIPPED / "vocoder.safetensors"

    @property
    def work(self) -> Path:
        return self.out / "work"

    @property
    def cache(self) -> Path:
        return self.work / "cache"


def tune(asked: Tuning) -> None:
    """All of it; what is already there is taken as it is.

    Raises NothingFound, TooLittleSpeech, NothingToAlign, UnreadableWeights.
    """
    config = checkpoint.load(asked.start, Synthesizer, SynthesizerConfig).config
    if not (asked.work / "prepared").exists():
        prepare(asked)
        (asked.work / "prepared").touch()
    if asked.steps:
        alone = asked.steps // 3
        recipe = train_synthesizer.SynthesizerRecipe(peak_rate=asked.peak_rate, adversary_from=0, adversary_alone=alone)
        train_synthesizer.train(asked.cache, asked.work, asked.steps, recipe, config, asked.start)
        deliver(asked, "synthesizer")
    if asked.vocoder_steps:
        gently = train_vocoder.VocoderRecipe(peak_rate=asked.peak_rate, pitch_until=0, adversaries_from=0)
        start = asked.vocoder_start
        config = checkpoint.load(start, Vocoder, VocoderConfig).config
        train_vocoder.train(asked.cache, asked.work, asked.vocoder_steps, gently, start, config)
        deliver(asked, "vocoder")


def prepare(asked: Tuning) -> None:
    """Fill the cache: the voice's clips aligned, its one profile, and clips of the general corpus."""
    asked.work.mkdir(parents=True, exist_ok=True)
    manifest = asked.work / "metadata.csv"
    taken, left_out = manifests.build(manifests.Builder("folder", manifest, asked.language), asked.recordings)
    print(manifests.report(taken, left_out), flush=True)
    if not taken:
        raise TooLittleSpeech(f"None of the recordings in {asked.recordings} can be learned from.")
    corpus.prepare(manifest, asked.cache, perturb=False)
    profile = fix_profile(asked.cache)
    keep_voice(asked, profile)
    aligner = asked.general / "aligner.state" if asked.general else None
    aligner = aligner if aligner and aligner.exists() else None
    alignment.align_corpus(asked.cache, asked.aligner_steps or ALIGNER_STEPS[aligner is None], aligner)
    if asked.general:
        mix(asked.cache, asked.general, asked.share)


def waveforms(cache: Path) -> Iterator[np.ndarray]:
    """Each clip of a cache, (samples,) float32 at 16 kHz."""
    stored = np.load(cache / "waveforms.npy", mmap_mode="r")
    for clip in load_clips(cache)[0]:
        yield stored[clip.waveform[0] :][: clip.waveform[1]].astype(np.float32) / 32767


def fix_profile(cache: Path) -> VoiceProfile:
    """Give the one speaker of a cache one profile, the mean over all clips that are long enough.

    Raises TooLittleSpeech.
    """
    encoder = checkpoint.load(ENCODER_WEIGHTS, SpeakerEncoder, SpeakerEncoderConfig)
    heard = []
    for waveform in waveforms(cache):
        try:
            heard.append(profile_of(waveform, corpus.pitch_of(waveform), encoder))
        except RecordingTooShort:
            continue
    if not heard:
        raise TooLittleSpeech("No recording holds 1.6 s of speech, from which a voice can be known.")
    profile = merged(heard)
    clips, _ = load_clips(cache)
    np.save(cache / "profiles.npy", profile.features()[None])
    write_clips(cache, clips, {clips[0].speaker: (0, 1)})
    return profile


def keep_voice(asked: Tuning, profile: VoiceProfile) -> None:
    """Write the voice as one that the bank takes in by itself."""
    name, folder = asked.recordings.resolve().name, asked.out / "voices"
    folder.mkdir(parents=True, exist_ok=True)
    least, most = (seconds * SAMPLE_RATE for seconds in SAMPLE_SECONDS)
    clips = list(waveforms(asked.cache))
    sample = next((waveform for waveform in clips if least < len(waveform) < most), max(clips, key=len))
    (folder / "voice.safetensors").write_bytes(profile.to_bytes())
    (folder / "voice.mp3").write_bytes(encode(sample, SAMPLE_RATE, "mp3"))
    entry = {"name": name, "language": asked.language, "origin": "own recordings", "licence": ""}
    entry |= {"profile": "voice.safetensors", "sample": "voice.mp3"}
    (folder / "index.json").write_text(json.dumps([entry], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def mix(cache: Path, general: Path, share: float) -> None:
    """Add clips of a general corpus, with their alignments and profiles, until they are that share of the whole."""
    (own, places), (others, other_places) = load_clips(cache), load_clips(general)
    alignments, known = (json.loads((folder / "alignments.json").read_text()) for folder in (cache, general))
    wanted = sum(clip.mel[1] for clip in own) * share / (1 - share)
    picked = list(drawn([c for c in others if c.path in known and c.waveform and c.speaker not in places], wanted))
    for name, place in ARRAYS.items():
        append(cache / f"{name}.npy", general / f"{name}.npy", [getattr(clip, place) for clip in picked])
    speakers = list(dict.fromkeys(clip.speaker for clip in picked))
    append(cache / "profiles.npy", general / "profiles.npy", [other_places[speaker] for speaker in speakers])
    first = sum(count for _, count in places.values())
    for speaker in speakers:
        places[speaker] = (first, other_places[speaker][1])
        first += other_places[speaker][1]
    frame, sample = (sum(getattr(clip, place)[1] for clip in own) for place in ("mel", "waveform"))
    for clip in picked:
        path = f"general/{clip.path}"  # the voice's may have the same
        frames, samples = clip.mel[1], clip.waveform[1]
        own.append(replace(clip, path=path, mel=(frame, frames), waveform=(sample, samples)))
        alignments[path] = known[clip.path]
        frame, sample = frame + frames, sample + samples
    write_clips(cache, own, places)
    (cache / "alignments.json").write_text(json.dumps(alignments, ensure_ascii=False))


def drawn(clips: list[Clip], frames: float) -> Iterator[Clip]:
    """Clips in random order until they have that many frames."""
    for clip in random.Random(0).sample(clips, len(clips)):
        if frames <= 0:
            return
        frames -= clip.mel[1]
        yield clip


def append(path: Path, source: Path, places: list[tuple[int, int]]) -> None:
    """Add pieces of one array to another on disk."""
    stored = np.load(source, mmap_mode="r")
    np.save(path, np.concatenate([np.load(path), *(stored[first:][:length] for first, length in places)]))


def deliver(asked: Tuning, network: str) -> None:
    shutil.copy(asked.work / f"{network}.safetensors", asked.out)
    print(f"{asked.out / network}.safetensors goes into instance/weights.", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language", choices=LANGUAGES, required=True)
    parser.add_argument("--general", type=Path)
    parser.add_argument("--share", type=float, default=Tuning.share)
    parser.add_argument("--steps", type=int, default=Tuning.steps)
    parser.add_argument("--vocoder-steps", type=int, default=Tuning.vocoder_steps)
    parser.add_argument("--aligner-steps", type=int)
    parser.add_argument("--peak-rate", type=float, default=Tuning.peak_rate)
    parser.add_argument("--start", type=Path, default=Tuning.start)
    parser.add_argument("--vocoder-start", type=Path, default=Tuning.vocoder_start)
    given = parser.parse_args(arguments)
    if not 0 <= given.share < 1:
        parser.error(f"--share must be from 0 to below 1; this is {given.share:g}.")
    try:
        tune(Tuning(**vars(given)))
    except (manifests.NothingFound, alignment.NothingToAlign, TooLittleSpeech, checkpoint.UnreadableWeights) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
