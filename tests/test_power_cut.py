"""A power cut: what is confirmed was brought to the disk before it, the file before the row that names it."""

import io
import os
from pathlib import Path

import pytest
from sqlalchemy import event, text

from app import backup
from app.db import db


@pytest.fixture
def log(app, monkeypatch):
    """What is brought to the disk and committed, in order: folders by name, files by their ending."""
    told, fsync = [], os.fsync

    def noted(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        told.append(path.name if path.is_dir() else path.suffix)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    with app.app_context():
        event.listen(db.engine, "commit", lambda _connection: told.append("commit"))
    return told


def test_database_waits_for_the_disk_at_each_commit(app):
    with app.app_context():
        assert db.session.scalar(text("PRAGMA synchronous")) == 2
        assert db.session.scalar(text("PRAGMA journal_mode")) == "wal"


def test_recording_is_on_the_disk_before_its_voice(client, recording, log):
    upload = {"name": "New", "consent": "y", "recording": (io.BytesIO(recording()), "a.wav")}
    assert client.post("/voices", data=upload).status_code == 303
    assert log[:3] == [".wav", "voices", "commit"]


def test_request_is_on_the_disk_before_it_is_spoken_and_speech_before_its_row(bank, client, log):
    bank("Anna")
    log.clear()
    assert client.post("/", data={"voice": "1", "text": "Привет."}).status_code == 303
    assert log[:5] == [".draft", "queue", ".mp3", "speeches", "commit"]


def test_backup_is_on_the_disk_before_it_has_its_name(app, log, tmp_path):
    with app.app_context():
        backup.write(tmp_path / "site.tar")
    assert log[-1] == tmp_path.name and any(name not in ("", tmp_path.name) for name in log)


def test_empty_secret_key_is_made_anew(make_app, tmp_path):
    make_app()
    key = tmp_path / "instance" / "secret_key"
    key.write_text("")
    assert len(make_app().config["SECRET_KEY"]) == 64
    assert key.read_text() and key.stat().st_mode & 0o077 == 0
