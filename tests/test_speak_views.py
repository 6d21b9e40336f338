"""The front page: a text and a voice in, a speech out; another take; what happens when something fails."""

import io
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
from sqlalchemy.exc import OperationalError
from torch import OutOfMemoryError

from app.db import Speech, db
from models import SpeechFile

TEXT = "Добрый день, мир!"
SAID = {"words": "До\u0301брый де\u0301нь, ми\u0301р!", "language": "ru"}
SAID |= {"speed": 1.0, "pitch": 0.0, "pauses": 1.0, "seed": 0}


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


@pytest.mark.parametrize(("format", "mimetype"), [("mp3", "audio/mpeg"), ("wav", "audio/wav")])
def test_voice_of_the_bank_says_a_text(app, client, voice, format, mimetype):
    answer = client.post("/", data=_payload(format=format))
    assert (answer.status_code, answer.location) == (303, "/speeches/1")
    audio = client.get("/speeches/1/audio")
    assert audio.mimetype == mimetype
    waveform, rate = soundfile.read(io.BytesIO(audio.data))
    assert len(waveform) / rate == pytest.approx(len(TEXT) * 0.06, abs=0.15)
    assert np.abs(waveform).max() > 0.2


def test_result_offers_player_download_and_the_text_again(client, voice):
    page = client.post("/", data=_payload(speed="1.5", format="wav", language="ru"), follow_redirects=True).text
    assert "Spoken by Anna" in page
    assert 'src="/speeches/1/audio"' in page and 'href="/speeches/1/audio?download=1"' in page
    assert TEXT + "</textarea>" in page
    assert 'value="1.5"' in page and 'selected value="ru"' in page


def test_language_speed_and_seed_reach_the_networks(client, cloner, voice):
    client.post("/", data=_payload(language="en", speed="1.5", seed="7"))
    client.post("/", data=_payload())
    assert cloner.said[0] == SAID | {"language": "en", "speed": 1.5, "seed": 7}
    assert cloner.said[1] == SAID


def test_only_text_and_voice_are_needed(client, cloner, voice):
    assert client.post("/", data={"voice": "1", "text": TEXT}).status_code == 303


def test_recording_is_used_once_and_not_kept(app, client, recording):
    assert client.post("/", data=_with_recording(recording(), "my interview.wav")).status_code == 303
    (speech,) = _speeches(app)
    assert speech.voice_name == "my interview" and speech.voice_id is None and speech.consent_at
    assert _files(app, "voices") == []


def test_recording_used_once_can_say_more_without_being_sent_again(app, client, recording):
    page = client.post("/", data=_with_recording(recording()), follow_redirects=True).text
    assert 'value="speech-1" checked' in page
    assert client.post("/", data=_payload(voice="speech-1", text="More.")).status_code == 303
    first, second = _speeches(app)
    assert (second.voice_name, second.consent_at) == (first.voice_name, first.consent_at)


def test_recording_counts_only_when_it_is_chosen(app, client, voice, recording):
    client.post("/", data=_payload(recording=(io.BytesIO(recording()), "other.wav")))
    assert _speeches(app)[0].voice_name == "Anna"


@pytest.mark.parametrize(
    "fault",
    [OutOfMemoryError("CUDA out of memory"), RuntimeError("[enforce fail] can't allocate memory"), MemoryError()],
)
def test_out_of_memory_is_said_and_the_next_request_works(app, client, cloner, voice, fault):
    cloner.fault = fault
    answer = client.post("/", data=_payload())
    assert answer.status_code == 422
    assert "There was not enough memory" in answer.text and TEXT + "</textarea>" in answer.text
    assert client.post("/", data=_payload()).status_code == 303
    assert len(_speeches(app)) == len(_files(app)) == 1


def test_other_fault_of_the_networks_is_not_taken_for_memory(client, cloner, voice):
    cloner.fault = RuntimeError("shapes differ")
    with pytest.raises(RuntimeError, match="shapes differ"):
        client.post("/", data=_payload())


def test_full_disk_leaves_no_row_and_no_file(app, client, voice, monkeypatch):
    def full(_file, _waveform):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SpeechFile, "write", full)
    answer = client.post("/", data=_payload())
    assert answer.status_code == 422
    assert "No space left on device" in answer.text and TEXT + "</textarea>" in answer.text
    assert _speeches(app) == [] and _files(app) == []


