"""Which sounds of a sentence come from which word of the text as it was written.

The rules that write numbers and abbreviations out keep no account of places.  So where a word is not read as it is
written, it is read once more alone, and that reading is aligned with the one of the whole sentence, which differs from
it in endings at most.
"""

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from .stress import unmarked
from .symbols import BREAKS

# A dash or an ellipsis between two words stays with the first.
_WRITTEN = re.compile(r"[^\s—…]+(?:[—…][—….,;:!?»”’\"')\]}]*)?")
_SPOKEN = re.compile(r"[^\W_]|[%‰&@+=№$€£₽¥°#*<>≈≤≥√∞−]")
_SPOKEN_PART = re.compile(r"\S*[^\W_]\S*")
_NOT_LETTERS = re.compile(r"[\W_]+")
SKIPPED = 0.6  # cost of a part of one reading without a partner in the other; partners cost 0 to 1


@dataclass(frozen=True)
class Written:
    """A word as it was written, with its punctuation: source[start:end], where source is the whole text."""

    source: str
    start: int
    end: int
    cleaned: str


@dataclass(frozen=True)
class Token:
    """A word of the text as it was written, and the phones of a sentence that say it, phones[first:last].

    text: the characters of the whole text from `place` on; more than one word where several are said as one.
    """

    text: str
    place: int
    first: int
    last: int


@dataclass(frozen=True)
class Sound:
    """A phone, its language, and the written word that it comes from; None for a border or a pause."""

    phone: str
    language: str
    origin: Written | None


def written_words(sentence: str, start: int, places: Sequence[int], text: str) -> list[Written]:
    """The words of a written sentence that may be spoken.

    start: where it starts in the cleaned text; places: of each character of that in the text, and the text's end.
    """
    found = []
    for match in _WRITTEN.finditer(sentence):
        if _SPOKEN.search(match[0]):
            first, last = places[start + match.start()], places[start + match.end() - 1]
            first = max(first, found[-1].end if found else 0)  # after a dash with an accent, which are one character
            found.append(Written(text, first, places[bisect(places, last)], match[0]))
    return found


def spoken_parts(words: str) -> list[tuple[int, str]]:
    """(place, part) of each part between spaces with a letter or digit in it."""
    return [(match.start(), match[0]) for match in _SPOKEN_PART.finditer(words)]


def owners(written: Sequence[Written], spoken: Sequence[str], alone: Callable[[str], str]) -> list[Written]:
    """The written word that each spoken part of a sentence comes from, in order.

    Words that are said as one ("А. П." before a name) are returned as one; a sign that is not said is left out.
    spoken: the sentence with numbers and abbreviations written out; alone: writes a word out without its sentence.
    """
    keys = [_key(part) for part in spoken]
    expected: list[tuple[str, Written]] = []
    for word in written:
        key = _key(word.cleaned)
        parts = [key] if key in keys else [_key(part) for _, part in spoken_parts(alone(word.cleaned))]
        expected += [(part, word) for part in parts or [key]]  # "" for a lone sign: it takes a part that is left
    found = _aligned(expected, keys)
    whole: dict[int, Written] = {}  # by the start of a word: the word with the unsaid ones after it
    said, last = {word.start for word in found}, None
    for word in written:
        last = word.start if word.start in said else last
        if last == word.start or (last is not None and _NOT_LETTERS.sub("", word.cleaned)):
            whole[last] = replace(whole.get(last, word), end=word.end)
    return [whole[word.start] for word in found]


def _key(part: str) -> str:
    return _NOT_LETTERS.sub("", unmarked(part)).lower().replace("ё", "е")


def labelled(
    phones: Sequence[str], parts: Sequence[tuple[str, Written]], alone: Callable[[str], Sequence[str]]
) -> Iterator[tuple[str, Written | None]]:
    """Each phone with the written word that it comes from.

    parts: (spoken part, its written word) of what the phones say, in order; alone: the phones of one part.
    """
    groups = [(is_break, tuple(group)) for is_break, group in groupby(phones, BREAKS.__contains__)]
    said = [group for is_break, group in groups if not is_break]
    origins = [origin for _, origin in parts]
    if len(said) != len(parts):
        expected = [
            (tuple(group), origin)
            for part, origin in parts
            for is_break, group in groupby(alone(part), BREAKS.__contains__)
            if not is_break
        ]
        origins = _aligned(expected or parts, said)
    remaining = iter(origins)
    for is_break, group in groups:
        origin = None if is_break else next(remaining, None)
        yield from ((phone, origin) for phone in group)


def tokens_of(origins: Sequence[Written | None]) -> tuple[Token, ...]:
    """The tokens of a sentence.  origins: of each of its phones."""
    found: list[Token] = []
    for i, origin in enumerate(origins):
        if origin and found and found[-1].place == origin.start:
            found[-1] = replace(found[-1], last=i + 1)
        elif origin:
            found.append(Token(origin.source[origin.start : origin.end], origin.start, i, i + 1))
    return tuple(found)


def _aligned(expected: Sequence[tuple[Sequence[str], Written]], found: Sequence[Sequence[str]]) -> list[Written]:
    """The word of each part found, by the cheapest alignment with the expected ones (Needleman and Wunsch).

    expected: (part, its word), at least one if any is found.  A part without a partner belongs to the word before it.
    """
    if len(expected) == len(found):
        return [word for _, word in expected]
    costs = [[SKIPPED * j for j in range(len(found) + 1)]]
    for part, _ in expected:
        above, row = costs[-1], [costs[-1][0] + SKIPPED]
        for j, other in enumerate(found):
            row.append(min(above[j] + _difference(part, other), above[j + 1] + SKIPPED, row[j] + SKIPPED))
        costs.append(row)
    partners: dict[int, Written] = {}
    i, j = len(expected), len(found)
    while i and j:
        part, word = expected[i - 1]
        if costs[i][j] == costs[i - 1][j - 1] + _difference(part, found[j - 1]):
            i, j = i - 1, j - 1
            partners[j] = word
        elif costs[i][j] == costs[i - 1][j] + SKIPPED:
            i -= 1
        else:
            j -= 1
    words, word = [], next((partners[j] for j in sorted(partners)), expected[0][1] if expected else None)
    for j in range(len(found)):
        word = partners.get(j, word)
        words.append(word)
    return words


def _difference(one: Sequence[str], other: Sequence[str]) -> float:
    """From 0 for the same to 1 for parts that do not begin alike."""
    if one == other:
        return 0.0
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return 1.0 - same / max(len(one), len(other))
