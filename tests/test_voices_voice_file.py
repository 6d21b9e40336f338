"""A voice as a file: what goes out comes back in, and nothing else does."""

import io
import json
import pickle
import struct
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from safetensors.numpy import load, save

from app.db import Voice, db, now
from app.voices import voice_file
from app.voices.voice_file import MAX_BYTES, MAX_SAMPLE_BYTES, InvalidVoiceFile, VoiceFile
from models import VoiceProfile
from models.recording import load_recording
from tests.trap import Trap

CARD = {"format": "tembr-voice", "version": "1", "name": "Anna"}


def _embedding():
    embedding = np.random.default_rng(0).random(256, dtype=np.float32)
    return embedding / np.linalg.norm(embedding)


def _profile():
    return VoiceProfile(_embedding(), np.array([5.0, 0.2], np.float32), np.full(80, -2, np.float32), 4.5)


def _file(card=(), **tensors):
    """The bytes of a voice file, but for the changes; None leaves a tensor out."""
    good = load(_profile().to_bytes()) | tensors
    return save({name: part for name, part in good.items() if part is not None}, CARD | dict(card))


def _bytes(sample):
    return np.frombuffer(sample, np.uint8)


@pytest.fixture(autouse=True)
def in_app(app):
    """Sentences of refusals need a site."""
    with app.app_context():
        yield


def _payload(content, **changes):
    return {"voice_file": (io.BytesIO(content), "a.tembr-voice"), "consent": "y", "name": ""} | changes


def _add(client, recording, **changes):
    card = {"name": "Анна К.", "language": "ru", "note": "моя тётя", "consent": "y"}
    client.post("/voices", data=card | {"recording": (io.BytesIO(recording), "a.wav")} | changes)


def _other_site(make_app, tmp_path):
    return make_app(INSTANCE=tmp_path / "other")


def test_exported_voice_is_imported_whole_on_another_site(app, client, make_app, tmp_path, recording):
    _add(client, recording())
    exported = client.get("/voices/1/export")
    assert exported.headers["Content-Disposition"].startswith("attachment") and len(exported.data) < 100_000
    other = _other_site(make_app, tmp_path)
    answer = other.test_client().post("/voices/import", data=_payload(exported.data))
    assert (answer.status_code, answer.location) == (303, "/voices?added=1")
    before = db.session.get(Voice, 1)
    with other.app_context():
        after = db.session.get(Voice, 1)
        assert (after.name, after.language, after.note) == ("Анна К.", "ru", "моя тётя")
        assert after.profile == before.profile and after.seconds == before.seconds
        assert after.consent_at == before.consent_at.replace(microsecond=0)
    assert other.test_client().get("/voices/1/sample").data == recording()


def test_imported_voice_speaks(client):
    client.post("/voices/import", data=_payload(_file()))
    assert client.post("/", data={"voice": "1", "text": "Hello."}).status_code == 303


def test_whether_the_synthesizer_knows_a_voice_travels_with_it():
    for is_known in (True, False):
        file = VoiceFile(replace(_profile(), is_known=is_known), "Zoe")
        assert VoiceFile.from_bytes(file.to_bytes()).profile.is_known == is_known


def test_origin_and_licence_travel_with_a_ready_voice():
    file = VoiceFile(_profile(), "Zoe", origin="A corpus", licence="CC0")
    again = VoiceFile.from_bytes(file.to_bytes())
    assert (again.origin, again.licence, again.consent_at, again.sample) == ("A corpus", "CC0", None, None)


def test_sample_is_left_out_when_it_is_not_asked_for(client, recording):
    _add(client, recording())
    content = client.get("/voices/1/export?sample=0").data
    assert "sample" not in load(content) and len(content) < 3000


def test_voice_whose_recording_is_missing_is_exported_without_it(app, client, recording):
    _add(client, recording())
    for path in (app.config["INSTANCE"] / "voices").iterdir():
        path.unlink()
    assert VoiceFile.from_bytes(client.get("/voices/1/export").data).sample is None


