"""Russian stress: words in full -> words with their stress and ё, by silero-stress and the rules of homographs.py."""

import functools
import re
import unicodedata

from ..stress import with_plus
from .agreement import first_nouns, short_adjectives
from .derived import comparative, compound_of_three_or_four
from .homographs import stress_by_neighbours
from .phones import ENCLITICS, PREPOSITIONS, VOWELS

_WORD = re.compile(r"[а-яёіїєґўѣѳѵ]+", re.IGNORECASE)
_ALWAYS_UNSTRESSED = PREPOSITIONS | ENCLITICS | frozenset("не ни и а но чтоб чтобы".split())
_UNSTRESSED_INSIDE = frozenset(("что", "да"))  # conjunctions, unless they open a sentence or stand before a pause
_PARTICLES = frozenset("то таки либо нибудь ка де с".split())  # after a hyphen
_OVERLONG = re.compile(r"\w{61,}")  # not a word; the model's time grows with the square of its length
_CHUNK_CHARACTERS = 400  # the homograph model reads at most 512 word pieces


def accent(text: str) -> str:
    """Text with `+` before every stressed vowel and ё restored; spaces and punctuation as they were.

    A stress given by the writer, `+` before a vowel or U+0301 after it, stays and is the word's only one. Clitics
    (prepositions, не, и, бы...) get none.
    """
    text, given = _given_stress(unicodedata.normalize("NFC", text))
    restored, found = _predict(text)
    decided = _decided(text)
    pieces, end = [], 0
    for word in _WORD.finditer(text):
        letters, stressed = _accented(text, restored, word, found, given, decided)
        marked = ("+" * (i in stressed) + letter for i, letter in enumerate(letters, word.start()))
        pieces += [text[end : word.start()], *marked]
        end = word.end()
    return "".join([*pieces, text[end:]])


def _decided(text: str) -> dict[int, str]:
    """Where a homograph stands whose stress is decided by rules -> the word with `+` and ё."""
    adjectives = {i: re.match(r"\w+", text[i:])[0] for i in short_adjectives(text)}
    return {
        **dict(first_nouns(text, lambda word: _accentor().variants(word), _read_alone)),
        **{i: f"{word[:-1]}+{word[-1]}" for i, word in adjectives.items()},
        **stress_by_neighbours(text),
    }


def _accented(
    text: str, restored: str, word: re.Match[str], found: set[int], given: set[int], decided: dict[int, str]
) -> tuple[str, set[int]]:
    """A word's letters, with ё restored, and where in the text its stressed vowels are."""
    start = word.start()
    letters, stressed = restored[start : word.end()], found.intersection(range(start, word.end()))
    if by_writer := given.intersection(range(start, word.end())):
        letters, stressed = _as_written(word.group(), letters, {i - start for i in by_writer}), by_writer
    elif _is_clitic(text, word):
        stressed = set()
    elif marked := decided.get(start) or comparative(letters, {i - start for i in stressed}, _read_alone):
        letters, stressed = _with_yo(word.group(), marked.replace("+", "")), {start + marked.index("+")}
    elif (place := compound_of_three_or_four(letters, _read_alone)) is not None:
        stressed = {start + place}
    return letters, stressed | {start + i for i, letter in enumerate(letters) if letter in "ёЁ"}


def _as_written(word: str, restored: str, stressed: set[int]) -> str:
    """A word whose stress the writer gave: е under it is ё where the word has no other reading (зел+еный)."""
    if not any(word[i] in "еЕ" and restored[i] in "ёЁ" for i in stressed) or not _only_yo(word):
        return word
    return "".join(restored[i] if i in stressed else letter for i, letter in enumerate(word))


def _is_clitic(text: str, word: re.Match[str]) -> bool:
    bare = word.group().lower()
    before, after = text[max(0, word.start() - 9) : word.start()], text[word.end() : word.end() + 9]
    after_hyphen = before.endswith("-") and before[-2:-1].isalpha()
    before, after = before.rstrip(" "), after.lstrip(" ")
    opens, closes = not before or before[-1] in ".!?…\n", not after or not after[0].isalpha()
    if after_hyphen and bare in _PARTICLES:
        return True
    if bare in _ALWAYS_UNSTRESSED:
        return not (opens and closes)
    return bare in _UNSTRESSED_INSIDE and not opens and not closes


def _given_stress(text: str) -> tuple[str, set[int]]:
    """Text without stress marks, and where the marked vowels are in it."""
    text = with_plus(text)
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
    """Run the model: text with ё restored, of the same length, and where the stressed vowels are."""
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
    clean = _OVERLONG.sub(lambda word: "," * len(word[0]), text)
    clean = "".join(letter if letter.isalpha() or letter in " ,.!?-" else "," for letter in clean)
    marked = _accentor()(clean)
    letters, stressed = [], set()
    for letter in marked:
        if letter == "+":
            stressed.add(len(letters))
        else:
            letters.append(letter)
    if len(letters) != len(text):  # not seen so far; words alone only lose their context
        return text, frozenset()
    return _with_yo(text, "".join(letters)), frozenset(stressed)


def _with_yo(text: str, restored: str) -> str:
    """A text with ё where the other, of the same length, has it for its е."""
    yo = {"е": "ё", "Е": "Ё"}
    return "".join(yo[old] if old in yo and new in "ёЁ" else old for old, new in zip(text, restored, strict=True))


@functools.lru_cache(maxsize=4096)
def _only_yo(word: str) -> bool:
    """Whether a word written with е is always said with ё (елка), unlike все and всё."""
    return "ё" in _accentor()(word[:60], put_yo_homo=False).lower()


@functools.lru_cache(maxsize=4096)
def _read_alone(word: str) -> tuple[str, int | None]:
    """A word's letters with ё as the model reads it without context, and where it is stressed; None for nowhere."""
    marked = _accentor()(word)
    return marked.replace("+", ""), marked.find("+") if "+" in marked else None


@functools.cache
def _accentor():
    from .accentor import Accentor  # imports PyTorch, so not at the import of this module

    return Accentor()
