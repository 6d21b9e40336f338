"""Start-up work, done in full only by serving: migrate the database, import ready voices, embed the recordings of
outdated voices again, delete files that a crash left.
"""

import fcntl
import json
import time
from contextlib import suppress
from logging import INFO, WARNING
from pathlib import Path
from typing import BinaryIO

import numpy as np
from flask import Flask, current_app
from sqlalchemy import LargeBinary, select, type_coerce
from sqlalchemy.exc import IntegrityError

from app import access, schema, storage
from app.db import ReadyVoice, Speech, Voice, VoiceConsent, VoiceRecording, db
from app.history import retention
from app.speak import journal
from app.voices import learning, recordings
from models import (
    OWN,
    TRIALS,
    InvalidVoiceProfile,
    RecordingTooShort,
    RemoteCloner,
    VoiceCloner,
    VoiceProfile,
    is_outdated,
)

HANDOVER_SECONDS = 5.0  # waited for the previous process to end


class AlreadyServing(RuntimeError):
    """Another process serves the same instance, and one of both has its queue in its memory."""

    def __init__(self, instance: Path):
        super().__init__(
            f"Another process serves {instance} already, and Tembr's queue lives in one: start one worker process,"
            " with as many threads as are needed, or give each site a TEMBR_INSTANCE of its own."
            " Several processes of one site share a queue with TEMBR_QUEUE=database."
        )


class UnknownQueue(ValueError):
    """The settings name a queue that there is not, or not with this database."""


def start(app: Flask) -> None:
    """Prepare the app to serve: check settings, lock the instance, load networks, migrate, warm up.

    Raises NoPassword, UnknownQueue, AlreadyServing, UpgradeFailed, UnreadableWeights, UnknownModel,
    NetworksUnreachable.
    """
    access.check_settings(app)
    if app.config["UNKNOWN"]:
        app.logger.warning("These are no settings of Tembr, and change nothing: %s.", ", ".join(app.config["UNKNOWN"]))
    is_shared = _has_shared_queue(app)
    app.extensions["serving"] = hold(app.config["INSTANCE"], HANDOVER_SECONDS, is_shared)
    app.extensions["cloner"] = app.extensions["cloner"] or _load_cloner(app)
    with app.app_context():
        bring_up_to_date()
        if not is_shared:
            journal.name_what_was_left()
        warm_up(app.extensions["cloner"])
        learning.resume_lessons(app)
    if is_shared:
        app.extensions["speaking"].start()
    app.extensions["warm"] = True


def bring_up_to_date() -> None:
    """Migrate, import and clean up what the instance keeps.  Raises UpgradeFailed."""
    prepare()
    storage.remove_drafts()
    storage.remove_lost_files(Voice, VoiceRecording, VoiceConsent)
    storage.remove_lost_files(Speech)
    retention.sweep()
    recordings.note_hashes()
    renew(current_app.extensions["cloner"], current_app.config["READY_VOICES"])


def prepare() -> None:
    """Create or migrate the database and import ready voices; delete nothing.  Raises UpgradeFailed."""
    schema.bring_up_to_date()
    import_ready_voices(current_app.config["READY_VOICES"])


def _has_shared_queue(app: Flask) -> bool:
    """Raises UnknownQueue."""
    asked, database = app.config["QUEUE"], app.config["SQLALCHEMY_DATABASE_URI"]
    if asked not in ("memory", "database"):
        raise UnknownQueue(f"TEMBR_QUEUE={asked} is no queue: memory or database.")
    if asked == "database" and not database.startswith("postgresql"):
        raise UnknownQueue("TEMBR_QUEUE=database needs TEMBR_DATABASE=postgresql://...")
    return asked == "database"


def hold(instance: Path, seconds: float, is_shared: bool = False) -> BinaryIO:
    """Lock the instance until the returned file is closed or this process ends.

    seconds: how long to wait for the process that holds it.  is_shared: beside others that share it.
    Raises AlreadyServing.
    """
    file, until = (instance / "serving.lock").open("a+b"), time.monotonic() + seconds
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > until:
                file.close()
                raise AlreadyServing(instance) from None
        time.sleep(0.1)


def _load_cloner(app: Flask) -> VoiceCloner | RemoteCloner:
    """Load the networks, or reach for those on other machines, and load the dictionaries of both languages, so that
    the first request does not wait for them.
    """
    if address := app.config["CLONER"]:
        cloner = RemoteCloner(address, app.config["CLONER_TOKEN"])
        app.logger.info("The networks are at %s, %s", address, cloner.about())
    else:
        cloner = _load_own(app)
    for text in TRIALS.values():
        cloner.read(text)
    return cloner


def _load_own(app: Flask) -> VoiceCloner:
    own, synthesizer, vocoder = (app.config[name] for name in ("WEIGHTS", "SYNTHESIZER", "VOCODER"))
    device, precision = app.config["DEVICE"], app.config["PRECISION"]
    cloner = VoiceCloner.load(device=device, own=own, synthesizer=synthesizer, vocoder=vocoder, precision=precision)
    if cloner.refusal:
        app.logger.warning("%s", cloner.refusal)
    for file in cloner.files:
        app.logger.log(WARNING if file.parent == app.config["WEIGHTS"] else INFO, "Weights are taken from %s", file)
    for kind, name in cloner.in_use.items():
        app.logger.log(INFO if name == OWN else WARNING, "The %s in use is %s", kind, name)
    return cloner


def warm_up(cloner: VoiceCloner) -> None:
    """Speak a sentence in each language, in its first voice, and hear it: the first request then pays for nothing that
    is set up on first use.
    """
    for language, text in TRIALS.items():
        try:
            first = Voice.choices(limit=1, language=language)
            profile = db.session.get(Voice, first[0].id).profile if first else None
        except InvalidVoiceProfile:
            profile = None
        db.session.rollback()
        if profile:
            said = [sentence.waveform for sentence in cloner.say(cloner.read(text), profile)]
            with suppress(RecordingTooShort):
                cloner.embed(np.concatenate(said), cloner.sample_rate)


def import_ready_voices(folder: Path) -> None:
    """Add the voices of the folder that were never added before."""
    for entry in index(folder):
        if not db.session.get(ReadyVoice, entry["name"]) and not Voice.named(entry["name"]):
            _import(entry, folder)


def index(folder: Path) -> list[dict]:
    """Read folder/index.json; [] if there is none."""
    path = folder / "index.json"
    if not path.exists():
        current_app.logger.info("No ready voices at %s", path)
        return []
    return json.loads(path.read_text("utf-8"))


def _import(entry: dict, folder: Path) -> None:
    """Add one voice; skip it if it cannot be read or another process adds it at the same time."""
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
    """Make outdated profiles again from their recordings or shipped files; keep those that have neither."""
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
