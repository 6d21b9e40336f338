"""Which frames of a recording say which phone: an aligner learned from the corpus alone.

    python -m models.training.alignment CACHE [--steps 2500] [--from ALIGNER.state]

A small network gives each mel frame a probability for each phone; hidden Markov states, two or three a phone in the
order of the text, each lasting at least a frame, with silence allowed between words, explain the frames by them. By
expectation-maximisation: the states' posteriors (forward-backward) are the targets of the next step. Writes

    CACHE/alignments.json               for each clip: phones with pauses where the voice really paused, their
                                        durations in frames, and the mean log-likelihood a frame, by which wrong
                                        transcripts are found
    CACHE/phone_classifier.safetensors  the network, which hears phones without a text as well
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numba
import numpy as np
import torch
from torch import Tensor, nn

from models import checkpoint
from models.alignment import States, align, state_likelihoods, states_of
from models.phone_classifier import PhoneClassifier, PhoneClassifierConfig
from models.text import NothingToSay, TextTooLong
from models.text.symbols import SYMBOLS
from models.training.corpus import Clip, load_clips
from models.training.run import Meter, Run, descend, device, learning_rate, set_learning_rate

UNIFORM_STEPS = 150  # targets of the first steps: equal durations
PRIOR_RATE = 0.02  # how fast the priors follow the last batches
SHARPNESS = 0.5  # exponent of the likelihoods while learning; less makes targets softer
BATCH, PEAK_RATE = 16, 1e-3


@numba.njit(cache=True)
def posteriors(likelihoods: np.ndarray, optional: np.ndarray) -> np.ndarray:
    """Probability of each state at each frame, by the scaled forward-backward algorithm.

    likelihoods: (frames, states), of each frame under each state, positive.  Returns (frames, states).
    """
    frames, states = likelihoods.shape
    forward = np.zeros((frames, states))
    backward = np.zeros((frames, states))
    forward[0, 0] = 1.0
    for t in range(1, frames):
        total = 0.0
        for s in range(states):
            way = forward[t - 1, s]
            if s > 0:
                way += forward[t - 1, s - 1]
            if s > 1 and optional[s - 1]:
                way += forward[t - 1, s - 2]
            forward[t, s] = way * likelihoods[t, s]
            total += forward[t, s]
        forward[t] /= total + 1e-300
    backward[frames - 1, states - 1] = 1.0
    for t in range(frames - 2, -1, -1):
        total = 0.0
        for s in range(states):
            way = backward[t + 1, s] * likelihoods[t + 1, s]
            if s + 1 < states:
                way += backward[t + 1, s + 1] * likelihoods[t + 1, s + 1]
            if s + 2 < states and optional[s + 1]:
                way += backward[t + 1, s + 2] * likelihoods[t + 1, s + 2]
            backward[t, s] = way
            total += way
        backward[t] /= total + 1e-300
    for t in range(frames):
        forward[t] *= backward[t]
        forward[t] /= forward[t].sum() + 1e-300
    return forward


def uniform_posteriors(frames: int, optional: np.ndarray) -> np.ndarray:
    """Equal durations for the states that may not be left out.  (frames, states)."""
    needed = np.flatnonzero(~optional)
    state = needed[np.arange(frames) * len(needed) // frames]
    return np.eye(len(optional))[state]


def targets(probabilities: np.ndarray, mel: np.ndarray, states: States, prior: np.ndarray, uniform: bool) -> np.ndarray:
    """What the network should have said: (frames, phones), each row a distribution."""
    if uniform:
        shares = uniform_posteriors(len(mel), states.optional)
    else:
        likelihoods = state_likelihoods(probabilities, mel, states, prior) ** SHARPNESS
        shares = posteriors(likelihoods / likelihoods.max(1, keepdims=True), states.optional)
    wanted = np.zeros_like(probabilities)
    np.add.at(wanted.T, states.classes, shares.T)
    return wanted


def batches(clips: list[Clip], rng: np.random.Generator, size: int) -> list[int]:
    """Indices of clips of like length."""
    middle = rng.integers(len(clips))
    order = np.argsort([clip.mel[1] for clip in clips], kind="stable")
    first = max(0, min(int(middle) - size // 2, len(clips) - size))
    return [int(i) for i in order[first : first + size]]


def padded(mels: list[np.ndarray], device: torch.device) -> tuple[Tensor, Tensor]:
    """mels (batch, frames, 80) and their mask (batch, frames, 1)."""
    tensors = [torch.from_numpy(mel.astype(np.float32)) for mel in mels]
    mask = nn.utils.rnn.pad_sequence([torch.ones(len(mel), 1) for mel in tensors], batch_first=True)
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True).to(device), mask.to(device)


def train(
    cache: Path, clips: list[Clip], states: list[States], last: int, start: Path | None = None
) -> PhoneClassifier:
    """Learn to align the clips.  start: a state, or weights, that know the phones already."""
    on = device()
    torch.manual_seed(0)
    network = PhoneClassifier(PhoneClassifierConfig(len(SYMBOLS))).to(on)
    optimizer = torch.optim.AdamW(network.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    run = Run(cache / "aligner.state", {"network": network, "optimizer": optimizer})
    run.resume(start)
    uniform_steps = 0 if start else UNIFORM_STEPS
    stored, meter = np.load(cache / "mels.npy", mmap_mode="r"), Meter()
    for step, rng in run.steps(last):
        set_learning_rate(optimizer, learning_rate(step, last, PEAK_RATE))
        picked = batches(clips, rng, BATCH)
        mels, mask = padded([stored[clips[i].mel[0] :][: clips[i].mel[1]] for i in picked], on)
        with torch.autocast(on.type, torch.bfloat16):
            said = network(mels, mask)
        heard = said.detach().float().exp().cpu().numpy()
        wanted = np.zeros_like(heard)
        prior = network.prior.cpu().numpy()
        for row, i in enumerate(picked):
            frames = clips[i].mel[1]
            mel = mels[row, :frames].cpu().numpy()
            wanted[row, :frames] = targets(heard[row, :frames], mel, states[i], prior, step < uniform_steps)
        heard_of_each = torch.from_numpy(wanted.sum((0, 1))).to(on)
        network.prior.lerp_(heard_of_each / heard_of_each.sum(), PRIOR_RATE)
        loss = -(torch.from_numpy(wanted).to(on) * said).sum() / mask.sum()
        descend(loss, optimizer, network, max_norm=1.0)
        meter.add(step, loss=loss)
    return network.eval()


class NothingToAlign(ValueError):
    """No clip of a cache has a text that it can be aligned with."""


def readable(clips: list[Clip]) -> Iterator[tuple[Clip, States]]:
    """The unperturbed clips whose text can be read and fits into their frames, with their states."""
    for clip in clips:
        if clip.factor != 1.0:
            continue
        try:
            states = states_of(clip.text, clip.language, clip.mel[1])
        except (NothingToSay, TextTooLong):
            continue
        if (~states.optional).sum() < clip.mel[1]:
            yield clip, states


def align_corpus(cache: Path, last: int, start: Path | None = None) -> None:
    """Train the aligner on a cache and write the alignments of its clips.  Raises NothingToAlign."""
    found = list(readable(load_clips(cache)[0]))
    if not found:
        raise NothingToAlign(f"No clip in {cache} has a text that can be read and fits into it.")
    clips, states = map(list, zip(*found, strict=True))
    network = train(cache, clips, states, last, start)
    stored = np.load(cache / "mels.npy", mmap_mode="r")
    aligned = {
        clip.path: asdict(align(network, stored[clip.mel[0] :][: clip.mel[1]], way))
        for clip, way in zip(clips, states, strict=True)
    }
    checkpoint.save(cache / "phone_classifier.safetensors", network, steps=last)
    (cache / "alignments.json").write_text(json.dumps(aligned, ensure_ascii=False))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--from", type=Path, dest="start", help="a state or weights to begin from")
    arguments = parser.parse_args()
    align_corpus(arguments.cache, arguments.steps, arguments.start)