def test_large_sample_is_exported_as_its_first_half_minute_in_mp3(client, recording):
    content = recording(seconds=50)
    assert len(content) > MAX_SAMPLE_BYTES
    _add(client, content)
    exported = client.get("/voices/1/export").data
    sample = VoiceFile.from_bytes(exported).sample
    assert len(exported) < 600_000 and len(load_recording(sample, 60)) == pytest.approx(30 * 16_000, abs=3000)


def test_file_is_named_after_its_voice(client, recording):
    _add(client, recording(), name="Zoë / ../../etc")
    assert "Zo%C3%AB%20etc.tembr-voice" in client.get("/voices/1/export").headers["Content-Disposition"]


def test_taken_name_is_refused_at_its_field_with_a_free_one(client):
    client.post("/voices/import", data=_payload(_file()))
    answer = client.post("/voices/import", data=_payload(_file()))
    assert answer.status_code == 422
    error = answer.text.split('id="name-error" role="alert">')[1].split("</p>")[0]
    assert "already a voice named “Anna”" in error and "“Anna 2”" in error
    assert 'name="name" value="Anna"' in answer.text  # to be changed
    assert client.post("/voices/import", data=_payload(_file(), name="Anna 2")).status_code == 303


def test_second_click_imports_the_voice_once(client, monkeypatch):
    client.post("/voices/import", data=_payload(_file()))
    monkeypatch.setattr(Voice, "named", lambda name: None)  # as if both had been validated before either was kept
    assert client.post("/voices/import", data=_payload(_file())).status_code == 422
    assert len(Voice.bank()) == 1


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"consent": ""}, "consent", "Tick this box to continue"),
        ({"name": "x" * 61}, "name", "61 characters. The limit is 60"),
        ({"voice_file": (io.BytesIO(), "")}, "voice_file", "Choose a"),
        ({"voice_file": (io.BytesIO(), "a")}, "voice_file", "This file is empty"),
        ({"voice_file": (io.BytesIO(b"poem"), "a")}, "voice_file", "not a voice file from Tembr"),
        (
            {"voice_file": (io.BytesIO(bytes(4_000_000)), "a")},
            "voice_file",
            "4.00 MB. A voice file has at most 3.21 MB",
        ),
    ],
)
def test_wrong_field_is_refused_with_its_limit(client, changes, field, message):
    answer = client.post("/voices/import", data=_payload(_file(), **changes))
    assert answer.status_code == 422
    assert message in answer.text.split(f'id="{field}-error" role="alert">')[1].split("</p>")[0]
    assert Voice.bank() == []


def test_name_too_long_for_this_site_asks_for_another(client):
    answer = client.post("/voices/import", data=_payload(_file({"name": "x" * 100})))
    assert answer.status_code == 422 and "100 characters. The limit is 60" in answer.text


def test_date_of_consent_comes_from_the_file_or_is_today(client):
    client.post("/voices/import", data=_payload(_file({"consent": "2024-05-06T07:08:09"})))
    client.post("/voices/import", data=_payload(_file({"name": "Boris"})))
    assert db.session.get(Voice, 1).consent_at == datetime(2024, 5, 6, 7, 8, 9)
    assert now() - db.session.get(Voice, 2).consent_at < timedelta(minutes=5)


def test_texts_are_cleaned_and_shown_as_text(client):
    card = {"name": "An\u202ena\n\x00<b>B</b>", "note": "a\u200bb\tc", "origin": "<i>x</i>", "language": "klingon"}
    client.post("/voices/import", data=_payload(_file(card)))
    voice = db.session.get(Voice, 1)
    assert (voice.name, voice.note, voice.language) == ("Anna <b>B</b>", "ab c", None)
    for address in ("/", "/voices", "/voices/1"):
        page = client.get(address).text
        assert "<b>B" not in page and "<i>x" not in page


def _header(text):
    return struct.pack("<Q", len(text)) + text.encode()


