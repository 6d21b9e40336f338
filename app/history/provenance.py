"""Provenance: the hashes of the files made here, and /verify, which looks a file up by hash and tags."""

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from flask import Blueprint, current_app, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.file import FileField
from sqlalchemy import Connection, delete, event, insert, null, select, update
from sqlalchemy.orm import scoped_session
from wtforms.validators import ValidationError

from app.db import MadeFile, Speech, db
from app.errors import file_too_large
from app.forms import TembrForm
from models import says_synthetic

blueprint = Blueprint("provenance", __name__)


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


def hash_of(file: BinaryIO) -> str:
    """Return the SHA-256 of an open file, in hex, read from its start in blocks."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


@event.listens_for(Speech, "after_insert")
def _remember(_mapper, connection: Connection, speech: Speech) -> None:
    """Keep the hash in the transaction that keeps the speech."""
    _insert(connection, speech.sha256, speech.created_at, speech.voice_name)


def remember(sha256: str, made_at: datetime, voice_name: str) -> None:
    """Keep the hash of a speech that is not kept.  Raises SQLAlchemyError."""
    _insert(db.session, sha256, made_at, voice_name)
    db.session.commit()


def _insert(target: Connection | scoped_session, sha256: str, made_at: datetime, voice_name: str) -> None:
    if current_app.config["KEEP_HASHES"]:
        name = voice_name if current_app.config["KEEP_HASH_VOICES"] else None
        target.execute(insert(MadeFile).values({"sha256": sha256, "created_at": made_at, "voice_name": name}))


def forget() -> None:
    """Delete the hashes, or the voice names beside them, that the settings do not allow to be kept."""
    if not current_app.config["KEEP_HASHES"]:
        db.session.execute(delete(MadeFile))
    elif not current_app.config["KEEP_HASH_VOICES"]:
        db.session.execute(update(MadeFile).values(voice_name=None).where(MadeFile.voice_name.is_not(None)))
    db.session.commit()


def find(path: Path) -> Finding:
    """Look a file up by its hash, else by its tags."""
    with path.open("rb") as file:
        sha256 = hash_of(file)
    return _made_here(sha256) or Finding(says_synthetic=says_synthetic(path))


def _made_here(sha256: str) -> Finding | None:
    """Look a hash up among the speeches, else among the hashes of deleted ones."""
    for source, speech_id in ((Speech, Speech.id), (MadeFile, null())):
        columns = source.created_at, source.voice_name, speech_id
        found = db.session.execute(select(*columns).where(source.sha256 == sha256).order_by(source.id)).first()
        if found:
            return Finding(*found)
    return None


class FileForm(TembrForm):
    """A file to be looked up."""

    file = FileField(lazy_gettext("File"))

    def validate_file(self, field: FileField) -> None:
        if not field.data:
            raise ValidationError(_("Choose a file."))
        size, limit = field.data.stream.seek(0, 2), current_app.config["MAX_VERIFY_MEGABYTES"]
        field.data.stream.seek(0)
        if size == 0:
            raise ValidationError(_("This file is empty."))
        if size > limit * 1_000_000:
            raise ValidationError(file_too_large(size))

    def finding(self) -> Finding:
        """Look the uploaded file up."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            self.file.data.save(path)
            return find(path)


@blueprint.route("/verify", methods=["GET", "POST"])
def verify():
    """Take a file and show where it comes from."""
    form, finding = FileForm(), None
    if form.validate_on_submit():
        with form.refusals():
            finding = form.finding()
    answer = render_template("history/verify.html", form=form, finding=finding)
    return answer, 422 if form.errors else 200
