"""Who is speaking: a time-delay network like that of x-vectors (Snyder et al., 2018), learned from the corpus alone.

    python -m models.training.speaker_classifier CACHE [--steps 1100]

Its features are a perceptual loss of the synthesizer: they tell voices apart where distances of mels do not. It has
nothing to do with the product's speaker encoder, nor with what judges the product. Writes
CACHE/speaker_classifier.safetensors.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models import checkpoint
from models.speaker_classifier import SpeakerClassifier, SpeakerClassifierConfig
from models.training.corpus import load_clips
from models.training.run import Meter, Run, device, learning_rate, set_learning_rate
from models.training.utterances import equalizers

MIN_FRAMES = 120  # of a clip to learn from
SEGMENT_FRAMES = (100, 220)
MAX_SPEAKER_FRAMES = 8000  # beyond them a speaker is not drawn more often
BATCH, PEAK_RATE = 48, 2e-3
SCALE, MARGIN = 24.0, 0.15  # of the cosines (additive margin, arXiv:1801.05599); the margin grows in the first half
EQUALIZER_SPREAD, NOISE = 0.25, 0.1  # of a mel: so that rooms and microphones tell nothing


class Segments:
    """Random pieces of the speakers' clips, coloured and noisy."""

    def __init__(self, cache: Path):
        self.mels = np.load(cache / "mels.npy", mmap_mode="r")
        by_speaker = defaultdict(list)
        for clip in load_clips(cache)[0]:
            if clip.mel[1] >= MIN_FRAMES:
                by_speaker[clip.speaker].append(clip.mel)
        self.places = [by_speaker[speaker] for speaker in sorted(by_speaker)]
        frames = np.array([sum(length for _, length in own) for own in self.places])
        weights = np.sqrt(np.minimum(frames, MAX_SPEAKER_FRAMES))
        self.odds = weights / weights.sum()

    def draw(self, rng: np.random.Generator, on: torch.device) -> tuple[Tensor, Tensor]:
        """Mels, (batch, frames, 80), and their speakers, (batch,)."""
        frames = int(rng.integers(*SEGMENT_FRAMES))
        speakers = rng.choice(len(self.places), BATCH, p=self.odds)
        pieces = [self._piece(self.places[speaker], frames, rng) for speaker in speakers]
        mels = np.stack(pieces) + equalizers(BATCH, 1.0, EQUALIZER_SPREAD, rng)[:, None]
        mels += NOISE * rng.normal(size=mels.shape)
        return torch.from_numpy(mels.astype(np.float32)).to(on), torch.from_numpy(speakers).to(on)

    def _piece(self, places: list[tuple[int, int]], frames: int, rng: np.random.Generator) -> np.ndarray:
        """Some frames of a clip, over again if it is too short."""
        first, length = places[rng.integers(len(places))]
        start = first + int(rng.integers(max(0, length - frames) + 1))
        mel = self.mels[start : min(start + frames, first + length)].astype(np.float32)
        return np.resize(mel, (frames, mel.shape[1]))


def train(cache: Path, last: int) -> SpeakerClassifier:
    """Learn to tell the speakers of a cache apart."""
    on, segments = device(), Segments(cache)
    torch.manual_seed(0)
    network = SpeakerClassifier(SpeakerClassifierConfig(len(segments.places))).to(on)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    run = Run(cache / "speaker_classifier.state", {"network": network, "optimizer": optimizer})
    run.resume()
    meter = Meter()
    for step, rng in run.steps(last):
        set_learning_rate(optimizer, learning_rate(step, last, PEAK_RATE, warmup=50))
        mels, speakers = segments.draw(rng, on)
        with torch.autocast(on.type, torch.bfloat16):
            embeddings, _ = network(mels, torch.ones_like(mels[..., :1]))
        cosines = embeddings @ F.normalize(network.speakers, dim=1).T
        margins = MARGIN * min(1.0, 2 * step / last) * F.one_hot(speakers, len(segments.places))
        loss = F.cross_entropy(SCALE * (cosines - margins), speakers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        meter.add(step, loss=loss, right=(cosines.argmax(1) == speakers).float().mean())
    checkpoint.save(cache / "speaker_classifier.safetensors", network, steps=last)
    return network.eval()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--steps", type=int, default=1100)
    arguments = parser.parse_args()
    train(arguments.cache, arguments.steps)
