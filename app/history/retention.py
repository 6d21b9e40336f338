"""Retention: deletes speeches as the settings say, and files without rows."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask, current_app
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from app import storage
from app.db import Speech, db, now
from app.history import provenance

MAX_DAYS = 365_000.0  # more is for ever
EVERY_SECONDS = 3600.0
ORPHAN_SECONDS = 3600.0  # a younger file may be one that is just being kept
FILE_NAME = re.compile(r"[0-9a-f]{32}\.\w+")  # as storage.py names them: nothing else is touched


class Clock:
    """When the settings were last applied."""

    def __init__(self):
        self.applied_at = time.monotonic()

    def is_due(self) -> bool:
        """Whether EVERY_SECONDS passed; of several that ask at once, nearly always one is told so."""
        if time.monotonic() - self.applied_at < EVERY_SECONDS:
            return False
        self.applied_at = time.monotonic()
        return True


def init_app(app: Flask) -> None:
    """Apply the settings hourly, when somebody asks for a page."""
    app.extensions["retention"] = Clock()
    app.before_request(_hourly)


def sweep() -> None:
    """Apply the settings, delete files without rows, and note the sizes of unmeasured files."""
    for apply in (_delete_lost_files, _measure, provenance.forget):
        with _going_on():
            apply()
    enforce()


def _hourly() -> None:
    if current_app.extensions["retention"].is_due():
        enforce()


@contextmanager
def _going_on() -> Iterator[None]:
    """Log what the disk or the database refuses, and go on: the next time tries again."""
    try:
        yield
    except (SQLAlchemyError, OSError):
        current_app.logger.exception("What the settings say of old speeches could not be done")
        db.session.rollback()


def enforce() -> None:
    """Delete speeches beyond KEEP_DAYS, and the oldest beyond KEEP_MEGABYTES."""
    conditions = [condition for condition in (_too_old(), _too_much()) if condition is not None]
    with _going_on():
        if conditions:
            storage.discard_where(Speech, or_(*conditions))


def _too_old() -> ColumnElement[bool] | None:
    days = current_app.config["KEEP_DAYS"]
    return Speech.created_at < now() - timedelta(days=min(days, MAX_DAYS)) if days > 0 else None


def _too_much() -> ColumnElement[bool] | None:
    """Select the speeches that, with all newer ones, exceed the limit; never the newest."""
    megabytes = current_app.config["KEEP_MEGABYTES"]
    if not megabytes > 0:
        return None
    size = func.coalesce(Speech.size, 0)
    sums = select(Speech.id, func.sum(size).over(order_by=Speech.id.desc()).label("bytes")).subquery()
    last = select(func.max(Speech.id)).scalar_subquery()
    return Speech.id.in_(select(sums.c.id).where(sums.c.bytes > megabytes * 1_000_000, sums.c.id != last))


def _delete_lost_files() -> None:
    """Delete files whose rows are gone, as a crash between the two leaves them.

    When they are more than the rows, the database may be another one than the files belong to: then they stay.
    """
    known = set(db.session.scalars(select(Speech.file_name)))
    folder = current_app.config["INSTANCE"] / Speech.folder
    lost = [
        path
        for path in folder.iterdir()
        if path.name not in known
        and FILE_NAME.fullmatch(path.name)
        and time.time() - path.stat().st_mtime > ORPHAN_SECONDS
    ]
    if len(lost) > len(known):
        current_app.logger.warning("%s files in %s belong to no speech of this database.", len(lost), folder)
        return
    for path in lost:
        path.unlink(missing_ok=True)


def _measure() -> None:
    """Note the sizes of files that are not measured yet; 0 for one that is missing."""
    for speech in db.session.scalars(select(Speech).where(Speech.size.is_(None))):
        path = storage.path_of(speech)
        speech.size = path.stat().st_size if path.exists() else 0
    db.session.commit()
