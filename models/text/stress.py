"""Marks of stress as writers type them: `+` before the stressed vowel, or an accent, U+0301, after it."""

import re

ACCENT = "\u0301"

_VOWEL = "[аеёиоуыэюяaeiouy]"
_ACCENTED = re.compile(rf"({_VOWEL}){ACCENT}", re.IGNORECASE)
_PLUS = re.compile(rf"\+({_VOWEL})", re.IGNORECASE)
_NO_MARKS = str.maketrans("", "", "+" + ACCENT)


def with_plus(text: str) -> str:
    return _ACCENTED.sub(r"+\1", text)


def with_accents(text: str) -> str:
    return _PLUS.sub(rf"\1{ACCENT}", text)


def unmarked(word: str) -> str:
    """A word without its marks of stress."""
    return word.translate(_NO_MARKS)
