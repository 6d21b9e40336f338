"""Voices and consents that programs send: the rules of the site's forms, told in OpenAI's shape."""

import io

import pytest

from app.db import Speech, Voice, VoiceConsent, db, now
from app.voices import consents
from tests.fakes import finding
from tests.test_api_errors import error_of

CONSENTS, VOICES = "/v1/audio/voice_consents", "/v1/audio/voices"


@pytest.fixture
def consent(program, recording):
    """Keeps a consent; returns its id.  The networks that hum take equal recordings alone for one speaker's."""

    def keep(seconds=3.0, **changes):
        form = {"name": "Anna agrees", "language": "en-US", "recording": (io.BytesIO(recording(seconds)), "a.wav")}
        answer = program.post(CONSENTS, data=form | changes)
        assert answer.status_code == 200, answer.text
        return answer.json["id"]

    return keep


@pytest.fixture
def make(program, recording):
    def make(consent_id, seconds=3.0, **changes):
        form = {"name": "Anna", "audio_sample": (io.BytesIO(recording(seconds)), "a.wav"), "consent": consent_id}
        sent = {name: value for name, value in (form | changes).items() if value is not None}
        return program.post(VOICES, data=sent, content_type="multipart/form-data")

    return make


def refusal(answer, status: int) -> dict:
    assert answer.status_code == status, answer.text
    return error_of(answer)


def n_kept(app) -> tuple[int, int, int]:
    """How many voices, consents and files the site keeps."""
    with app.app_context():
        rows = (db.session.query(kind).count() for kind in (Voice, VoiceConsent))
        return *rows, len(list((app.config["INSTANCE"] / "voices").iterdir()))


def test_voice_is_made_of_a_recording_and_its_speakers_consent(app, program, consent, make):
    answer = make(consent())
    assert answer.status_code == 200
    made = answer.json
    assert {name: made[name] for name in ("id", "object", "type", "name", "warnings")} == {
        "id": "voice_1", "object": "audio.voice", "type": "audio_sample", "name": "Anna", "warnings": [],
    }  # fmt: skip
    del made["warnings"]
    assert program.get(f"{VOICES}/voice_1").json == made
    assert program.get(VOICES).json["voices"] == [made]
    with app.app_context():
        voice, agreed = db.session.get(Voice, 1), db.session.get(VoiceConsent, 1)
        assert voice.consent_at == agreed.created_at < now() and len(voice.recordings) == 1


def test_consent_of_another_speaker_makes_no_voice(app, consent, make):
    error = refusal(make(consent(seconds=4.0)), 400)
    assert (error["param"], error["code"]) == ("consent", "consent_mismatch")
    assert "does not sound like the recording" in error["message"]
    assert n_kept(app) == (0, 1, 1)


def test_warnings_about_a_recording_come_with_its_voice(app, cloner, consent, make):
    agreed, cloner.found = consent(), (finding("echo"),)
    app.extensions["heard"].clear()
    (warning,) = make(agreed).json["warnings"]
    assert warning == str(finding("echo").message)


def test_program_is_told_what_keeps_its_voice_from_being_learned(app, consent, make, monkeypatch):
    agreed = consent()
    assert make(agreed).json["warnings"] == []  # nothing is learned unasked
    monkeypatch.setitem(app.config, "LEARN", True)
    *_, warning = make(agreed, name="Another").json["warnings"]
    assert "at least 6 s of clear speech, and its recordings have 3.0 s" in warning


@pytest.mark.parametrize(
    ("changes", "param", "message"),
    [
        ({"name": ""}, "name", "Enter a name of up to 60 characters."),
        ({"name": None}, "name", "Enter a name of up to 60 characters."),
        ({"name": "x" * 61}, "name", "The name is too long: 61 characters. The limit is 60."),
        ({"name": "ANNA\0"}, "name", "There is already a voice named “ANNA”."),
        ({"note": "x" * 201}, "note", "The note is too long: 201 characters. The limit is 200."),
        ({"language": "de"}, "language", "Not a valid choice."),
        ({"audio_sample": None}, "audio_sample", "Choose a recording of the voice."),
        ({"audio_sample": "text"}, "audio_sample", "Choose a recording of the voice."),
        ({"audio_sample": (io.BytesIO(), "a.wav")}, "audio_sample", "This file is empty."),
        ({"audio_sample": (io.BytesIO(b"poem"), "a.wav")}, "audio_sample", "cannot be read as audio"),
        ({"type": "prompt", "prompt": "A calm voice"}, "type", "type is audio_sample"),
        ({"consent": None}, "consent", "Give the id of a consent"),
    ],
)
def test_what_the_sites_form_refuses_is_refused(app, bank, consent, make, changes, param, message):
    bank("Anna")
    error = refusal(make(consent(), **{"name": "Another", **changes}), 400)
    assert error["param"] == param and message in error["message"]
    assert n_kept(app) == (1, 1, 2)


@pytest.mark.parametrize(
    ("seconds", "message"), [(1.0, "at least 1.6 s is needed"), (61, "The limit is 60 s")], ids=["short", "long"]
)
def test_recording_that_shows_no_voice_is_refused(app, consent, make, seconds, message):
    error = refusal(make(consent(), seconds=seconds), 400)
    assert error["param"] == "audio_sample" and message in error["message"]
    assert n_kept(app) == (0, 1, 1)


@pytest.mark.parametrize("consent_id", ["cons_9", "9", "cons_", "voice_1", "cons_1'--", "cons_" + "9" * 30, "²"])
def test_consent_that_there_is_not_makes_no_voice(app, make, consent_id):
    error = refusal(make(consent_id), 404)
    assert (error["param"], error["code"]) == ("consent", "consent_not_found")
    assert n_kept(app) == (0, 0, 0)


