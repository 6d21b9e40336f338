"""The aligned clips of a cache as the synthesizer learns from them: batches with profiles and references.

A clip's voice is described by other speech of its speaker, as a stranger's will be.  So that the network looks at it
instead of knowing its speakers by heart, many clips are turned into voices that nobody has: their spectra are
stretched and coloured, together with the reference.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import librosa
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from models.alignment import phone_energy, phone_pitch
from models.audio import MAX_MEL, SPEECH_MEL
from models.limits import LANGUAGES
from models.synthesizer import ENERGY_MIDDLE, PITCH_UNIT, RECORDED
from models.text.symbols import phone_ids
from models.training.corpus import Clip, load_clips

PITCH_FEATURE = 256  # of a profile: median log F0
MEAN_MEL = 258  # the first of the last 80
JUDGED_PHONES = 15  # a clip of more is left out if its alignment is unlikely
CHANGED, RHVOICE, KOKORO = 1, 2, 3  # domains beside RECORDED
REAL_DOMAINS = (RECORDED, KOKORO)  # what the discriminator is shown as real
SYNTHETIC_SOURCES = {"rhvoice_ru": RHVOICE, "kokoro_a": KOKORO}
MASKED_FRAMES = 8  # of the reference of a voice without one
MIN_VOICED_FRAMES = 20  # of a reference that the mean mel is taken from
MAX_PIECES = 8  # clips in a reference
CUTS = (0.35, 0.65)  # where a clip is divided that is its speaker's only one
EQUALIZER_WAVES = 6
MEL_CENTRES = librosa.mel_frequencies(
    SPEECH_MEL.n_mels + 2, fmin=SPEECH_MEL.min_frequency, fmax=SPEECH_MEL.max_frequency
)[1:-1]


@dataclass(frozen=True)
class Sampling:
    """What batches are made of.  Shares of sources say how often one is drawn, against its minutes."""

    batch_frames: int = 4000
    max_batch: int = 32
    buckets: int = 64
    unlikely: float = 0.02  # share of the long clips that are left out, those of worst alignment
    left_out: tuple[str, ...] = ()  # speakers that are not learned from
    perturbed_share: float = 0.7  # of the copies played at another speed, against their minutes
    source_shares: tuple[tuple[str, float], ...] = (
        ("librispeech", 2.0),
        ("librispeech_train100", 1.5),
        ("vctk_autovc", 2.0),
        ("festvox_ru", 1.5),
        ("asterisk_ru", 1.5),
        ("kathleen", 0.5),
        ("cmu_an4", 0.7),
        ("speechocean762", 0.4),
        ("kokoro_a", 0.6),
        ("rhvoice_ru", 0.7),
    )
    embedding_dropout: float = 0.4  # share of the clips whose speaker embedding is unknown
    reference_dropout: float = 0.05  # share of those without a reference
    reference_frames: tuple[int, int] = (160, 640)  # 2 to 8 s
    warp_share: float = 0.5  # of the clips whose spectra are stretched
    warp_limit: float = 0.17  # of the logarithm of the factor
    equalizer_share: float = 0.7  # of the clips that are coloured
    equalizer_spread: float = 0.2  # of a mel, 2.5 dB


@dataclass(frozen=True)
class Utterance:
    """A clip, or a part of one, with all that is learned from it; arrays of one value a phone."""

    clip: Clip
    mel: tuple[int, int]  # first frame in the cache, and how many
    ids: np.ndarray
    languages: np.ndarray
    durations: np.ndarray
    pitch: np.ndarray  # log F0
    energy: np.ndarray

    def part(self, phones: slice) -> "Utterance":
        """Some of its phones, with their frames."""
        before = int(self.durations[: phones.start or 0].sum())
        arrays = {name: getattr(self, name)[phones] for name in ("ids", "languages", "durations", "pitch", "energy")}
        return replace(self, mel=(self.mel[0] + before, int(arrays["durations"].sum())), **arrays)


@dataclass(frozen=True)
class Batch:
    """Padded tensors.

    mels, reference: (batch, frames, 80) and their masks (batch, frames, 1); profiles: (batch, 338); domains: (batch,);
    the rest (batch, phones), and mask (batch, phones, 1), as in Synthesizer.
    """

    ids: Tensor
    languages: Tensor
    profiles: Tensor
    reference: Tensor
    reference_mask: Tensor
    domains: Tensor
    durations: Tensor
    pitch: Tensor
    energy: Tensor
    mask: Tensor
    mels: Tensor
    frame_mask: Tensor


class Utterances:
    """The aligned clips of a cache, drawn in batches of like length."""

    def __init__(self, cache: Path, sampling: Sampling):
        clips, self.places = load_clips(cache)
        self.sampling = sampling
        self.mels = np.load(cache / "mels.npy", mmap_mode="r")
        self.f0 = np.load(cache / "pitch.npy", mmap_mode="r")
        self.profiles = np.load(cache / "profiles.npy")
        self.of_speaker = defaultdict(list)
        clips = [clip for clip in clips if clip.speaker not in sampling.left_out]
        for clip in clips:
            self.of_speaker[clip.speaker].append(clip)
        alignments = json.loads((cache / "alignments.json").read_text())
        kept = rightly_transcribed(alignments, sampling.unlikely)
        aligned = [self._utterance(clip, alignments[clip.path]) for clip in clips if clip.path in kept]
        self.all = sorted(aligned, key=lambda utterance: utterance.mel[1])
        weights = np.array([self._weight(utterance.clip) for utterance in self.all])
        self.buckets = np.array_split(np.arange(len(self.all)), min(sampling.buckets, len(self.all)))
        longest = [self.all[bucket[-1]].mel[1] for bucket in self.buckets]
        self.sizes = [
            max(1, min(sampling.max_batch, sampling.batch_frames // frames, len(bucket)))
            for frames, bucket in zip(longest, self.buckets, strict=True)
        ]
        self.odds = [weights[bucket] / weights[bucket].sum() for bucket in self.buckets]  # within a bucket
        turns = np.array([weights[b].sum() / size for b, size in zip(self.buckets, self.sizes, strict=True)])
        self.turns = turns / turns.sum()  # how often each bucket is drawn

    def _utterance(self, clip: Clip, alignment: dict) -> Utterance:
        durations = rescaled(alignment["durations"], clip.mel[1])
        f0 = np.asarray(self.f0[clip.mel[0] :][: clip.mel[1]], dtype=np.float32)
        return Utterance(
            clip,
            clip.mel,
            np.array(phone_ids(alignment["phones"])),
            np.array([LANGUAGES.index(language) for language in alignment["languages"]]),
            durations,
            phone_pitch(f0, durations).astype(np.float32),
            phone_energy(self._frames(clip.mel), durations).astype(np.float32),
        )

    def _weight(self, clip: Clip) -> float:
        share = dict(self.sampling.source_shares).get(clip.source, 1.0)
        return share * (self.sampling.perturbed_share if clip.factor != 1.0 else 1.0)

    def _frames(self, place: tuple[int, int]) -> np.ndarray:
        """Mels of the cache, (frames, 80) float32."""
        return self.mels[place[0] :][: place[1]].astype(np.float32)

    def draw(self, rng: np.random.Generator, device: torch.device) -> Batch:
        bucket = rng.choice(len(self.buckets), p=self.turns)
        picked = rng.choice(self.buckets[bucket], self.sizes[bucket], p=self.odds[bucket], replace=False)
        return self.batch([self.all[i] for i in picked], rng, device)

    def with_reference(
        self, utterance: Utterance, rng: np.random.Generator
    ) -> tuple[Utterance, np.ndarray, np.ndarray]:
        """An utterance with other speech of its speaker: other clips, or a part of this one, which it then lacks.

        Returns the utterance, the mels of the reference, (frames, 80), and which of its frames are voiced, (frames,).
        """
        wanted = int(rng.integers(*self.sampling.reference_frames))
        others = [clip.mel for clip in self.of_speaker[utterance.clip.speaker] if clip.path != utterance.clip.path]
        if not others and len(utterance.ids) > 1:
            cut = np.searchsorted(np.cumsum(utterance.durations), utterance.mel[1] * rng.uniform(*CUTS))
            cut = int(np.clip(cut, 1, len(utterance.ids) - 1))
            parts = [utterance.part(slice(0, cut)), utterance.part(slice(cut, None))]
            utterance, other = parts if rng.random() < 0.5 else parts[::-1]
            others = [other.mel]
        places = []
        for i in rng.permutation(len(others))[:MAX_PIECES]:
            (first, length), missing = others[i], wanted - sum(length for _, length in places)
            if length > missing:
                first, length = first + int(rng.integers(length - missing + 1)), missing
            if length > 0:
                places.append((first, length))
        if not places or rng.random() < self.sampling.reference_dropout:
            return utterance, np.zeros((0, SPEECH_MEL.n_mels), dtype=np.float32), np.zeros(0, dtype=bool)
        mels = np.concatenate([self._frames(place) for place in places])
        return utterance, mels, np.concatenate([self.f0[first:][:length] > 0 for first, length in places])

    def batch(self, utterances: list[Utterance], rng: np.random.Generator, device: torch.device) -> Batch:
        """The batch of these, each with a profile and a reference from other speech of its speaker."""
        sampling, count = self.sampling, len(utterances)
        utterances, references, voiced = zip(*(self.with_reference(u, rng) for u in utterances), strict=True)
        places = [self.places[u.clip.speaker] for u in utterances]
        profiles = np.stack([self.profiles[first + rng.integers(n)] for first, n in places])

        warped = rng.random(count) < sampling.warp_share
        factors = np.where(warped, np.exp(rng.uniform(-1, 1, count) * sampling.warp_limit), 1.0)
        curves = equalizers(count, sampling.equalizer_share, sampling.equalizer_spread, rng)

        def changed(mels: Iterable[np.ndarray]) -> list[np.ndarray]:
            return [
                (warp(mel, factor) + curve).clip(-MAX_MEL, MAX_MEL).astype(np.float32)
                for mel, factor, curve in zip(mels, factors, curves, strict=True)
            ]

        # what is known of the voice, as of a stranger's, comes from the reference
        profiles[:, PITCH_FEATURE] += np.log(factors)
        unknown = (rng.random(count) < sampling.embedding_dropout) | warped
        profiles[unknown, :PITCH_FEATURE] = self.profiles[:, :PITCH_FEATURE].mean(0)
        references = changed(references)
        profiles[:, MEAN_MEL:] = np.concatenate(changed(profiles[:, None, MEAN_MEL:]))
        for profile, mel, is_voiced in zip(profiles, references, voiced, strict=True):
            if is_voiced.sum() >= MIN_VOICED_FRAMES:
                profile[MEAN_MEL:] = mel[is_voiced].mean(0)

        def padded(arrays: Iterable[np.ndarray], at_least: int = 0) -> Tensor:
            arrays = [torch.from_numpy(array) for array in arrays]
            tensor = pad_sequence(arrays, batch_first=True)
            if tensor.shape[1] < at_least:
                tensor = F.pad(tensor, (0, 0, 0, at_least - tensor.shape[1]))
            return tensor.to(device)

        def ones(lengths: Iterable[int], at_least: int = 0) -> Tensor:
            return padded((np.ones((length, 1), dtype=np.float32) for length in lengths), at_least)

        return Batch(
            ids=padded(u.ids for u in utterances),
            languages=padded(u.languages for u in utterances),
            profiles=torch.from_numpy(profiles).to(device),
            reference=padded(references, MASKED_FRAMES),
            reference_mask=ones(map(len, references), MASKED_FRAMES),
            domains=torch.tensor(
                [CHANGED if is_warped else domain_of(u.clip) for u, is_warped in zip(utterances, warped, strict=True)]
            ).to(device),
            durations=padded(u.durations for u in utterances),
            pitch=padded((u.pitch - p[PITCH_FEATURE]) / PITCH_UNIT for u, p in zip(utterances, profiles, strict=True)),
            energy=padded(u.energy - ENERGY_MIDDLE for u in utterances),
            mask=ones(len(u.ids) for u in utterances),
            mels=padded(changed(self._frames(u.mel) for u in utterances)),
            frame_mask=ones(u.mel[1] for u in utterances),
        )


def domain_of(clip: Clip) -> int:
    """How a clip came to be."""
    return CHANGED if clip.factor != 1.0 else SYNTHETIC_SOURCES.get(clip.source, RECORDED)


def warp(mel: np.ndarray, factor: float) -> np.ndarray:
    """The spectrum stretched, as of a smaller (factor above 1) or a larger speaker.  mel: (frames, 80)."""
    bands = np.interp(MEL_CENTRES / factor, MEL_CENTRES, np.arange(len(MEL_CENTRES)))
    low = np.minimum(bands.astype(int), len(bands) - 2)
    part = bands - low
    return mel[:, low] * (1 - part) + mel[:, low + 1] * part


def equalizers(count: int, share: float, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth curves over the mel bands, as of other microphones and rooms; (count, 80).

    share: of those that are not flat; spread: in mels.
    """
    places = np.linspace(0, np.pi, SPEECH_MEL.n_mels)
    waves = np.cos(np.arange(1, EQUALIZER_WAVES + 1)[:, None] * places) * np.sqrt(2 / EQUALIZER_WAVES)
    depths = spread * rng.uniform(0.3, 1.7, (count, 1)) * (rng.random((count, 1)) < share)
    return rng.normal(size=(count, EQUALIZER_WAVES)) @ waves * depths


def rescaled(durations: list[int], frames: int) -> np.ndarray:
    """Durations of the same phones in a copy of another length; their sum is frames."""
    ends = np.cumsum(durations)
    return np.diff(np.round(ends * frames / ends[-1]).astype(np.int64), prepend=0)


def rightly_transcribed(alignments: dict[str, dict], unlikely: float) -> set[str]:
    """The clips whose text goes with their sound.  Short ones are kept: their likelihood is mostly of silence."""
    long = {path: found["likelihood"] for path, found in alignments.items() if len(found["phones"]) > JUDGED_PHONES}
    least = np.quantile(list(long.values()), unlikely) if long else 0.0
    return {path for path in alignments if path not in long or long[path] >= least}
