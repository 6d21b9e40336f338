"""Voices that an older Tembr heard are heard again at the next start, from the recordings they were made of."""

from pathlib import Path

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import undefer

from app import ready_voices, storage
from app.db import Voice, VoiceRecording, db
from app.voices import recordings
from models import VoiceCloner
from models.voice_profile import is_outdated


def renew(cloner: VoiceCloner, ready: Path) -> None:
    """Give each voice with an outdated profile a present one; one whose recordings are gone stays as it is."""
    voices = db.session.scalars(select(Voice).options(undefer(Voice.profile))).all()
    outdated = [voice for voice in voices if is_outdated(voice.profile)]
    shipped = {entry["name"]: ready / entry["profile"] for entry in ready_voices.index(ready)} if outdated else {}
    for voice in outdated:
        try:
            if voice.origin and voice.name in shipped:
                voice.profile = shipped[voice.name].read_bytes()
            else:
                _hear_again(voice, cloner)
            db.session.commit()
        except (OSError, ValueError) as error:
            db.session.rollback()
            current_app.logger.warning("The voice %s could not be heard again: %s", voice.name, error)


def _hear_again(voice: Voice, cloner: VoiceCloner) -> None:
    """Hear the files of a voice that are there.  Raises what listen does, and OSError."""
    wanted = select(VoiceRecording).where(VoiceRecording.voice_id == voice.id).options(undefer(VoiceRecording.profile))
    rows = db.session.scalars(wanted).all()
    for row in rows or [voice]:
        if row.file_name:
            row.profile = cloner.listen(storage.path_of(row)).to_bytes()
    if rows:
        recordings.merge(voice)
