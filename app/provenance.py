"""Where a file of speech comes from: what its tags say, and the hashes by which this box knows its own."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from flask import current_app
from sqlalchemy import Connection, delete, event, insert, null, select, update

from app.db import MadeFile, Speech, db, now
from models import read_tags

SOFTWARE = "Tembr"
MARK = "Synthetic speech made with Tembr"  # never translated: files are known by it wherever they went
MARK_RUSSIAN = "Синтезированная речь"
MAX_TITLE_CHARACTERS = 80


@dataclass(frozen=True)
class Finding:
    """What is known of a file.

    made_at: when it was made on this box, None when it was not.  voice_name: None when only its hash was kept.
    speech_id: of its speech while that is in the history.  says_synthetic: whether it says that Tembr made it.
    """

    made_at: datetime | None = None
    voice_name: str | None = None
    speech_id: int | None = None
    says_synthetic: bool = False


def tags(speech: Speech) -> dict[str, str]:
    """What the file of a speech says of itself: that it is synthetic, with which voice and when it was made."""
    made_at = speech.created_at or now()
    return {
        "title": _title(speech.text),
        "artist": speech.voice_name,
        "comment": f"{MARK} ({MARK_RUSSIAN}). Voice: {speech.voice_name}",
        "date": made_at.strftime("%Y-%m-%d"),
        "software": SOFTWARE,
    }


def _title(text: str) -> str:
    """The first words of a text."""
    words = " ".join(text.split())
    return words if len(words) <= MAX_TITLE_CHARACTERS else words[: MAX_TITLE_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"


def hash_of(file: BinaryIO) -> str:
    """SHA-256 of an open file, in hex, read from its start in pieces."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


@event.listens_for(Speech, "after_insert")
def _remember(_mapper, connection: Connection, speech: Speech) -> None:
    """Keep the hash with every speech that is kept, whoever made it: both, or neither."""
    if current_app.config["KEEP_HASHES"]:
        name = speech.voice_name if current_app.config["KEEP_HASH_VOICES"] else None
        made = {"sha256": speech.sha256, "created_at": speech.created_at, "voice_name": name}
        connection.execute(insert(MadeFile).values(made))


def forget() -> None:
    """Delete what the settings say is not to be kept of files whose speech is gone."""
    if not current_app.config["KEEP_HASHES"]:
        db.session.execute(delete(MadeFile))
    elif not current_app.config["KEEP_HASH_VOICES"]:
        db.session.execute(update(MadeFile).values(voice_name=None).where(MadeFile.voice_name.is_not(None)))
    db.session.commit()


def find(path: Path) -> Finding:
    """What is known of a file by its hash; by its tags if it was not made here."""
    with path.open("rb") as file:
        sha256 = hash_of(file)
    return _made_here(sha256) or Finding(says_synthetic=_says_synthetic(path))


def _made_here(sha256: str) -> Finding | None:
    """By the speech, while it is in the history; else by the hash that was kept."""
    for source, speech_id in ((Speech, Speech.id), (MadeFile, null())):
        columns = source.created_at, source.voice_name, speech_id
        found = db.session.execute(select(*columns).where(source.sha256 == sha256).order_by(source.id)).first()
        if found:
            return Finding(*found)
    return None


def _says_synthetic(path: Path) -> bool:
    """Whether the tags of a file say that Tembr made it; False for what is no audio."""
    try:
        return any(MARK.casefold() in value.casefold() for value in read_tags(path).values())
    except (ValueError, OSError):
        return False
