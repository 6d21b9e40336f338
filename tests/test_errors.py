"""What the networks refuse is said in the page's language: in English with their own words, in Russian without them."""

import ast
import builtins
import re

import numpy as np
import pytest

from app.errors import told, translated
from config import ROOT
from models import (
    InvalidVoiceProfile,
    Message,
    NothingToSay,
    RecordingSilent,
    RecordingTooLong,
    RecordingTooShort,
    TembrError,
    TextTooLong,
    UnreadableAudio,
)

MODULES = [path for path in (ROOT / "models").rglob("*.py") if "training" not in path.parts]
NAMES = {"dBFS", "Tembr", "wav", "mp3", "flac", "ogg", "opus", "m4a", "aac", "webm", "mp4"}
FAULTS = [
    NothingToSay(),
    RecordingSilent(-71.4),
    RecordingSilent(-np.inf),
    RecordingTooLong(600.0, 754.6),
    RecordingTooLong(600.0, None),
    RecordingTooShort(0.97),
    UnreadableAudio("it is empty"),
    UnreadableAudio("%(rate)d samples a second", rate=3),
    UnreadableAudio("%(count)d channels, at most %(limit)d are read", count=9, limit=8),
    InvalidVoiceProfile("This is not a voice profile."),
    InvalidVoiceProfile("A voice profile has at most %(limit)d bytes; this has %(size)d.", limit=600, size=900),
]


@pytest.fixture
def said(app):
    """What a page in a language says of a fault."""

    def say(fault, language):
        with app.test_request_context(headers={"Accept-Language": language}):
            return told(fault)

    return say


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_english_page_says_it_in_the_words_of_the_error(said, fault):
    assert said(fault, "en") == str(fault)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_russian_page_says_it_with_the_same_figures_and_no_english_word(said, fault):
    message = said(fault, "ru")
    assert set(re.findall("[A-Za-z]+[0-9a-z]*", message)) <= NAMES
    figures = re.findall(r"\d+(?:[.,]\d+)?", str(fault))
    assert [figure.replace(",", ".") for figure in re.findall(r"\d+(?:[.,]\d+)?", message)] == figures


def test_long_text_is_counted_as_the_language_writes_numbers(said):
    assert "20,001 characters" in said(TextTooLong(20_001), "en")
    assert "20\N{NO-BREAK SPACE}001 знак," in said(TextTooLong(20_001), "ru")


def test_other_faults_are_said_as_they_are(said):
    assert said(KeyError("x"), "ru") == "'x'"
    fault = UnreadableAudio("%(path)s: %(reason)s", path="/tmp/100%x", reason="Permission denied")
    assert said(fault, "en").startswith("This file cannot be read as audio: /tmp/100%x: Permission denied. Give")


def test_numbers_are_written_as_the_language_does_and_with_the_digits_of_their_place(app):
    template = "%(count)d of %(size).1f, %(limit)g, 100 %% of %(name)s: %(why)s"
    values = {"count": 1234, "size": 5678.04, "limit": 0.5, "name": "%(count)d", "why": Message("%(n).0f", {"n": 2.5})}
    with app.test_request_context(headers={"Accept-Language": "ru"}):
        assert translated(Message(template, values)).replace("\N{NO-BREAK SPACE}", " ") == (
            "1 234 of 5 678,0, 0,5, 100 % of %(count)d: 2"
        )
    assert str(Message(template, values)) == "1234 of 5678.0, 0.5, 100 % of %(count)d: 2"


class Refused(TembrError):
    """Only for this test."""


def test_error_says_its_template_with_its_values():
    error = Refused("%(count)d of %(limit).1f: %(why)s", count=3, limit=2.25, why=Message("%(name)s", {"name": "x"}))
    assert str(error) == "3 of 2.2: x"
    assert error.message.values["count"] == 3


def test_per_cent_sign_of_a_value_means_nothing():
    assert str(Refused("%(name)s, 5 %%", name="100% %(x)s")) == "100% %(x)s, 5 %"


@pytest.mark.parametrize(("count", "said"), [(0, "0 texts"), (1, "1 text"), (2, "2 texts")])
def test_pair_is_chosen_from_by_its_count(count, said):
    assert str(Message(("%(count)d text", "%(count)d texts"), {"count": count})) == said


def unmarked(path):
    """The sentences that a module raises without N_: they would never be translated."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        call = node.exc if isinstance(node, ast.Raise) else node
        if not isinstance(call, ast.Call):
            continue
        is_super = isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"
        if is_super or (isinstance(node, ast.Raise) and not hasattr(builtins, getattr(call.func, "id", ""))):
            yield from (part.value for part in call.args if isinstance(part, ast.Constant))
            yield from ("an f-string" for part in call.args if isinstance(part, ast.JoinedStr))


def test_every_sentence_that_is_raised_is_marked_for_translation():
    assert len(MODULES) > 20
    found = {sentence for path in MODULES for sentence in unmarked(path) if isinstance(sentence, str)}
    assert found == {"%(path)s: %(reason)s"}
