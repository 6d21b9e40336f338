"""The synthesizer's recipe: mels, durations, pitch and energy by regression, from aligned clips; then an adversary,
which takes away the smoothness of mels that regression leaves.

    python -m models.training.train_synthesizer CACHE RUN --steps 8000 --adversary-from 4000

RUN/synthesizer.state is what a stopped run goes on from, RUN/synthesizer.safetensors what VoiceCloner loads.
A clip's voice profile is that of any clip of the same speaker, so that little of what is said leaks into it.
With --from a run begins from the state of another, or from weights (with a lower --peak-rate). Under torchrun each
process draws a batch of its own; see models.training.distributed.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models import checkpoint
from models.limits import LANGUAGES
from models.synthesizer import ENERGY_MIDDLE, PITCH_UNIT, Prosody, Synthesizer, SynthesizerConfig
from models.text.symbols import SYMBOLS, phone_ids
from models.training import distributed
from models.training.corpus import Clip, load_clips
from models.training.discriminators import MelDiscriminator, teach
from models.training.run import Meter, Run, averaged, learning_rate, set_learning_rate
from models.voice_profile import PROFILE_SIZE

PITCH_FEATURE = 256  # of a profile: median log F0
MEAN_MEL = 258  # the first of the last 80
JUDGED_PHONES = 15  # a clip of more is left out if its alignment is unlikely


@dataclass(frozen=True)
class SynthesizerRecipe:
    """How to train.  Shares say how often a source is drawn, against its minutes."""

    batch_frames: int = 4000
    max_batch: int = 32
    buckets: int = 64
    peak_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.98)
    mel_weight: float = 1.0
    duration_weight: float = 0.2
    pitch_weight: float = 0.1
    energy_weight: float = 0.1
    adversary_from: int = 4_000  # step
    adversary_alone: int = 0  # steps, the first, in which only the adversary learns
    adversary_rate: float = 2e-4
    fooling_weight: float = 0.15
    features_weight: float = 0.5
    profile_noise: float = 0.2  # of the spread of each feature; one voice's recordings differ by as much
    perturbed_share: float = 1.0
    source_shares: tuple[tuple[str, float], ...] = (("librispeech", 3.0), ("festvox_ru", 1.5), ("asterisk_ru", 1.5))
    unlikely: float = 0.02  # share of the long clips that are left out, those of worst alignment


@dataclass(frozen=True)
class Spoken:
    """A clip with all that the synthesizer learns from it: arrays of one value a phone."""

    clip: Clip
    ids: np.ndarray
    languages: np.ndarray
    durations: np.ndarray
    pitch: np.ndarray  # log F0
    energy: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Padded tensors; mels (batch, frames, 80), the rest (batch, phones) or (batch, phones, 1) as in Synthesizer."""

    ids: Tensor
    languages: Tensor
    profiles: Tensor
    durations: Tensor
    pitch: Tensor
    energy: Tensor
    mask: Tensor
    mels: Tensor
    frame_mask: Tensor


def rescaled(durations: list[int], frames: int) -> np.ndarray:
    """Durations of the same phones in a copy of another length; their sum is frames."""
    ends = np.cumsum(durations)
    return np.diff(np.round(ends * frames / ends[-1]).astype(np.int64), prepend=0)


