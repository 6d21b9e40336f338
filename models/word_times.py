"""When each word of a text is said: from the lengths that the synthesizer gave its phones, or else by listening."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.audio import SAMPLE_RATE, SPEECH_MEL
from models.text import Sentence
from models.text.symbols import PAUSES, START, SYMBOLS, WORD_BORDER

FRAME_SECONDS = SPEECH_MEL.hop_length / SAMPLE_RATE
SILENCE = SYMBOLS.index(START)  # what the phone classifier calls every pause
LEAST_PRIOR = 1e-3  # of a phone among all frames


@dataclass(frozen=True)
class Word:
    """A word of the text as it was written, with its punctuation, and when it is said.

    text: the characters of the text from `place` on.  start, end: seconds, without the pauses around it.
    """

    text: str
    place: int
    start: float
    end: float


@dataclass(frozen=True)
class SpokenSentence:
    """A sentence as it was said, with the pause after it.

    waveform: (samples,) float32; words: timed from the sentence's own beginning.
    """

    waveform: np.ndarray
    words: tuple[Word, ...]

    def words_after(self, seconds: float) -> list[Word]:
        """The words, timed from the beginning of a speech of which so many seconds are said before."""
        return [replace(word, start=word.start + seconds, end=word.end + seconds) for word in self.words]


def words_of(sentence: Sentence, durations: np.ndarray, seconds: float) -> tuple[Word, ...]:
    """The words of a sentence that is so long.

    durations: frames of START and of each phone, without word borders.  A frame is centred on its sample, so that the
    first is heard from its middle on.
    """
    is_spoken = np.array([phone != WORD_BORDER for phone in sentence.phones])
    border = np.concatenate([[0], np.cumsum(is_spoken)]) + 1  # of each phone, among those with durations
    frames = np.concatenate([[0], np.cumsum(durations)])
    times = ((frames - 0.5) * FRAME_SECONDS).clip(0, seconds)
    return tuple(
        Word(token.text, token.place, float(times[border[token.first]]), float(times[border[token.last]]))
        for token in sentence.tokens
    )


def heard_durations(log_posteriors: np.ndarray, prior: np.ndarray, phones: Sequence[str]) -> np.ndarray:
    """How many frames each of these phones lasts, by the likeliest way through them (Viterbi); a pause may last none.

    log_posteriors: (frames, symbols), of the phone classifier; prior: (symbols,); phones: START and those after it.
    """
    is_pause = np.array([phone in (START, *PAUSES) for phone in phones])
    classes = [SILENCE if pause else SYMBOLS.index(phone) for phone, pause in zip(phones, is_pause, strict=True)]
    scores = (log_posteriors - np.log(prior.clip(LEAST_PRIOR)))[:, classes]
    best = np.where(np.arange(len(phones)) == 0, scores[0], -np.inf)
    best[1:2] = scores[0, 1:2] if is_pause[0] else -np.inf
    steps = np.zeros(scores.shape, dtype=int)
    for t in range(1, len(scores)):
        ways = np.full((3, len(phones)), -np.inf)
        ways[0], ways[1, 1:] = best, best[:-1]
        ways[2, 2:] = np.where(is_pause[1:-1], best[:-2], -np.inf)
        steps[t] = ways.argmax(0)
        best = ways.max(0) + scores[t]
    phone = len(phones) - 1
    if is_pause[-1] and best[-2] > best[-1]:
        phone -= 1
    durations = np.zeros(len(phones), dtype=int)
    for t in range(len(scores) - 1, -1, -1):
        durations[phone] += 1
        phone -= steps[t, phone]
    return durations
