"""Where a file comes from: its tags, and the hashes by which this box knows its own."""

import hashlib
from datetime import datetime

import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError

from app import storage
from app.db import MadeFile, Speech, db
from app.history import provenance
from models import FORMATS, SpeechFile, read_tags, synthetic_tags

MADE_AT = datetime(2026, 3, 1, 12, 30)


def _speech(**changes):
    given = {"text": "Добрый день, мир!", "voice_name": "Аня", "seed": 0, "format": "mp3"}
    return Speech(**given | {"seconds": 1.0, "sha256": "a" * 64, "size": 3, "created_at": MADE_AT} | changes)


def _tags(text="Добрый день, мир!"):
    return synthetic_tags(text, "Аня", MADE_AT)


def _write(path, tags, format="mp3"):
    with SpeechFile(path, 16_000, format, tags) as file:
        file.write(0.3 * np.sin(np.arange(16_000) / 20))
    return path


def _keep(app, **changes):
    with app.app_context():
        storage.keep(_speech(**changes), b"ID3", "mp3")


def _made(app):
    with app.app_context():
        return list(db.session.execute(db.select(MadeFile.sha256, MadeFile.created_at, MadeFile.voice_name)))


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_that_it_is_synthetic_with_which_voice_and_when(app, tmp_path, format):
    path = _write(tmp_path / f"speech.{format}", _tags(), format)
    tags = read_tags(path)
    assert "Synthetic speech made with Tembr" in tags["comment"] and "Аня" in tags["comment"]
    assert tags["title"] == "Добрый день, мир!" and tags["artist"] == "Аня"
    assert tags["date"] == "2026-03-01"
    with app.app_context():
        assert provenance.find(path).says_synthetic


def test_every_speech_leaves_its_hash(app):
    _keep(app)
    assert _made(app) == [("a" * 64, MADE_AT, "Аня")]


def test_two_speeches_of_the_same_file_are_both_kept(app):
    _keep(app)
    _keep(app)
    assert len(_made(app)) == 2


def test_hash_is_not_kept_when_the_settings_say_so(make_app):
    app = make_app(KEEP_HASHES=False)
    _keep(app)
    assert _made(app) == []


def test_name_of_the_voice_is_not_kept_when_the_settings_say_so(make_app):
    app = make_app(KEEP_HASH_VOICES=False)
    _keep(app)
    assert _made(app) == [("a" * 64, MADE_AT, None)]


@pytest.mark.parametrize(
    ("changes", "left"),
    [({"KEEP_HASHES": False}, []), ({"KEEP_HASH_VOICES": False}, [("a" * 64, MADE_AT, None)])],
)
def test_what_is_no_longer_to_be_kept_is_forgotten_at_the_next_start(make_app, changes, left):
    _keep(make_app())
    assert _made(make_app(**changes)) == left


def test_refused_speech_leaves_no_hash(app):
    with app.app_context():
        db.session.add(_speech(voice_id=99, file_name="x"))
        with pytest.raises(IntegrityError):
            db.session.commit()
        db.session.rollback()
    assert _made(app) == []


@pytest.fixture
def made(app, tmp_path):
    """A file that was made on this box, as it is kept."""
    path = _write(tmp_path / "made.mp3", _tags())
    _keep(app, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_file_of_this_box_is_known_with_its_speech(app, made):
    with app.app_context():
        assert provenance.find(made) == provenance.Finding(MADE_AT, "Аня", speech_id=1)


def test_file_is_known_after_its_speech_was_deleted(app, client, made):
    client.post("/speeches/1/delete")
    with app.app_context():
        assert provenance.find(made) == provenance.Finding(MADE_AT, "Аня", speech_id=None)


def test_changed_file_is_known_by_its_tags_alone(app, made):
    made.write_bytes(made.read_bytes() + b"\0")
    with app.app_context():
        assert provenance.find(made) == provenance.Finding(says_synthetic=True)


@pytest.mark.parametrize("content", [b"", b"no audio at all", b"ID3" + bytes(100)])
def test_what_is_no_audio_is_not_known(app, tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with app.app_context():
        assert provenance.find(tmp_path / "x") == provenance.Finding()


def test_audio_of_others_is_not_known(app, tmp_path):
    path = _write(tmp_path / "x.wav", {"comment": "Recorded by hand"}, "wav")
    with app.app_context():
        assert provenance.find(path) == provenance.Finding()
