"""The site's dictionary: respell words before any other rule or model reads them."""

import re
from collections.abc import Callable, Mapping

from .sentences import clean
from .stress import unmarked

_ADDRESS = re.compile(r"@|://|\w\.\w")
_SPOKEN = re.compile(r"[^\W_]")
# A word with a stress mark in the text is skipped; "don" matches in "don's", not in "don't".
_START, _END = r"(?<![\w+\u0301])(?<!\w['’])", r"(?![\w\u0301]|\+\w|['’](?!s\b)\w)"


def respeller(dictionary: Mapping[str, str] | None) -> Callable[[str], str]:
    """Make the function that respells a text: whole words in any case, longer entries first.

    dictionary: word -> respelling, with + before the stressed vowel; entries without letters on either side are
    passed over.  Words inside e-mail and web addresses stay.
    """
    respellings = dict(_entries(dictionary or {}))
    if not respellings:
        return lambda text: text
    longest_first = sorted(respellings, key=len, reverse=True)
    words = re.compile(rf"{_START}(?:{'|'.join(map(_pattern, longest_first))}){_END}", re.IGNORECASE)

    def replace(match: re.Match) -> str:
        if _in_address(match):
            return match[0]
        return _in_case_of(match[0], respellings[_key(match[0])])

    return lambda text: words.sub(replace, text)


def _entries(dictionary: Mapping[str, str]):
    for word, respelling in dictionary.items():
        key, respelling = _key(clean(word)), " ".join(clean(respelling).split())
        if _SPOKEN.search(key) and _SPOKEN.search(respelling):
            yield key, respelling


def _key(word: str) -> str:
    return " ".join(unmarked(word).replace("’", "'").lower().split())


def _pattern(key: str) -> str:
    return re.escape(key).replace(r"\ ", r"\s+").replace("'", "['’]")


def _in_address(match: re.Match) -> bool:
    """Whether a word is part of an e-mail or web address."""
    before = match.string[: match.start()].rpartition(" ")[2]
    after = match.string[match.end() :].partition(" ")[0]
    return bool(_ADDRESS.search(before + match[0] + after)) and not _ADDRESS.search(match[0])


def _in_case_of(written: str, respelling: str) -> str:
    """Capitalise the respelling if the word was capitalised, but not if it was all in capitals."""
    first = 1 if respelling.startswith("+") else 0
    if written[:1].isupper() and written[1:] != written[1:].upper():
        return respelling[:first] + respelling[first : first + 1].upper() + respelling[first + 1 :]
    return respelling