HOSTILE = {
    "text": b"This is not a voice.",
    "zeros": bytes(3000),
    "random": np.random.default_rng(1).bytes(3000),
    "a profile alone": _profile().to_bytes(),
    "a header of 16 exabytes": b"\xff" * 8 + b"{}",
    "a header over its limit": _header(json.dumps({"__metadata__": CARD | {"x": "y" * 20_000}})),
    "a header of nested lists": _header("[" * 16_000),
    "a header that is no object": _header("[1, 2]"),
    "a card that is no object": _header('{"__metadata__": [1]}'),
    "a card of numbers": _header('{"__metadata__": {"format": "tembr-voice", "version": "1", "name": 5}}'),
    "another format": _file({"format": "other"}),
    "another version": _file({"version": "3"}),
    "data beyond the end": _file()[:-4],
    "data after the end": _file() + b"more",
    "no embedding": _file(embedding=None),
    "one tensor too many": _file(weights=np.zeros(3, np.float32)),
    "a longer embedding": _file(embedding=np.zeros(257, np.float32)),
    "doubles": _file(pitch=np.array([5.0, 0.2])),
    "not a number": _file(mean_mel=np.full(80, np.nan, np.float32)),
    "an embedding of length 2": _file(embedding=2 * _embedding()),
    "an embedding of length 0": _file(embedding=np.zeros(256, np.float32)),
    "a pitch of no voice": _file(pitch=np.array([30.0, 0.2], np.float32)),
    "a negative spread": _file(pitch=np.array([5.0, -0.2], np.float32)),
    "a mel of no speech": _file(mean_mel=np.full(80, 5, np.float32)),
    "no seconds": _file(seconds=np.zeros(1, np.float32)),
    "an endless recording": _file(seconds=np.array([1e30], np.float32)),
    "a sample of floats": _file(sample=np.zeros(9, np.float32)),
    "a sample in two dimensions": _file(sample=np.zeros((3, 3), np.uint8)),
    "an empty sample": _file(sample=np.zeros(0, np.uint8)),
    "a sample that is no sound": _file(sample=_bytes(b"<script>alert(1)</script>")),
    "a sample that names another file": _file(sample=_bytes(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")),
    "a long note": _file({"note": "x" * 1001}),
    "a consent of no date": _file({"consent": "yesterday"}),
    "a consent of another zone": _file({"consent": "2024-01-01T00:00:00+05:00"}),
    "a consent of tomorrow's tomorrow": _file({"consent": "2999-01-01T00:00:00"}),
}


@pytest.mark.parametrize("stored", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_voice_file_is_refused(stored):
    with pytest.raises(InvalidVoiceFile) as refusal:
        VoiceFile.from_bytes(stored)
    assert len(str(refusal.value)) < 300


def test_silent_sample_is_refused_in_the_words_of_every_upload(recording):
    with pytest.raises(InvalidVoiceFile, match="The recording is silent"):
        VoiceFile.from_bytes(_file(sample=_bytes(recording(loudness=0.0))))


def test_file_over_the_limit_is_not_read(client, monkeypatch):
    def read(stored):
        raise AssertionError("it was read")

    monkeypatch.setattr(VoiceFile, "from_bytes", read)
    assert client.post("/voices/import", data=_payload(bytes(MAX_BYTES + 1))).status_code == 422


def test_truncated_or_damaged_file_is_refused_or_is_another_voice(recording):
    stored = VoiceFile(_profile(), "Anna", note="note", sample=recording(seconds=0.3, kind="mp3")).to_bytes()
    chance = np.random.default_rng(0)
    for place in chance.integers(len(stored), size=150):
        damaged = bytearray(stored)
        damaged[place] ^= 1 << chance.integers(8)
        for candidate in (bytes(damaged), stored[:place]):
            try:
                file = VoiceFile.from_bytes(candidate)
            except InvalidVoiceFile:
                continue
            assert np.isfinite(file.profile.features()).all()


def test_pickle_is_refused_and_never_opened(client):
    answer = client.post("/voices/import", data=_payload(pickle.dumps(Trap())))
    assert answer.status_code == 422 and not Trap.sprung


def test_full_disk_leaves_no_voice(app, client, recording, monkeypatch):
    def full(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(voice_file.storage.Path, "write_bytes", full)
    answer = client.post("/voices/import", data=_payload(_file(sample=_bytes(recording()))))
    assert answer.status_code == 422 and "No space left on device" in answer.text
    assert Voice.bank() == [] and list((app.config["INSTANCE"] / "voices").iterdir()) == []
