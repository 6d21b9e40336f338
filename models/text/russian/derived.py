"""Russian words whose stress follows from the word that they are derived from, where the model misses it."""

import re
from collections.abc import Callable

# Suffixes that keep the stress of their adjective in the comparative: крас+ивее, ув+еренней. Others may give it up to
# the ending (сильн+ее, весел+ее), which the model knows. Of 3,500 comparatives with these it misses 28.
_COMPARATIVE = re.compile(r"(?P<stem>[а-яё]*[аеёиоуыэюя][а-яё]*(?:ив|[её]нн|ист|[иу]чн|альн|тельн|им|оват|чат))е[ей]")
ReadAlone = Callable[[str], tuple[str, int | None]]  # a word -> its letters with ё, where its stressed vowel is
_THREE_FOUR = re.compile(r"(?:тр|четыр)ёх(?=[а-яё]{2})", re.IGNORECASE)


def comparative(word: str, stressed: set[int], read_alone: ReadAlone) -> str | None:
    """A comparative in -ее with its right stress as `+`, where the model's is wrongly in the ending; else None."""
    found = _COMPARATIVE.fullmatch(word.lower()) if stressed == {len(word) - 2} else None
    if not found:
        return None
    stem = found["stem"]
    letters, place = read_alone(stem + "ый")
    return None if place is None or place >= len(stem) else f"{letters[:place]}+{letters[place:-2]}{word[-2:].lower()}"


def compound_of_three_or_four(word: str, read_alone: ReadAlone) -> int | None:
    """Where a compound of трёх, четырёх has its main stress: where that of двух has it (двухсо́т, двухэта́жный)."""
    first = _THREE_FOUR.match(word)
    if not first or re.fullmatch("(?:тр|четыр)ёх(?:а|ам|ами|ах)", word, re.IGNORECASE):
        return None
    _, place = read_alone("двух" + word[first.end() :].lower())
    return None if place is None or place < 4 else place + first.end() - 4
