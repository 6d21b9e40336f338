"""How a text will be read, shown before it is spoken: its sentences, its stress moved, its words remembered."""

from dataclasses import dataclass

from flask import request

from app.db import Pronunciation, db, dictionary_key
from app.dictionary import PronunciationForm
from app.speak import reading
from app.speak.forms import TextForm

ASKS = ("read", "stress", "remember")  # the names of the buttons that show the reading, or change it


@dataclass(frozen=True)
class Preview:
    """What the page shows of a reading."""

    text: str  # with its stress moved, if that was asked for
    moved: bool
    sentences: list[reading.ReadSentence]
    new: list[str]  # respellings of the words that the text stresses otherwise than the dictionary
    remembered: str | None  # the respelling that was just put into the dictionary
    fault: str


def is_asked_for() -> bool:
    """Whether a button of the reading was pressed, not that which speaks."""
    return request.method == "POST" and any(name in request.form for name in ASKS)


def make(form: TextForm) -> Preview:
    """The reading that a form asks for, after what its button changes: "stress" is the place of a vowel in the text,
    "remember" a respelling.
    """
    written, at = form.text.data, request.form.get("stress", -1, int)
    form.text.data = reading.moved_stress(written, at)
    respelling, refusal = request.form.get("remember"), ""
    if respelling is not None:
        refusal = _remember(respelling)
    form.validate()
    sentences = reading.tied(form.sentences, form.text.data)
    return Preview(
        text=form.text.data,
        moved=form.text.data != written,
        sentences=sentences,
        new=_new(form.text.data) if sentences else [],
        remembered=None if refusal else respelling,
        fault=refusal or _fault(form),
    )


def _fault(form: TextForm) -> str:
    """What is wrong with the text; an empty one is only not written yet."""
    return " ".join(form.text.errors) if form.text.data.strip() else ""


def _remember(respelling: str) -> str:
    """Put a word into the dictionary as it is stressed, or say why it cannot be there."""
    entry = Pronunciation.of(respelling)
    form = PronunciationForm(None, entry=entry, data={"word": dictionary_key(respelling), "respelling": respelling})
    if form.validate():
        with form.refusals():
            db.session.add(form.fill(entry or Pronunciation()))
            db.session.commit()
    db.session.rollback()
    return " ".join(message for messages in form.errors.values() for message in messages)


def _new(text: str) -> list[str]:
    dictionary = Pronunciation.dictionary()
    return [word for word in reading.respellings(text) if dictionary.get(dictionary_key(word)) != word]
