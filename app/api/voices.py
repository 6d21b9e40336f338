"""/v1/audio/voices: the bank, and the voice that a request names."""

from datetime import UTC

from flask import Blueprint
from sqlalchemy import Row, select

from app.api.errors import Refused
from app.db import Voice, db

PREFIX = "voice_"  # of ids
OPENAI = {  # its voices, each with the ready voice that is nearest to it
    "alloy": "Allison",
    "ash": "Liam",
    "ballad": "Lewis",
    "cedar": "Lewis",
    "coral": "Allison",
    "echo": "Liam",
    "fable": "Isabella",
    "marin": "Kathleen",
    "nova": "Kathleen",
    "onyx": "Lewis",
    "sage": "Isabella",
    "shimmer": "Kathleen",
    "verse": "Liam",
}

blueprint = Blueprint("voices", __name__, url_prefix="/audio/voices")


@blueprint.get("")
def listed() -> dict:
    """List the voices of the bank, in its order."""
    columns = Voice.id, Voice.name, Voice.language, Voice.origin, Voice.created_at
    rows = db.session.execute(Voice.found().with_only_columns(*columns)).all()
    return {"voices": [shown(row) for row in rows]}


def shown(row: Row | Voice) -> dict:
    """Return what a program is told of a voice."""
    return {
        "id": f"{PREFIX}{row.id}",
        "object": "audio.voice",
        "type": "audio_sample",
        "name": row.name,
        "created_at": int(row.created_at.replace(tzinfo=UTC).timestamp()),
        "language": row.language,
        "ready": row.origin is not None,
    }


def found(named: str, param: str | None = "voice") -> Voice:
    """Return the voice of a name, of an id, or for a name of OpenAI's; a voice of the bank comes before the last.

    param: where it was named.  Raises Refused.
    """
    if "\0" not in named and (voice := Voice.named(named) or by_id(named)):
        return voice
    if (name := named.strip().casefold()) in OPENAI and (voice := _instead_of(name)):
        return voice
    message = f"There is no voice “{named[:100]}”. GET /v1/audio/voices lists those there are."
    raise Refused(404, message, param, "voice_not_found")


def by_id(given: str) -> Voice | None:
    """Return the voice of an id, with or without PREFIX."""
    number = given.strip().removeprefix(PREFIX)
    return db.session.get(Voice, int(number)) if number.isascii() and number.isdigit() and len(number) < 19 else None


def _instead_of(name: str) -> Voice | None:
    """Return the ready voice that speaks for one of OpenAI's; of another bank always the same one, if it has any."""
    if voice := Voice.named(OPENAI[name]):
        return voice
    ids = db.session.scalars(select(Voice.id).order_by(Voice.origin.is_(None), Voice.id).limit(len(OPENAI))).all()
    return db.session.get(Voice, ids[sorted(OPENAI).index(name) % len(ids)]) if ids else None
