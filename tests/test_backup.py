"""Backups: all that a site keeps is in them and comes back, while it serves too; what is no whole backup is refused."""

import io
import json
import sqlite3
import stat
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

import app as site
from app import backup, cli, startup, storage
from app.db import Pronunciation, Speech, Voice, VoiceConsent, VoiceRecording, db


@pytest.fixture
def full(app, bank, client):
    """A site with two voices, a spoken consent, three speeches and a word."""
    bank("Anna", "Борис")
    with app.app_context():
        storage.keep(VoiceConsent(name="Anna", language="ru"), b"ID3 consent of Anna", "mp3")
    for text in ("Раз.", "Два.", "Три."):
        assert client.post("/", data={"voice": "1", "text": text}).status_code == 303
    client.post("/dictionary", data={"word": "замок", "respelling": "зам+ок"})
    return app


@pytest.fixture
def empty(make_app, tmp_path):
    """Another site, with nothing in it."""
    return make_app(INSTANCE=tmp_path / "other")


@pytest.fixture
def tar(full, tmp_path) -> Path:
    with full.app_context():
        backup.write(tmp_path / "site.tar")
    return tmp_path / "site.tar"


def kept(app) -> dict:
    """All that a site keeps: its rows, and the files that they name."""
    with app.app_context():
        kinds = Voice, VoiceRecording, VoiceConsent, Speech
        rows = [row for kind in kinds for row in db.session.scalars(select(kind)) if row.file_name]
        files = {(row.folder, row.file_name): storage.path_of(row).read_bytes() for row in rows}
        tables = {name: db.session.execute(select(table)).all() for name, table in db.metadata.tables.items()}
        key = (app.config["INSTANCE"] / "secret_key").read_text()
    return {"tables": {name: [repr(row) for row in rows] for name, rows in tables.items()}, "files": files, "key": key}


def restore(app, path, force=False):
    with app.app_context():
        return backup.restore(path, force)


def rewritten(tar: Path, change) -> Path:
    """The backup with each (name, content) as `change` gives it back; None leaves it out."""
    path = tar.with_name("changed.tar")
    with tarfile.open(tar) as old, tarfile.open(path, "w") as new:
        for member in old:
            if changed := change(member.name, old.extractfile(member).read()):
                name, content = changed
                member = tarfile.TarInfo(name)
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return path


def test_all_that_is_kept_comes_back(full, empty, tar):
    manifest = restore(empty, tar)
    assert (manifest.voices, manifest.speeches, manifest.lost) == (2, 3, [])
    assert kept(empty) == kept(full)
    client = empty.test_client()
    assert "Три." in client.get("/speeches").text and client.get("/speeches/3/audio").status_code == 200
    assert client.post("/", data={"voice": "2", "text": "Четыре."}).location == "/speeches/4"


def test_backup_is_for_its_owner_alone_and_leaves_nothing_beside_it(full, tar, tmp_path):
    assert stat.S_IMODE(tar.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"instance", "site.tar"}
    folders = {"voices", "speeches", "queue", "secret_key"}
    assert {path.name for path in full.config["INSTANCE"].iterdir()} - folders == {
        path.name for path in full.config["INSTANCE"].glob("tembr.sqlite*")
    }


def test_every_row_of_a_backup_made_while_serving_has_its_file(full, empty, tmp_path):
    client, stop = full.test_client(), threading.Event()

    def live():
        number = 3
        while not stop.is_set():
            number = int(client.post("/", data={"voice": "1", "text": "Ещё."}).location.rsplit("/", 1)[1])
            client.post(f"/speeches/{number - 2}/delete")

    busy = threading.Thread(target=live)
    busy.start()
    try:
        for number in range(5):
            with full.app_context():
                backup.write(tmp_path / f"{number}.tar")
    finally:
        stop.set()
        busy.join()
    for number in range(5):
        restore(empty, tmp_path / f"{number}.tar", force=True)
        with empty.app_context():
            speeches = db.session.scalars(select(Speech)).all()
            assert speeches and all(storage.path_of(speech).is_file() for speech in speeches)
            for speech in speeches:
                assert speech.size == storage.path_of(speech).stat().st_size


def test_speech_deleted_after_the_database_was_copied_is_not_in_the_backup(full, empty, tmp_path, monkeypatch):
    copy = backup._copy_database

    def and_delete(path):
        copy(path)
        storage.discard_where(Speech, Speech.id == 2)

    monkeypatch.setattr(backup, "_copy_database", and_delete)
    with full.app_context():
        manifest = backup.write(tmp_path / "site.tar")
    assert manifest.speeches == 2 and len(manifest.lost) == 1
    restore(empty, tmp_path / "site.tar")
    assert kept(empty)["tables"]["speech"] == kept(full)["tables"]["speech"]


def test_lost_sample_does_not_cost_the_voice(full, empty, tmp_path):
    with full.app_context():
        storage.path_of(db.session.get(Voice, 1)).unlink()
        backup.write(tmp_path / "site.tar")
    assert restore(empty, tmp_path / "site.tar").voices == 2
    assert empty.test_client().post("/", data={"voice": "1", "text": "Раз."}).status_code == 303


def test_site_that_keeps_something_is_not_overwritten_unasked(full, tar):
    full.test_client().post("/", data={"voice": "1", "text": "После."})
    before = kept(full)
    with pytest.raises(backup.NotEmpty, match="2 voices and 4 speeches"):
        restore(full, tar)
    assert kept(full) == before


