"""A start: ready voices, outdated profiles, what the command line leaves alone, and one process at a time."""

import json
import threading
from datetime import timedelta

import numpy as np
import pytest
from safetensors.numpy import load, save
from sqlalchemy import select

import app as site
from app import cli, create_app, startup, storage
from app.db import Speech, Voice, VoiceRecording, db, now
from app.voices import recordings
from app.voices.voice_file import VoiceFile
from config import Config
from models import VoiceProfile
from models.voice_profile import is_outdated, merged


def present_profile() -> VoiceProfile:
    return VoiceProfile(np.eye(256)[0], np.array([5.0, 0.2]), np.full(80, -1.0), seconds=3.0)


def old_bytes() -> bytes:
    """As it was kept before profiles said how they were heard."""
    return save(load(present_profile().to_bytes()))


def old_profile() -> VoiceProfile:
    return VoiceProfile.from_bytes(old_bytes())


def put(app, name: str, sound: bytes | None, **changes) -> int:
    """Add a voice with an old profile."""
    with app.app_context():
        voice = recordings.begin(Voice(name=name, **changes), old_profile(), sound or b"")
        if sound is None:
            storage.path_of(voice).unlink()
        return voice.id


def profile_of(app, voice_id: int) -> VoiceProfile:
    with app.app_context():
        return db.session.get(Voice, voice_id).profile


def test_an_old_profile_is_known_and_still_read():
    assert is_outdated(old_bytes())
    assert is_outdated(old_profile().to_bytes())  # reading it makes it no newer
    assert is_outdated(merged([old_profile(), present_profile()]).to_bytes())
    assert not is_outdated(present_profile().to_bytes())


def test_a_voice_file_made_of_an_old_profile_brings_an_old_profile():
    old = VoiceFile(old_profile(), "Anna")
    assert is_outdated(VoiceFile.from_bytes(old.to_bytes()).profile.to_bytes())
    assert not is_outdated(VoiceFile.from_bytes(VoiceFile(present_profile(), "Anna").to_bytes()).profile.to_bytes())


def test_a_voice_of_one_recording_is_heard_again_once(make_app, cloner, recording):
    voice_id = put(make_app(), "Anna", recording())
    app = make_app()
    heard = profile_of(app, voice_id)
    assert heard == cloner.listen(recording())
    cloner.listen = None
    assert profile_of(make_app(), voice_id) == heard


def test_a_voice_of_several_is_merged_again(make_app, cloner, recording):
    app = make_app()
    voice_id = put(app, "Anna", recording(3.0))
    with app.app_context():
        recordings.add(voice_id, recording(4.0), cloner.listen(recording(4.0)))
        first = db.session.scalars(select(VoiceRecording).order_by(VoiceRecording.id)).first()
        first.profile = old_profile()
        db.session.get(Voice, voice_id).profile = old_profile()
        db.session.commit()
    app = make_app()
    with app.app_context():
        assert not any(is_outdated(row.profile.to_bytes()) for row in db.session.scalars(select(VoiceRecording)))
        voice = db.session.get(Voice, voice_id)
        assert not is_outdated(voice.profile.to_bytes())
        assert voice.seconds == pytest.approx(7.0)


def test_a_voice_without_its_recording_stays_as_it_is(make_app):
    voice_id = put(make_app(), "Anna", None)
    assert profile_of(make_app(), voice_id) == old_profile()


def test_a_recording_that_cannot_be_heard_leaves_the_others_alone(make_app, recording, caplog):
    app = make_app()
    broken, whole = put(app, "Anna", b"no sound"), put(app, "Boris", recording())
    app = make_app()
    assert profile_of(app, broken) == old_profile()
    assert not is_outdated(profile_of(app, whole).to_bytes())
    assert "Anna could not be heard again: " in caplog.text


def test_a_ready_voice_takes_the_profile_that_ships_now(make_app, cloner, recording, tmp_path):
    ready = tmp_path / "ready"
    ready.mkdir()
    shipped = cloner.listen(recording(5.0))
    (ready / "emma.safetensors").write_bytes(shipped.to_bytes())
    (ready / "emma.wav").write_bytes(recording(5.0))
    entry = {"name": "Emma", "language": "en", "origin": "a corpus", "licence": "CC0"}
    voice_id = put(make_app(), "Emma", recording(), origin="a corpus")
    entry |= {"profile": "emma.safetensors", "sample": "emma.wav"}
    (ready / "index.json").write_text(json.dumps([entry]))
    assert profile_of(make_app(), voice_id) == shipped


@pytest.fixture
def list_voices(monkeypatch):
    """Runs ./tembr voices list with the settings of an app, without networks."""

    def run(app):
        settings = type("Settings", (), dict(app.config))
        monkeypatch.setattr(site, "create_app", lambda: create_app(settings))
        assert cli.main(["voices", "list"], load=lambda: pytest.fail("networks were loaded")) == 0

    return run


