"""Which frames of a recording say which phone: with its text, or by what the phone classifier hears without one.

Hidden Markov states, two or three a phone in the order of the text, each lasting at least a frame, with silence allowed
between words, explain the frames by the classifier's posteriors.  models.training.alignment trains it.
"""

from dataclasses import dataclass

import numpy as np
import torch

from models.phone_classifier import PhoneClassifier
from models.synthesizer import ENERGY_MIDDLE
from models.text import read
from models.text.symbols import PAUSES, START, SYMBOLS, WORD_BORDER, spoken_in

SILENCE = SYMBOLS.index(START)  # the one class of all pauses
QUIET_SHARE = 0.35  # of the way from a clip's quietest to its loudest frames: below it silence is possible
LOUD_SILENCE = 1e-4  # likelihood of silence where it is not
LEAST_PRIOR = 1e-3  # of a phone among all frames
MIN_PHONE_FRAMES, MIN_STRESSED_FRAMES = 2, 3  # of the aligner; without them vowels shrink to a frame
MIN_PAUSE_FRAMES = 5  # 62 ms; a shorter silence belongs to the phone before it
NEXT_PHONE = -3.0  # logarithm of the odds that another phone follows, where no text says which
UNKNOWN_F0 = 150.0  # Hz, of a clip without voice


@dataclass(frozen=True)
class Alignment:
    """phones, languages and durations (frames), one each a phone, from silence to silence; likelihood: the mean
    log-likelihood of a frame, by which wrong transcripts are found."""

    phones: list[str]
    languages: list[str]
    durations: list[int]
    likelihood: float


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


def best_path(scores: np.ndarray, optional: np.ndarray) -> np.ndarray:
    """The state at each frame on the likeliest way.  scores: (frames, states) log-likelihoods.  Returns (frames,)."""
    frames, states = scores.shape
    jump = np.where(optional[1:-1], 0.0, -np.inf)  # over an optional state
    best = np.full(states, -np.inf)
    best[0] = scores[0, 0]
    steps = np.zeros((frames, states), dtype=np.int8)
    ways = np.full((3, states), -np.inf)
    for t in range(1, frames):
        ways[0], ways[1, 1:], ways[2, 2:] = best, best[:-1], best[:-2] + jump
        steps[t] = ways.argmax(0)
        best = ways.max(0) + scores[t]
    path = np.zeros(frames, dtype=np.int64)
    path[-1] = states - 1
    for t in range(frames - 1, 0, -1):
        path[t - 1] = path[t] - steps[t, path[t]]
    return path


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


@torch.inference_mode()
def align(network: PhoneClassifier, mel: np.ndarray, states: States) -> Alignment:
    """What of its text is said where in a clip.  mel: (frames, 80)."""
    probabilities = _probabilities(network, mel)
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
    return Alignment(phones, languages, lengths, likelihood)


@torch.inference_mode()
def hear(network: PhoneClassifier, mel: np.ndarray, languages: tuple[str, ...]) -> Alignment:
    """What is said where in a clip whose text is not known: the likeliest phones of one of the languages.

    mel: (frames, 80).
    """
    probabilities = _probabilities(network, mel)
    prior = network.prior.cpu().numpy()
    return max((_heard(probabilities, mel, prior, language) for language in languages), key=lambda one: one.likelihood)


def _heard(probabilities: np.ndarray, mel: np.ndarray, prior: np.ndarray, language: str) -> Alignment:
    """The likeliest way through a loop of a language's phones and silence, each lasting two frames at least."""
    classes = np.array([SILENCE, *(i for i, symbol in enumerate(SYMBOLS) if language in spoken_in(symbol))])
    ones = np.zeros(len(classes), dtype=bool)
    states = States((), (), classes, classes, ones)
    scores = np.log(state_likelihoods(probabilities, mel, states, prior))
    frames = len(scores)
    first = np.full(scores.shape, -np.inf)  # of a path whose phone begins at this frame
    later = np.full(scores.shape, -np.inf)  # and of one whose phone began before
    before = np.zeros(frames, dtype=np.int64)  # the phone that the best path left for the one that begins here
    goes_on = np.zeros(scores.shape, dtype=bool)
    first[0] = np.where(classes == SILENCE, scores[0], -np.inf)
    for t in range(1, frames):
        before[t] = later[t - 1].argmax()
        first[t] = later[t - 1, before[t]] + NEXT_PHONE + scores[t]
        goes_on[t] = later[t - 1] > first[t - 1]
        later[t] = np.maximum(later[t - 1], first[t - 1]) + scores[t]
    path, starts = np.zeros(frames, dtype=np.int64), np.zeros(frames, dtype=bool)
    path[-1] = place = 0  # silence
    begins = False
    for t in range(frames - 1, 0, -1):
        if begins:
            place, begins = int(before[t]), False
            starts[t] = True
        else:
            begins = not goes_on[t, place]
        path[t - 1] = place
    starts[0] = True
    ends = np.append(np.flatnonzero(starts)[1:], frames)
    symbols, lengths = [], []
    for start, end in zip(np.flatnonzero(starts), ends, strict=True):
        symbol, length = SYMBOLS[classes[path[start]]], int(end - start)
        if symbols and symbol == START and length < MIN_PAUSE_FRAMES and end < frames:
            lengths[-1] += length
            continue
        symbols.append("," if symbols and symbol == START else symbol)
        lengths.append(length)
    if symbols[-1] == ",":
        symbols[-1] = "."
    likelihood = float(scores[np.arange(frames), path].mean())
    return Alignment(symbols, [language] * len(symbols), lengths, likelihood)


def _probabilities(network: PhoneClassifier, mel: np.ndarray) -> np.ndarray:
    """Of each phone in each frame, (frames, symbols)."""
    mels = torch.from_numpy(mel.astype(np.float32))[None].to(next(network.parameters()).device)
    return network(mels, torch.ones_like(mels[..., :1]))[0].exp().cpu().numpy()


def phone_pitch(f0: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Mean log F0 of each phone, interpolated through phones without voice.  f0: (frames,), 0 where unvoiced."""
    voiced = f0 > 0
    if not voiced.any():
        return np.full(len(durations), np.log(UNKNOWN_F0))
    logs = np.where(voiced, np.log(np.maximum(f0, 1)), 0.0)
    sums, counts = (of_phones(values, durations) for values in (logs, voiced))
    known = counts > 0
    phones = np.arange(len(durations))
    return np.interp(phones, phones[known], sums[known] / counts[known])


def phone_energy(mel: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Mean mel of each phone.  mel: (frames, 80)."""
    sums = of_phones(mel.mean(1), durations)
    return np.where(durations > 0, sums / np.maximum(durations, 1), ENERGY_MIDDLE)


def of_phones(values: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Sums of a value over the frames of each phone.  values: (frames,)."""
    starts = np.cumsum(durations) - durations
    return np.add.reduceat(np.append(values, 0.0), starts) * (durations > 0)
