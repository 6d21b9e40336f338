"""The recordings of a voice: each is merged into its profile when it is added, and out of it when it is removed.

A voice that was made from one recording has no row here until there is another: its own file is that recording.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

import numpy as np
from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import delete, select, update
from sqlalchemy.orm import undefer

from app import storage
from app.db import Voice, VoiceRecording, db, now
from models import VoiceProfile, merged


class VoiceGone(LookupError):
    """The voice, or its recording, was deleted meanwhile."""


class TooManyRecordings(ValueError):
    """The voice has as many recordings as one may have."""

    def __init__(self, limit: int):
        super().__init__(_("This voice has %(limit)s recordings, and a voice may have no more.", limit=limit))


class OnlyRecording(ValueError):
    """The recording is all that is known of its voice."""


def of(voice: Voice) -> list[VoiceRecording]:
    """The recordings of a voice, the first one first; one that is not in the database, when the voice has no others."""
    return _rows(voice.id) or [_first(voice)]


def _rows(voice_id: int) -> list[VoiceRecording]:
    wanted = select(VoiceRecording).where(VoiceRecording.voice_id == voice_id).order_by(VoiceRecording.id)
    return list(db.session.scalars(wanted))


def _first(voice: Voice) -> VoiceRecording:
    """What a voice was made from, as a recording."""
    return VoiceRecording(
        voice_id=voice.id, seconds=voice.seconds, file_name=voice.file_name, created_at=voice.created_at
    )


def add(voice_id: int, recording: bytes, profile: VoiceProfile) -> Voice:
    """Merge one more recording into a voice, and keep it.

    profile: what was heard in it.  Raises VoiceGone, TooManyRecordings, InvalidVoiceProfile when it has nothing in
    common with the others, IntegrityError when it is one of them, OSError and SQLAlchemyError; then nothing changes.
    """
    with _changing(voice_id) as voice:
        if not (rows := _rows(voice.id)):
            rows = [_keep_first(voice)]
        if len(rows) >= (limit := current_app.config["MAX_RECORDINGS"]):
            raise TooManyRecordings(limit)
        row = VoiceRecording(voice_id=voice.id, seconds=profile.seconds, sha256=_hash(recording), file_name="")
        row.profile = profile.to_bytes()
        db.session.add(row)
        merge(voice)
        voice.consent_at = voice.consent_at or now()
        storage.keep(row, recording, storage.kind_of(recording))
        if not voice.file_name:
            voice.file_name = row.file_name
            db.session.commit()
    return voice


def remove(voice_id: int, recording_id: int) -> None:
    """Forget a recording, and what the voice learned from it.  Raises VoiceGone, OnlyRecording."""
    with _changing(voice_id) as voice:
        row = _found(voice, recording_id)
        if len(_rows(voice.id)) == 1:
            raise OnlyRecording
        path = storage.path_of(row) if row.file_name else None
        db.session.delete(row)
        merge(voice)
        _replace_sample(voice, row.file_name)
        db.session.commit()
    if path:
        path.unlink(missing_ok=True)


def remove_audio(voice_id: int, recording_id: int | None) -> None:
    """Delete the audio of a recording; what the voice learned from it stays.

    recording_id: None for that of a voice made from one recording.  Raises VoiceGone.
    """
    with _changing(voice_id) as voice:
        if not recording_id and _rows(voice.id):
            raise VoiceGone
        row = _found(voice, recording_id) if recording_id else voice
        path = storage.path_of(row) if row.file_name else None
        name, row.file_name = row.file_name, ""
        _replace_sample(voice, name)
        db.session.commit()
    if path:
        path.unlink(missing_ok=True)


def make_sample(voice_id: int, recording_id: int) -> None:
    """Let a recording be what is heard of the voice.  Raises VoiceGone."""
    with _changing(voice_id) as voice:
        voice.file_name = _found(voice, recording_id).file_name or voice.file_name
        db.session.commit()


def delete_voice(voice: Voice) -> None:
    """Delete a voice with all its recordings and their files."""
    with _changing(voice.id) as kept:
        paths = {storage.path_of(row) for row in (kept, *_rows(kept.id)) if row.file_name}
        db.session.execute(delete(VoiceRecording).where(VoiceRecording.voice_id == kept.id))
        db.session.delete(kept)
        db.session.commit()
    for path in paths:
        path.unlink(missing_ok=True)


@contextmanager
def _changing(voice_id: int) -> Iterator[Voice]:
    """The voice of an id, which nobody else changes until the block ends; undone when the block fails."""
    db.session.rollback()
    try:
        held = db.session.execute(update(Voice).where(Voice.id == voice_id).values(seconds=Voice.seconds))
        if not held.rowcount:
            raise VoiceGone
        yield db.session.get_one(Voice, voice_id, populate_existing=True)
    except Exception:
        db.session.rollback()
        raise


def _found(voice: Voice, recording_id: int) -> VoiceRecording:
    row = db.session.get(VoiceRecording, recording_id)
    if row is None or row.voice_id != voice.id:
        raise VoiceGone
    return row


def _keep_first(voice: Voice) -> VoiceRecording:
    """Put what a voice was made from among the rows."""
    row = _first(voice)
    row.profile = voice.profile
    path = storage.path_of(voice)
    row.sha256 = _hash(path.read_bytes()) if path.is_file() else None
    db.session.add(row)
    db.session.flush()
    return row


def merge(voice: Voice) -> None:
    """Make the voice's profile that of its recordings."""
    db.session.flush()
    wanted = select(VoiceRecording).where(VoiceRecording.voice_id == voice.id).options(undefer(VoiceRecording.profile))
    profiles = [VoiceProfile.from_bytes(row.profile) for row in db.session.scalars(wanted)]
    whole = merged(profiles)
    voice.profile, voice.seconds = whole.to_bytes(), whole.seconds
    voice.self_closeness = _self_closeness([profile.embedding for profile in profiles])


def _self_closeness(embeddings: list[np.ndarray]) -> float | None:
    """Mean cosine of every two of the embeddings; None of fewer than two."""
    closeness = [float(one @ other) for one, other in combinations(embeddings, 2)]
    return float(np.mean(closeness)) if closeness else None


def _replace_sample(voice: Voice, file_name: str) -> None:
    """Let another recording be the sample when that file was it."""
    if voice.file_name in (file_name, ""):
        voice.file_name = next((row.file_name for row in _rows(voice.id) if row.file_name), "")


def _hash(recording: bytes) -> str:
    return hashlib.sha256(recording).hexdigest()
