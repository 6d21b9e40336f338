"""The tables: voices of the bank, speeches that were made, ready voices put into the bank, the dictionary."""

import unicodedata
from datetime import UTC, datetime

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, LargeBinary, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, deferred, mapped_column, validates


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


def now() -> datetime:
    """This moment in UTC, without a zone, as the tables keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


def plain_name(name: str | None) -> str:
    """A name as it is kept: composed characters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name or "").split())


def dictionary_key(word: str | None) -> str:
    """A word as the dictionary looks it up: without case and stress, in any alphabet."""
    plain = unicodedata.normalize("NFD", word or "").replace("\u0301", "").replace("+", "").replace("’", "'")
    return plain_name(plain).casefold()


class Voice(db.Model):
    """One voice of the bank: its profile, and the recording it was made from as a sample to listen to."""

    __table_args__ = {"sqlite_autoincrement": True}  # an address never comes to mean another voice
    folder = "voices"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)  # the name without case, in any alphabet
    profile: Mapped[bytes] = deferred(mapped_column(LargeBinary))
    language: Mapped[str | None]
    seconds: Mapped[float]  # of speech the profile was made from
    note: Mapped[str] = mapped_column(default="")
    origin: Mapped[str | None]  # origin and licence: of ready voices only
    licence: Mapped[str | None]
    consent_at: Mapped[datetime | None]
    file_name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)

    @validates("name")
    def _set_name_key(self, _key: str, name: str) -> str:
        self.name_key = plain_name(name).casefold()
        return plain_name(name)

    @classmethod
    def named(cls, name: str) -> "Voice | None":
        """The voice of that name, whatever its case."""
        return db.session.scalar(select(cls).where(cls.name_key == plain_name(name).casefold()))

    @classmethod
    def bank(cls) -> list["Voice"]:
        """Every voice: those added here, newest first, then the ready ones by name."""
        return list(db.session.scalars(select(cls).order_by(cls.origin.is_not(None), _added_last(), cls.name_key)))


def _added_last():
    """Orders the voices added here by age and leaves the ready ones to their names."""
    return db.case((Voice.origin.is_(None), -Voice.id), else_=0)


class Speech(db.Model):
    """One text as it was said, with all it takes to say it again."""

    __table_args__ = {"sqlite_autoincrement": True}
    folder = "speeches"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    voice_id: Mapped[int | None] = mapped_column(ForeignKey("voice.id", ondelete="SET NULL"), index=True)
    voice_name: Mapped[str]
    profile: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))  # of a recording used once, else None
    consent_at: Mapped[datetime | None]
    language: Mapped[str | None]  # None: found from the text
    speed: Mapped[float]
    seed: Mapped[int]
    format: Mapped[str]  # "mp3" or "wav"
    seconds: Mapped[float]
    sha256: Mapped[str]  # of the file, in hex
    file_name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ReadyVoice(db.Model):
    """A ready voice that was once put into the bank, so that one deleted there does not come back."""

    name: Mapped[str] = mapped_column(primary_key=True)


class Pronunciation(db.Model):
    """One entry of the site's dictionary: how a word is read, whatever the networks think."""

    id: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(unique=True)  # its dictionary_key
    respelling: Mapped[str]  # with + before the stressed vowel
    language: Mapped[str]  # "ru" or "en", the alphabet of the respelling
    created_at: Mapped[datetime] = mapped_column(default=now)

    @classmethod
    def of(cls, word: str) -> "Pronunciation | None":
        """The entry of a word, whatever its case."""
        return db.session.scalar(select(cls).where(cls.word == dictionary_key(word)))

    @classmethod
    def dictionary(cls) -> dict[str, str]:
        """word -> respelling, as the reader takes it."""
        return dict(db.session.execute(select(cls.word, cls.respelling)).all())


def _prepare_sqlite(connection, _record) -> None:
    """Readers and a writer at once, waiting for each other, and references that are kept."""
    for pragma in ("journal_mode = WAL", "busy_timeout = 10000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def init_app(app: Flask) -> None:
    """Bind the database to the app and create the tables that are missing."""
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", _prepare_sqlite)
        db.create_all()
