"""The worker: knobs reach the networks, files play and are tagged, and the best of several takes is kept."""

import io

import numpy as np
import pytest
import soundfile

from app.db import Speech, db
from models import RecordingTooShort, read_tags

TEXT = "Thirty letters are two seconds."


def _payload(**changes):
    return {"voice": "1", "text": TEXT, "format": "wav"} | changes


def _speech(app, number=1):
    with app.app_context():
        return db.session.get(Speech, number)


def _folder(app):
    return app.config["INSTANCE"] / "speeches"


@pytest.fixture
def voice(bank):
    return bank("Anna")[0]


def test_pitch_and_pauses_reach_the_networks_and_are_kept(app, client, cloner, voice):
    assert client.post("/", data=_payload(pitch="-3.5", pauses="1.5")).status_code == 303
    assert (cloner.said[0]["pitch"], cloner.said[0]["pauses"]) == (-3.5, 1.5)
    assert _speech(app).knobs.items() >= {"speed": 1.0, "pitch": -3.5, "pauses": 1.5, "kbits": 128}.items()
    client.post("/speeches/1/again")
    assert cloner.said[1] == cloner.said[0] | {"seed": 1}


def test_bit_rate_of_an_mp3_is_what_was_asked_for(client, voice):
    sizes = []
    for number, kbits in enumerate(("64", "160"), start=1):
        client.post("/", data=_payload(format="mp3", kbits=kbits))
        sizes.append(len(client.get(f"/speeches/{number}/audio").data))
    assert sizes[1] == pytest.approx(sizes[0] * 160 / 64, rel=0.1)


@pytest.mark.parametrize("format", ["mp3", "wav", "flac", "ogg"])
def test_every_format_plays_and_says_that_it_is_synthetic(client, voice, format):
    client.post("/", data=_payload(format=format))
    audio = client.get("/speeches/1/audio").data
    waveform, rate = soundfile.read(io.BytesIO(audio))
    assert len(waveform) / rate == pytest.approx(len(TEXT) * 0.06, abs=0.15)
    tags = read_tags(audio)
    assert tags["title"] == TEXT and tags["artist"] == "Anna"
    assert "Synthetic" in tags["comment"] and "Tembr" in tags["comment"]


def _alike(similarity):
    """An embedding of that cosine with the voices of the bank."""
    return np.array([similarity, np.sqrt(1 - similarity**2), *np.zeros(254)])


def test_best_of_three_keeps_the_take_closest_to_the_voice(app, client, cloner, voice, monkeypatch):
    scores = iter([0.5, 0.9, 0.7, 0.9])
    monkeypatch.setattr(cloner, "embed", lambda waveform, sample_rate: _alike(next(scores)))
    assert client.post("/", data=_payload(seed="4", best="y")).location == "/speeches/1"
    assert [said["seed"] for said in cloner.said] == [4, 5, 6]
    assert (_speech(app).seed, _speech(app).similarity) == (5, 0.9)
    best = client.get("/speeches/1/audio").data
    client.post("/", data=_payload(seed="5"))
    assert client.get("/speeches/2/audio").data == best
    assert len(list(_folder(app).iterdir())) == 2


def test_best_of_three_too_short_to_compare_keeps_the_first(app, client, cloner, voice, monkeypatch):
    def refuse(waveform, sample_rate):
        raise RecordingTooShort(0.3)

    monkeypatch.setattr(cloner, "embed", refuse)
    client.post("/", data=_payload(text="Yes.", seed="4", best="y"))
    assert (_speech(app).seed, _speech(app).similarity) == (4, None)


def test_fault_in_a_later_take_leaves_no_file_of_the_earlier(app, client, cloner, voice):
    def fail_later():
        if cloner.said:
            cloner.fault = MemoryError()

    cloner.between = fail_later
    assert client.post("/", data=_payload(best="y")).status_code == 422
    assert list(_folder(app).iterdir()) == [] and _speech(app) is None
