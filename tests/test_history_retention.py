"""Retention: speeches are deleted as the settings say, and files without rows at a start."""

import os
import re
import time
from datetime import timedelta

import pytest

from app import storage
from app.db import MadeFile, Speech, db, now
from app.history import retention

HOURS = 3600  # seconds


def _payload(text, **changes):
    """A speech of that text, as it is kept."""
    given = {"text": text, "voice_name": "Anna", "seed": 0, "format": "mp3", "seconds": 5.0}
    return Speech(**given | {"sha256": text, "size": 1_500_000} | changes)


@pytest.fixture
def say(app):
    """Keeps speeches with their files, the first said first; returns their ids."""

    def keep(*texts, app=app, **changes):
        with app.app_context():
            speeches = [_payload(text, **changes) for text in texts]
            for speech in speeches:
                storage.keep(speech, b"ID3 speech", "mp3")
            return [speech.id for speech in speeches]

    return keep


def _texts(page):
    return re.findall(r"<blockquote>(.*?)</blockquote>", page)


def _kept(app):
    with app.app_context():
        return list(db.session.scalars(db.select(Speech.text).order_by(Speech.id)))


def _paths(app):
    return sorted((app.config["INSTANCE"] / "speeches").iterdir())


def _age(path, hours):
    os.utime(path, (time.time() - hours * HOURS,) * 2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["Speeches are kept until you delete them."]),
        ({"KEEP_DAYS": 30.0}, ["Speeches are deleted after 30 days."]),
        ({"KEEP_DAYS": 1.0}, ["Speeches are deleted after 1 day."]),
        ({"KEEP_MEGABYTES": 500.0}, ["When they take up more than 500 MB in total, the oldest are deleted."]),
        ({"KEEP_DAYS": 7.0, "KEEP_MEGABYTES": 0.5}, ["after 7 days", "more than 0.5 MB"]),
    ],
)
def test_page_says_how_long_speeches_are_kept(make_app, settings, words):
    page = make_app(**settings).test_client().get("/speeches").text
    assert all(part in page for part in words)


def test_speeches_older_than_the_settings_allow_are_deleted(make_app, say):
    app = make_app(KEEP_DAYS=30.0)
    say("old", app=app, created_at=now() - timedelta(days=30, minutes=1))
    say("not yet old", app=app, created_at=now() - timedelta(days=29, hours=23))
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["not yet old"] and len(_paths(app)) == 1


def test_oldest_are_deleted_when_all_take_more_than_the_settings_allow(make_app, say):
    app = make_app(KEEP_MEGABYTES=3.0)
    say("first", "second", "third", app=app)
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["second", "third"] and len(_paths(app)) == 2


def test_last_speech_stays_however_large_it_is(make_app, say):
    app = make_app(KEEP_MEGABYTES=1.0)
    say("first", "second", app=app, size=5_000_000)
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["second"]


@pytest.mark.parametrize("nothing", [0.0, -1.0, float("nan")])
def test_everything_is_kept_when_the_settings_say_nothing(make_app, say, nothing):
    app = make_app(KEEP_DAYS=nothing, KEEP_MEGABYTES=nothing)
    say("old", app=app, created_at=now() - timedelta(days=9_999))
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["old"]


def test_endless_age_is_no_fault(make_app, say):
    app = make_app(KEEP_DAYS=float("inf"))
    say("old", app=app)
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["old"]


def test_settings_are_applied_after_each_speech(make_app, say, bank):
    app = make_app(KEEP_MEGABYTES=1.0)
    bank("Anna")
    say("old", app=app)
    app.test_client().post("/", data={"voice": "1", "text": "New and small."})
    assert _kept(app) == ["New and small."]


def test_settings_are_applied_at_the_start(make_app, say):
    say("old", app=make_app(), created_at=now() - timedelta(days=2))
    assert _kept(make_app(KEEP_DAYS=1.0)) == []


def test_settings_are_applied_hourly_when_somebody_asks(make_app, say):
    app = make_app(KEEP_DAYS=1.0)
    say("old", app=app, created_at=now() - timedelta(days=2))
    app.test_client().get("/speeches")
    assert _kept(app) == ["old"]
    app.extensions["retention"].applied_at -= HOURS
    app.test_client().get("/speeches")
    assert _kept(app) == []


def test_page_is_shown_when_old_speeches_cannot_be_deleted(make_app, say, monkeypatch):
    def refuse(*_arguments):
        raise OSError(30, "Read-only file system")

    app = make_app(KEEP_DAYS=1.0)
    say("old", app=app, created_at=now() - timedelta(days=2))
    app.extensions["retention"].applied_at -= HOURS
    monkeypatch.setattr(storage, "discard_where", refuse)
    assert _texts(app.test_client().get("/speeches").text) == ["old"]


def test_file_without_a_row_is_deleted_at_the_start_once_it_is_an_hour_old(app, make_app, say):
    say("kept")
    folder = app.config["INSTANCE"] / "speeches"
    old, young, foreign = (folder / name for name in (f"{'a' * 32}.mp3", f"{'b' * 32}.wav", "my own.mp3"))
    for path in (old, young, foreign):
        path.write_bytes(b"ID3")
    for path in _paths(app):
        _age(path, hours=2)
    _age(young, hours=0.9)
    with app.app_context(), storage.Draft("mp3") as draft:
        _age(draft.path, hours=2)
        make_app()
        assert draft.path.exists()
    assert not old.exists() and young.exists() and foreign.exists()
    assert len(_paths(app)) == 3


def test_files_stay_when_the_database_is_another_one(app, make_app, tmp_path, say):
    say("kept", "kept too")
    for path in _paths(app):
        _age(path, hours=2)
    other = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'other.sqlite'}"}
    say("of the other", app=make_app(**other))
    make_app(**other)
    assert len(_paths(app)) == 3


def test_sizes_that_were_never_measured_are_at_the_start(app, make_app, say):
    say("there", "lost", size=None)
    with app.app_context():
        storage.path_of(db.session.get(Speech, 2)).unlink()
    make_app()
    with app.app_context():
        assert list(db.session.scalars(db.select(Speech.size).order_by(Speech.id))) == [len(b"ID3 speech"), 0]


def test_hashes_outlive_their_speeches(app, client, say):
    (speech_id,) = say("Hello")
    client.post(f"/speeches/{speech_id}/delete")
    with app.app_context():
        assert list(db.session.scalars(db.select(MadeFile.sha256))) == ["Hello"]
