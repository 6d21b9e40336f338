"""All that a site keeps, in one tar: its database, recordings and speeches, and the key of its cookies.

The database is in it as SQLite, whichever it is on the site, so that it can be restored to another.  Last comes
manifest.json with the SHA-256 of every file: a tar without it is not whole.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from flask import current_app
from sqlalchemy import JSON, Connection, Engine, MetaData, create_engine, func, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from app import schema, storage
from app.db import Speech, Voice, VoiceConsent, VoiceRecording, db, now
from models import TembrError

FORMAT = 1
DATABASE, KEY, MANIFEST = "tembr.sqlite", "secret_key", "manifest.json"
MEMBER = re.compile(rf"({Voice.folder}|{Speech.folder})/[0-9a-f]{{32}}\.\w{{1,8}}", re.ASCII)
ASIDE = "before-restore"  # the folder where what a restore replaces is kept
ROWS = 200  # copied at once


class NoBackup(TembrError):
    """A file is no backup, or not a whole one."""


class NotEmpty(TembrError):
    """A site keeps something already."""


@dataclass
class Manifest:
    """What a backup holds.  files: SHA-256 by name.  lost: names in the database without a file."""

    format: int = FORMAT
    made_at: str = ""
    version: str = ""  # of the database's schema
    voices: int = 0
    speeches: int = 0
    files: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


# --- backup ---


def write(path: Path) -> Manifest:
    """Write a backup, whole or not at all, while the site may be serving.

    The database is copied first, at one moment; a file that was deleted since is left out, with its row.
    Raises OSError.
    """
    instance = current_app.config["INSTANCE"]
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)  # mode 0600: it has a key
    try:
        with tempfile.TemporaryDirectory(prefix=storage.DRAFT, dir=instance) as folder, open(descriptor, "wb") as file:
            copy = Path(folder) / DATABASE
            _copy_database(copy)
            manifest = _fill(file, copy, instance)
        storage.reach_disk(Path(draft))
        os.replace(draft, path)
        storage.reach_disk(path.absolute().parent)
    finally:
        Path(draft).unlink(missing_ok=True)
    return manifest


def _fill(file: BinaryIO, copy: Path, instance: Path) -> Manifest:
    manifest = Manifest(made_at=now().isoformat(timespec="seconds"), version=schema.newest())
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        with contextlib.closing(sqlite3.connect(copy)) as database:
            for name in _names_of_files(database):
                try:
                    manifest.files[name] = _add(tar, instance / name, name)
                except FileNotFoundError:
                    _forget(database, name)
                    manifest.lost.append(name)
            database.commit()
            manifest.voices, manifest.speeches = (
                database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("voice", "speech")
            )
        for source, name in ((copy, DATABASE), (instance / KEY, KEY)):
            if source.exists():
                manifest.files[name] = _add(tar, source, name)
        content = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return manifest


class _Hashed:
    """An open file that is hashed as it is read."""

    def __init__(self, file: BinaryIO):
        self._file, self.hash = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.hash.update(piece)
        return piece


def _add(tar: tarfile.TarFile, path: Path, name: str) -> str:
    """Add a file; return its SHA-256.  Raises FileNotFoundError."""
    with path.open("rb") as file:
        member = tar.gettarinfo(arcname=name, fileobj=file)
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        hashed = _Hashed(file)
        tar.addfile(member, hashed)
    return hashed.hash.hexdigest()


def _names_of_files(database: sqlite3.Connection) -> list[str]:
    """Return the names of all files of the rows, with their folders."""
    names = set()
    for kind in (Voice, VoiceRecording, VoiceConsent, Speech):
        rows = database.execute(f"SELECT file_name FROM {kind.__tablename__} WHERE file_name != ''")
        names |= {f"{kind.folder}/{name}" for (name,) in rows}
    return sorted(name for name in names if MEMBER.fullmatch(name))


def _forget(database: sqlite3.Connection, name: str) -> None:
    """Do to the copy what was done to the site since, or what a lost file means: a speech goes, a voice stays."""
    folder, _, file_name = name.partition("/")
    if folder == Speech.folder:
        database.execute("DELETE FROM speech WHERE file_name = ?", (file_name,))
    for table in ("voice", "voice_recording", "voice_consent"):
        database.execute(f"UPDATE {table} SET file_name = '' WHERE file_name = ?", (file_name,))


def _copy_database(path: Path) -> None:
    """Copy the site's database, as it is at one moment, to a new SQLite file."""
    if db.engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(path)) as copy, db.engine.connect() as source:
            source.connection.driver_connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        return
    with _engine(path) as target, db.engine.connect() as source:
        source = source.execution_options(isolation_level="REPEATABLE READ")
        with target.begin() as connection:
            schema.make(connection)
            _copy_rows(source, connection)


@contextlib.contextmanager
def _engine(path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{path}")
    try:
        yield engine
    finally:
        engine.dispose()


def _copy_rows(source: Connection, target: Connection) -> None:
    """Copy the rows of every table, as they are, to a database with the same empty tables."""
    there, here = MetaData(), MetaData()
    there.reflect(source)
    here.reflect(target)
    for column in (column for table in here.tables.values() for column in table.columns):
        if isinstance(column.type, JSON):
            column.type.none_as_null = True  # else a place that is empty would hold JSON's null
    for table in (here.tables[one.name] for one in db.metadata.sorted_tables):
        found = source.execute(select(there.tables[table.name]), execution_options={"yield_per": ROWS})
        for rows in found.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])


# --- restore ---


