"""The dictionary, the tagger and the network of hibari-tts, without its voices and in half of their memory.

`import hibari` would load its synthesizer and, for that, scipy.  The tagger's weights, 80,000 small dictionaries, are
kept as tuples here.  The output is the same.
"""

import gzip
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain

from .heteronyms import READINGS as HETERONYMS
from .heteronyms import HeteronymTagger


@contextmanager
def _without_voices() -> Iterator[None]:
    """Let hibari.g2p be imported while an empty module stands for hibari."""
    if "hibari" in sys.modules:
        yield
        return
    sys.modules["hibari"] = importlib.util.module_from_spec(importlib.util.find_spec("hibari"))
    try:
        yield
    finally:
        del sys.modules["hibari"]


with _without_voices():
    from hibari.g2p import ASSETS, G2P, Lexicon, Tokenizer, numbers
    from hibari.g2p.normalize import ROMAN_CARDINAL, UNITS, normalize
    from hibari.g2p.tagger import Tagger

__all__ = ["MAX_WORD", "PAUSE_MARKS", "ROMAN_CARDINAL", "UNITS", "dictionary", "normalize", "numbers"]

MAX_WORD = 60  # letters of an unknown word that are read
PAUSE_MARKS = frozenset(",.?!;:—–…()")  # the network puts them into words
# Words that the dictionary lacks and its network misreads, in the dictionary's alphabet.
READINGS = {
    "JSON": "ʤˈAsᵊn", "IKEA": "Ikˈiə", "GIF": "ɡˈɪf", "Putin": "pˈutɪn", "Dostoevsky": "dˌɑstəjˈɛfski",
    "Zelensky": "zəlˈɛnski", "Zelenskyy": "zəlˈɛnski", "Chekhov": "ʧˈɛkɔf", "Tchaikovsky": "ʧIkˈɔfski",
    "iOS": "ˌIˌOˈɛs", "macOS": "mˌækˌOˈɛs", "sh": "ʃ", "shh": "ʃ", "pst": "pst", "psst": "pst", "www": "dˌʌbəljˌu",
}  # fmt: skip


@cache
def dictionary() -> G2P:
    """The one dictionary: called with a text in words, it returns its reading in the dictionary's alphabet."""
    return _Dictionary()


class _Dictionary(G2P):
    def __init__(self) -> None:
        """As G2P's own, with this module's words, tagger and network."""
        gold, silver = _asset("lexicon_us_gold.json.gz"), _asset("lexicon_us_silver.json.gz")
        gold.update(READINGS | HETERONYMS)
        self.lexicon = Lexicon(gold, silver)
        self.tokenizer = Tokenizer(_asset("tokenizer_exceptions.json"))
        self.tagger = HeteronymTagger(_CompactTagger(), gold)
        self.unk, self.british = "", False
        self._oov = None
        self._oov = _Unknown(self.oov)


class _CompactTagger(Tagger):
    """The perceptron, whose weights of a feature are one tuple: tag, weight, tag, weight, ..."""

    def __init__(self) -> None:
        super().__init__(_asset("tagger.json.gz", of_weights=True))

    def predict(self, feats: tuple[str, ...]) -> str:
        scores: dict[str, float] = {}
        for feature in feats:
            weights = iter(self.weights.get(feature, ()))
            for tag, weight in zip(weights, weights, strict=True):
                scores[tag] = scores.get(tag, 0) + weight
        return max(self.tags, key=lambda tag: (scores.get(tag, 0), tag)) if scores else "NN"


class _Unknown:
    """Readings of words that are not in the dictionary, by its network; marks that it misuses are dropped."""

    def __init__(self, network) -> None:
        self.network = network

    def __call__(self, word: str) -> str:
        return "".join(mark for mark in self.network(word[:MAX_WORD]) or "" if mark not in PAUSE_MARKS)


def _asset(name: str, of_weights: bool = False):
    """A JSON file of hibari's, gzipped or not; of_weights: its dictionaries of numbers as tuples."""
    hooks = {"object_hook": _weights_as_tuple, "parse_float": cache(float)} if of_weights else {}
    with (gzip.open if name.endswith(".gz") else open)(os.path.join(ASSETS, name), "rt", encoding="utf-8") as file:
        return json.load(file, **hooks)


def _weights_as_tuple(found: dict) -> dict | tuple:
    """A JSON object of tag: weight as a tuple; any other as it is."""
    return tuple(chain.from_iterable(found.items())) if isinstance(next(iter(found.values())), float) else found
