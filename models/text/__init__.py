"""Text to phones, sentence by sentence.

    written text --clean, cut--> sentences --numbers in words, stress--> words --letter to sound--> phones

`read` does all of it; symbols.phone_ids turns its phones into the ids the synthesizer takes.
"""

import re
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from models.errors import N_, NN_, TembrError
from models.limits import LANGUAGES, MAX_TEXT_CHARACTERS

from . import english, russian
from .dictionary import respeller
from .sentences import cleaned, cut, has_cyrillic, language_of, runs, sentences
from .stress import with_accents
from .symbols import BREAKS, WORD_BORDER
from .tokens import Sound, Token, Written, labelled, owners, spoken_parts, tokens_of, written_words

MAX_WORDS = 400  # characters of a sentence after numbers are written out

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
    tokens: tuple[Token, ...] = ()  # the words of the text as it was written, each with the phones that say it


def read(text: str, language: str | None = None, dictionary: Mapping[str, str] | None = None) -> list[Sentence]:
    """Split a text into sentences and convert each to phones.

    Each word is read in the language of its alphabet; `language` is that of sentences without letters (numbers).
    dictionary: word -> respelling with + before its stressed vowel, in either alphabet; it wins over the models, and
    a stress that the text gives wins over it.
    Raises NothingToSay, TextTooLong.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLong(len(text))
    readable, places = cleaned(text)
    default = language if language in LANGUAGES else language_of(readable, None) or LANGUAGES[0]
    respell = respeller(dictionary)
    found = []
    for written, pause, start in sentences(readable):
        words = written_words(written, start, places, text)
        found += _read_sentence(written, words, default, pause, respell)
    if not found:
        raise NothingToSay
    return found


def _read_sentence(
    written: str, words: list[Written], default: str, pause: float, respell: Callable[[str], str]
) -> list[Sentence]:
    """Convert one written sentence; yield several if its numbers make it too long in words."""
    language = language_of(written, default)
    pieces = cut(_accented(_in_words(respell(written), language)), MAX_WORDS)
    last = _last_mark(written)
    parts = [part for piece in pieces for _, part in spoken_parts(piece)]
    origins = owners(words, parts, lambda word: _in_words(respell(word), language))
    found = []
    for piece in pieces:
        n_parts = len(spoken_parts(piece))
        of_piece, origins = origins[:n_parts], origins[n_parts:]
        found.append(_sentence(piece, of_piece, language, last if piece is pieces[-1] else "."))
    found = [sentence for sentence in found if sentence]
    if found and pause:
        found[-1] = replace(found[-1], pause_after=pause)
    return found


def _in_words(written: str, language: str) -> str:
    """Write numbers and abbreviations out."""
    written = _LONG_NUMBER.sub(lambda digits: " ".join(digits[0]), written)
    return english.normalise(written) if language == "en" else russian.normalise(_STANDARD.sub(r"\1 ", written))


def _accented(words: str) -> str:
    """Put + before the stressed vowel of Russian words."""
    return russian.accent(words) if has_cyrillic(words) else words


def _last_mark(written: str) -> str:
    """Return the one of . ? ! that ends a sentence, "." if none does."""
    marks = re.search(r"[^\w\s]*\s*$", written)[0]
    return next((mark for mark in "?!" if mark in marks), ".")


def _sentence(words: str, origins: Sequence[Written], language: str, last: str) -> Sentence | None:
    """Convert a sentence in words to phones; None if it has none.  origins: the written word of each spoken part."""
    sounds: list[Sound] = []
    starts, end = [start for start, _ in spoken_parts(words)], 0
    for run_language, run in runs(words, language):
        start = words.index(run, end)
        end = start + len(run)
        parts = [(part, origins[bisect(starts, start + at) - 1]) for at, part in spoken_parts(run)]
        for phone, origin in labelled(_phones(run, run_language), parts, partial(_phones, language=run_language)):
            _add(sounds, Sound(phone, run_language, origin))
    while sounds and sounds[-1].phone in BREAKS:
        sounds.pop()
    if not sounds:
        return None
    phones = (*(sound.phone for sound in sounds), last)
    languages = (*(sound.language for sound in sounds), language)
    return Sentence(
        language, with_accents(words), phones, languages, tokens=tokens_of([sound.origin for sound in sounds])
    )


def _add(sounds: list[Sound], sound: Sound) -> None:
    """Append a sound; keep the strongest of several pauses and borders in a row, and none at the start."""
    if sound.phone not in BREAKS or (sounds and sounds[-1].phone not in BREAKS):
        sounds.append(sound)
    elif sounds and BREAKS.index(sound.phone) > BREAKS.index(sounds[-1].phone):
        sounds[-1] = replace(sounds[-1], phone=sound.phone)


def _phones(run: str, language: str) -> list[str]:
    """Phones of a run of words of one language, after the border or pause before it."""
    marks = _LEADING_MARKS.match(run)
    before = english.pause_of(marks[0] if marks else "") or WORD_BORDER
    return [before, *(english if language == "en" else russian).phones(run)]
