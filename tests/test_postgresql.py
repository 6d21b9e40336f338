"""The site on a real PostgreSQL server: what works with SQLite works there, and a backup goes from one to the other."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app import backup, schema, storage
from app.db import Pronunciation, SignIn, Speech, Voice, db
from app.voices import recordings
from tests.postgresql import new_database, psycopg, server

__all__ = ["new_database", "server"]


@pytest.fixture
def make_site(make_app, new_database, tmp_path):
    """Makes a site with a new database; at the end no connection is left."""
    made = []

    def make(name="instance", **changes):
        changes.setdefault("SQLALCHEMY_DATABASE_URI", new_database())
        made.append(make_app(INSTANCE=tmp_path / name, **changes))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def app(make_site):
    """In place of conftest's: on PostgreSQL, so that `client` and `bank` are."""
    return make_site()


def test_new_database_has_what_the_models_say(app):
    with app.app_context(), db.engine.connect() as connection:
        assert connection.dialect.name == "postgresql"
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []
        assert context.get_current_revision() == schema.newest()


def test_migrations_lead_to_what_the_models_say(app):
    with app.app_context():
        with db.engine.begin() as connection:
            db.metadata.drop_all(connection)
            connection.execute(sa.text("DROP TABLE alembic_version"))
        with db.engine.begin() as connection:
            schema.upgrade(connection)
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, db.metadata) == []


def test_two_that_start_at_once_make_the_tables_once(make_site):
    """The sites are built one after the other: two threads that compile routes at once can fail in Python 3.11."""
    first = make_site()
    second = make_site("second", SQLALCHEMY_DATABASE_URI=first.config["SQLALCHEMY_DATABASE_URI"])
    with first.app_context(), db.engine.begin() as connection:
        db.metadata.drop_all(connection)
        connection.execute(sa.text("DROP TABLE alembic_version"))
    both_are_there = threading.Barrier(2, timeout=30)

    def start(app):
        with app.app_context():
            both_are_there.wait()
            schema.bring_up_to_date()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(start, (first, second)))
    for app in (first, second):
        with app.app_context():
            assert db.session.scalar(sa.select(sa.func.count()).select_from(Voice)) == 0


def test_voice_is_added_found_renamed_merged_and_deleted(app, client, recording):
    form = {"name": "Анна Ёлкина", "consent": "y", "note": "тётя"}
    added = client.post("/voices", data=form | {"recording": (io.BytesIO(recording()), "a.wav")})
    assert added.status_code == 303
    assert "Анна Ёлкина" in client.get("/voices?q=елкина").text
    assert "Анна Ёлкина" not in client.get("/voices?q=борис").text
    more = {"recording": (io.BytesIO(recording(5.0)), "b.wav"), "consent": "y"}
    assert client.post("/voices/1/recordings", data=more).status_code == 303
    with app.app_context():
        assert db.session.get(Voice, 1).seconds == pytest.approx(8.0)
    assert client.post("/voices/1/rename", data={"name": "Борис", "note": ""}).status_code == 303
    again = client.post("/voices", data=form | {"name": "БОРИС", "recording": (io.BytesIO(recording(4.0)), "c.wav")})
    assert again.status_code == 422
    assert client.post("/voices/1/delete").status_code == 303
    assert list((app.config["INSTANCE"] / "voices").iterdir()) == []


def test_text_is_spoken_listed_searched_and_deleted(app, client, bank):
    bank("Anna")
    for text in ("Первый текст.", "Ещё один.", "Третий."):
        assert client.post("/", data={"voice": "1", "text": text}).status_code == 303
    page = client.get("/speeches?q=еще").text
    assert "Ещё один." in page and "Третий." not in page
    assert client.get("/speeches/2/audio").status_code == 200
    assert client.post("/speeches/2/delete").status_code == 303
    assert client.get("/speeches/2").status_code == 404
    client.post("/speeches/delete", data={"last_id": "3"})
    assert list((app.config["INSTANCE"] / "speeches").iterdir()) == []


