"""What the site says of a recording: before it is sent, when it is refused, and after it was kept."""

import io

import numpy as np
import pytest

from app.db import Voice, db
from models import SAME_VOICE, VoiceProfile
from tests.fakes import finding

NOISY = finding("noisy")
SILENT = finding("no_speech")


@pytest.fixture
def check(client):
    """Sends a recording to be looked into."""

    def send(content, **headers):
        return client.post("/recording/check", data={"recording": (io.BytesIO(content), "me.wav")}, headers=headers)

    return send


def _payload(content, **changes):
    return {"recording": (io.BytesIO(content), "me.wav"), "name": "Мария", "consent": "y"} | changes


def test_good_recording_is_called_good_with_its_figures(check, recording):
    answer = check(recording(seconds=3))
    assert answer.status_code == 200
    assert "This recording is good." in answer.text
    assert "3.0 s" in answer.text and "40 dB" in answer.text and "8.0 kHz" in answer.text
    assert "0.0 to 3.0 s" in answer.text


def test_warning_says_what_is_wrong_and_what_to_do_but_does_not_block(check, cloner, recording):
    cloner.found = [NOISY]
    answer = check(recording())
    assert answer.status_code == 200
    assert "the voice is 8 dB above it, and 17 dB or more is better. Record in a quiet, furnished room" in answer.text
    assert "You can use it as it is." in answer.text
    assert "good" not in answer.text


def test_fault_blocks(check, cloner, recording):
    cloner.found = [SILENT]
    answer = check(recording())
    assert 'class="error">No speech was found' in answer.text
    assert "You can use it as it is." not in answer.text


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "This file is empty"),
        (b"no sound in here" * 100, "cannot be read as audio"),
    ],
)
def test_what_is_no_recording_is_refused_at_once(check, content, message):
    answer = check(content)
    assert answer.status_code == 422
    assert message in answer.text
    assert "data-findings" in answer.text


def test_missing_file_is_refused(client):
    assert client.post("/recording/check").status_code == 422


def test_too_large_recording_is_not_looked_into(make_app):
    client = make_app(MAX_UPLOAD_MEGABYTES=1).test_client()
    answer = client.post("/recording/check", data={"recording": (io.BytesIO(bytes(1_100_000)), "me.wav")})
    assert "1.1 MB. The limit is 1 MB" in answer.text


def test_check_needs_the_token_of_a_page(make_app, recording):
    client = make_app(WTF_CSRF_ENABLED=True).test_client()
    assert client.post("/recording/check", data={"recording": (io.BytesIO(recording()), "me.wav")}).status_code == 400


def test_nothing_of_a_checked_recording_is_kept(check, app, recording):
    check(recording())
    kept = [path for path in app.config["INSTANCE"].rglob("*") if path.suffix == ".wav"]
    with app.app_context():
        assert kept == [] and db.session.query(Voice).count() == 0


def test_recording_that_was_checked_is_not_heard_again_when_it_is_sent(check, client, cloner, recording, monkeypatch):
    heard, hear = [], cloner.hear
    monkeypatch.setattr(cloner, "hear", lambda source: heard.append(source) or hear(source))
    check(recording())
    assert client.post("/voices", data=_payload(recording())).status_code == 303
    check(recording(seconds=4))
    assert heard == [recording(), recording(seconds=4)]


def test_no_more_than_a_few_checked_recordings_are_remembered(check, app, recording, monkeypatch):
    monkeypatch.setattr("app.voices.quality.KEPT", 2)
    for seconds in (3, 4, 5):
        check(recording(seconds=seconds))
    assert len(app.extensions["heard"]) == 2
    monkeypatch.setattr("app.voices.quality.KEPT_SECONDS", -1.0)
    check(recording(seconds=6))
    check(recording(seconds=7))
    assert len(app.extensions["heard"]) <= 2


def test_fault_stands_at_the_field_when_the_form_is_sent(client, app, cloner, recording):
    cloner.found = [SILENT]
    answer = client.post("/voices", data=_payload(recording()))
    assert answer.status_code == 422
    assert 'id="recording-error" role="alert">No speech was found' in answer.text
    with app.app_context():
        assert Voice.named("Мария") is None


def test_fault_of_a_recording_used_once_stands_at_the_field(client, cloner, recording):
    cloner.found = [SILENT]
    answer = client.post("/", data=_payload(recording(), voice="recording", text="Привет"))
    assert answer.status_code == 422
    assert "No speech was found" in answer.text
    assert cloner.said == []


def test_warning_is_told_once_after_the_voice_was_kept(client, app, cloner, recording):
    cloner.found = [NOISY]
    answer = client.post("/voices", data=_payload(recording()), follow_redirects=True)
    assert answer.status_code == 200
    assert 'class="notice warning" role="status">There is a lot of noise' in answer.text
    assert "lot of noise" not in client.get("/voices").text
    with app.app_context():
        assert Voice.named("Мария")


def _put_into_the_bank(app, name, embedding):
    profile = VoiceProfile(embedding / np.linalg.norm(embedding), np.array([5.0, 0.1]), np.zeros(80), 3.0)
    with app.app_context():
        db.session.add(Voice(name=name, profile=profile, seconds=3.0, file_name=f"{name}.wav"))
        db.session.commit()


def test_voice_that_is_already_in_the_bank_is_named_with_its_similarity(check, app, cloner, recording):
    heard = cloner.listen(recording()).embedding
    across = np.roll(heard, 1) - heard * (np.roll(heard, 1) @ heard)
    similarity = (1 + SAME_VOICE) / 2
    near = similarity * heard + np.sqrt(1 - similarity**2) * across / np.linalg.norm(across)
    _put_into_the_bank(app, "Anna", near)
    answer = check(recording())
    assert "This sounds like “Anna”, which is already saved" in answer.text
    assert f"similarity {similarity:.2f}" in answer.text


def test_voice_of_another_person_is_not_named(check, app, cloner, recording):
    heard = cloner.listen(recording()).embedding
    across = np.roll(heard, 1) - heard * (np.roll(heard, 1) @ heard)
    _put_into_the_bank(app, "Anna", heard + across / np.linalg.norm(across))  # cosine 0.71
    assert "sounds like" not in check(recording()).text


def test_added_voice_is_not_said_to_sound_like_itself(client, recording):
    first = client.post("/voices", data=_payload(recording()), follow_redirects=True)
    assert "sounds like" not in first.text
    second = client.post("/voices", data=_payload(recording(), name="Other"), follow_redirects=True)
    assert "This sounds like “Мария”, which is already saved: similarity 1.00" in second.text


@pytest.mark.parametrize("path", ["/", "/voices"])
def test_recorder_and_check_stand_at_the_recording_field(client, path):
    page = client.get(path).text
    assert "data-recorder" in page and 'data-check="/recording/check' in page
    assert "baker" in page
    assert "media-src 'self' blob:" in client.get(path).headers["Content-Security-Policy"]
