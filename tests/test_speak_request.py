"""The one list of knobs: a request becomes a row and comes back from it, whatever knobs there are."""

from dataclasses import fields, replace

import numpy as np
import pytest

from app.db import Speech, db
from app.speak.request import KNOBS, RequestedVoice, SpeechRequest, knobs_of
from models import VoiceProfile


def _voice(seed=0, **changes):
    embedding = np.random.default_rng(seed).normal(size=256)
    profile = VoiceProfile(embedding, np.array([5.0, 0.1]), np.zeros(80), 3.0)
    return RequestedVoice("Anna", profile, **{"id": 1} | changes)


def _request(**changes):
    given = {"language": "en", "speed": 1.5, "pitch": -2.0, "pauses": 0.5, "seed": 7, "format": "ogg", "kbits": 64}
    given |= {"synthesizer": "rtvc", "vocoder": "rtvc"}
    return SpeechRequest("Hello.", _voice(), **given | changes)


def _kept(row):
    row.seconds, row.sha256, row.file_name = 1.0, "", ""
    db.session.add(row)
    db.session.commit()
    db.session.expire_all()
    return row


def test_every_knob_comes_back_from_its_row(app):
    request = _request()
    assert not [
        one.name for one in fields(request) if getattr(request, one.name) == one.default and one.name != "takes"
    ]
    with app.app_context():
        request = replace(request, voice=_voice(id=None))
        row = _kept(request.to_row())
        assert SpeechRequest.from_row(row, request.voice) == request


def test_row_holds_one_take_whatever_was_asked_for(app):
    with app.app_context():
        assert SpeechRequest.from_row(_request(takes=3).to_row(), _voice()).takes == 1


def test_knob_that_a_row_does_not_know_stays_at_its_default_and_one_that_is_gone_is_passed_over(app):
    with app.app_context():
        row = Speech(text="Hello.", language=None, seed=0, format="mp3", knobs={"speed": 2.0, "volume": 11})
        assert SpeechRequest.from_row(row, _voice()) == SpeechRequest("Hello.", _voice(), speed=2.0)
        assert set(knobs_of(row)) < set(KNOBS)


def test_row_keeps_the_profile_of_a_recording_and_no_voice_of_the_bank(app):
    with app.app_context():
        once, known = replace(_request(), voice=_voice(id=None)).to_row(), _request().to_row()
    assert (once.voice_id, known.voice_id) == (None, 1)
    assert once.profile == _voice().profile and known.profile is None


@pytest.mark.parametrize("changes", [{"speed": 1.4}, {"text": "Bye."}, {"voice": _voice(seed=1)}, {"takes": 2}])
def test_requests_are_the_same_when_all_they_ask_for_is(changes):
    assert _request() == _request() != replace(_request(), **changes)
