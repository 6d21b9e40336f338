"""The database at the start: new, old, current; migrated by two at once, or not at all."""

import hashlib
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Lock

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app import schema
from app.db import MadeFile, Speech, Voice, db

FIRST_TABLES = Path(__file__).with_name("data") / "first_tables.sql"
ROWS = """
INSERT INTO voice (id, name, name_key, profile, seconds, note, file_name, created_at)
VALUES (7, 'Пётр', 'пётр', x'01', 3.5, 'a note', 'p.wav', '2026-01-01 10:00:00');
INSERT INTO speech (id, text, voice_id, voice_name, speed, seed, format, seconds, sha256, file_name, created_at)
VALUES (3, 'Ещё раз', 7, 'Пётр', 1.5, 2, 'mp3', 4.0, 'abc', 's.mp3', '2026-01-02 10:00:00');
INSERT INTO pronunciation (word, respelling, language, created_at)
VALUES ('замок', 'зам+ок', 'ru', '2026-01-01 10:00:00');
INSERT INTO ready_voice (name) VALUES ('Anna');
"""


@pytest.fixture
def path(tmp_path):
    """Where the site's database is."""
    (tmp_path / "instance").mkdir()
    return tmp_path / "instance" / "tembr.sqlite"


@pytest.fixture
def old(path):
    """A database from before migrations, with a voice and what it said."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(FIRST_TABLES.read_text() + ROWS)
    return path


def _rows(path, query):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def _shape(path):
    """Every table and index in SQL."""
    return _rows(path, "SELECT name, sql FROM sqlite_master ORDER BY name")


def _differences(connection):
    """What the models have otherwise than the database."""
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), db.metadata)


def _copies(path):
    return [copy.name for copy in path.parent.glob("tembr.sqlite.*") if "before" in copy.name]


def test_new_database_has_what_the_models_say_and_the_newest_version(make_app, path):
    with make_app().app_context(), db.engine.connect() as connection:
        assert _differences(connection) == []
    assert _rows(path, "SELECT version_num FROM alembic_version") == [(schema.newest(),)]
    assert _copies(path) == []


def test_migrations_lead_to_what_the_models_say(app, tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    with app.app_context(), engine.begin() as connection:
        schema.upgrade(connection)
        assert _differences(connection) == []
        made, migrated = sa.inspect(db.engine), sa.inspect(connection)
        for table in db.metadata.tables:
            assert _columns(made, table) == _columns(migrated, table)
            assert made.get_foreign_keys(table) == migrated.get_foreign_keys(table)
    engine.dispose()


def _columns(inspector, table):
    return {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)}


def test_first_migration_makes_what_was_there_before_migrations(old, make_app, tmp_path):
    copy = old.rename(tmp_path / "old.sqlite")
    before = sa.inspect(sa.create_engine(f"sqlite:///{copy}", poolclass=sa.NullPool))
    app, engine = make_app(), sa.create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    with app.app_context(), engine.begin() as connection:
        schema.upgrade(connection, "0001")
        after = sa.inspect(connection)
        for table in before.get_table_names():
            assert _columns(before, table) == _columns(after, table)
            assert before.get_indexes(table) == after.get_indexes(table)
            assert before.get_foreign_keys(table) == after.get_foreign_keys(table)
    engine.dispose()


def test_last_migration_is_the_one_the_site_asks_for(app):
    assert ScriptDirectory(str(schema.MIGRATIONS)).get_heads() == [schema.newest()]


def test_old_database_keeps_its_voices_speeches_and_words(old, make_app):
    with make_app().app_context():
        voice, speech = db.session.get(Voice, 7), db.session.get(Speech, 3)
        assert (voice.name, voice.note, voice.seconds) == ("Пётр", "a note", 3.5)
        assert (speech.text, speech.voice_id, speech.seed, speech.similarity) == ("Ещё раз", 7, 2, None)
        assert speech.knobs == {"speed": 1.5, "pitch": 0.0, "pauses": 1.0, "kbits": 128}
    assert _rows(old, "SELECT profile FROM voice") == [(b"\x01",)]
    assert _rows(old, "SELECT respelling FROM pronunciation") == [("зам+ок",)]
    assert _rows(old, "SELECT name FROM ready_voice") == [("Anna",)]


def test_what_an_old_database_kept_is_found_and_its_files_are_known(old, make_app):
    app = make_app()
    assert "Ещё раз" in app.test_client().get("/speeches?q=ЕЩЕ петр").text
    with app.app_context():
        assert [voice.id for voice in db.session.scalars(Voice.found("ПЕТР"))] == [7]
        assert list(db.session.scalars(db.select(MadeFile.sha256))) == ["abc"]


def test_voice_of_an_old_database_has_its_recording_with_the_hash_of_its_file(old, make_app):
    (old.parent / "voices").mkdir()
    (old.parent / "voices" / "p.wav").write_bytes(b"a recording")
    made = "SELECT voice_id, profile, seconds, sha256, file_name, created_at FROM voice_recording"
    make_app()
    kept = (7, b"\x01", 3.5, hashlib.sha256(b"a recording").hexdigest(), "p.wav", "2026-01-01 10:00:00")
    assert _rows(old, made) == [kept]


def test_migration_adds_no_recording_to_a_voice_that_has_them_and_keeps_what_was_measured(old, make_app):
    app, engine = make_app(), sa.create_engine(f"sqlite:///{old.with_name('second.sqlite')}")
    with app.app_context(), engine.begin() as connection:
        schema.upgrade(connection, "0002")
        measured = "UPDATE voice SET self_closeness = 0.9;\nUPDATE speech SET closeness = 0.8, pitch = 2"
        for statement in (ROWS + measured).split(";\n"):
            connection.exec_driver_sql(statement)
        columns = "INSERT INTO voice_recording (id, voice_id, seconds, file_name, created_at)"
        for number in (4, 5):
            connection.exec_driver_sql(f"{columns} VALUES ({number}, 7, 1.0, '', '2026-01-01 10:00:00')")
        schema.upgrade(connection)
        assert connection.exec_driver_sql("SELECT id FROM voice_recording").all() == [(4,), (5,)]
        assert connection.exec_driver_sql("SELECT self_similarity FROM voice").all() == [(0.9,)]
        assert connection.exec_driver_sql("SELECT similarity, knobs FROM speech").all() == [
            (0.8, '{"speed": 1.5, "pitch": 2.0, "pauses": 1.0, "kbits": 128}')
        ]
    engine.dispose()


def test_references_are_followed_after_a_migration(old, make_app):
    app = make_app()
    app.test_client().post("/voices/7/delete")
    assert _rows(old, "SELECT voice_id, voice_name FROM speech") == [(None, "Пётр")]


def test_ids_of_an_old_database_are_not_given_twice(old, make_app):
    with make_app().app_context():
        db.session.execute(db.delete(Speech))
        db.session.add(Speech(text="New", voice_name="A", seed=0, format="mp3", seconds=1, sha256="", file_name=""))
        db.session.commit()
    assert _rows(old, "SELECT id FROM speech") == [(4,)]


def test_old_database_is_copied_before_it_is_migrated(old, make_app):
    before = _shape(old)
    make_app()
    copy = old.with_name(f"tembr.sqlite.before-{schema.newest()}")
    assert _shape(copy) == before and _shape(old) != before
    assert _rows(copy, "SELECT text FROM speech") == [("Ещё раз",)]
    assert _copies(old) == [copy.name]


def test_second_start_changes_nothing(old, make_app, monkeypatch):
    make_app()
    before = _shape(old)
    monkeypatch.setattr(schema, "upgrade", lambda connection: pytest.fail("It was migrated again."))
    make_app()
    assert _shape(old) == before


@pytest.mark.parametrize("is_old", [True, False])
def test_some_that_start_at_once_make_one_database(path, is_old, request, make_app, monkeypatch):
    """Only the database is made by all at once: threads that compile routes at once can fail in Python 3.11."""
    if is_old:
        request.getfixturevalue("old")
    building, all_are_there, bring_up_to_date = Lock(), Barrier(4, timeout=60), schema.bring_up_to_date

    def race():
        building.release()
        try:
            all_are_there.wait()
            bring_up_to_date()
        finally:
            building.acquire()

    def start(_number):
        with building:
            return make_app()

    monkeypatch.setattr(schema, "bring_up_to_date", race)
    with ThreadPoolExecutor(4) as pool:
        apps = list(pool.map(start, range(4)))
    for app in apps:
        assert app.test_client().get("/speeches").status_code == 200
    assert _rows(path, "SELECT version_num FROM alembic_version") == [(schema.newest(),)]


def test_failed_migration_leaves_the_database_as_it_was(old, make_app, monkeypatch):
    upgrade, before = schema.upgrade, _shape(old)

    def fail(connection):
        upgrade(connection)
        raise sa.exc.OperationalError("ALTER TABLE", {}, Exception("disk is full"))

    monkeypatch.setattr(schema, "upgrade", fail)
    with pytest.raises(
        schema.UpgradeFailed, match=r"disk is full.*A copy of it as it was before is .*tembr\.sqlite\.before-"
    ):
        make_app()
    assert _shape(old) == before and len(_copies(old)) == 1
    monkeypatch.undo()
    make_app()
    assert _rows(old, "SELECT text, voice_id FROM speech") == [("Ещё раз", 7)]


def test_migration_that_breaks_a_reference_is_undone(old, make_app, monkeypatch):
    upgrade = schema.upgrade

    def break_reference(connection):
        upgrade(connection)
        connection.exec_driver_sql("DELETE FROM voice")

    monkeypatch.setattr(schema, "upgrade", break_reference)
    with pytest.raises(schema.UpgradeFailed, match="references were broken"):
        make_app()
    assert _rows(old, "SELECT voice_id FROM speech") == [(7,)]


def test_reference_that_was_broken_before_is_no_hindrance(old, make_app):
    with closing(sqlite3.connect(old)) as database:
        database.execute("DELETE FROM voice")  # by another program, which follows no references
        database.commit()
    make_app()
    assert _rows(old, "SELECT text FROM speech") == [("Ещё раз",)]


def test_database_that_cannot_be_copied_is_left_as_it_was(old, make_app, monkeypatch):
    def refuse(*_arguments):
        raise OSError(28, "No space left on device")

    before = _shape(old)
    monkeypatch.setattr(schema.os, "replace", refuse)
    with pytest.raises(schema.UpgradeFailed, match="No space left"):
        make_app(SECRET_KEY="x")
    assert _shape(old) == before and _copies(old) == []


def test_database_of_a_newer_version_is_refused(make_app, path):
    make_app()
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    with pytest.raises(schema.UpgradeFailed, match=f"version 9999, and this Tembr knows none after {schema.newest()}"):
        make_app()


def test_database_in_memory_is_made_too(make_app):
    client = make_app(SQLALCHEMY_DATABASE_URI="sqlite://").test_client()
    assert client.get("/speeches").status_code == 200


def test_way_back_keeps_what_an_older_version_knows(old, make_app):
    columns = "SELECT name FROM pragma_table_info('speech') UNION ALL SELECT name FROM pragma_table_info('voice')"
    before = _rows(old, columns)
    app = make_app()
    answer = app.test_cli_runner().invoke(args=["db", "downgrade", "0001"])
    assert answer.exit_code == 0, answer.output
    assert sorted(_rows(old, columns)) == sorted(before)
    assert _rows(old, "SELECT text, voice_id, speed FROM speech") == [("Ещё раз", 7, 1.5)]


def test_next_migration_is_written_from_the_models(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", shutil.copytree(schema.MIGRATIONS, tmp_path / "migrations"))
    app = schema.developers_app()
    with app.app_context():
        db.session.execute(sa.text("DROP TABLE made_file"))
        db.session.commit()
    answer = app.test_cli_runner().invoke(args=["db", "migrate", "--rev-id", "0010", "-m", "Made files"])
    assert answer.exit_code == 0, answer.output
    assert "create_table('made_file'" in (tmp_path / "migrations" / "versions" / "0010_made_files.py").read_text()
