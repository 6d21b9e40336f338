"""The database: how SQLite is opened, and what the tables themselves keep."""

import pytest
from sqlalchemy.exc import IntegrityError

from app.db import db


def test_database_lets_readers_and_a_writer_work_at_once(app):
    with app.app_context():
        assert db.session.scalar(db.text("PRAGMA journal_mode")) == "wal"
        assert db.session.scalar(db.text("PRAGMA foreign_keys")) == 1


def test_database_itself_keeps_names_apart(bank):
    with pytest.raises(IntegrityError):
        bank("Анна", "анна")
