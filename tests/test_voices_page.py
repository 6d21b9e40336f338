"""A voice's own page: its card, its recordings, and what bad input gets."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import select

from app import storage
from app.db import Voice, VoiceRecording, db
from app.voices import recordings
from models import VoiceProfile
from models.voice_profile import merged
from tests.fakes import finding


def _payload(content, **changes):
    return {"consent": "y", "recording": (io.BytesIO(content), "voice.wav")} | changes


def _voice(app, voice_id=1):
    with app.app_context():
        voice = db.session.get(Voice, voice_id)
        return voice and (voice.profile and voice)


def _profile(app, voice_id=1):
    return _voice(app, voice_id).profile


def _rows(app):
    with app.app_context():
        return list(db.session.scalars(select(VoiceRecording).order_by(VoiceRecording.id)))


def _files(app):
    return {path.name for path in (app.config["INSTANCE"] / "voices").iterdir()}


def _along(*places, seconds=3.0):
    """A profile whose embedding is the unit vector between those places."""
    embedding = np.eye(256)[list(places)].sum(0)
    return VoiceProfile(embedding / np.linalg.norm(embedding), np.array([5.0, 0.1]), np.zeros(80), seconds)


@pytest.fixture
def anna(client, recording):
    """A voice that was added by its form."""
    added = {"name": "Anna", "language": "ru", "note": "from the phone"}
    client.post("/voices", data=_payload(recording(), **added))


def test_voice_of_one_recording_has_it_among_its_recordings(app, client, anna, recording):
    (row,) = _rows(app)
    assert row.sha256 == hashlib.sha256(recording()).hexdigest() and row.file_name == _voice(app).file_name
    assert client.get("/voices/1/recordings/1/audio").data == client.get("/voices/1/sample").data == recording()


@pytest.fixture
def keep(app):
    """Puts a voice with that profile into the bank; returns its id."""

    def keep(name, profile):
        with app.app_context():
            return recordings.begin(Voice(name=name), profile, b"ID3 sample").id

    return keep


def _error(page, field):
    return page.split(f'id="{field}-error" role="alert">')[1].split("</p>")[0]


def test_page_shows_what_is_known_of_a_voice(client, anna):
    page = client.get("/voices/1").text
    assert "<h1" in page and "Anna" in page and "from the phone" in page
    assert "3.0 s of speech" in page and "Consent given" in page
    assert 'src="/voices/1/sample"' in page and 'href="/?voice=1"' in page


def test_bank_leads_to_the_page(client, anna):
    assert '<a href="/voices/1">Anna</a>' in client.get("/voices").text


def test_name_language_and_note_are_changed(app, client, anna):
    page = client.post("/voices/1", data={"name": "Анна", "language": "", "note": " my  aunt "}, follow_redirects=True)
    assert "Changes saved." in page.text
    voice = _voice(app)
    assert (voice.name, voice.language, voice.note) == ("Анна", None, "my aunt")


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": ""}, "name", "Enter a name of up to 60 characters"),
        ({"name": "x" * 61}, "name", "61 characters. The limit is 60"),
        ({"name": "BORIS"}, "name", "already a voice named “BORIS”"),
        ({"note": "x" * 201}, "note", "201 characters. The limit is 200"),
    ],
)
def test_wrong_change_is_refused_at_its_field_and_the_rest_stays(app, client, anna, keep, changes, field, message):
    keep("Boris", _along(5))
    answer = client.post("/voices/1", data={"name": "Nina", "note": "typed", "language": "en", **changes})
    assert answer.status_code == 422 and message in _error(answer.text, field)
    assert field == "note" or 'value="typed"' in answer.text
    assert 'value="Nina"' in answer.text or field == "name"
    assert '<option selected value="en">' in answer.text
    assert _voice(app).name == "Anna"


def test_name_taken_by_another_tab_at_the_same_moment_is_refused(app, client, anna, keep, monkeypatch):
    keep("Boris", _along(5))
    monkeypatch.setattr(Voice, "named", lambda name: None)  # as if it had been free when it was validated
    answer = client.post("/voices/1", data={"name": "Boris", "note": "typed", "language": ""})
    assert answer.status_code == 422 and "already a voice named" in _error(answer.text, "name")
    assert 'value="typed"' in answer.text and _voice(app).name == "Anna"


@pytest.mark.parametrize(
    "address",
    ["", "/recordings", "/recordings/1/remove", "/recordings/1/sample", "/recordings/1/remove-audio"],
)
def test_voice_deleted_in_another_tab_is_said_to_be_gone(client, anna, address):
    client.post("/voices/1/delete")
    answer = client.post(f"/voices/1{address}", data={"name": "Boris"})
    assert answer.status_code == 404 and "It may have been deleted" in answer.text


def test_voice_deleted_while_it_is_changed_is_said_to_be_gone(app, client, anna, monkeypatch):
    def fill(form, voice):
        with app.app_context():
            app.test_client().post("/voices/1/delete")
        voice.name = "Nina"

    monkeypatch.setattr("app.voices.forms.CardForm.fill", fill)
    answer = client.post("/voices/1", data={"name": "Nina", "language": "", "note": ""})
    assert answer.status_code == 404 and "It may have been deleted" in answer.text


def test_another_recording_is_merged_into_the_voice(app, client, anna, recording):
    first = _profile(app)
    more = recording(seconds=6.0)
    page = client.post("/voices/1/recordings", data=_payload(more), follow_redirects=True).text
    assert "Recording added." in page
    assert "Recording 1" in page and "Recording 2" in page and "<dd>9.0 s</dd>" in page.replace(" ", " ")
    second = app.extensions["cloner"].listen(more)
    np.testing.assert_allclose(_profile(app).embedding, merged([first, second]).embedding, atol=1e-6)
    assert _voice(app).seconds == pytest.approx(9.0) and len(_files(app)) == 2
    assert f"({first.embedding @ second.embedding:.2f})" in page  # among themselves
    assert client.get("/voices/1/recordings/2/audio").data == more
    assert client.get("/voices/1/sample").data == recording()  # still the first one


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"consent": ""}, "consent", "Tick this box to continue"),
        ({"recording": (io.BytesIO(), "")}, "recording", "Choose a"),
        ({"recording": (io.BytesIO(b"poem"), "a.wav")}, "recording", "cannot be read as audio"),
    ],
)
def test_wrong_recording_is_refused_at_its_field(app, client, anna, recording, changes, field, message):
    answer = client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0), **changes))
    assert answer.status_code == 422 and message in _error(answer.text, field)
    assert "Recording 2" not in answer.text and len(_rows(app)) == len(_files(app)) == 1


def test_recording_that_the_voice_has_is_not_merged_again(app, client, anna, recording):
    before = _voice(app).profile
    answer = client.post("/voices/1/recordings", data=_payload(recording()))
    assert answer.status_code == 422 and "already been added" in _error(answer.text, "recording")
    assert _voice(app).profile == before and len(_rows(app)) == len(_files(app)) == 1


def test_second_click_adds_the_recording_once(app, client, anna, recording):
    more = recording(seconds=6.0)
    assert [client.post("/voices/1/recordings", data=_payload(more)).status_code for _ in range(2)] == [303, 422]
    assert _voice(app).seconds == pytest.approx(9.0) and len(_rows(app)) == len(_files(app)) == 2


def test_recording_of_nothing_in_common_is_refused(app, client, keep, cloner, recording, monkeypatch):
    keep("Anna", _along(0))
    opposite = VoiceProfile(-np.eye(256)[0], np.zeros(2), np.zeros(80), 3.0)
    monkeypatch.setattr(cloner, "_profile", lambda waveform: opposite)
    answer = client.post("/voices/1/recordings", data=_payload(recording()))
    assert answer.status_code == 422 and "nothing in common" in _error(answer.text, "recording")
    assert _voice(app).seconds == 3.0 and len(_rows(app)) == 1


@pytest.mark.parametrize(("place", "doubted"), [(0, False), (1, True)])
def test_recording_of_somebody_else_is_doubted(client, keep, cloner, recording, monkeypatch, place, doubted):
    keep("Anna", _along(0))
    monkeypatch.setattr(cloner, "_profile", lambda waveform: _along(place))
    page = client.post("/voices/1/recordings", data=_payload(recording()), follow_redirects=True).text
    assert "Recording added" in page
    assert ("does not sound like the voice: similarity 0.00" in page) == doubted


def test_what_is_found_is_told_with_the_recording(client, anna, cloner, recording):
    cloner.found = [finding("noisy")]
    page = client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)), follow_redirects=True).text
    assert "There is a lot of noise" in page and "Recording added" in page
    cloner.found = [finding("no_speech")]
    answer = client.post("/voices/1/recordings", data=_payload(recording(seconds=5.0)))
    assert answer.status_code == 422 and "No speech was found" in _error(answer.text, "recording")


def test_too_many_recordings_are_refused(app, client, anna, recording):
    app.config["MAX_RECORDINGS"] = 2
    client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    answer = client.post("/voices/1/recordings", data=_payload(recording(seconds=5.0)))
    assert answer.status_code == 422 and len(_rows(app)) == len(_files(app)) == 2
    assert "Add recording" not in client.get("/voices/1").text


def test_full_disk_leaves_the_voice_as_it_was(app, client, anna, recording, monkeypatch):
    before = _voice(app).profile

    def full(path, content):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.Path, "write_bytes", full)
    answer = client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    assert answer.status_code == 422 and "No space left on device" in answer.text
    assert _voice(app).profile == before and len(_rows(app)) == len(_files(app)) == 1


def test_voice_deleted_while_a_recording_of_it_is_heard_leaves_nothing(app, client, anna, cloner, recording):
    listen = cloner._profile

    def slowly(waveform):
        with app.app_context():
            app.test_client().post("/voices/1/delete")
        return listen(waveform)

    cloner._profile = slowly
    answer = client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    assert answer.status_code == 404 and "It may have been deleted" in answer.text
    assert _rows(app) == [] and _files(app) == set()


def test_removed_recording_is_forgotten(app, client, anna, recording):
    before = _profile(app)
    client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    page = client.post("/voices/1/recordings/2/remove", follow_redirects=True).text
    assert "Recording removed" in page and "Recording 2" not in page
    np.testing.assert_array_equal(_profile(app).embedding, before.embedding)
    assert _voice(app).seconds == pytest.approx(3.0) and _voice(app).self_similarity is None
    assert len(_files(app)) == 1


def test_when_the_sample_is_removed_another_recording_is_it(app, client, anna, recording):
    more = recording(seconds=4.0)
    client.post("/voices/1/recordings", data=_payload(more))
    client.post("/voices/1/recordings/1/remove")
    assert client.get("/voices/1/sample").data == more


def test_only_recording_cannot_be_removed(app, client, anna, recording):
    client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    client.post("/voices/1/recordings/1/remove")
    page = client.post("/voices/1/recordings/2/remove", follow_redirects=True).text
    assert "only recording" in page and len(_rows(app)) == len(_files(app)) == 1


def test_any_recording_can_be_the_sample(client, anna, recording):
    more = recording(seconds=4.0)
    client.post("/voices/1/recordings", data=_payload(more))
    page = client.post("/voices/1/recordings/2/sample", follow_redirects=True).text
    assert "This recording is now" in page and client.get("/voices/1/sample").data == more


def test_audio_is_deleted_and_the_voice_stays(app, client, anna):
    before = _voice(app).profile
    page = client.post("/voices/1/recordings/1/remove-audio", follow_redirects=True).text
    assert "Audio deleted" in page and "There is no audio of this voice on the disk" in page
    assert _voice(app).profile == before and _files(app) == set()
    assert client.get("/voices/1/sample").status_code == 404
    assert client.post("/", data={"voice": "1", "text": "Hello."}).status_code == 303
    assert client.post("/voices/1/delete", follow_redirects=True).status_code == 200


def test_audio_of_one_of_several_recordings_is_deleted_and_the_sample_is_the_other(app, client, anna, recording):
    more = recording(seconds=4.0)
    client.post("/voices/1/recordings", data=_payload(more))
    client.post("/voices/1/recordings/1/remove-audio")
    assert client.get("/voices/1/sample").data == more
    assert _voice(app).seconds == pytest.approx(7.0) and len(_files(app)) == 1


def test_button_for_a_recording_that_is_gone_deletes_no_audio_of_another(app, client, anna, recording):
    client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    assert client.post("/voices/1/recordings/0/remove-audio").status_code == 404
    assert len(_files(app)) == 2


def test_deleted_voice_takes_all_its_recordings_along(app, client, anna, recording):
    client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    client.post("/voices/1/delete")
    assert _files(app) == set() and _rows(app) == []


@pytest.mark.parametrize("address", ["audio", "remove", "sample", "remove-audio"])
def test_recording_of_another_voice_is_not_reached(app, client, anna, keep, recording, address):
    keep("Boris", _along(5))
    client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    call = client.get if address == "audio" else client.post
    assert call(f"/voices/2/recordings/3/{address}").status_code == 404
    assert len(_rows(app)) == len(_files(app)) == 3


def test_missing_file_is_said_and_the_page_works(app, client, anna):
    for path in (app.config["INSTANCE"] / "voices").iterdir():
        path.unlink()
    page = client.get("/voices/1").text
    assert "Its audio is missing from the disk" in page and 'src="/voices/1/sample"' not in page


def test_ready_voice_takes_no_recording(app, client, anna, recording):
    with app.app_context():
        db.session.get(Voice, 1).origin = "A corpus"
        db.session.commit()
    assert "Add recording" not in client.get("/voices/1").text
    answer = client.post("/voices/1/recordings", data=_payload(recording(seconds=4.0)))
    assert answer.status_code == 400 and "as a new voice" in answer.text and len(_rows(app)) == 1


def test_refused_recording_can_be_reloaded(client, anna):
    assert client.get("/voices/1/recordings").location == "/voices/1"


def test_damaged_profile_does_not_hide_the_voice(app, client, keep):
    keep("Anna", _along(0))
    with app.app_context():
        db.session.execute(db.text("UPDATE voice SET profile = x'00'"))
        db.session.commit()
    assert client.get("/voices/1").status_code == 200
    assert "cannot be exported" in client.get("/voices/1/export", follow_redirects=True).text


def test_two_recordings_added_at_once_are_both_merged(app, anna, recording):
    def add(seconds):
        return app.test_client().post("/voices/1/recordings", data=_payload(recording(seconds=seconds))).status_code

    with ThreadPoolExecutor() as tabs:
        assert list(tabs.map(add, (4.0, 5.0, 5.0))).count(303) == 2  # the third is a double click
    assert _voice(app).seconds == pytest.approx(12.0) and len(_rows(app)) == len(_files(app)) == 3
