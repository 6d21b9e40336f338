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
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import torch
from torch import Tensor, nn

from models import checkpoint
from models.phone_classifier import PhoneClassifier, PhoneClassifierConfig
from models.text import NothingToSay, TextTooLong, read
from models.text.symbols import PAUSES, START, SYMBOLS, WORD_BORDER
from models.training.corpus import Clip, load_clips
from models.training.run import Meter, Run, descend, device, learning_rate, set_learning_rate

SILENCE = SYMBOLS.index(START)  # the one class of all pauses
UNIFORM_STEPS = 150  # targets of the first steps: equal durations
QUIET_SHARE = 0.35  # of the way from a clip's quietest to its loudest frames: below it silence is possible
LOUD_SILENCE = 1e-4  # likelihood of silence where it is not
LEAST_PRIOR = 1e-3  # of a phone among all frames
PRIOR_RATE = 0.02  # how fast the priors follow the last batches
SHARPNESS = 0.5  # exponent of the likelihoods while learning; less makes targets softer
MIN_PHONE_FRAMES, MIN_STRESSED_FRAMES = 2, 3  # of the aligner; without them vowels shrink to a frame
MIN_PAUSE_FRAMES = 5  # 62 ms; a shorter silence belongs to the phone before it
BATCH, PEAK_RATE = 16, 1e-3


@dataclass(frozen=True)
class States:
    """The way through a sentence: symbols, and for each state its class, its symbol, and whether it may be left out."""

    symbols: tuple[str, ...]
    languages: tuple[str, ...]  # of each symbol
    classes: np.ndarray  # (states,) int64
    owners: np.ndarray  # (states,) int64, index of the symbol
    optional: np.ndarray  # (states,) bool


def states_of(text: str, language: str, frames: int) -> States:
    """States of a text said in so many frames: silence, its phones with optional silence at each border, silence."""
    symbols, languages = [START], [language]
    phones = [
        phone for sentence in read(text, language) for phone in zip(sentence.phones, sentence.languages, strict=True)
    ]
    for phone, spoken in phones:
        if phone in (WORD_BORDER, *PAUSES) and symbols[-1] in (WORD_BORDER, *PAUSES):
            symbols[-1] = phone if symbols[-1] == WORD_BORDER else symbols[-1]
        elif not (phone in (WORD_BORDER, *PAUSES) and symbols[-1] == START):
            symbols.append(phone)
            languages.append(spoken)
    silent = np.array([symbol in (START, WORD_BORDER, *PAUSES) for symbol in symbols])
    repeats = np.array([least_frames(symbol) for symbol in symbols])
    if repeats.sum() >= frames:
        repeats[:] = 1
    classes = np.array([SILENCE if quiet else SYMBOLS.index(s) for s, quiet in zip(symbols, silent, strict=True)])
    owners = np.repeat(np.arange(len(symbols)), repeats)
    optional = silent[owners]
    optional[0] = optional[-1] = False
    return States(tuple(symbols), tuple(languages), classes[owners], owners, optional)


def least_frames(symbol: str) -> int:
    """How long a phone lasts at least; pauses may be a single frame."""
    if symbol in (START, WORD_BORDER, *PAUSES):
        return 1
    return MIN_STRESSED_FRAMES if symbol.startswith("ˈ") else MIN_PHONE_FRAMES


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


@numba.njit(cache=True)
def best_path(scores: np.ndarray, optional: np.ndarray) -> np.ndarray:
    """The state at each frame on the likeliest way.  scores: (frames, states) log-likelihoods.  Returns (frames,)."""
    frames, states = scores.shape
    best = np.full((frames, states), -1e30)
    steps = np.zeros((frames, states), dtype=np.int8)
    best[0, 0] = scores[0, 0]
    for t in range(1, frames):
        for s in range(states):
            value, step = best[t - 1, s], 0
            if s > 0 and best[t - 1, s - 1] > value:
                value, step = best[t - 1, s - 1], 1
            if s > 1 and optional[s - 1] and best[t - 1, s - 2] > value:
                value, step = best[t - 1, s - 2], 2
            best[t, s] = value + scores[t, s]
            steps[t, s] = step
    path = np.zeros(frames, dtype=np.int64)
    path[frames - 1] = states - 1
    for t in range(frames - 1, 0, -1):
        path[t - 1] = path[t] - steps[t, path[t]]
    return path


def uniform_posteriors(frames: int, optional: np.ndarray) -> np.ndarray:
    """Equal durations for the states that may not be left out.  (frames, states)."""
    needed = np.flatnonzero(~optional)
    state = needed[np.arange(frames) * len(needed) // frames]
    return np.eye(len(optional))[state]


def silence_likelihoods(mel: np.ndarray) -> np.ndarray:
    """How well each frame goes with silence, by level alone.  mel: (frames, 80).  Returns (frames,)."""
    levels = mel.astype(np.float32).mean(1)
    quietest, loudest = np.percentile(levels, [2, 95])
    return np.where(levels < quietest + QUIET_SHARE * (loudest - quietest), 1.0, LOUD_SILENCE)


def state_likelihoods(probabilities: np.ndarray, mel: np.ndarray, states: States, prior: np.ndarray) -> np.ndarray:
    """Of each frame under each state, up to a factor for each frame; (frames, states).

    A phone's probability over its prior is its likelihood (hybrid models); without it common phones, and silence
    above all, swallow the rest.
    """
    likelihoods = (probabilities / np.maximum(prior, LEAST_PRIOR))[:, states.classes].astype(np.float64)
    silent = states.classes == SILENCE
    likelihoods[:, silent] *= silence_likelihoods(mel)[:, None]
    return likelihoods + 1e-9


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


@torch.inference_mode()
def align(network: PhoneClassifier, mel: np.ndarray, states: States) -> dict:
    """Phones, languages, durations (frames) and likelihood of one clip.  mel: (frames, 80)."""
    mels, mask = padded([mel], next(network.parameters()).device)
    probabilities = network(mels, mask)[0].exp().cpu().numpy()
    scores = np.log(state_likelihoods(probabilities, mel, states, network.prior.cpu().numpy()))
    path = best_path(scores, states.optional)
    durations = np.bincount(states.owners[path], minlength=len(states.symbols))
    phones, languages, lengths = [], [], []
    for place, (symbol, language, frames) in enumerate(zip(states.symbols, states.languages, durations, strict=True)):
        optional = symbol in (WORD_BORDER, *PAUSES) and place < len(durations) - 1
        if optional and frames < MIN_PAUSE_FRAMES:
            lengths[-1] += int(frames)
            continue
        phones.append("," if symbol == WORD_BORDER else symbol)
        languages.append(language)
        lengths.append(int(frames))
    likelihood = float(scores[np.arange(len(path)), path].mean())
    return {"phones": phones, "languages": languages, "durations": lengths, "likelihood": likelihood}


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
        clip.path: align(network, stored[clip.mel[0] :][: clip.mel[1]], way)
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
