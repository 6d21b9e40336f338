"""What the networks refuse is said in the page's language: in English with their own words, in Russian without them."""

import ast
import re

import numpy as np
import pytest

from app.errors import REASONS, told
from config import ROOT
from models import (
    InvalidVoiceProfile,
    NothingToSay,
    RecordingSilent,
    RecordingTooLong,
    RecordingTooShort,
    TextTooLong,
    UnreadableAudio,
)

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
    InvalidVoiceProfile("A voice profile has at most %(limit)d bytes; this has %(size)d.", limit=4096, size=5000),
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
    assert said(UnreadableAudio("/tmp/x: Permission denied"), "en").startswith(
        "This file cannot be read as audio: /tmp/x"
    )


def reasons_in(path):
    """The literal reasons of the errors raised in a module."""
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = {"UnreadableAudio", "InvalidVoiceProfile"}
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in names and call.args:
            reason = call.args[0]
            if isinstance(reason, ast.Constant):
                yield reason.value


def test_every_reason_of_the_networks_is_named_for_translation():
    given = {reason for path in (ROOT / "models").glob("*.py") for reason in reasons_in(path)}
    assert len(given) > 10
    assert given <= {str(reason) for reason in REASONS}
