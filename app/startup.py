"""What a start does: the database is brought up to date, ready voices come into the bank, voices that an older Tembr
heard are heard again, what a crash has left is swept away.  Serving alone does all of it.
"""

import fcntl
import json
import time
from logging import INFO, WARNING
from pathlib import Path
from typing import BinaryIO

from flask import Flask, current_app
from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.exc import IntegrityError

from app import access, schema, storage
from app.db import ReadyVoice, Voice, db
from app.history import retention
from app.voices import recordings
from models import OWN, InvalidVoiceProfile, VoiceCloner, VoiceProfile, is_outdated

HANDOVER_SECONDS = 5.0  # of a process that ends while the next one starts


class AlreadyServing(RuntimeError):
    """Another process serves the same instance: queue, progress and previews live in one."""

    def __init__(self, instance: Path):
        super().__init__(
            f"Another process serves {instance} already, and Tembr's queue lives in one: start one worker process,"
            " with as many threads as are needed, or give each site a TEMBR_INSTANCE of its own."
        )


def start(app: Flask) -> None:
    """Make the app ready to serve, in the process that serves it.

    Raises NoPassword, AlreadyServing, UpgradeFailed, UnreadableWeights, UnknownModel.
    """
    access.check_settings(app)
    if app.config["UNKNOWN"]:
        app.logger.warning("These are no settings of Tembr, and change nothing: %s.", ", ".join(app.config["UNKNOWN"]))
    app.extensions["serving"] = hold_alone(app.config["INSTANCE"], HANDOVER_SECONDS)
    app.extensions["cloner"] = app.extensions["cloner"] or _load_cloner(app)
    with app.app_context():
        bring_up_to_date()
        warm_up(app.extensions["cloner"])
    app.extensions["warm"] = True


def bring_up_to_date() -> None:
    """Do all that a start does with what is kept: with database, bank, voices and files.  Raises UpgradeFailed."""
    prepare()
    storage.remove_drafts()
    retention.sweep()
    recordings.note_hashes()
    renew(current_app.extensions["cloner"], current_app.config["READY_VOICES"])


def prepare() -> None:
    """Make or migrate the database, and put ready voices into the bank; nothing is deleted.  Raises UpgradeFailed."""
    schema.bring_up_to_date()
    import_ready_voices(current_app.config["READY_VOICES"])


def hold_alone(instance: Path, seconds: float) -> BinaryIO:
    """Hold the instance until the returned file is closed or this process ends.

    seconds: waited for another process to end.  Raises AlreadyServing.
    """
    file, until = (instance / "serving.lock").open("ab"), time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > until:
                file.close()
                raise AlreadyServing(instance) from None
        time.sleep(0.1)


def _load_cloner(app: Flask) -> VoiceCloner:
    """The networks, and the dictionaries of both languages: the first reading comes as quickly as the others."""
    own, synthesizer, vocoder = (app.config[name] for name in ("WEIGHTS", "SYNTHESIZER", "VOCODER"))
    cloner = VoiceCloner.load(own=own, synthesizer=synthesizer, vocoder=vocoder)
    for file in cloner.files:
        app.logger.log(WARNING if file.parent == app.config["WEIGHTS"] else INFO, "Weights are taken from %s", file)
    for kind, name in cloner.in_use.items():
        app.logger.log(INFO if name == OWN else WARNING, "The %s in use is %s", kind, name)
    for text in ("Привет.", "Hello."):
        cloner.read(text)
    return cloner


def warm_up(cloner: VoiceCloner) -> None:
    """Let the networks say a word: the first speech comes as quickly as the others."""
    try:
        profile = db.session.scalar(select(Voice.profile).limit(1))
    except InvalidVoiceProfile:
        profile = None
    db.session.rollback()
    if profile:
        list(cloner.say(cloner.read("Да."), profile))


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
        profile = VoiceProfile.from_bytes((folder / entry["profile"]).read_bytes())
        sample = (folder / entry["sample"]).read_bytes()
        voice = Voice(**{name: entry[name] for name in ("name", "language", "origin", "licence")})
        db.session.add(ReadyVoice(name=entry["name"]))
        recordings.begin(voice, profile, sample)
    except (OSError, KeyError, InvalidVoiceProfile, IntegrityError):
        db.session.rollback()
        current_app.logger.exception("The ready voice %s was left out", entry["name"])


def renew(cloner: VoiceCloner, ready: Path) -> None:
    """Give each voice with an outdated profile a present one; one whose recordings are gone stays as it is."""
    stored = db.session.execute(select(Voice.id, type_coerce(Voice.profile, LargeBinary))).all()
    outdated = [db.session.get(Voice, voice_id) for voice_id, profile in stored if is_outdated(profile)]
    shipped = {entry["name"]: ready / entry["profile"] for entry in index(ready)} if outdated else {}
    for voice in outdated:
        try:
            is_shipped = voice.origin and voice.name in shipped
            for row in voice.recordings:
                if is_shipped:
                    row.profile = VoiceProfile.from_bytes(shipped[voice.name].read_bytes())
                elif row.file_name:
                    row.profile = cloner.listen(storage.path_of(row))
            recordings.merge(voice)
            db.session.commit()
        except (OSError, ValueError) as error:
            db.session.rollback()
            current_app.logger.warning("The voice %s could not be heard again: %s", voice.name, error)
