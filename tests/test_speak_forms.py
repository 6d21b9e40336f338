"""The form of the front page: what is refused, and at which field."""

import io
import re

import pytest

from app.db import Speech, db


@pytest.mark.parametrize(
    ("field", "given", "message"),
    [
        ("pitch", "6.5", "The pitch must be between -6 and 6 semitones; 6.5 was given."),
        ("pitch", "high", "The pitch must be between -6 and 6 semitones; high was given."),
        ("pauses", "0.4", "The pauses must be between 0.5 and 2 times their usual length; 0.4 was given."),
        ("pauses", "nan", "The pauses must be between 0.5 and 2 times their usual length; nan was given."),
        ("seed", "2147483648", "2147483647"),
    ],
)
def test_option_out_of_its_range_is_refused_at_its_field(client, cloner, voice, field, given, message):
    page = client.post("/", data=_payload(**{field: given})).text
    assert message in page.split(f'id="{field}-error" role="alert">')[1].split("</p>")[0]
    assert re.search(r'<details class="more" open', page) and cloner.said == []


@pytest.mark.parametrize("changes", [{"kbits": "127"}, {"kbits": "x"}, {"format": "aac"}])
def test_format_that_no_page_offers_is_refused(client, cloner, voice, changes):
    assert client.post("/", data=_payload(**changes)).status_code == 422
    assert cloner.said == []


TEXT = "Добрый день, мир!"


def _payload(**changes):
    return {"voice": "1", "text": TEXT, "language": "", "speed": "1", "format": "mp3", "seed": "0"} | changes


def _with_recording(content, name="voice.wav", **changes):
    return _payload(voice="recording", consent="y", recording=(io.BytesIO(content), name), **changes)


def _speeches(app):
    with app.app_context():
        return list(db.session.scalars(db.select(Speech).order_by(Speech.id)))


def _files(app, folder="speeches"):
    return sorted(path.name for path in (app.config["INSTANCE"] / folder).iterdir())


@pytest.fixture
def voice(bank):
    """One voice in the bank; its id is 1."""
    return bank("Anna")[0]


BAD_TEXTS = [
    ("", "Enter a text of up to 20,000 characters."),
    (" \n ", "Enter a text"),
    ("!!!", "There is nothing to say in this text"),
    ("😀🎉", "There is nothing to say in this text"),
    ("a" * 20_001, "The text is too long: 20,001 characters. The limit is 20,000."),
]


@pytest.mark.parametrize(("text", "message"), BAD_TEXTS)
def test_text_that_cannot_be_said_is_refused_at_its_field(app, client, voice, text, message):
    answer = client.post("/", data=_payload(text=text))
    assert answer.status_code == 422
    assert f'id="text-error" role="alert">{message}' in answer.text
    assert _speeches(app) == [] and _files(app) == []


def test_line_ends_count_as_one_character_as_the_page_counts_them(client, voice):
    assert client.post("/", data=_payload(text="a" + "\r\n" * 19_999)).status_code == 303


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"voice": "99"}, "voice", "This voice has been deleted"),
        ({"voice": "nobody"}, "voice", "This voice has been deleted"),
        ({"voice": "speech-99"}, "voice", "This voice has been deleted"),
        ({"voice": ""}, "voice", "This voice has been deleted"),
        ({"voice": "9" * 30}, "voice", "This voice has been deleted"),
        ({"voice": "²"}, "voice", "This voice has been deleted"),
        ({"voice": "recording", "consent": "y"}, "recording", "Choose a recording of the voice"),
        ({"speed": "3"}, "speed", "The speed must be between 0.5 and 2; 3 was given."),
        ({"speed": "nan"}, "speed", "The speed must be between 0.5 and 2; nan was given."),
        ({"speed": "fast"}, "speed", "The speed must be between 0.5 and 2; fast was given."),
    ],
)
def test_wrong_choice_is_refused_at_its_field_and_the_text_stays(client, voice, changes, field, message):
    answer = client.post("/", data=_payload(**changes))
    assert answer.status_code == 422
    assert f'id="{field}-error" role="alert">{message}' in answer.text
    assert TEXT + "</textarea>" in answer.text


@pytest.mark.parametrize("changes", [{"format": "exe"}, {"language": "fr"}, {"seed": "-1"}, {"seed": "x"}])
def test_what_no_page_sends_is_refused(client, cloner, voice, changes):
    assert client.post("/", data=_payload(**changes)).status_code == 422
    assert cloner.said == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda recording: b"not audio at all", "cannot be read as audio"),
        (lambda recording: b"", "This file is empty"),
        (lambda recording: recording(loudness=0.0), "The recording is silent"),
        (lambda recording: recording(seconds=1.0), " s of speech; at least 1.6 s"),
        (lambda recording: recording(seconds=61), "The limit is 60 s"),
        (lambda recording: bytes(1_200_000), "too large: 1.2 MB. The limit is 1 MB"),
    ],
)
def test_recording_that_cannot_be_used_is_refused_at_its_field(make_app, cloner, recording, make, message):
    app = make_app(MAX_UPLOAD_MEGABYTES=1)
    content = make(lambda **given: recording(**{"kind": "mp3", **given}))
    answer = app.test_client().post("/", data=_with_recording(content))
    assert answer.status_code == 422
    error = answer.text.split('id="recording-error" role="alert">')[1].split("</p>")[0]
    assert message in error
    assert TEXT + "</textarea>" in answer.text
    assert _speeches(app) == [] and cloner.said == []


def test_nothing_is_cloned_without_the_tick(app, client, cloner, recording):
    answer = client.post("/", data=_with_recording(recording()) | {"consent": ""})
    assert 'id="consent-error"' in answer.text
    assert cloner.said == [] and _speeches(app) == []
