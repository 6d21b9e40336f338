"""Errors are told in the page's language, and every request that fails ends with a page of this site."""

import ast
import builtins
import io
import re

import numpy as np
import pytest
from werkzeug.exceptions import InternalServerError

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
    UnreadableAudio("a sample rate of %(rate)d Hz is not supported", rate=3),
    UnreadableAudio("it has %(count)d channels, and at most %(limit)d are supported", count=9, limit=8),
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
    assert "20\N{NO-BREAK SPACE}001 знак." in said(TextTooLong(20_001), "ru")


def test_other_faults_are_said_as_they_are(said):
    assert said(KeyError("x"), "ru") == "'x'"
    fault = UnreadableAudio("%(path)s: %(reason)s", path="/tmp/100%x", reason="Permission denied")
    assert said(fault, "en").startswith("This file cannot be read as audio: /tmp/100%x: Permission denied. Use")


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


class Sent(io.BytesIO):
    """What a browser sends; stays open, to see how much of it was read."""

    def close(self):
        pass


def test_request_far_over_the_limit_is_refused_with_limit_and_size(make_app):
    client = make_app(MAX_CONTENT_LENGTH=300_000, MAX_UPLOAD_MEGABYTES=1).test_client()
    answer = client.post("/", data={"text": "Hello", "recording": (io.BytesIO(bytes(400_000)), "a.wav")})
    assert answer.status_code == 413
    assert "0.4 MB" in answer.text and "1 MB" in answer.text


@pytest.mark.parametrize("form", [{"text": "a" * 300_000}, {f"field {n}": "" for n in range(1_100)}])
def test_text_or_form_within_the_limit_of_requests_is_not_taken_for_a_recording(make_app, form):
    client = make_app(MAX_FORM_MEMORY_SIZE=200_000, MAX_TEXT_CHARACTERS=5_000).test_client()
    answer = client.post("/", data=form, content_type="multipart/form-data")
    assert answer.status_code == 413
    assert "The text is too long: the limit is 5,000 characters." in answer.text
    assert "recording" not in answer.text.split("data-message")[1].split("</p>")[0]


@pytest.mark.parametrize(("size", "is_read"), [(1_500_000, True), (1_500_001, False)])
def test_too_large_request_is_read_to_its_end_within_reason(make_app, size, is_read):
    sent = Sent(bytes(size))
    make_app(MAX_CONTENT_LENGTH=300_000).test_client().post(
        "/", input_stream=sent, content_length=size, content_type="multipart/form-data; boundary=x"
    )
    assert sent.tell() == (size if is_read else 0)


@pytest.mark.parametrize("address", ["/speeches/7", "/speeches/7/audio", "/voices/7/sample", "/nowhere"])
def test_what_is_not_there_is_said_kindly(client, address):
    answer = client.get(address)
    assert answer.status_code == 404
    assert "Not found" in answer.text and "Go to the home page" in answer.text


def test_unforeseen_fault_shows_a_page_without_its_insides(make_app, cloner, bank):
    app = make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    bank("Anna")
    cloner.fault = ZeroDivisionError("secret insides")
    answer = app.test_client().post("/", data={"voice": "1", "text": "Hello"})
    assert answer.status_code == InternalServerError.code
    assert "Something went wrong" in answer.text and "secret insides" not in answer.text
