"""Speak and Speeches: a text and a voice in, a file to hear and download out, and what bad input gets."""

import io
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


BAD_TEXTS = [
    ("", "The text is empty: write from 1 to 20,000 characters."),
    (" \n ", "The text is empty"),
    ("!!!", "There is nothing to say in this text"),
    ("😀🎉", "There is nothing to say in this text"),
    ("a" * 20_001, "The text is too long: 20,001 characters, and at most 20,000 can be spoken."),
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
        ({"voice": "99"}, "voice", "This voice is no longer in the bank"),
        ({"voice": "nobody"}, "voice", "This voice is no longer in the bank"),
        ({"voice": "speech-99"}, "voice", "This voice is no longer in the bank"),
        ({"voice": ""}, "voice", "This voice is no longer in the bank"),
        ({"voice": "9" * 30}, "voice", "This voice is no longer in the bank"),
        ({"voice": "²"}, "voice", "This voice is no longer in the bank"),
        ({"voice": "recording", "consent": "y"}, "recording", "Choose a recording of the voice: no file was given"),
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
        (lambda recording: b"", "This file is empty (0 bytes)"),
        (lambda recording: recording(loudness=0.0), "The recording is silent"),
        (lambda recording: recording(seconds=1.0), " s of speech; at least 1.6 s"),
        (lambda recording: recording(seconds=61), "at most 60 s"),
        (lambda recording: bytes(1_200_000), "too large: 1.2 MB, and at most 1 MB"),
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
    assert "Nothing was kept" in client.post("/", data=_payload()).text
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


def test_download_is_named_after_voice_and_text(client, bank):
    bank("Аня / ../x")
    client.post("/", data=_payload(text="Где ты? За́мок, да."))
    header = client.get("/speeches/1/audio?download=1").headers["Content-Disposition"]
    assert header.startswith("attachment")
    expected = "%D0%90%D0%BD%D1%8F%20x%20-%20%D0%93%D0%B4%D0%B5%20%D1%82%D1%8B"
    assert f"filename*=UTF-8''{expected}" in header and header.endswith(".mp3")


def test_audio_is_sent_in_ranges_and_only_when_changed(client, voice):
    client.post("/", data=_payload(format="wav"))
    whole = client.get("/speeches/1/audio")
    part = client.get("/speeches/1/audio", headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.data) == (206, whole.data[4:12])
    assert client.get("/speeches/1/audio", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert "private" in whole.headers["Cache-Control"]


def test_file_missing_behind_a_row_is_said(app, client, voice):
    client.post("/", data=_payload())
    (app.config["INSTANCE"] / "speeches" / _files(app)[0]).unlink()
    answer = client.get("/speeches/1/audio")
    assert answer.status_code == 404 and "no longer on the disk" in answer.text
    assert client.get("/speeches").status_code == 200
    assert client.post("/speeches/1/delete").status_code == 303


def test_history_shows_the_last_first_in_pages(make_app, bank, cloner):
    client = make_app(SPEECHES_PER_PAGE=2).test_client()
    bank("Anna")
    for text in ("First one", "Second one", "Third one"):
        client.post("/", data=_payload(text=text))
    page = client.get("/speeches").text
    assert page.index("Third one") < page.index("Second one") and "First one" not in page
    assert "First one" in client.get("/speeches?page=2").text
    assert client.get("/speeches?page=99").status_code == 200


def test_deleted_speech_is_gone_with_its_file(app, client, voice):
    client.post("/", data=_payload())
    page = client.post("/speeches/1/delete", follow_redirects=True).text
    assert "The speech was deleted." in page and "There are no speeches yet" in page
    assert _files(app) == [] and client.get("/speeches/1/audio").status_code == 404


def test_address_of_a_deleted_speech_never_means_another(client, voice):
    client.post("/", data=_payload())
    client.post("/speeches/1/delete")
    assert client.post("/", data=_payload()).location == "/speeches/2"


def test_voice_can_be_chosen_in_the_address(client, bank):
    first, second = bank("Anna", "Boris")
    assert f'value="{first}" checked' in client.get(f"/?voice={first}").text
    assert f'value="{second}" checked' in client.get(f"/?voice={second}").text


def test_text_is_shown_as_text(client, voice):
    result = client.post("/", data=_payload(text="<script>alert(1)</script>"), follow_redirects=True).text
    for page in (result, client.get("/speeches").text):
        assert "<script>alert" not in page and "&lt;script&gt;alert" in page