def test_command_line_without_networks_lists_the_bank_and_renews_nothing(app, list_voices, capsys, recording):
    voice_id = put(app, "Anna", recording())
    list_voices(app)
    assert "\nAnna\t" in capsys.readouterr().out
    assert profile_of(app, voice_id) == old_profile()


def test_command_line_deletes_neither_old_speeches_nor_drafts_and_a_start_does(make_app, list_voices, tmp_path):
    app = make_app(KEEP_DAYS=1.0)
    draft = tmp_path / "instance" / "speeches" / f"{storage.DRAFT}0123.mp3"
    draft.write_bytes(b"half a speech")
    with app.app_context():
        speech = Speech(text="Hello.", voice_name="Anna", seed=0, format="mp3", seconds=1, sha256="ab")
        speech.created_at = now() - timedelta(days=2)
        storage.keep(speech, b"ID3", "mp3")
        path = storage.path_of(speech)
    list_voices(app)
    assert path.exists() and draft.exists()
    make_app(KEEP_DAYS=1.0)
    assert not path.exists() and not draft.exists()


def test_site_is_built_without_touching_what_is_kept(tmp_path):
    settings = {"INSTANCE": tmp_path / "instance", "SQLALCHEMY_DATABASE_URI": None, "SECRET_KEY": None}
    create_app(type("Settings", (Config,), settings))
    assert sorted(path.name for path in (tmp_path / "instance").rglob("*")) == ["secret_key", "speeches", "voices"]


@pytest.fixture
def start(tmp_path, cloner, monkeypatch):
    """Starts a site as its server does; the locks are let go at the end."""
    monkeypatch.setattr(startup, "HANDOVER_SECONDS", 0.0)
    settings = {"INSTANCE": tmp_path / "instance", "READY_VOICES": tmp_path, "SQLALCHEMY_DATABASE_URI": None}
    started = []

    def start(**changes):
        started.append(create_app(type("Settings", (Config,), settings | changes), cloner))
        startup.start(started[-1])
        return started[-1]

    yield start
    for app in started:
        if "serving" in app.extensions:
            app.extensions["serving"].close()


def test_second_process_that_would_serve_the_same_instance_refuses_to_start(start, tmp_path):
    first = start()
    assert first.test_client().get("/").status_code == 200
    with pytest.raises(startup.AlreadyServing, match="start one worker process"):
        start()
    start(INSTANCE=tmp_path / "another")
    first.extensions["serving"].close()  # as at its end
    start()


def test_next_process_waits_for_the_one_that_ends(tmp_path):
    held = startup.hold(tmp_path, seconds=0.0)
    threading.Timer(0.3, held.close).start()
    startup.hold(tmp_path, seconds=20.0).close()


def test_command_line_works_beside_the_server(start, list_voices, capsys):
    list_voices(start())
    assert capsys.readouterr().out.startswith("name\t")


@pytest.fixture
def ready(tmp_path, cloner, recording):
    """Writes ready voices of the given names, as they are shipped."""

    def write(*names):
        folder = tmp_path / "ready"
        folder.mkdir(exist_ok=True)
        (folder / "x.mp3").write_bytes(recording(kind="mp3"))
        (folder / "x.safetensors").write_bytes(cloner.listen(recording()).to_bytes())
        entry = {
            "language": "ru",
            "origin": "A corpus",
            "licence": "CC0",
            "profile": "x.safetensors",
            "sample": "x.mp3",
        }
        (folder / "index.json").write_text(json.dumps([{"name": name, **entry} for name in names]))
        return folder

    return write


def names(app) -> list[str]:
    with app.app_context():
        return sorted(voice.name for voice in Voice.bank())


def test_site_starts_without_ready_voices(app, client):
    assert names(app) == []
    assert "A recording, for this text only" in client.get("/").text


def test_ready_voices_are_in_the_bank_with_origin_and_licence(make_app, ready):
    ready("Анна", "Boris")
    app = make_app()
    assert names(app) == ["Boris", "Анна"]
    page = app.test_client().get("/voices").text
    assert "A corpus. Licence: CC0" in page


def test_sample_of_a_ready_voice_plays_and_its_deletion_leaves_the_shipped_file(make_app, ready):
    folder = ready("Анна")
    client = make_app().test_client()
    sample = client.get("/voices/1/sample")
    assert sample.mimetype == "audio/mpeg"
    assert sample.data == (folder / "x.mp3").read_bytes()
    client.post("/voices/1/delete")
    assert (folder / "x.mp3").exists()


def test_deleted_ready_voice_does_not_come_back_but_a_new_one_does(make_app, ready):
    ready("Анна")
    make_app().test_client().post("/voices/1/delete")
    ready("Анна", "Boris")
    assert names(make_app()) == ["Boris"]


def test_ready_voices_are_added_once(make_app, ready):
    ready("Анна")
    make_app()
    assert names(make_app()) == ["Анна"]


def test_ready_voice_that_cannot_be_read_is_left_out(make_app, ready):
    folder = ready("Анна")
    (folder / "x.safetensors").write_bytes(b"no profile")
    app = make_app()
    assert names(app) == []
    assert list((app.config["INSTANCE"] / "voices").iterdir()) == []