def test_consent_without_its_file_makes_no_voice(app, consent, make):
    agreed = consent()
    next((app.config["INSTANCE"] / "voices").iterdir()).unlink()
    assert refusal(make(agreed), 400)["code"] == "consent_lost"


def test_two_programs_taking_one_name_at_once_get_one_voice(app, bank, consent, make, monkeypatch):
    agreed = consent()
    monkeypatch.setattr(Voice, "named", lambda name: None)  # as if both had been validated before either was kept
    bank("Anna")
    assert refusal(make(agreed), 409)["code"] == "conflict"
    assert n_kept(app) == (1, 1, 2)


@pytest.mark.parametrize("send", [{"json": {"name": "Anna"}}, {"data": "name=Anna"}, {}])
@pytest.mark.parametrize("address", [CONSENTS, VOICES])
def test_what_is_no_multipart_form_is_told_to_be_one(program, address, send):
    assert "multipart/form-data" in refusal(program.post(address, **send), 400)["message"]


def test_upload_beyond_the_limit_is_refused(make_app, with_token):
    program = with_token(make_app(MAX_CONTENT_LENGTH=10_000))
    form = {"name": "Anna", "language": "en", "recording": (io.BytesIO(b"x" * 20_000), "a.wav")}
    assert refusal(program.post(CONSENTS, data=form), 413)["code"] == "request_too_large"


def test_voice_is_deleted_with_its_recordings_and_what_it_said_stays(app, client, program, consent, make):
    voice_id = make(consent()).json["id"]
    client.post("/", data={"voice": "1", "text": "Hello."})
    answer = program.delete(f"{VOICES}/{voice_id}")
    assert answer.json == {"id": "voice_1", "object": "audio.voice.deleted", "deleted": True}
    assert n_kept(app) == (0, 1, 1)
    with app.app_context():
        assert db.session.query(Speech).count() == 1
    assert refusal(program.delete(f"{VOICES}/{voice_id}"), 404)["code"] == "voice_not_found"
    assert refusal(program.get(f"{VOICES}/{voice_id}"), 404)["code"] == "voice_not_found"


def test_voice_stays_when_its_consent_is_deleted(app, program, consent, make):
    agreed = consent()
    make(agreed)
    answer = program.delete(f"{CONSENTS}/{agreed}")
    assert answer.json == {"id": agreed, "object": "audio.voice_consent", "deleted": True}
    assert n_kept(app) == (1, 0, 1)
    assert refusal(program.delete(f"{CONSENTS}/{agreed}"), 404)["code"] == "consent_not_found"
    assert refusal(program.get(f"{CONSENTS}/{agreed}"), 404)["param"] is None
    with app.app_context():
        assert db.session.get(Voice, 1).consent_at


def test_consent_is_looked_at_and_renamed(program, consent):
    agreed = consent()
    shown = program.get(f"{CONSENTS}/{agreed}").json
    assert shown["object"] == "audio.voice_consent" and shown["created_at"] > 1_700_000_000
    assert (shown["name"], shown["language"]) == ("Anna agrees", "en-US")
    renamed = program.post(f"{CONSENTS}/{agreed}", json={"name": " Anna,  in person "})
    assert renamed.json == shown | {"name": "Anna, in person"}
    for name in ("", "x" * 61, None, 7, ["x"]):
        assert refusal(program.post(f"{CONSENTS}/{agreed}", json={"name": name}), 400)["param"] == "name"
    assert program.get(f"{CONSENTS}/{agreed}").json == renamed.json


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"name": ""}, "name"),
        ({"language": "English"}, "language"),
        ({"recording": (io.BytesIO(b"poem"), "a.wav")}, "recording"),
        ({"recording": "text"}, "recording"),
    ],
)
def test_consent_that_is_none_is_not_kept(app, program, recording, changes, param):
    form = {"name": "Anna", "language": "en", "recording": (io.BytesIO(recording()), "a.wav")} | changes
    answer = program.post(CONSENTS, data=form, content_type="multipart/form-data")
    assert refusal(answer, 400)["param"] == param
    assert n_kept(app) == (0, 0, 0)


def test_consents_are_listed_page_by_page_the_newest_first(program, consent):
    assert program.get(CONSENTS).json == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False,
    }  # fmt: skip
    kept = [consent() for _ in range(5)]
    first = program.get(f"{CONSENTS}?limit=2").json
    assert [one["id"] for one in first["data"]] == kept[:2:-1] == [first["first_id"], first["last_id"]]
    rest = program.get(f"{CONSENTS}?limit=3&after={first['last_id']}").json
    assert [one["id"] for one in rest["data"]] == kept[2::-1]
    assert first["has_more"] and not rest["has_more"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "2.5", "", "x", "9" * 5000, "²"])
def test_page_of_another_length_is_refused(program, limit):
    assert refusal(program.get(CONSENTS, query_string={"limit": limit}), 400)["param"] == "limit"


def test_disk_that_is_full_keeps_nothing(app, consent, make, monkeypatch):
    def full(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    agreed = consent()
    monkeypatch.setattr(consents.storage.Path, "write_bytes", full)
    answer = make(agreed)
    assert answer.status_code == 503 and "No space left" in answer.json["error"]["message"]
    assert answer.headers["Retry-After"] and n_kept(app) == (0, 1, 1)


def test_uploads_of_one_program_are_limited(make_app, with_token):
    program = with_token(make_app(RATELIMIT_ENABLED=True, LIMIT_UPLOADS="2 per minute"))
    for status in (400, 400, 429):
        answer = program.post(VOICES, data={"name": "Anna"}, content_type="multipart/form-data")
        assert answer.status_code == status
    assert answer.json["error"]["code"] == "rate_limit_exceeded" and answer.headers["Retry-After"]
