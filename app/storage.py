"""Rows and their audio files: kept together, removed together, sent by the row's id."""

import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from flask import Response, abort, current_app, send_file
from flask_babel import gettext as _
from sqlalchemy import delete, select

from app.db import Speech, Voice, VoiceConsent, VoiceRecording, db

MIME_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "webm": "audio/webm",
}

DAY = 24 * 3600.0  # seconds
ORPHAN_SECONDS = 3600.0  # a younger file may be one that is just being kept
FILE_NAME = re.compile(r"[0-9a-f]{32}\.\w+")  # as they are named here: nothing else is removed
DRAFT = "draft-"  # how the names of files begin that are still being written


def kind_of(recording: bytes) -> str:
    """Tell the format of a recording by its first bytes: a key of MIME_TYPES, or "audio"."""
    starts = {b"RIFF": "wav", b"ID3": "mp3", b"fLaC": "flac", b"OggS": "ogg", b"\x1aE\xdf\xa3": "webm"}
    for start, kind in starts.items():
        if recording.startswith(start):
            return kind
    if recording[4:8] == b"ftyp":
        return "m4a"
    sync = int.from_bytes(recording[:2], "big")
    return "mp3" if sync & 0xFFE6 == 0xFFE2 else "aac" if sync & 0xFFF6 == 0xFFF0 else "audio"


def path_of(row: Voice | VoiceRecording | VoiceConsent | Speech) -> Path:
    return current_app.config["INSTANCE"] / row.folder / row.file_name


def reach_disk(path: Path) -> None:
    """Let a file, or the names in a folder, outlive a power cut.  Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep(
    row: VoiceRecording | VoiceConsent | Speech, content: bytes, kind: str, sample_of: Voice | None = None
) -> None:
    """Write the file to the disk and commit the row: both, or neither.

    sample_of: the voice whose sample the file becomes.
    Raises OSError when the disk refuses and SQLAlchemyError when the database does.
    """
    row.file_name = f"{secrets.token_hex(16)}.{kind}"
    if sample_of:
        sample_of.file_name = row.file_name
    path = path_of(row)
    try:
        path.write_bytes(content)
        reach_disk(path)
        reach_disk(path.parent)
        db.session.add(row)
        db.session.commit()
    except Exception:
        db.session.rollback()
        path.unlink(missing_ok=True)
        raise


class Draft:
    """A file that speech is written to, beside those that are kept; gone at the end unless keep_draft took it.

    It is locked while this process lives, so that no other takes it for one that a crash has left.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self.path = current_app.config["INSTANCE"] / Speech.folder / f"{DRAFT}{secrets.token_hex(16)}.{kind}"

    def __enter__(self) -> "Draft":
        self._lock = self.path.open("xb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *error) -> None:
        self.path.unlink(missing_ok=True)
        self._lock.close()


def keep_draft(row: Speech, draft: Draft, then: Callable[[Speech], None] = lambda _row: None) -> None:
    """Make the draft the row's file and commit the row: both, or neither.

    then: done with the row in the same transaction.  Raises as keep does, and what `then` raises.
    """
    row.file_name = f"{secrets.token_hex(16)}.{draft.kind}"
    path = path_of(row)
    try:
        reach_disk(draft.path)
        os.replace(draft.path, path)
        reach_disk(path.parent)
        db.session.add(row)
        db.session.flush()
        then(row)
        db.session.commit()
    except Exception:
        db.session.rollback()
        path.unlink(missing_ok=True)
        raise


def remove_drafts() -> None:
    """Remove the drafts of a crash: those that no process holds, and folders of backups that are a day old."""
    for folder in current_app.config["INSTANCE"].glob(f"{DRAFT}*"):
        if time.time() - folder.stat().st_mtime > DAY:
            shutil.rmtree(folder, ignore_errors=True)
    for path in (current_app.config["INSTANCE"] / Speech.folder).glob(f"{DRAFT}*"):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            path.unlink(missing_ok=True)


def remove_lost_files(*kinds: type[Voice | VoiceRecording | VoiceConsent | Speech]) -> None:
    """Remove the files that no row of these kinds, which share a folder, names: as a crash leaves them.

    When they are more than the rows, the database may be another one than the files belong to: then they stay.
    """
    known = {name for kind in kinds for name in db.session.scalars(select(kind.file_name))}
    folder = current_app.config["INSTANCE"] / kinds[0].folder
    named = [path for path in folder.iterdir() if path.name not in known and FILE_NAME.fullmatch(path.name)]
    lost = [path for path in named if time.time() - path.stat().st_mtime > ORPHAN_SECONDS]
    if len(lost) > len(known):
        current_app.logger.warning("%s files in %s belong to no row of this database.", len(lost), folder)
        return
    for path in lost:
        path.unlink(missing_ok=True)


def discard_where(kind: type[Voice | Speech], *conditions) -> int:
    """Delete the rows that meet every condition, then their files; return how many."""
    names = db.session.scalars(
        delete(kind).where(*conditions).returning(kind.file_name), execution_options={"synchronize_session": False}
    ).all()
    db.session.commit()
    for name in filter(None, names):
        (current_app.config["INSTANCE"] / kind.folder / name).unlink(missing_ok=True)
    return len(names)


def send(row: Voice | VoiceRecording | Speech, name: str, as_attachment: bool = False) -> Response:
    """Send the row's file, whole or in ranges, as name.suffix."""
    path = path_of(row)
    kind = path.suffix.removeprefix(".")
    if not path.is_file():
        abort(404, _("The audio file is missing from the disk."))
    response = send_file(
        path,
        mimetype=MIME_TYPES.get(kind, "application/octet-stream"),
        as_attachment=as_attachment or kind not in MIME_TYPES,
        download_name=f"{name}.{kind}",
        conditional=True,
    )
    response.cache_control.private = True
    return response


def title(*parts: str) -> str:
    """Join the parts to a file name without suffix: letters, digits and spaces of any alphabet."""
    cleaned = ("".join(c if c.isalnum() or c == "\u0301" else " " for c in part).split() for part in parts)
    return " - ".join(" ".join(words[:6])[:60] for words in cleaned if words) or "speech"
