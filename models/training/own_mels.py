"""The synthesizer's own mels of the corpus, for the vocoder to be tuned on.

    python -m models.training.own_mels CACHE SYNTHESIZER.safetensors OWN [--clips 3000]

OWN becomes a cache of unperturbed clips whose mels.npy is what the synthesizer makes of them under the recording's
own durations, pitch and energy, so that each frame still goes with the recording's waveform.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from models import checkpoint
from models.synthesizer import Synthesizer, SynthesizerConfig
from models.training.run import training_device
from models.training.train_synthesizer import Corpus, SynthesizerRecipe


@torch.inference_mode()
def make(cache: Path, weights: Path, own: Path, count: int) -> None:
    """Write the cache of own mels."""
    device = training_device()
    network = checkpoint.load(weights, Synthesizer, SynthesizerConfig).to(device)
    corpus = Corpus(cache, SynthesizerRecipe())
    chance = np.random.default_rng(0)
    recorded = [i for i, spoken in enumerate(corpus.spoken) if spoken.clip.factor == 1.0]
    clips, mels, frame = [], [], 0
    for i in chance.permutation(recorded)[:count]:
        batch = corpus.batch([corpus.spoken[i]], chance, device)
        with torch.autocast(device.type, torch.bfloat16):
            mel, _ = network(
                batch.ids, batch.languages, batch.profiles, batch.durations, batch.pitch, batch.energy, batch.mask
            )
        mels.append(mel[0].float().clamp(-4, 4).cpu().numpy().astype(np.float16))
        clips.append(replace(corpus.spoken[i].clip, mel=(frame, len(mels[-1]))))
        frame += len(mels[-1])
    own.mkdir(parents=True, exist_ok=True)
    np.save(own / "mels.npy", np.concatenate(mels))
    (own / "clips.json").write_text(json.dumps({"clips": [asdict(clip) for clip in clips], "profiles": {}}))
    if not (own / "waveforms.npy").exists():
        (own / "waveforms.npy").symlink_to((cache / "waveforms.npy").resolve())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("own", type=Path)
    parser.add_argument("--clips", type=int, default=3000)
    arguments = parser.parse_args()
    make(arguments.cache, arguments.weights, arguments.own, arguments.clips)
