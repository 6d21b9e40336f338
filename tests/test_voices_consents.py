"""Spoken consents: kept with their recording, and valid for their speaker alone."""

from pathlib import Path

import pytest

from app import startup, storage
from app.db import VoiceConsent, db
from app.voices import consents
from app.voices.consents import SAME_SPEAKER, NotTheSpeaker
from app.voices.forms import ConsentForm
from models import RecordingUnfit, VoiceCloner
from models.speech_file import encode
from tests.speech import kathleen

SAMPLES = Path(__file__).parent.parent / "models" / "weights" / "voices"


@pytest.fixture(scope="module")
def networks():
    return VoiceCloner.load()


@pytest.fixture
def keep(app):
    def keep(recording):
        with app.app_context():
            return consents.keep(VoiceConsent(name="Anna", language="en-US"), recording).id

    return keep


def files(app):
    return list((app.config["INSTANCE"] / "voices").iterdir())


def test_consent_is_kept_with_its_recording_and_forgotten_with_it(app, keep, recording):
    consent_id = keep(recording())
    with app.app_context():
        consent = db.session.get(VoiceConsent, consent_id)
        assert consents.recording_of(consent) == recording() and consent.created_at
        consents.forget(consent)
        assert db.session.get(VoiceConsent, consent_id) is None
    assert files(app) == []


def test_recording_without_speech_is_no_consent(app, keep, recording):
    with pytest.raises(RecordingUnfit):
        keep(recording(seconds=1.0))
    assert files(app) == []


def test_consent_without_its_file_says_so(app, keep, recording):
    consent_id = keep(recording())
    files(app)[0].unlink()
    with app.app_context(), pytest.raises(consents.ConsentLost, match="missing from the disk"):
        consents.recording_of(db.session.get(VoiceConsent, consent_id))


def test_recording_of_a_consent_stays_when_lost_files_are_swept(app, keep, recording, monkeypatch):
    keep(recording())
    monkeypatch.setattr(storage, "ORPHAN_SECONDS", -1.0)
    with app.app_context():
        startup.bring_up_to_date()
    assert len(files(app)) == 1


@pytest.mark.parametrize("language", ["", "English", "en_US", "e", "en-", "en-US-" + "x" * 9])
def test_language_is_a_tag(app, language):
    with app.test_request_context():
        form = ConsentForm(None, data={"name": "Anna", "language": language}, meta={"csrf": False})
        assert not form.validate() and form.language.errors == ["Give the language as a tag such as en-US or ru."]


def test_one_womans_recordings_agree_and_another_persons_do_not(app, networks):
    app.extensions["cloner"] = networks
    spoken = encode(kathleen(), 16_000, "wav")
    with app.app_context():
        own = networks.listen(SAMPLES / "kathleen.mp3")
        consents.check(spoken, own)
        for other in ("asterisk_en", "kokoro_am_liam", "kokoro_bf_isabella"):
            profile = networks.listen(SAMPLES / f"{other}.mp3")
            with pytest.raises(NotTheSpeaker, match=f"at least {SAME_SPEAKER:.2f} is needed"):
                consents.check(spoken, profile)