def restore(path: Path, force: bool = False) -> Manifest:
    """Put what a backup holds in the place of what the site keeps; the site must not be serving.

    force: also where something is kept already, which is then kept aside.  Raises NoBackup, NotEmpty, OSError; then
    nothing was changed.
    """
    instance = current_app.config["INSTANCE"]
    if not force and (kept := _kept(instance)):
        template = "%(folder)s keeps something already: %(what)s. With --force it is put aside."
        raise NotEmpty(template, folder=str(instance), what=kept)
    with tempfile.TemporaryDirectory(prefix=storage.DRAFT, dir=instance) as folder:
        manifest = _extract(path, Path(folder))
        _check_database(path, Path(folder) / DATABASE)
        db.session.remove()
        _put_aside(instance)
        if not (own := _sqlite_file()):
            _fill_database(Path(folder) / DATABASE)
        for name in (Voice.folder, Speech.folder, KEY):
            if (Path(folder) / name).exists():
                shutil.move(Path(folder) / name, instance / name)
        if own:
            shutil.move(Path(folder) / DATABASE, own)  # last: with it the site is what it was
    return manifest


def _kept(instance: Path) -> str:
    """Return what a site keeps that is no ready voice, in words; "" for nothing."""
    try:
        has_tables = {"voice", "speech"} <= set(inspect(db.engine).get_table_names())
        if has_tables:
            with db.engine.connect() as connection:
                n_voices = connection.scalar(text("SELECT count(*) FROM voice WHERE origin IS NULL"))
                n_speeches = connection.scalar(text("SELECT count(*) FROM speech"))
            if n_voices or n_speeches:
                return f"{n_voices} voices and {n_speeches} speeches"
    except SQLAlchemyError as error:
        return f"a database that cannot be read ({getattr(error, 'orig', error)})"
    n_files = sum(1 for folder in (Voice.folder, Speech.folder) for _ in (instance / folder).glob("*"))
    return f"{n_files} files" if n_files and not has_tables else ""


def _extract(path: Path, folder: Path) -> Manifest:
    """Extract a backup, and check that it is whole and holds nothing else.  Raises NoBackup, OSError."""
    hashes, manifest = {}, None
    for name in (Voice.folder, Speech.folder):
        (folder / name).mkdir(mode=0o700)
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                is_known = MEMBER.fullmatch(member.name) or member.name in (DATABASE, KEY, MANIFEST)
                if not (is_known and member.isfile()):
                    raise NoBackup("%(file)s is no backup: it holds %(name)s.", file=str(path), name=repr(member.name))
                content = tar.extractfile(member)
                if member.name == MANIFEST:
                    manifest = Manifest(**json.load(content))
                    continue
                hashed = _Hashed(content)
                with (folder / member.name).open("xb") as file:
                    os.fchmod(file.fileno(), 0o600)
                    shutil.copyfileobj(hashed, file)
                hashes[member.name] = hashed.hash.hexdigest()
    except (tarfile.TarError, ValueError, TypeError, FileExistsError) as error:
        if isinstance(error, NoBackup):
            raise
        raise NoBackup("%(file)s is no backup: %(why)s.", file=str(path), why=str(error)) from error
    if manifest is None or manifest.files != hashes or DATABASE not in hashes:
        raise NoBackup("%(file)s is not whole, or was changed.", file=str(path))
    if manifest.format != FORMAT or manifest.version > schema.newest():
        raise NoBackup("%(file)s was made by a newer Tembr: use that one.", file=str(path))
    return manifest


def _check_database(path: Path, database: Path) -> None:
    """Bring the database of a backup up to date.  Raises NoBackup when it is damaged."""
    with _engine(database) as engine, engine.connect() as connection:
        if connection.exec_driver_sql("PRAGMA integrity_check").scalar() != "ok":
            raise NoBackup("%(file)s is no backup: its database is damaged.", file=str(path))
    with _engine(database) as engine, engine.begin() as connection:
        schema.upgrade(connection)


def _put_aside(instance: Path) -> None:
    """Move what a site keeps into a folder of its own; rows that are in no file, as a backup."""
    aside = instance / f"{ASIDE}-{now():%Y%m%d-%H%M%S-%f}"
    aside.mkdir(mode=0o700)
    own = _sqlite_file()
    if own:
        with contextlib.suppress(SQLAlchemyError), db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    elif inspect(db.engine).has_table("voice"):
        write(aside / "backup.tar")
    databases = [own.with_name(own.name + ending) for ending in ("", "-wal", "-shm")] if own else []
    for path in [*(instance / name for name in (Voice.folder, Speech.folder, KEY)), *databases]:
        if path.exists():
            shutil.move(path, aside / path.name)


def _sqlite_file() -> Path | None:
    """Return where the site's database is; None when it is no SQLite file."""
    return Path(db.engine.url.database) if db.engine.dialect.name == "sqlite" else None


def _fill_database(path: Path) -> None:
    """Put the rows of an SQLite file into the site's database in the place of its own, in one transaction."""
    with _engine(path) as engine, engine.connect() as source, db.engine.begin() as target:
        if not inspect(target).has_table("voice"):
            schema.make(target)
        for table in reversed(db.metadata.sorted_tables):
            target.execute(table.delete())
        _copy_rows(source, target)
        if target.dialect.name == "postgresql":
            for table in db.metadata.sorted_tables:
                if "id" in table.c:
                    _continue_numbers(target, table.name)


def _continue_numbers(target: Connection, table: str) -> None:
    """Let the next row of a table of PostgreSQL get the number after the last one."""
    sequence = target.scalar(select(func.pg_get_serial_sequence(table, "id")))
    if sequence:
        last = target.scalar(text(f"SELECT max(id) FROM {table}"))
        target.execute(select(func.setval(sequence, last or 1, last is not None)))
