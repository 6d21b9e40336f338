"""Russian numbers, signs and abbreviations in words, in the case that the sentence asks for."""

import functools
import unicodedata

from .abbreviations import signs_in_words
from .initialisms import letters_in_words
from .morphology import morphology
from .numbers import join_ranges, numbers_in_words
from .ordinals import ordinals_in_words

GUARDS_KEPT = 64  # patterns of ru-normalizr, twice as many as it makes


def normalise(text: str) -> str:
    """Text in NFC with numbers, signs and abbreviations in words, in the case the sentence asks for."""
    text = signs_in_words(unicodedata.normalize("NFC", text))
    text = _normalizer().normalize(numbers_in_words(ordinals_in_words(text)))
    return letters_in_words(join_ranges(text))


@functools.lru_cache(maxsize=1)
def _normalizer():
    from ru_normalizr import NormalizeOptions, Normalizer, text_scan

    # It takes its patterns apart again for every sentence: a third of the time.
    text_scan.required_guards = functools.lru_cache(GUARDS_KEPT)(text_scan.required_guards)
    morphology()  # before its first word: it bounds what ru-normalizr keeps
    return Normalizer(NormalizeOptions.safe())
