"""./tembr voices: the bank, from the command line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from app import create_app, startup, storage
from app.db import Voice, db, now, plain_name
from app.voices import recordings, voice_file
from app.voices.forms import check_name, check_note
from app.voices.voice_file import InvalidVoiceFile, VoiceFile

COLUMNS = ("name", "language", "seconds", "added", "origin")


class UnknownVoice(ValueError):
    """No voice of the bank has the name."""


class NotKept(ValueError):
    """The database refused."""


def run(asked: argparse.Namespace, load: Callable) -> int:
    """Do what is asked of the bank; returns the exit status.  load: makes the VoiceCloner, needed to add a voice only.

    Raises ValueError and OSError with a message for a person.
    """
    cloner = load() if asked.action == "add" else None
    with create_app(cloner=cloner).app_context():
        try:
            startup.prepare()
            DOES[asked.action](asked)
        except SQLAlchemyError as error:
            db.session.rollback()
            raise NotKept(f"The database refused it: {getattr(error, 'orig', error)}.") from error
    return 0


def _list(asked: argparse.Namespace) -> None:
    """A table with tabs, as speak --batch reads them."""
    sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal's language
    print(*COLUMNS, sep="\t")
    for voice in db.session.scalars(Voice.found(" ".join(asked.words))):
        added = voice.created_at.date().isoformat()
        print(voice.name, voice.language or "", f"{voice.seconds:.1f}", added, voice.origin or "", sep="\t")


def _add(asked: argparse.Namespace) -> None:
    """One voice of one or more recordings: all of them, or none."""
    name, note = check_name(asked.name), plain_name(asked.note)
    check_note(note)
    contents = [path.read_bytes() for path in asked.recordings]
    if len(set(contents)) < len(contents):
        raise ValueError("One of these recordings is given twice.")
    profiles = [_heard(path, content) for path, content in zip(asked.recordings, contents, strict=True)]
    voice = Voice(name=name, note=note, language=asked.language, consent_at=now())
    voice.profile, voice.seconds = profiles[0].to_bytes(), profiles[0].seconds
    storage.keep(voice, contents[0], storage.kind_of(contents[0]))
    try:
        for content, profile in zip(contents[1:], profiles[1:], strict=True):
            recordings.add(voice.id, content, profile)
    except Exception:
        recordings.delete_voice(voice)
        raise
    _say(f"“{voice.name}” is in the bank, from {voice.seconds:.1f} s of speech.")


def _heard(path: Path, content: bytes):
    """The profile of a recording.  Raises what VoiceCloner.listen raises, with the file's name."""
    try:
        return current_app.extensions["cloner"].listen(content)
    except ValueError as fault:
        raise ValueError(f"{path}: {fault}") from fault


def _export(asked: argparse.Namespace) -> None:
    voice = _named(asked.name)
    path = asked.out or Path(voice_file.file_name(voice))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(voice_file.of(voice, asked.sample).to_bytes())
    _say(f"{path}: “{voice.name}”, {path.stat().st_size / 1000:.1f} kB.")


def _import(asked: argparse.Namespace) -> None:
    try:
        voice_file.check_size(asked.file.stat().st_size)
        file = VoiceFile.from_bytes(asked.file.read_bytes())
    except InvalidVoiceFile as fault:
        raise InvalidVoiceFile(f"{asked.file}: {fault}") from fault
    voice = file.keep(check_name(asked.name or file.name))
    _say(f"“{voice.name}” is in the bank.")


def _remove(asked: argparse.Namespace) -> None:
    voice = _named(asked.name)
    name = voice.name
    recordings.delete_voice(voice)
    _say(f"“{name}” was deleted, with its recordings.")


DOES = {"list": _list, "add": _add, "export": _export, "import": _import, "remove": _remove}


def _named(name: str) -> Voice:
    if voice := Voice.named(name):
        return voice
    names = ", ".join(choice.name for choice in Voice.choices()) or "none yet"
    raise UnknownVoice(f"There is no voice named {name!r}. Voices in the bank: {names}.")


def _say(message: str) -> None:
    print(f"tembr: {message}", file=sys.stderr)
