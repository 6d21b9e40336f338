"""/v1/audio/voices: a voice made of a recording and its speaker's consent, looked at and deleted."""

from flask import Blueprint, request
from flask_babel import force_locale
from sqlalchemy.orm.exc import StaleDataError

from app.api import consents as consents_of_programs
from app.api.errors import Refused
from app.api.forms import checked
from app.api.voices import by_id, shown
from app.db import Voice
from app.errors import told
from app.voices import consents, learning, quality, recordings
from app.voices.forms import VoiceForm

AUDIO_SAMPLE = "audio_sample"  # the one type of voices that Tembr makes

blueprint = Blueprint("custom_voices", __name__, url_prefix="/audio/voices")


@blueprint.post("")
def create() -> dict:
    """Make a voice of a recording: name, audio_sample and consent, the id of a consent of the same speaker.

    Beyond OpenAI: language and note of the voice; warnings in the answer say what is wrong with the recording, and
    what keeps the voice from being learned.
    """
    kind = request.form.get("type", AUDIO_SAMPLE)
    if kind != AUDIO_SAMPLE:
        raise Refused(400, "Tembr makes voices of recordings alone: type is audio_sample.", "type", "unsupported_value")
    params = {"name": "name", "recording": AUDIO_SAMPLE, "language": "language", "note": "note"}
    form = checked(VoiceForm, params, consent="y")
    consent = consents_of_programs.found(_given_consent(), "consent")
    recording, voice = form.recording.data.read(), form.voice()
    voice.consent_at = consent.created_at
    try:
        spoken = consents.recording_of(consent)
        profile, findings = quality.hear(recording)
        consents.check(spoken, profile)
    except (consents.ConsentLost, consents.NotTheSpeaker) as fault:
        code = "consent_mismatch" if isinstance(fault, consents.NotTheSpeaker) else "consent_lost"
        raise Refused(400, str(fault), "consent", code) from fault
    recordings.begin(voice, profile, recording)
    learning.begin_unasked(voice)
    with force_locale("en"):
        warnings = quality.warnings(profile, findings, other_than=voice.id)
        lack = learning.lack(voice.seconds)
        return shown(voice) | {"warnings": [*warnings, told(lack)] if lack else warnings}


def _given_consent() -> str:
    if not (given := request.form.get("consent", "")):
        message = "Give the id of a consent: POST /v1/audio/voice_consents keeps a recording of one."
        raise Refused(400, message, "consent")
    return given


@blueprint.get("/<voice_id>")
def one(voice_id: str) -> dict:
    return shown(_found(voice_id))


@blueprint.delete("/<voice_id>")
def delete(voice_id: str) -> dict:
    """Delete a voice and its recordings, and keep what it said."""
    voice = _found(voice_id)
    deleted = {"id": shown(voice)["id"], "object": "audio.voice.deleted", "deleted": True}
    try:
        recordings.delete_voice(voice)
    except (recordings.VoiceGone, StaleDataError) as fault:
        raise _unknown(voice_id) from fault
    return deleted


def _found(voice_id: str) -> Voice:
    """Return the voice of an id.  Raises Refused."""
    if (voice := by_id(voice_id)) is None:
        raise _unknown(voice_id)
    return voice


def _unknown(voice_id: str) -> Refused:
    message = f"There is no voice “{voice_id[:100]}”. GET /v1/audio/voices lists those there are."
    return Refused(404, message, code="voice_not_found")
