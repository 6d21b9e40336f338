"""The recordings of a voice: adding one merges it into the profile, removing one takes it out again."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations

import numpy as np
from flask import current_app
from sqlalchemy import delete, select, update
from sqlalchemy.orm import undefer

from app import storage
from app.db import LearnedVoice, Voice, VoiceRecording, db, now
from models import N_, TembrError, VoiceProfile, merged


class VoiceGone(LookupError):
    """The voice, or its recording, was deleted meanwhile."""


class TooManyRecordings(TembrError):
    """The voice has as many recordings as one may have."""

    def __init__(self, limit: int):
        super().__init__(N_("This voice already has %(limit)d recordings, the most a voice can have."), limit=limit)


class OnlyRecording(ValueError):
    """The recording is all that is known of its voice."""


def begin(voice: Voice, profile: VoiceProfile, recording: bytes | None = None) -> Voice:
    """Put a new voice into the bank, made of one recording, and keep its audio if it is given: all of it, or nothing.

    Raises OSError and SQLAlchemyError.
    """
    first = VoiceRecording(profile=profile, seconds=profile.seconds, file_name="")
    voice.profile, voice.seconds, voice.file_name, voice.recordings = profile, profile.seconds, "", [first]
    if recording is None:
        db.session.add(voice)
        db.session.commit()
    else:
        first.sha256 = _hash(recording)
        storage.keep(first, recording, storage.kind_of(recording), sample_of=voice)
    return voice


def add(
    voice_id: int,
    recording: bytes,
    profile: VoiceProfile,
    text: str | None = None,
    text_language: str | None = None,
) -> Voice:
    """Merge one more recording into a voice, and keep it.

    profile: what was heard in it; text: that was read in it, and its language, if they are known.
    Raises VoiceGone, TooManyRecordings, InvalidVoiceProfile when it has nothing in common with the others,
    IntegrityError when it is one of them, OSError and SQLAlchemyError; then nothing changes.
    """
    with _changing(voice_id) as voice:
        if len(voice.recordings) >= (limit := current_app.config["MAX_RECORDINGS"]):
            raise TooManyRecordings(limit)
        row = VoiceRecording(profile=profile, seconds=profile.seconds, sha256=_hash(recording), file_name="")
        row.text, row.text_language = text, text_language
        voice.recordings.append(row)
        merge(voice)
        voice.consent_at = voice.consent_at or now()
        storage.keep(row, recording, storage.kind_of(recording), sample_of=None if voice.file_name else voice)
    return voice


def remove(voice_id: int, recording_id: int) -> None:
    """Forget a recording, and what the voice learned from it.  Raises VoiceGone, OnlyRecording."""
    with _changing(voice_id) as voice:
        row = _found(voice, recording_id)
        if len(voice.recordings) == 1:
            raise OnlyRecording
        path = storage.path_of(row) if row.file_name else None
        voice.recordings.remove(row)
        db.session.execute(delete(LearnedVoice).where(LearnedVoice.voice_id == voice_id))
        merge(voice)
        _replace_sample(voice, row.file_name)
        db.session.commit()
    if path:
        path.unlink(missing_ok=True)


def remove_audio(voice_id: int, recording_id: int) -> None:
    """Delete the audio of a recording; what the voice learned from it stays.  Raises VoiceGone."""
    with _changing(voice_id) as voice:
        row = _found(voice, recording_id)
        path = storage.path_of(row) if row.file_name else None
        name, row.file_name = row.file_name, ""
        _replace_sample(voice, name)
        db.session.commit()
    if path:
        path.unlink(missing_ok=True)


def make_sample(voice_id: int, recording_id: int) -> None:
    """Make a recording the voice's sample.  Raises VoiceGone."""
    with _changing(voice_id) as voice:
        voice.file_name = _found(voice, recording_id).file_name or voice.file_name
        db.session.commit()


def delete_voice(voice: Voice) -> None:
    """Delete a voice with all its recordings and their files."""
    with _changing(voice.id) as kept:
        paths = {storage.path_of(row) for row in (kept, *kept.recordings) if row.file_name}
        db.session.delete(kept)
        db.session.commit()
    for path in paths:
        path.unlink(missing_ok=True)


def note_hashes() -> None:
    """Note the hashes of recordings that an earlier version kept without one."""
    unknown = VoiceRecording.sha256.is_(None), VoiceRecording.file_name != ""
    for row in db.session.scalars(select(VoiceRecording).where(*unknown)):
        path = storage.path_of(row)
        if path.is_file():
            row.sha256 = _hash(path.read_bytes())
    db.session.commit()


@contextmanager
def _changing(voice_id: int) -> Iterator[Voice]:
    """Lock a voice until the block ends; roll back if it fails.  Raises VoiceGone."""
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
    row = next((row for row in voice.recordings if row.id == recording_id), None)
    if row is None:
        raise VoiceGone
    return row


def merge(voice: Voice) -> None:
    """Make the voice's profile from those of its recordings."""
    db.session.flush()
    wanted = select(VoiceRecording).where(VoiceRecording.voice_id == voice.id).options(undefer(VoiceRecording.profile))
    profiles = [row.profile for row in db.session.scalars(wanted)]
    voice.profile = merged(profiles)
    voice.seconds = voice.profile.seconds
    voice.self_similarity = _self_similarity([profile.embedding for profile in profiles])


def _self_similarity(embeddings: list[np.ndarray]) -> float | None:
    """Return the mean cosine of every two embeddings; None of fewer than two."""
    similarity = [float(one @ other) for one, other in combinations(embeddings, 2)]
    return float(np.mean(similarity)) if similarity else None


def _replace_sample(voice: Voice, file_name: str) -> None:
    """Make another recording the sample if that file was it."""
    if voice.file_name in (file_name, ""):
        voice.file_name = next((row.file_name for row in voice.recordings if row.file_name), "")


def _hash(recording: bytes) -> str:
    return hashlib.sha256(recording).hexdigest()
