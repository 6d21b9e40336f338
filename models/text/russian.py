"""Russian text: what is written -> words in full -> words with stress -> phones."""

import functools
import re
import threading
import unicodedata

from .russian_abbreviations import letters_in_words, signs_in_words
from .russian_numbers import join_ranges, numbers_in_words
from .russian_phones import ENCLITICS, PREPOSITIONS, VOWELS, phones

__all__ = ["accent", "normalise", "phones"]

_ACCENTOR_LOCK = threading.Lock()  # the model keeps state between calls
_WORD = re.compile(r"[а-яёіїєґўѣѳѵ]+", re.IGNORECASE)
_ALWAYS_UNSTRESSED = PREPOSITIONS | ENCLITICS | frozenset("не ни и а но чтоб чтобы".split())
_UNSTRESSED_INSIDE = frozenset(("что", "да"))  # conjunctions, unless they open a sentence or stand before a pause
_PARTICLES = frozenset("то таки либо нибудь ка де с".split())  # after a hyphen
_CHUNK_CHARACTERS = 400  # the homograph model reads at most 512 word pieces


def normalise(text: str) -> str:
    """Text in NFC with numbers, signs and abbreviations in words, in the case the sentence asks for."""
    text = signs_in_words(unicodedata.normalize("NFC", text))
    text = _normalizer().normalize(numbers_in_words(text))
    return letters_in_words(join_ranges(text))


@functools.lru_cache(maxsize=1)
def _normalizer():
    from ru_normalizr import NormalizeOptions, Normalizer

    return Normalizer(NormalizeOptions.safe())


def accent(text: str) -> str:
    """Text with `+` before every stressed vowel and ё restored; spaces and punctuation as they were.

    A stress given by the writer, `+` before a vowel or U+0301 after it, stays and is the word's only one. Clitics
    (prepositions, не, и, бы...) get none.
    """
    text, given = _given_stress(unicodedata.normalize("NFC", text))
    restored, found = _predict(text)
    pieces, end = [], 0
    for word in _WORD.finditer(text):
        pieces += [text[end : word.start()], _accented(text, restored, word, found, given)]
        end = word.end()
    return "".join([*pieces, text[end:]])


def _accented(text: str, restored: str, word: re.Match[str], found: set[int], given: set[int]) -> str:
    span = range(word.start(), word.end())
    by_writer = given.intersection(span)
    letters = restored[word.start() : word.end()]
    if by_writer:
        stressed = by_writer
        letters = "".join(restored[i] if i in by_writer and _only_yo(word.group()) else text[i] for i in span)
    elif _is_clitic(text, word):
        stressed = set()
    else:
        stressed = found.intersection(span)
    stressed = stressed | {word.start() + i for i, letter in enumerate(letters) if letter in "ёЁ"}
    return "".join("+" * (i in stressed) + letter for i, letter in zip(span, letters, strict=True))


def _is_clitic(text: str, word: re.Match[str]) -> bool:
    bare = word.group().lower()
    before, after = text[: word.start()].rstrip(" "), text[word.end() :].lstrip(" ")
    opens, closes = not before or before[-1] in ".!?…\n", not after or not after[0].isalpha()
    if before.endswith("-") and len(before) > 1 and before[-2].isalpha() and bare in _PARTICLES:
        return True
    if bare in _ALWAYS_UNSTRESSED:
        return not (opens and closes)
    return bare in _UNSTRESSED_INSIDE and not opens and not closes


def _given_stress(text: str) -> tuple[str, set[int]]:
    """Text without stress marks, and where the marked vowels are in it."""
    text = re.sub(rf"([{VOWELS}])\u0301", r"+\1", text, flags=re.IGNORECASE)
    letters, given = [], set()
    for i, letter in enumerate(text):
        if letter != "+":
            letters.append(letter)
        elif text[i + 1 : i + 2].lower() in tuple(VOWELS):
            given.add(len(letters))
        else:
            letters.append(letter)
    return "".join(letters), given


def _predict(text: str) -> tuple[str, set[int]]:
    """The model's opinion: text with ё restored, letter for letter, and where the stressed vowels are."""
    restored, found = "", set()
    for chunk in _chunks(text):
        letters, stressed = _predict_chunk(chunk)
        found |= {len(restored) + i for i in stressed}
        restored += letters
    return restored, found


def _chunks(text: str) -> list[str]:
    """Text in parts the model can read at once, cut after a sentence where possible, else after a word."""
    chunks = []
    while len(text) > _CHUNK_CHARACTERS:
        head = text[:_CHUNK_CHARACTERS]
        ends = [m.end() for m in re.finditer(r"[.!?…\n]\s", head)] or [m.end() for m in re.finditer(r"\s", head)]
        cut = ends[-1] if ends else _CHUNK_CHARACTERS
        chunks.append(text[:cut])
        text = text[cut:]
    return [*chunks, text]


@functools.lru_cache(maxsize=512)
def _predict_chunk(text: str) -> tuple[str, frozenset[int]]:
    clean = "".join(letter if letter.isalpha() or letter in " ,.!?-" else "," for letter in text)
    marked = _ask(clean)
    letters, stressed = [], set()
    for letter in marked:
        if letter == "+":
            stressed.add(len(letters))
        else:
            letters.append(letter)
    if len(letters) != len(text):  # never seen: then every word alone loses only its context
        return text, frozenset()
    yo = {"е": "ё", "Е": "Ё"}
    restored = "".join(new if new == yo.get(old) else old for old, new in zip(text, letters, strict=True))
    return restored, frozenset(stressed)


def _only_yo(word: str) -> bool:
    """Whether a word written with е is always said with ё (елка), unlike все and всё."""
    return "ё" in _ask(word, put_yo_homo=False).lower()


def _ask(text: str, **options: bool) -> str:
    import torch

    with _ACCENTOR_LOCK, torch.no_grad():
        return _accentor()(text, **options)


@functools.lru_cache(maxsize=1)
def _accentor():
    """silero-stress, its import and load guarded: both change PyTorch's settings for the whole process."""
    import torch

    threads, gradients = torch.get_num_threads(), torch.is_grad_enabled()
    try:
        from silero_stress import load_accentor

        return load_accentor("ru")
    finally:
        torch.set_num_threads(threads)
        torch.set_grad_enabled(gradients)
