"""The schema of this version: made in a new database, migrated in an old one."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic import command
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask_migrate import Migrate
from sqlalchemy import Connection, inspect

from app.db import db
from config import ROOT

MIGRATIONS = ROOT / "migrations"
LOCK = 0x7E3B12  # the key of PostgreSQL's advisory lock


class UpgradeFailed(RuntimeError):
    """The database could not be brought up to date, and is as it was."""


def init_app(app: Flask) -> None:
    """Give the app Flask-Migrate's commands."""
    Migrate(app, db, MIGRATIONS)


def bring_up_to_date() -> None:
    """Make what is missing, migrate what is old; a database that is as it should be costs one query.

    Two processes may start at once: one waits for the other.  Raises UpgradeFailed.
    """
    with db.engine.connect() as connection:
        if _version_of(connection) == newest():
            return
    with _alone() as connection:
        version, is_new = _version_of(connection), not inspect(connection).has_table("voice")
        if is_new:
            make(connection)
        elif version != newest():  # else another process was quicker
            _check_is_older(version)
            _migrate(connection)


def developers_app() -> Flask:
    """Build an app for Flask-Migrate's commands: no networks, and a database in memory made by the migrations."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)
    Migrate(app, db, MIGRATIONS)
    with app.app_context(), db.engine.begin() as connection:
        upgrade(connection)
    return app


def newest() -> str:
    """Return the version that this code needs: that of the last migration."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _version_of(connection: Connection) -> str | None:
    """Return the version of the database."""
    return MigrationContext.configure(connection).get_current_revision()


def _migrate(connection: Connection) -> None:
    copy = None
    try:
        copy = _copy(connection)
        n_broken = _n_broken(connection)
        upgrade(connection)
        if _n_broken(connection) > n_broken:
            raise UpgradeFailed("references were broken")
    except Exception as error:
        raise UpgradeFailed(_explained(error, copy)) from error
    current_app.logger.warning("The database was upgraded to version %s.%s", newest(), _kept(copy))


@contextmanager
def _alone() -> Iterator[Connection]:
    """Open a transaction that no other process writes beside; commit it whole or not at all.

    SQLite does not follow references in it: a table that is rebuilt must not take along what refers to it.
    """
    dialect = db.engine.dialect.name
    with db.engine.connect() as connection:
        if dialect == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        try:
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            if dialect == "sqlite":
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")


def _n_broken(connection: Connection) -> int:
    """Count the broken references of an SQLite database; 0 for others, which allow none."""
    if connection.dialect.name != "sqlite":
        return 0
    return len(connection.exec_driver_sql("PRAGMA foreign_key_check").all())


def make(connection: Connection) -> None:
    """Make the tables of a new database, at the newest version."""
    db.metadata.create_all(connection)
    MigrationContext.configure(connection).stamp(ScriptDirectory(str(MIGRATIONS)), "head")


def upgrade(connection: Connection, version: str = "head") -> None:
    """Run the migrations up to a version in the connection's transaction."""
    settings = current_app.extensions["migrate"].migrate.get_config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, version)


def _check_is_older(version: str | None) -> None:
    if version and version > newest():
        message = f"The database has version {version}, and this Tembr knows none after {newest()}: use a newer Tembr."
        raise UpgradeFailed(message)


def _copy(connection: Connection) -> Path | None:
    """Copy the file of an SQLite database beside it, under the version it will get; returns where."""
    source = _file_of(connection)
    if source is None:
        return None
    target = source.with_name(f"{source.name}.before-{newest()}")
    draft = target.with_name(f"{target.name}.draft")
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(draft)) as copy:
            old.backup(copy)
        shutil.copymode(source, draft)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def _file_of(connection: Connection) -> Path | None:
    """Return the path of an SQLite database; None in memory, and for other databases."""
    if connection.dialect.name != "sqlite":
        return None
    _number, _name, path = connection.exec_driver_sql("PRAGMA database_list").first()
    return Path(path) if path else None


def _explained(error: Exception, copy: Path | None) -> str:
    reason = str(error).partition("\n")[0]
    return f"The database could not be upgraded to version {newest()}, and was left as it was: {reason}.{_kept(copy)}"


def _kept(copy: Path | None) -> str:
    return f" A copy of it as it was before is {copy}." if copy else ""
