"""Retention: deletes speeches as the settings say."""

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
    """Apply the settings, and note the sizes of unmeasured files."""
    for apply in (_measure, provenance.forget):
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


def _measure() -> None:
    """Note the sizes of files that are not measured yet; 0 for one that is missing."""
    for speech in db.session.scalars(select(Speech).where(Speech.size.is_(None))):
        path = storage.path_of(speech)
        speech.size = path.stat().st_size if path.exists() else 0
    db.session.commit()