def phone_pitch(f0: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Mean log F0 of each phone, drawn straight through phones without voice.  f0: (frames,), 0 where unvoiced."""
    voiced = f0 > 0
    if not voiced.any():
        return np.full(len(durations), np.log(150.0))
    logs = np.where(voiced, np.log(np.maximum(f0, 1)), 0.0)
    sums, counts = (np.add.reduceat(np.append(x, 0.0), starts_of(durations)) * (durations > 0) for x in (logs, voiced))
    known = counts > 0
    phones = np.arange(len(durations))
    return np.interp(phones, phones[known], sums[known] / counts[known])


def starts_of(durations: np.ndarray) -> np.ndarray:
    return np.cumsum(durations) - durations


def phone_energy(mel: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Mean mel of each phone.  mel: (frames, 80)."""
    levels = np.append(mel.mean(1), 0.0)
    sums = np.add.reduceat(levels, starts_of(durations)) * (durations > 0)
    return np.where(durations > 0, sums / np.maximum(durations, 1), ENERGY_MIDDLE)


def rightly_transcribed(alignments: dict[str, dict], unlikely: float) -> set[str]:
    """The clips whose text goes with their sound.  Short ones are kept: their likelihood is mostly of silence."""
    long = {path: found["likelihood"] for path, found in alignments.items() if len(found["phones"]) > JUDGED_PHONES}
    least = np.quantile(list(long.values()), unlikely) if long else 0.0
    return {path for path in alignments if path not in long or long[path] >= least}


def with_own_mean_mel(profiles: np.ndarray, places: dict[str, tuple[int, int]]) -> np.ndarray:
    """Profiles of which all of one speaker have the same mean mel, that of the voice rather than of one sentence."""
    shared = profiles.copy()
    for first, count in places.values():
        if count:
            shared[first : first + count, MEAN_MEL:] = profiles[first : first + count, MEAN_MEL:].mean(0)
    return shared


class Corpus:
    """The aligned clips of a cache, drawn in batches of like length."""

    def __init__(self, cache: Path, recipe: SynthesizerRecipe):
        clips, self.places = load_clips(cache)
        self.recipe = recipe
        self.mels = np.load(cache / "mels.npy", mmap_mode="r")
        self.profiles = with_own_mean_mel(np.load(cache / "profiles.npy"), self.places)
        self.f0 = np.load(cache / "pitch.npy", mmap_mode="r")
        alignments = json.loads((cache / "alignments.json").read_text())
        right = rightly_transcribed(alignments, recipe.unlikely)
        kept = [clip for clip in clips if clip.path in right]
        self.spoken = sorted((self._spoken(clip, alignments[clip.path]) for clip in kept), key=lambda s: s.clip.mel[1])
        shares = dict(recipe.source_shares)
        weights = np.array([self._weight(spoken.clip, shares) for spoken in self.spoken])
        self.buckets = np.array_split(np.arange(len(self.spoken)), min(recipe.buckets, len(self.spoken)))
        longest = [self.spoken[bucket[-1]].clip.mel[1] for bucket in self.buckets]
        self.sizes = [
            max(1, min(recipe.max_batch, recipe.batch_frames // frames, len(bucket)))
            for frames, bucket in zip(longest, self.buckets, strict=True)
        ]
        self.chances = [weights[bucket] / weights[bucket].sum() for bucket in self.buckets]
        turns = np.array([weights[b].sum() / size for b, size in zip(self.buckets, self.sizes, strict=True)])
        self.turns = turns / turns.sum()

    def _spoken(self, clip: Clip, alignment: dict) -> Spoken:
        durations = rescaled(alignment["durations"], clip.mel[1])
        f0 = np.asarray(self.f0[clip.mel[0] :][: clip.mel[1]], dtype=np.float32)
        mel = np.asarray(self.mels[clip.mel[0] :][: clip.mel[1]], dtype=np.float32)
        return Spoken(
            clip,
            np.array(phone_ids(alignment["phones"])),
            np.array([LANGUAGES.index(language) for language in alignment["languages"]]),
            durations,
            phone_pitch(f0, durations).astype(np.float32),
            phone_energy(mel, durations).astype(np.float32),
        )

    def _weight(self, clip: Clip, shares: dict[str, float]) -> float:
        return shares.get(clip.source, 1.0) * (self.recipe.perturbed_share if clip.factor != 1.0 else 1.0)

    def draw(self, chance: np.random.Generator, device: torch.device) -> Batch:
        bucket = chance.choice(len(self.buckets), p=self.turns)
        picked = chance.choice(self.buckets[bucket], self.sizes[bucket], p=self.chances[bucket], replace=False)
        return self.batch([self.spoken[i] for i in picked], chance, device)

    def batch(self, spoken: list[Spoken], chance: np.random.Generator, device: torch.device) -> Batch:
        """The batch of these clips, each with the profile of some clip of its speaker."""
        rows = [self.places[s.clip.speaker] for s in spoken]
        profiles = np.stack([self.profiles[first + chance.integers(count)] for first, count in rows])
        medians = profiles[:, PITCH_FEATURE : PITCH_FEATURE + 1]

        def padded(arrays: list[np.ndarray]) -> Tensor:
            return pad_sequence([torch.from_numpy(array) for array in arrays], batch_first=True).to(device)

        return Batch(
            ids=padded([s.ids for s in spoken]),
            languages=padded([s.languages for s in spoken]),
            profiles=torch.from_numpy(profiles).to(device),
            durations=padded([s.durations for s in spoken]),
            pitch=padded([(s.pitch - m) / PITCH_UNIT for s, m in zip(spoken, medians, strict=True)]),
            energy=padded([s.energy - ENERGY_MIDDLE for s in spoken]),
            mask=padded([np.ones((len(s.ids), 1), dtype=np.float32) for s in spoken]),
            mels=padded([self.mels[s.clip.mel[0] :][: s.clip.mel[1]].astype(np.float32) for s in spoken]),
            frame_mask=padded([np.ones((s.clip.mel[1], 1), dtype=np.float32) for s in spoken]),
        )


def prosody_losses(said: Prosody, batch: Batch) -> dict[str, Tensor]:
    """Mean squared errors over the phones."""
    mask = batch.mask[..., 0]
    wanted = Prosody(torch.log1p(batch.durations.float()), batch.pitch, batch.energy)

    def mean(error: Tensor) -> Tensor:
        return (error.square() * mask).sum() / mask.sum()

    return {
        "duration": mean(said.log_durations - wanted.log_durations),
        "pitch": mean((said.pitch - wanted.pitch).clamp(-4, 4)),
        "energy": mean(said.energy - wanted.energy),
    }


def losses_of(network: Synthesizer, batch: Batch, profile_noise: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Mels of one batch, and the losses of regression by name."""
    noise = torch.randn_like(batch.profiles) * network.profile_spread * profile_noise
    noise[:, MEAN_MEL:] = 0  # it is part of the mel
    profiles = batch.profiles + noise
    with torch.autocast(batch.mels.device.type, torch.bfloat16):
        mels, said = network(
            batch.ids, batch.languages, profiles, batch.durations, batch.pitch, batch.energy, batch.mask
        )
    distance = ((mels - batch.mels).abs() * batch.frame_mask).sum() / batch.frame_mask.sum() / mels.shape[-1]
    return mels, {"mel": distance, **prosody_losses(said, batch)}


def default_config() -> SynthesizerConfig:
    return SynthesizerConfig(len(SYMBOLS), len(LANGUAGES), PROFILE_SIZE)


def new_network(corpus: Corpus, config: SynthesizerConfig) -> Synthesizer:
    """An untrained synthesizer that knows the spread of the corpus's voices."""
    torch.manual_seed(0)
    network = Synthesizer(config)
    network.profile_mean.copy_(torch.from_numpy(corpus.profiles.mean(0)))
    network.profile_spread.copy_(torch.from_numpy(corpus.profiles.std(0) + 1e-2))
    return network


def train(
    cache: Path,
    run_path: Path,
    last: int,
    recipe: SynthesizerRecipe,
    config: SynthesizerConfig | None = None,
    start: Path | None = None,
) -> Synthesizer:
    """Run the recipe up to step last, from start if it has no state of its own."""
    device = distributed.device()
    corpus = Corpus(cache, recipe)
    network = new_network(corpus, config or default_config()).to(device)
    discriminator = MelDiscriminator().to(device)
    optimizer = torch.optim.AdamW(network.parameters(), betas=recipe.betas, weight_decay=0.01)
    adversary = torch.optim.AdamW(discriminator.parameters(), recipe.adversary_rate, betas=(0.5, 0.9))
    mean = averaged(network)
    learning = {"network": network, "discriminator": discriminator, "averaged": mean}
    parts = learning | {"optimizer": optimizer, "adversary": adversary}
    run = Run(run_path / "synthesizer.state", parts)
    run.resume(start)
    distributed.averaging(adversary)
    meter = Meter()
    for step, chance in run.steps(last):
        alone = recipe.adversary_alone
        rate = 0.0 if step < alone else learning_rate(step - alone, last - alone, recipe.peak_rate)
        set_learning_rate(optimizer, rate)
        # as fast as the network, or it wins as the network's rate falls
        set_learning_rate(adversary, min(rate, recipe.adversary_rate) if rate else recipe.adversary_rate)
        batch = corpus.draw(chance, device)
        mels, losses = losses_of(network, batch, recipe.profile_noise)
        if step >= recipe.adversary_from:
            learned = teach(discriminator, adversary, mels * batch.frame_mask, batch.mels * batch.frame_mask)
            losses |= dict(zip(("adversary", "fooling", "features"), learned, strict=True))
        loss = sum(getattr(recipe, f"{name}_weight") * value for name, value in losses.items() if name != "adversary")
        optimizer.zero_grad()
        loss.backward()
        distributed.average_gradients(network.parameters())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        mean.update_parameters(network)
        meter.add(step, **losses)
        if (step + 1) % 500 == 0 and distributed.is_first():
            checkpoint.save(run_path / "synthesizer.safetensors", mean.module, steps=step + 1)
    if distributed.is_first():
        checkpoint.save(run_path / "synthesizer.safetensors", mean.module, steps=run.step)
    return mean.module


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--adversary-from", type=int, default=SynthesizerRecipe.adversary_from)
    parser.add_argument("--peak-rate", type=float, default=SynthesizerRecipe.peak_rate)
    parser.add_argument("--from", type=Path, dest="start")
    arguments = parser.parse_args()
    recipe = SynthesizerRecipe(peak_rate=arguments.peak_rate, adversary_from=arguments.adversary_from)
    with distributed.together():
        train(arguments.cache, arguments.run, arguments.steps, recipe, start=arguments.start)