def test_database_that_refuses_leaves_no_file(app, client, voice, monkeypatch):
    def refuse():
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(db.session, "commit", refuse)
    assert "nothing was saved" in client.post("/", data=_payload()).text
    monkeypatch.undo()
    assert _speeches(app) == [] and _files(app) == []


def test_voice_deleted_while_it_speaks_does_not_lose_the_speech(app, client, cloner, voice):
    cloner.between = lambda: app.test_client().post("/voices/1/delete")
    assert client.post("/", data=_payload()).status_code == 303
    assert (_speeches(app)[0].voice_id, _speeches(app)[0].voice_name) == (None, "Anna")


def test_damaged_profile_is_said_at_the_voice(app, client, voice):
    with app.app_context():
        db.session.execute(db.text("UPDATE voice SET profile = x'00'"))
        db.session.commit()
    assert 'id="voice-error" role="alert">This voice cannot be used' in client.post("/", data=_payload()).text


def test_another_take_differs_and_both_are_kept(app, client, cloner, voice):
    client.post("/", data=_payload(speed="1.2", language="ru"))
    answer = client.post("/speeches/1/again")
    assert (answer.status_code, answer.location) == (303, "/speeches/2")
    assert cloner.said[1] == cloner.said[0] | {"seed": 1}
    first, second = _speeches(app)
    assert first.sha256 != second.sha256


def test_another_take_of_a_recording_uses_its_voice(app, client, recording):
    client.post("/", data=_with_recording(recording()))
    client.post("/speeches/1/again")
    first, second = _speeches(app)
    with app.app_context():
        stored = [db.session.get(Speech, n).profile.embedding for n in (1, 2)]
    assert np.array_equal(*stored) and second.voice_name == first.voice_name


def test_another_take_that_fails_says_why_and_changes_nothing(app, client, cloner, voice):
    client.post("/", data=_payload())
    cloner.fault = OutOfMemoryError("CUDA out of memory")
    page = client.post("/speeches/1/again", follow_redirects=True).text
    assert "There was not enough memory" in page and len(_speeches(app)) == 1


def test_speech_of_a_deleted_voice_stays_and_offers_no_take(app, client, voice):
    client.post("/", data=_payload())
    client.post("/voices/1/delete")
    page = client.get("/speeches/1").text
    assert "Spoken by Anna" in page and "Another take" not in page
    assert client.get("/speeches/1/audio").status_code == 200
    assert client.post("/speeches/1/again").status_code == 404


def test_page_of_a_speech_offers_the_voice_that_is_asked_for(client, voice, bank):
    client.post("/", data=_payload())
    bank("Boris")
    page = client.get("/speeches/1?voice=2").text
    assert 'value="2" checked' in page and 'value="1" checked' not in page


def test_same_text_voice_and_seed_give_the_same_file(app, client, voice):
    client.post("/", data=_payload(format="wav"))
    client.post("/", data=_payload(format="wav"))
    first, second = _speeches(app)
    assert first.sha256 == second.sha256


def test_two_requests_at_once_each_get_their_own(app, voice):
    texts = [f"Number {n}." for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(app.test_client().post, "/", data=_payload(text=text)) for text in texts]
    assert {post.result().status_code for post in posts} == {303}
    assert sorted(speech.text for speech in _speeches(app)) == texts
    assert len(_files(app)) == len(texts)


def test_voice_can_be_chosen_in_the_address(client, bank):
    first, second = bank("Anna", "Boris")
    assert f'value="{first}" checked' in client.get(f"/?voice={first}").text
    assert f'value="{second}" checked' in client.get(f"/?voice={second}").text


def test_text_is_shown_as_text(client, voice):
    result = client.post("/", data=_payload(text="<script>alert(1)</script>"), follow_redirects=True).text
    for page in (result, client.get("/speeches").text):
        assert "<script>alert" not in page and "&lt;script&gt;alert" in page


def test_enter_in_a_field_presses_speak_and_not_the_switch_of_the_language(client, voice):
    buttons = re.findall(r"<button[^>]*>[^<]*", client.get("/").text)
    assert next(button for button in buttons if 'form="speak"' in button).endswith(">Speak")
