"""The vocoder's recipe: spectral losses first, adversaries after.

    python -m models.training.train_vocoder CACHE RUN --steps 20000 --adversaries-from 8000

RUN/vocoder.state is what a stopped run goes on from, RUN/vocoder.safetensors what VoiceCloner loads.
With --from a run begins from the state of another, or from weights, to tune a vocoder on other recordings (with a
lower --peak-rate).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models import checkpoint
from models.audio import MAX_MEL
from models.mel_discriminator import adversarial_losses
from models.training.corpus import Clip, load_clips
from models.training.discriminators import Discriminators
from models.training.losses import mel_loss, stft_loss
from models.training.run import Meter, Run, averaged, descend, device, learning_rate, set_learning_rate
from models.vocoder import Vocoder, VocoderConfig

MAX_CUT_BANDS = 10  # of the mel: up to 400 Hz


@dataclass(frozen=True)
class VocoderRecipe:
    """How to train; weights of losses relative to one another; shares say how often a source is drawn."""

    batch: int = 16
    segment_frames: int = 64
    peak_rate: float = 5e-4
    pitch_until: int = 2_000  # step; up to it only the pitch estimator learns
    adversaries_from: int = 8_000  # step
    adversaries_per_step: int = 4  # of eight, drawn anew each step
    betas: tuple[float, float] = (0.8, 0.99)
    pitch_weight: float = 0.1
    pitch_noise: float = 0.1  # on the mels that pitch is learned from, since it is read from made ones, too
    telephone_share: float = 0.3
    mel_weight: float = 3.0
    stft_weight: float = 0.3
    generator_weight: float = 0.6
    features_weight: float = 1.0
    source_shares: tuple[tuple[str, float], ...] = (("librispeech", 4.0), ("rhvoice_ru", 0.3))  # people; machine


class Segments:
    """Random pieces of clips: mels with the waveforms they were made from, and their F0."""

    def __init__(self, cache: Path, recipe: VocoderRecipe):
        clips, _ = load_clips(cache)
        self.clips = [clip for clip in clips if clip.waveform and clip.mel[1] > recipe.segment_frames]
        shares = dict(recipe.source_shares)
        weights = np.array([shares.get(clip.source, 1.0) * clip.mel[1] ** 0.5 for clip in self.clips])
        self.odds = weights / weights.sum()
        self.mels = np.load(cache / "mels.npy", mmap_mode="r")
        self.waveforms = np.load(cache / "waveforms.npy", mmap_mode="r")
        self.f0 = np.load(cache / "pitch.npy", mmap_mode="r")
        self.recipe = recipe

    def draw(self, rng: np.random.Generator, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """mels (batch, 80, frames), waveforms (batch, (frames - 1) * 200) and F0 in Hz (batch, frames)."""
        picked = rng.choice(len(self.clips), self.recipe.batch, p=self.odds)
        pieces = [self._piece(self.clips[i], rng) for i in picked]
        mels, waveforms, f0 = (torch.from_numpy(np.stack(part)).to(device) for part in zip(*pieces, strict=True))
        return mels.transpose(1, 2), waveforms, f0

    def _piece(self, clip: Clip, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        frames, hop = self.recipe.segment_frames, VocoderConfig.hop_length
        first = int(rng.integers(0, clip.mel[1] - frames))
        mel, f0 = (array[clip.mel[0] + first :][:frames].astype(np.float32) for array in (self.mels, self.f0))
        waveform = self.waveforms[clip.waveform[0] + first * hop :][: (frames - 1) * hop]
        return mel, waveform.astype(np.float32) / 32767, f0


def degraded(mel: Tensor, recipe: VocoderRecipe) -> Tensor:
    """The mels with noise, and some of them as by telephone: without the fundamental.  (batch, 80, frames)."""
    highest = torch.randint(MAX_CUT_BANDS + 1, (len(mel), 1, 1), device=mel.device)
    is_cut = torch.arange(mel.shape[1], device=mel.device)[:, None] < highest
    by_telephone = torch.rand(len(mel), 1, 1, device=mel.device) < recipe.telephone_share
    depth = MAX_MEL * torch.rand(len(mel), 1, 1, device=mel.device)
    return mel + recipe.pitch_noise * torch.randn_like(mel) - depth * (is_cut & by_telephone)


def train(
    cache: Path,
    run_path: Path,
    last: int,
    recipe: VocoderRecipe,
    start: Path | None = None,
    config: VocoderConfig = VocoderConfig(),  # noqa: B008 (frozen)
) -> Vocoder:
    """Run the recipe up to step last, from start if it has no state of its own."""
    on = device()
    torch.manual_seed(0)
    network, discriminators = Vocoder(config).to(on), Discriminators().to(on)
    optimizer = torch.optim.AdamW(network.parameters(), betas=recipe.betas, weight_decay=0.01)
    adversary = torch.optim.AdamW(discriminators.parameters(), betas=recipe.betas, weight_decay=0.01)
    mean = averaged(network)
    learning = {"network": network, "discriminators": discriminators, "averaged": mean}
    run = Run(run_path / "vocoder.state", learning | {"optimizer": optimizer, "adversary": adversary})
    run.resume(start)
    segments, meter = Segments(cache, recipe), Meter()
    for step, rng in run.steps(last):
        rate = learning_rate(step, last, recipe.peak_rate)
        set_learning_rate(optimizer, rate)
        set_learning_rate(adversary, rate)
        mel, real, f0 = segments.draw(rng, on)
        with torch.autocast(on.type, torch.bfloat16):
            losses = {"pitch": network.pitch.loss(degraded(mel, recipe), f0)}
        if step >= recipe.pitch_until:
            with torch.autocast(on.type, torch.bfloat16):
                fake = network(mel)
            losses |= {"mel": mel_loss(fake, real), "stft": stft_loss(fake, real)}
            if step >= recipe.adversaries_from:
                some = discriminators.drawn(recipe.adversaries_per_step, rng)
                losses |= adversarial_losses(some, adversary, real, fake)
        loss = sum(getattr(recipe, f"{name}_weight") * loss for name, loss in losses.items() if name != "discriminator")
        descend(loss, optimizer, network, max_norm=5.0)
        mean.update_parameters(network)
        meter.add(step, **losses)
        if (step + 1) % 500 == 0:
            checkpoint.save(run_path / "vocoder.safetensors", mean.module, steps=step + 1)
    checkpoint.save(run_path / "vocoder.safetensors", mean.module, steps=run.step)
    return mean.module


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--pitch-until", type=int, default=VocoderRecipe.pitch_until)
    parser.add_argument("--adversaries-from", type=int, default=VocoderRecipe.adversaries_from)
    parser.add_argument("--peak-rate", type=float, default=VocoderRecipe.peak_rate)
    parser.add_argument("--from", type=Path, dest="start")
    arguments = parser.parse_args()
    recipe = VocoderRecipe(
        peak_rate=arguments.peak_rate,
        pitch_until=arguments.pitch_until,
        adversaries_from=arguments.adversaries_from,
    )
    train(arguments.cache, arguments.run, arguments.steps, recipe, arguments.start)
