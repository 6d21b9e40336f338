"""How a text will be read, shown before it is spoken: its sentences, its stress moved, its words remembered.

Each word that is read is tied to the place in the text that it came from.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask, current_app, request

from app.db import Pronunciation, db, dictionary_key
from app.dictionary import PronunciationForm
from app.speak.forms import TextForm
from models import N_, TembrError

ASKS = ("read", "stress", "remember")  # the names of the buttons that show the reading, or change it
PREVIEW_CHARACTERS = 5000  # of a text are shown as they will be read: about a second's work
WAIT_SECONDS = 0.3  # for another preview to be read
STRESS = "\u0301"  # stands after the stressed vowel
VOWELS = frozenset("аеёиоуыэюяaeiouy")
WINDOW = 40  # words that are searched for the next one that the text and its reading share
SKIPPED_WORD = 3  # how much worse it is to pass over a written word than over one that is only read

_MARKS = "[\u0300-\u036f]"
_LETTER = re.compile(rf"(?:\+(?=[{''.join(VOWELS)}]))?([^\W\d_]{_MARKS}*)", re.IGNORECASE)
_WORD = re.compile(rf"(?:{_LETTER.pattern})+", re.IGNORECASE)
_WHOLE_WORD = re.compile(rf"{_WORD.pattern}(?:[-‑'’]{_WORD.pattern})*", re.IGNORECASE)
_WRITTEN = re.compile(rf"{_WORD.pattern}|\d+", re.IGNORECASE)


class Busy(TembrError):
    """Another text is being read."""

    def __init__(self) -> None:
        super().__init__(N_("Busy with another text. Try again in a moment."))


def init_app(app: Flask) -> None:
    app.extensions["preview"] = threading.Lock()


@dataclass(frozen=True)
class Letter:
    """One letter of a word that is read."""

    text: str  # with its stress
    stressed: bool
    at: int | None = None  # where in the written text it stands; only of a vowel whose stress can be moved


@dataclass(frozen=True)
class ReadSentence:
    """One sentence of the reading, in parts: words as tuples of letters, what stands between them as strings."""

    language: str
    words: str
    parts: tuple[str | tuple[Letter, ...], ...]
    pause_after: float


def tied(sentences: list, text: str) -> list[ReadSentence]:
    """Tie each vowel of the sentences read from `text` to its place there.

    A word that does not stand in the text as it is read (a number, an abbreviation) is tied to nothing.
    """
    written = list(_WRITTEN.finditer(text))
    read = [_folded(match[0]) for sentence in sentences for match in _WORD.finditer(sentence.words)]
    places = iter(_places(read, [_folded(match[0]) for match in written]))
    found = []
    for sentence in sentences:
        parts, end = [], 0
        for match in _WORD.finditer(sentence.words):
            place = next(places)
            parts += [sentence.words[end : match.start()], _tied_word(match, written, place)]
            end = match.end()
        parts = (*parts, sentence.words[end:])
        found.append(ReadSentence(sentence.language, sentence.words, parts, sentence.pause_after))
    return found


def _tied_word(match: re.Match, written: list[re.Match], place: int | None) -> tuple[Letter, ...]:
    letters = list(_letters(match))
    there = list(_letters(written[place])) if place is not None else []
    if len(there) != len(letters):
        return tuple(Letter(_shown(plain, stressed), stressed) for plain, stressed, _ in letters)
    return tuple(
        Letter(_shown(plain, stressed), stressed, at if _is_vowel(plain) else None)
        for (plain, stressed, _), (_, _, at) in zip(letters, there, strict=True)
    )


def _shown(plain: str, stressed: bool) -> str:
    return plain + STRESS if stressed and _is_vowel(plain) else plain


def _is_vowel(letter: str) -> bool:
    return letter.lower() in VOWELS


def _letters(word: re.Match) -> Iterator[tuple[str, bool, int]]:
    """Yield each letter without its stress, whether it is stressed, and its place (not that of the + before it)."""
    for match in _LETTER.finditer(word.string, word.start(), word.end()):
        marks = unicodedata.normalize("NFD", match[1])
        plain = unicodedata.normalize("NFC", marks.replace(STRESS, ""))
        yield plain, match[0] != match[1] or STRESS in marks, match.start(1)


def _folded(word: str) -> str:
    """Return a key shared by words that differ only in stress, in case, or in ё."""
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).replace(STRESS, ""))
    return plain.replace("+", "").lower().replace("ё", "е")


def _places(read: list[str], written: list[str]) -> list[int | None]:
    """Return, for each word that is read, the index of the written word; None where there is none.

    Where the two part, the nearest word that both go on with is taken: numbers become several words, and most written
    words are read.
    """
    places: list[int | None] = [None] * len(read)
    i = j = 0
    while i < len(read) and j < len(written):
        if read[i] != written[j]:
            step = _next_shared(read[i : i + WINDOW], written[j : j + WINDOW])
            if step is None:
                i, j = i + 1, j + 1
                continue
            i, j = i + step[0], j + step[1]
        places[i] = j
        i, j = i + 1, j + 1
    return places


def _next_shared(read: list[str], written: list[str]) -> tuple[int, int] | None:
    """Return how many words to skip in each, so that both go on with the same word and least is skipped."""
    first = {word: i for i, word in reversed(list(enumerate(read)))}
    best, n_words = None, 0
    for j, word in enumerate(written):
        cost = first.get(word, WINDOW) + SKIPPED_WORD * n_words
        if word in first and (best is None or cost < best[0]):
            best = cost, first[word], j
        n_words += not word.isdigit()
    return best and best[1:]


def moved_stress(text: str, at: int) -> str:
    """Move the stress of a word to the letter at that place; remove it if it stands there already."""
    word = next((match for match in _WORD.finditer(text) if match.start() <= at < match.end()), None)
    if not word:
        return text
    letters = [
        plain + STRESS if place == at and not stressed and _is_vowel(plain) else plain
        for plain, stressed, place in _letters(word)
    ]
    return text[: word.start()] + "".join(letters) + text[word.end() :]


def respellings(text: str) -> list[str]:
    """Return the words whose stress the text gives, once each, in small letters with + before the stressed vowel."""
    given = (match for match in _WHOLE_WORD.finditer(text) if "+" in match[0] or STRESS in match[0])  # and no café
    words = map(_with_plus, given)
    return list(dict.fromkeys(word for word in words if "+" in word))


def _with_plus(match: re.Match) -> str:
    """Return a whole word, hyphens included, in small letters with + before the stressed vowel."""
    pieces, end = [], match.start()
    for plain, stressed, at in _letters(match):
        between = match.string[end:at].replace("+", "")
        pieces += [between.replace(STRESS, ""), "+" * (stressed and _is_vowel(plain)), plain]
        end = at + len(_LETTER.match(match.string, at)[1])
    return "".join(pieces).lower()


@dataclass(frozen=True)
class Preview:
    """What the page shows of a reading."""

    text: str  # with its stress moved, if that was asked for
    moved: bool
    sentences: list[ReadSentence]
    is_cut: bool  # more of the text is not shown
    new: list[str]  # respellings of the words that the text stresses otherwise than the dictionary
    remembered: str | None  # the respelling that was just put into the dictionary
    fault: str


def is_asked_for() -> bool:
    """Whether a button of the reading was pressed rather than Speak."""
    return request.method == "POST" and any(name in request.form for name in ASKS)


def make(form: TextForm) -> Preview:
    """Read the text of a form, after what its button changes: "stress" is the place of a vowel in the text, "remember"
    a respelling.  Raises Busy.
    """
    written, at = form.text.data, request.form.get("stress", -1, int)
    form.text.data = moved_stress(written, at)
    respelling, refusal = request.form.get("remember"), ""
    if respelling is not None:
        refusal = _remember(respelling)
    sentences, dictionary = [], Pronunciation.dictionary()
    if form.validate():
        db.session.rollback()  # holds no connection while it is read
        with _turn(), form.refusals():
            cloner, language = current_app.extensions["cloner"], form.language.data or None
            sentences = tied(cloner.read(shown(form.text.data), language, dictionary), form.text.data)
    new = [word for word in respellings(form.text.data) if dictionary.get(dictionary_key(word)) != word]
    return Preview(
        text=form.text.data,
        moved=form.text.data != written,
        sentences=sentences,
        is_cut=len(shown(form.text.data)) < len(form.text.data),
        new=new if sentences else [],
        remembered=None if refusal else respelling,
        fault=refusal or (" ".join(form.text.errors) if form.text.data.strip() else ""),  # an empty text is none yet
    )


def shown(text: str) -> str:
    """Return the text, or the whole words among its first PREVIEW_CHARACTERS."""
    if len(text) <= PREVIEW_CHARACTERS:
        return text
    head = text[:PREVIEW_CHARACTERS]
    return head.rsplit(maxsplit=1)[0] if re.search(r"\s", head.strip()) else head


@contextmanager
def _turn() -> Iterator[None]:
    """Let one preview be read at a time in this process, so that previews never take the site from everybody else.

    Raises Busy after WAIT_SECONDS.
    """
    turn = current_app.extensions["preview"]
    if not turn.acquire(timeout=WAIT_SECONDS):
        raise Busy
    try:
        yield
    finally:
        turn.release()


def _remember(respelling: str) -> str:
    """Put a word into the dictionary as it is stressed; return why it was refused, else an empty string."""
    entry = Pronunciation.of(respelling)
    form = PronunciationForm(None, entry=entry, data={"word": dictionary_key(respelling), "respelling": respelling})
    if form.validate():
        with form.refusals():
            db.session.add(form.fill(entry or Pronunciation()))
            db.session.commit()
    db.session.rollback()
    return " ".join(message for messages in form.errors.values() for message in messages)
