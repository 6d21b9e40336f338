"""The vocoder's recipe: spectral losses first, adversaries after.

    python -m models.training.train_vocoder CACHE RUN --steps 20000 --adversaries-from 8000

RUN/vocoder.state is what a stopped run goes on from, RUN/vocoder.safetensors what VoiceCloner loads.
With --from a run begins from the state of another, or from weights, to tune a vocoder on other recordings (with a
lower --peak-rate). Under torchrun each process draws a batch of its own; see models.training.distributed.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models import checkpoint
from models.training import distributed
from models.training.corpus import Clip, load_clips
from models.training.discriminators import Discriminators, teach
from models.training.losses import mel_loss, stft_loss
from models.training.run import Meter, Run, learning_rate, set_learning_rate, training_device
from models.vocoder import Vocoder, VocoderConfig


@dataclass(frozen=True)
class VocoderRecipe:
    """How to train; weights of losses relative to one another."""

    batch: int = 16
    segment_frames: int = 64
    peak_rate: float = 5e-4
    adversaries_from: int = 8_000  # step
    adversaries_per_step: int = 4  # of eight, drawn anew each step
    betas: tuple[float, float] = (0.8, 0.99)
    mel_weight: float = 3.0
    stft_weight: float = 1.0
    adversarial_weight: float = 0.3
    feature_weight: float = 1.0


class Segments:
    """Random pieces of clips: mels with the waveforms they were made from."""

    def __init__(self, cache: Path, recipe: VocoderRecipe):
        clips, _ = load_clips(cache)
        self.clips = [clip for clip in clips if clip.waveform and clip.mel[1] > recipe.segment_frames]
        frames = np.array([clip.mel[1] for clip in self.clips], dtype=np.float64)
        self.chances = frames**0.5 / (frames**0.5).sum()
        self.mels = np.load(cache / "mels.npy", mmap_mode="r")
        self.waveforms = np.load(cache / "waveforms.npy", mmap_mode="r")
        self.recipe = recipe

    def draw(self, chance: np.random.Generator, device: torch.device) -> tuple[Tensor, Tensor]:
        """mels (batch, 80, frames) and waveforms (batch, (frames - 1) * 200)."""
        picked = chance.choice(len(self.clips), self.recipe.batch, p=self.chances)
        pieces = [self._piece(self.clips[i], chance) for i in picked]
        mels, waveforms = (torch.from_numpy(np.stack(part)).to(device) for part in zip(*pieces, strict=True))
        return mels.transpose(1, 2), waveforms

    def _piece(self, clip: Clip, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        frames, hop = self.recipe.segment_frames, VocoderConfig.hop_length
        first = int(chance.integers(0, clip.mel[1] - frames))
        mel = self.mels[clip.mel[0] + first :][:frames].astype(np.float32)
        waveform = self.waveforms[clip.waveform[0] + first * hop :][: (frames - 1) * hop]
        return mel, waveform.astype(np.float32) / 32767


def train(
    cache: Path,
    run_path: Path,
    last: int,
    recipe: VocoderRecipe,
    start: Path | None = None,
    config: VocoderConfig = VocoderConfig(),  # noqa: B008 (frozen)
) -> Vocoder:
    """Run the recipe up to step last, from start if it has no state of its own."""
    device = training_device()
    torch.manual_seed(0)
    network, discriminators = Vocoder(config).to(device), Discriminators().to(device)
    optimizer = torch.optim.AdamW(network.parameters(), betas=recipe.betas, weight_decay=0.01)
    adversary = torch.optim.AdamW(discriminators.parameters(), betas=recipe.betas, weight_decay=0.01)
    parts = {"network": network, "discriminators": discriminators, "optimizer": optimizer, "adversary": adversary}
    run = Run(run_path / "vocoder.state", parts)
    run.resume(start)
    distributed.averaging(adversary)
    segments, meter = Segments(cache, recipe), Meter()
    for step, chance in run.steps(last):
        rate = learning_rate(step, last, recipe.peak_rate)
        set_learning_rate(optimizer, rate)
        set_learning_rate(adversary, rate)
        mel, real = segments.draw(chance, device)
        with torch.autocast(device.type, torch.bfloat16):
            made = network(mel)
        losses = {"mel": mel_loss(made, real), "stft": stft_loss(made, real)}
        loss = recipe.mel_weight * losses["mel"] + recipe.stft_weight * losses["stft"]
        if step >= recipe.adversaries_from:
            some = discriminators.drawn(recipe.adversaries_per_step, chance)
            losses["adversary"], losses["fooling"], losses["features"] = teach(some, adversary, made, real)
            loss = loss + recipe.adversarial_weight * losses["fooling"] + recipe.feature_weight * losses["features"]
        optimizer.zero_grad()
        loss.backward()
        distributed.average_gradients(network.parameters())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        meter.add(step, **losses)
        if (step + 1) % 500 == 0 and distributed.is_first():
            checkpoint.save(run_path / "vocoder.safetensors", network, steps=step + 1)
    if distributed.is_first():
        checkpoint.save(run_path / "vocoder.safetensors", network, steps=run.step)
    return network


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--adversaries-from", type=int, default=VocoderRecipe.adversaries_from)
    parser.add_argument("--peak-rate", type=float, default=VocoderRecipe.peak_rate)
    parser.add_argument("--from", "--start", type=Path, dest="start")  # torchrun takes --start for its --start-method
    arguments = parser.parse_args()
    recipe = VocoderRecipe(peak_rate=arguments.peak_rate, adversaries_from=arguments.adversaries_from)
    with distributed.together():
        train(arguments.cache, arguments.run, arguments.steps, recipe, arguments.start)
