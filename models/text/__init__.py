"""Text to phones, sentence by sentence.

    written text --clean, cut--> sentences --numbers in words, stress--> words --letter to sound--> phones

`read` does all of it; symbols.phone_ids turns its phones into the ids the synthesizer takes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from models.errors import N_, NN_, TembrError
from models.limits import LANGUAGES, MAX_TEXT_CHARACTERS

from . import english, russian
from .dictionary import respeller
from .sentences import clean, cut, has_cyrillic, language_of, runs, sentences
from .stress import with_accents
from .symbols import WORD_BORDER

MAX_WORDS = 400  # characters of a sentence after numbers are written out

BREAKS = (WORD_BORDER, *",.!?")  # weakest first

_LONG_NUMBER = re.compile(r"\d{16,}")  # is read digit by digit
_STANDARD = re.compile(r"(?<![\w.])([A-Z])\.(?=\d{2,4}\b(?!\.?\d))")  # H.323: the full stop is not spoken
_LEADING_MARKS = re.compile(r"^[^\w+]+")


class NothingToSay(TembrError):
    """The text has no word that can be spoken."""

    def __init__(self) -> None:
        super().__init__(N_("There is nothing to say in this text: it has no Russian or English words and no numbers."))


class TextTooLong(TembrError):
    """The text has more than MAX_TEXT_CHARACTERS characters."""

    def __init__(self, n_characters: int) -> None:
        templates = NN_(
            "The text is too long: %(count)d character. The limit is %(limit)d.",
            "The text is too long: %(count)d characters. The limit is %(limit)d.",
        )
        super().__init__(templates, count=n_characters, limit=MAX_TEXT_CHARACTERS)


@dataclass(frozen=True)
class Sentence:
    """One sentence, ready to be synthesized."""

    language: str  # "ru" or "en", that of most of its words
    words: str  # numbers and abbreviations written out, stress as U+0301 (English: only where it was given)
    phones: tuple[str, ...]  # of SYMBOLS, WORD_BORDER between words; the last is one of . ? !
    languages: tuple[str, ...]  # of each phone
    pause_after: float = 0.0  # seconds of silence asked for, by a mark or an empty line; 0 for an ordinary pause


def read(text: str, language: str | None = None, dictionary: Mapping[str, str] | None = None) -> list[Sentence]:
    """Split a text into sentences and convert each to phones.

    Each word is read in the language of its alphabet; `language` is that of sentences without letters (numbers).
    dictionary: word -> respelling with + before its stressed vowel, in either alphabet; it wins over the models, and
    a stress that the text gives wins over it.
    Raises NothingToSay, TextTooLong.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLong(len(text))
    text = clean(text)
    default = language if language in LANGUAGES else language_of(text, None) or LANGUAGES[0]
    respell = respeller(dictionary)
    found = [
        sentence for written, pause in sentences(text) for sentence in _read_sentence(written, default, pause, respell)
    ]
    if not found:
        raise NothingToSay
    return found


def _read_sentence(written: str, default: str, pause: float, respell: Callable[[str], str]) -> list[Sentence]:
    """Convert one written sentence; yield several if its numbers make it too long in words."""
    language = language_of(written, default)
    pieces = cut(_in_words(respell(written), language), MAX_WORDS)
    last = _last_mark(written)
    found = [_sentence(words, language, last if words is pieces[-1] else ".") for words in pieces]
    found = [sentence for sentence in found if sentence]
    if found and pause:
        found[-1] = replace(found[-1], pause_after=pause)
    return found


def _in_words(written: str, language: str) -> str:
    """Write numbers and abbreviations out; put + before the stressed vowel of Russian words."""
    written = _LONG_NUMBER.sub(lambda digits: " ".join(digits[0]), written)
    words = english.normalise(written) if language == "en" else russian.normalise(_STANDARD.sub(r"\1 ", written))
    return russian.accent(words) if has_cyrillic(words) else words


def _last_mark(written: str) -> str:
    """Return the one of . ? ! that ends a sentence, "." if none does."""
    marks = re.search(r"[^\w\s]*\s*$", written)[0]
    return next((mark for mark in "?!" if mark in marks), ".")


def _sentence(words: str, language: str, last: str) -> Sentence | None:
    """Convert a sentence in words to phones; None if it has none."""
    sounds: list[tuple[str, str]] = []  # phone, language
    for run_language, run in runs(words, language):
        for phone in _phones(run, run_language):
            _add(sounds, phone, run_language)
    while sounds and sounds[-1][0] in BREAKS:
        sounds.pop()
    if not sounds:
        return None
    phones, languages = zip(*sounds, (last, language), strict=True)
    return Sentence(language, with_accents(words), phones, languages)


def _add(sounds: list[tuple[str, str]], phone: str, language: str) -> None:
    """Append a phone; keep the strongest of several pauses and borders in a row, and none at the start."""
    if phone not in BREAKS or (sounds and sounds[-1][0] not in BREAKS):
        sounds.append((phone, language))
    elif sounds:
        sounds[-1] = (max(sounds[-1][0], phone, key=BREAKS.index), sounds[-1][1])


def _phones(run: str, language: str) -> list[str]:
    """Phones of a run of words of one language, after the border or pause before it."""
    marks = _LEADING_MARKS.match(run)
    before = english.pause_of(marks[0] if marks else "") or WORD_BORDER
    return [before, *(english if language == "en" else russian).phones(run)]
