"""/v1/audio/voice_consents: recordings in which speakers agree to be cloned."""

from datetime import UTC

from flask import Blueprint, request
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from app.api.errors import Refused, refusal_of
from app.api.forms import checked
from app.db import VoiceConsent, db, plain_name
from app.forms import RECORDING_FAULTS
from app.voices import consents
from app.voices.forms import NAME, ConsentForm

PREFIX = "cons_"  # of ids
USUAL_LIMIT, MAX_LIMIT = 20, 100  # consents on one page

blueprint = Blueprint("consents", __name__, url_prefix="/audio/voice_consents")


@blueprint.post("")
def create() -> dict:
    """Keep a consent: name, language and recording, in a multipart form."""
    form = checked(ConsentForm, {"name": "name", "language": "language", "recording": "recording"})
    try:
        consent = consents.keep(form.consent(), form.recording.data.read())
    except RECORDING_FAULTS as fault:
        raise refusal_of(fault, recording="recording") from fault
    return _shown(consent)


@blueprint.get("")
def listed() -> dict:
    """List the consents, the newest first.  after: the id of the last one that was seen; limit: 1 to 100."""
    limit = request.args.get("limit", str(USUAL_LIMIT))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:4]) <= MAX_LIMIT):
        raise Refused(400, f"limit is a number from 1 to {MAX_LIMIT}.", "limit")
    wanted = select(VoiceConsent).order_by(VoiceConsent.id.desc()).limit(int(limit) + 1)
    if "after" in request.args:
        wanted = wanted.where(VoiceConsent.id < _number(request.args["after"], "after"))
    found = db.session.scalars(wanted).all()
    shown = [_shown(consent) for consent in found[: int(limit)]]
    ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
    return {"object": "list", "data": shown, **ends, "has_more": len(found) > len(shown)}


@blueprint.get("/<consent_id>")
def one(consent_id: str) -> dict:
    return _shown(found(consent_id, None))


@blueprint.post("/<consent_id>")
def rename(consent_id: str) -> dict:
    """Change the label of a consent."""
    consent, given = found(consent_id, None), request.get_json(silent=True)
    name = given.get("name") if isinstance(given, dict) else request.form.get("name")
    if not isinstance(name, str):
        raise Refused(400, "Give the new name of the consent.", "name")
    with force_locale("en"):
        try:
            NAME.check(name := plain_name(name.replace("\0", " ")))
        except ValueError as fault:
            raise Refused(400, str(fault), "name") from fault
    consent.name = name
    db.session.commit()
    return _shown(consent)


@blueprint.delete("/<consent_id>")
def delete(consent_id: str) -> dict:
    """Delete a consent and its recording; the voices that were made with it stay."""
    consent = found(consent_id, None)
    shown = {"id": f"{PREFIX}{consent.id}", "object": "audio.voice_consent", "deleted": True}
    try:
        consents.forget(consent)
    except StaleDataError as fault:  # deleted at the same moment
        db.session.rollback()
        raise _unknown(consent_id, None) from fault
    return shown


def found(consent_id: str, param: str | None) -> VoiceConsent:
    """Return the consent of an id.  param: where it was given.  Raises Refused."""
    consent = db.session.get(VoiceConsent, _number(consent_id, param))
    if consent is None:
        raise _unknown(consent_id, param)
    return consent


def _number(consent_id: str, param: str | None) -> int:
    number = consent_id.removeprefix(PREFIX)
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise _unknown(consent_id, param)
    return int(number)


def _unknown(consent_id: str, param: str | None) -> Refused:
    message = f"There is no consent “{consent_id[:100]}”. GET /v1/audio/voice_consents lists those there are."
    return Refused(404, message, param, "consent_not_found")


def _shown(consent: VoiceConsent) -> dict:
    return {
        "id": f"{PREFIX}{consent.id}",
        "object": "audio.voice_consent",
        "name": consent.name,
        "language": consent.language,
        "created_at": int(consent.created_at.replace(tzinfo=UTC).timestamp()),
    }