def test_settings_of_how_long_speeches_are_kept_hold(make_site, cloner):
    app = make_site(KEEP_MEGABYTES=0.06)
    client = app.test_client()
    with app.app_context():
        from tests.conftest import _profile

        recordings.begin(Voice(name="Anna"), _profile(), b"ID3")
    for text in ("Раз раз раз.", "Два два два.", "Три три три."):
        client.post("/", data={"voice": "1", "text": text, "format": "wav"})
    with app.app_context():
        assert 0 < db.session.scalar(sa.select(sa.func.count()).select_from(Speech)) < 3


def test_dictionary_keeps_a_word_once(app, client):
    for respelling in ("зам+ок", "з+амок"):
        client.post("/dictionary", data={"word": "Замок", "respelling": respelling})
    with app.app_context():
        assert Pronunciation.dictionary() == {"замок": "зам+ок"}


def test_password_is_asked_for_and_sessions_end(make_site):
    app = make_site(PASSWORD="secret")
    client = app.test_client()
    assert client.get("/voices").status_code == 401
    client.post("/sign-in", data={"password": "secret"})
    assert client.get("/voices").status_code == 200
    client.post("/sign-out")
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SignIn)) == 0


def test_many_at_once_lose_nothing(app, bank, recording):
    (voice_id,) = bank("Anna")
    failed = []

    def live(number):
        client = app.test_client()
        for n in range(5):
            answer = client.post("/", data={"voice": str(voice_id), "text": f"Текст {number} {n}."})
            if answer.status_code != 303:
                failed.append(answer.status_code)
            client.get("/speeches"), client.get("/voices")

    threads = [threading.Thread(target=live, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with app.app_context():
        speeches = db.session.scalars(sa.select(Speech)).all()
        assert len({speech.text for speech in speeches}) == 30
        assert all(storage.path_of(speech).is_file() for speech in speeches)


def test_connections_that_the_server_dropped_are_made_anew(app, client, bank, server):
    bank("Anna")
    assert client.get("/voices").status_code == 200
    with psycopg.connect(host=str(server), user="tembr", dbname="postgres", autocommit=True) as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'tembr_%'"
        assert connection.execute(others).rowcount >= 1
    assert client.get("/voices").status_code == 200 and client.get("/readyz").json["checks"]["database"]


def test_backup_goes_to_sqlite_and_back(app, client, bank, make_app, make_site, tmp_path):
    bank("Anna", "Борис")
    for text in ("Раз.", "Два."):
        client.post("/", data={"voice": "2", "text": text})
    with app.app_context():
        db.session.get(Speech, 1).times = None  # as before the times of words were kept
        db.session.commit()
        backup.write(tmp_path / "first.tar")
    sqlite = make_app(INSTANCE=tmp_path / "sqlite")
    with sqlite.app_context():
        backup.restore(tmp_path / "first.tar")
        backup.write(tmp_path / "second.tar")
    back = make_site("back")
    with back.app_context():
        backup.restore(tmp_path / "second.tar")
    assert _rows(sqlite) == _rows(app) == _rows(back)
    with back.app_context():
        assert list(db.session.scalars(sa.select(Speech.has_times).order_by(Speech.id))) == [False, True]
    assert back.test_client().post("/", data={"voice": "1", "text": "Три."}).location == "/speeches/3"


def test_restore_over_rows_of_postgresql_puts_them_aside(app, client, bank, tmp_path):
    bank("Anna")
    with app.app_context():
        backup.write(tmp_path / "one.tar")
    client.post("/", data={"voice": "1", "text": "После."})
    with app.app_context():
        with pytest.raises(backup.NotEmpty, match="1 voices and 1 speeches"):
            backup.restore(tmp_path / "one.tar")
        backup.restore(tmp_path / "one.tar", force=True)
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Speech)) == 0
    (aside,) = app.config["INSTANCE"].glob("before-restore-*")
    with app.app_context():
        backup.restore(aside / "backup.tar", force=True)
        assert db.session.scalar(sa.select(Speech.text)) == "После."
    assert client.get("/speeches/1/audio").status_code == 200


def _rows(app) -> dict[str, list[str]]:
    with app.app_context():
        tables = db.metadata.tables.items()
        return {name: sorted(map(repr, db.session.execute(sa.select(table)))) for name, table in tables}