def test_what_is_overwritten_is_put_aside_whole(full, tar, make_app):
    full.test_client().post("/", data={"voice": "1", "text": "После."})
    before = kept(full)
    restore(full, tar, force=True)
    assert len(kept(full)["tables"]["speech"]) == 3
    (aside,) = full.config["INSTANCE"].glob("before-restore-*")
    assert kept(make_app(INSTANCE=aside)) == before


def test_damaged_database_can_be_restored_over(full, empty, tar):
    with empty.app_context():
        db.engine.dispose()
        (empty.config["INSTANCE"] / "tembr.sqlite").write_bytes(b"no database" * 1000)
        for ending in ("-wal", "-shm"):
            (empty.config["INSTANCE"] / f"tembr.sqlite{ending}").unlink(missing_ok=True)
    with pytest.raises(backup.NotEmpty, match="a database that cannot be read"):
        restore(empty, tar)
    restore(empty, tar, force=True)
    assert kept(empty)["tables"] == kept(full)["tables"]


@pytest.mark.parametrize("part", [0, 0.001, 0.5, 0.8])
def test_half_a_backup_is_refused_and_changes_nothing(full, empty, tar, part):
    tar.write_bytes(tar.read_bytes()[: int(part * tar.stat().st_size)])
    before = kept(empty)
    with pytest.raises(backup.NoBackup, match="is not whole|is no backup"):
        restore(empty, tar)
    assert kept(empty) == before
    assert not list(empty.config["INSTANCE"].glob("before-*")) + list(empty.config["INSTANCE"].glob("draft-*"))


def swap(name: str, content: bytes):
    return lambda member, old: (member, content) if member == name else (member, old)


CHANGES = {
    "another key": swap("secret_key", b"0" * 64),
    "another database": swap("tembr.sqlite", b"no database"),
    "a file less": lambda name, old: None if name.endswith(".mp3") else (name, old),
    "no manifest": lambda name, old: None if name == "manifest.json" else (name, old),
    "a manifest that is none": swap("manifest.json", b'{"format": 1, "strange": 1}'),
    "a path upwards": lambda name, old: ("../evil", old) if name == "secret_key" else (name, old),
    "an absolute path": lambda name, old: ("/tmp/evil", old) if name == "secret_key" else (name, old),
    "another file": lambda name, old: ("weights/evil.pt", old) if name == "secret_key" else (name, old),
    "a file twice": lambda name, old: ("manifest.json", old) if name == "secret_key" else (name, old),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_changed_backup_is_refused_and_changes_nothing(empty, tar, change):
    before = kept(empty)
    with pytest.raises(backup.NoBackup):
        restore(empty, rewritten(tar, change))
    assert kept(empty) == before


def test_link_in_a_backup_is_refused(empty, tar):
    with tarfile.open(tar, "a") as file:
        link = tarfile.TarInfo("voices/" + "0" * 32 + ".mp3")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    with pytest.raises(backup.NoBackup):
        restore(empty, tar)


def test_backup_of_a_newer_tembr_is_refused_with_words(empty, tar):
    with tarfile.open(tar) as file:
        manifest = json.load(file.extractfile("manifest.json"))
    newer = rewritten(tar, swap("manifest.json", json.dumps(manifest | {"version": "9999"}).encode()))
    with pytest.raises(backup.NoBackup, match="made by a newer Tembr"):
        restore(empty, newer)


def test_disk_that_fills_leaves_no_backup_and_no_draft(full, tmp_path, monkeypatch):
    def fill(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_add", fill)
    with full.app_context(), pytest.raises(OSError):
        backup.write(tmp_path / "site.tar")
    assert {path.name for path in tmp_path.iterdir()} == {"instance"}


def test_command_line_backs_up_and_restores_but_not_while_the_site_serves(full, empty, tmp_path, monkeypatch, capsys):
    path = str(tmp_path / "site.tar")
    monkeypatch.setattr(site, "create_app", lambda: full)
    assert cli.main(["backup", path], load=None) == 0
    assert "2 voices and 3 speeches" in capsys.readouterr().err
    monkeypatch.setattr(site, "create_app", lambda: empty)
    serving = startup.hold(empty.config["INSTANCE"], 0.0)
    assert cli.main(["restore", path], load=None) == 1
    assert "stop it first" in capsys.readouterr().err
    serving.close()
    assert cli.main(["restore", path, "--json"], load=None) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["file"], told["voices"], told["speeches"]) == (path, 2, 3)
    assert kept(empty) == kept(full)
    assert cli.main(["restore", path], load=None) == 1
    assert "keeps something already" in capsys.readouterr().err


def test_database_elsewhere_is_restored_where_it_was(full, make_app, tar, tmp_path):
    path = tmp_path / "data" / "my.sqlite"
    path.parent.mkdir()
    app = make_app(INSTANCE=tmp_path / "third", SQLALCHEMY_DATABASE_URI=f"sqlite:///{path}")
    restore(app, tar)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM speech").fetchone() == (3,)
    assert kept(app) == kept(full)


def test_word_of_the_dictionary_comes_back(empty, tar):
    restore(empty, tar)
    with empty.app_context():
        assert Pronunciation.dictionary() == {"замок": "зам+ок"}
