"""Puts the voices that Tembr ships into the bank, each once."""

import json
from pathlib import Path

from flask import current_app
from sqlalchemy.exc import IntegrityError

from app import storage
from app.db import ReadyVoice, Voice, db
from models import InvalidVoiceProfile, VoiceProfile


def import_ready_voices(folder: Path) -> None:
    """Add each voice of the folder that was never added before."""
    for entry in index(folder):
        if not db.session.get(ReadyVoice, entry["name"]) and not Voice.named(entry["name"]):
            _import(entry, folder)


def index(folder: Path) -> list[dict]:
    """The rows of folder/index.json; no folder, no voices."""
    path = folder / "index.json"
    if not path.exists():
        current_app.logger.info("No ready voices at %s", path)
        return []
    return json.loads(path.read_text("utf-8"))


def _import(entry: dict, folder: Path) -> None:
    """Add one voice; leave out one that cannot be read or that another process adds just now."""
    try:
        profile = (folder / entry["profile"]).read_bytes()
        sample = (folder / entry["sample"]).read_bytes()
        voice = Voice(name=entry["name"], profile=profile, seconds=VoiceProfile.from_bytes(profile).seconds)
        voice.language, voice.origin, voice.licence = entry["language"], entry["origin"], entry["licence"]
        db.session.add(ReadyVoice(name=entry["name"]))
        storage.keep(voice, sample, storage.kind_of(sample))
    except (OSError, KeyError, InvalidVoiceProfile, IntegrityError):
        db.session.rollback()
        current_app.logger.exception("The ready voice %s was left out", entry["name"])
