"""The tables: voices of the bank, speeches and files that were made, ready voices put into the bank, the dictionary."""

import hashlib
import sqlite3
import time
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    Dialect,
    ForeignKey,
    LargeBinary,
    Row,
    Select,
    TypeDecorator,
    UniqueConstraint,
    and_,
    event,
    select,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, deferred, mapped_column, relationship, validates

from app import subtitles

if TYPE_CHECKING:
    from models import VoiceProfile, Word

MAX_QUERY_CHARACTERS = 200
BUSY_SECONDS = 10  # how long SQLite waits for another writer


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


def now() -> datetime:
    """Return the time in UTC, without a zone, as the tables keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


def plain_name(name: str | None) -> str:
    """Normalise a name: NFC, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name or "").split())


def dictionary_key(word: str | None) -> str:
    """Return the key of a word in the dictionary: without case and stress, in any alphabet."""
    plain = unicodedata.normalize("NFD", word or "").replace("\u0301", "").replace("+", "").replace("’", "'")
    return plain_name(plain).casefold()


def search_key(text: str | None) -> str:
    """Return the key that searches compare: without case and stress, ё as е, in any alphabet."""
    return dictionary_key(text).replace("ё", "е")


def plain_query(query: str | None) -> str:
    """Normalise a search query: single spaces, at most MAX_QUERY_CHARACTERS."""
    return plain_name((query or "").replace("\0", " "))[:MAX_QUERY_CHARACTERS]


def _search_key(context) -> str:
    """Return the search_key of a speech that is inserted."""
    speech = context.get_current_parameters()
    return search_key(f"{speech['text']} {speech['voice_name']}")


class Profile(TypeDecorator):
    """Column of a VoiceProfile, kept as bytes.  Reading a damaged one raises InvalidVoiceProfile."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: "VoiceProfile | None", dialect: Dialect) -> bytes | None:
        return None if value is None else value.to_bytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> "VoiceProfile | None":
        from models import VoiceProfile  # imported here so that this module loads without torch

        return None if value is None else VoiceProfile.from_bytes(value)


class Voice(db.Model):
    """A voice of the bank: a profile merged from its recordings, one of which is the sample to listen to."""

    __table_args__ = {"sqlite_autoincrement": True}  # an id, which is part of addresses, is never used again
    folder = "voices"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)  # the name without case, in any alphabet
    search_key: Mapped[str] = mapped_column(default="", server_default="")  # of name and note
    profile: Mapped["VoiceProfile"] = deferred(mapped_column(Profile))
    profile_key: Mapped[str | None]  # hash of the profile; None: not changed since this column was added
    language: Mapped[str | None]
    seconds: Mapped[float]  # of speech that the profile was made from
    self_similarity: Mapped[float | None]  # mean cosine among the embeddings of its recordings, if it has several
    note: Mapped[str] = mapped_column(default="")
    origin: Mapped[str | None]  # origin and licence: of ready voices only
    licence: Mapped[str | None]
    consent_at: Mapped[datetime | None]
    file_name: Mapped[str]  # of the sample; "" for none
    created_at: Mapped[datetime] = mapped_column(default=now)
    recordings: Mapped[list["VoiceRecording"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="VoiceRecording.id", back_populates="voice"
    )
    learned: Mapped["LearnedVoice | None"] = relationship(cascade="all, delete-orphan", passive_deletes=True)

    @validates("name")
    def _set_name_keys(self, _key: str, name: str) -> str:
        self.name_key = plain_name(name).casefold()
        self.search_key = search_key(f"{name} {self.note or ''}")
        return plain_name(name)

    @validates("note")
    def _set_search_key(self, _key: str, note: str) -> str:
        self.search_key = search_key(f"{self.name or ''} {note}")
        return note

    @validates("profile")
    def _set_profile_key(self, _key: str, profile: "VoiceProfile") -> "VoiceProfile":
        self.profile_key = hashlib.sha256(profile.to_bytes()).hexdigest()[:16]
        return profile

    @classmethod
    def named(cls, name: str) -> "Voice | None":
        """Return the voice of that name, in any case, or None."""
        return db.session.scalar(select(cls).where(cls.name_key == plain_name(name).casefold()))

    @classmethod
    def bank(cls) -> list["Voice"]:
        """Return every voice: those added here, newest first, then the ready ones by name."""
        return list(db.session.scalars(cls.found()))

    @classmethod
    def found(cls, wanted: str = "", language: str | None = None) -> Select[tuple["Voice"]]:
        """Select the voices whose name or note contains every word of `wanted`, in the order of the bank.

        language: put its ready voices before the others.
        """
        words = search_key(wanted).split()
        held = (cls.search_key.contains(word, autoescape=True) for word in words)
        return select(cls).where(*held).order_by(*_order(language))

    @classmethod
    def choices(
        cls, wanted: str = "", limit: int | None = None, voice_id: int | None = None, language: str | None = None
    ) -> Sequence[Row]:
        """Return found voices as rows of id, name, language, origin and file_name, without loading profiles.

        voice_id: return that one alone.  language: as in `found`.
        """
        columns = (cls.id, cls.name, cls.language, cls.origin, cls.file_name)
        found = cls.found(wanted, language).with_only_columns(*columns).limit(limit)
        return db.session.execute(found if voice_id is None else found.where(cls.id == voice_id)).all()


def _order(language: str | None) -> tuple:
    """Return the order of the bank: voices added here, newest first, then the ready ones, those of `language` first."""
    by_age = db.case((Voice.origin.is_(None), -Voice.id), else_=0)
    return Voice.origin.is_not(None), by_age, db.case((Voice.language == language, 0), else_=1), Voice.name_key


class VoiceRecording(db.Model):
    """A recording that a voice is made of; its profile stays when its audio is deleted."""

    __table_args__ = (UniqueConstraint("voice_id", "sha256"), {"sqlite_autoincrement": True})
    folder = Voice.folder

    id: Mapped[int] = mapped_column(primary_key=True)
    voice_id: Mapped[int] = mapped_column(ForeignKey("voice.id", ondelete="CASCADE"), index=True)
    profile: Mapped["VoiceProfile"] = deferred(mapped_column(Profile))
    seconds: Mapped[float]
    sha256: Mapped[str | None]  # of the file, in hex; unique within a voice
    file_name: Mapped[str]  # "" for none
    text: Mapped[str | None]  # that was read aloud; None: not known
    text_language: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    voice: Mapped[Voice] = relationship(back_populates="recordings")


class VoiceConsent(db.Model):
    """A spoken consent: a recording in which a speaker agrees to have the voice cloned."""

    __table_args__ = {"sqlite_autoincrement": True}
    folder = Voice.folder

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    language: Mapped[str]  # a BCP 47 tag, as it was given
    file_name: Mapped[str]  # "" for one whose file was lost
    created_at: Mapped[datetime] = mapped_column(default=now)


class LearnedVoice(db.Model):
    """What a voice learned from its recordings: an adapter of the synthesizer, and how it compares."""

    voice_id: Mapped[int] = mapped_column(ForeignKey("voice.id", ondelete="CASCADE"), primary_key=True)
    adapter: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))
    made_on: Mapped[str]  # fingerprint of the synthesizer
    is_used: Mapped[bool]  # False: it was no better
    similarity: Mapped[dict] = mapped_column(JSON)  # by language: before and after
    created_at: Mapped[datetime] = mapped_column(default=now)


class Lesson(db.Model):
    """A voice that is being learned, or waits for it, or could not be."""

    voice_id: Mapped[int] = mapped_column(ForeignKey("voice.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)  # 0 before it began
    seconds_left: Mapped[float | None]  # estimated
    fault: Mapped[dict | None] = mapped_column(JSON)  # template and values of a message; None: not failed
    created_at: Mapped[datetime] = mapped_column(default=now)


class Speech(db.Model):
    """A spoken text, with everything that is needed to speak it again."""

    __table_args__ = {"sqlite_autoincrement": True}
    folder = "speeches"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    voice_id: Mapped[int | None] = mapped_column(ForeignKey("voice.id", ondelete="SET NULL"), index=True)
    voice_name: Mapped[str]
    profile: Mapped["VoiceProfile | None"] = deferred(mapped_column(Profile))  # of a recording used once, else None
    consent_at: Mapped[datetime | None]
    language: Mapped[str | None]  # None: found from the text
    seed: Mapped[int]
    format: Mapped[str]  # "mp3" or "wav"
    seconds: Mapped[float]
    sha256: Mapped[str] = mapped_column(index=True)  # of the file, in hex
    file_name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    knobs: Mapped[dict] = mapped_column(JSON, default=dict, server_default="{}")  # of its request; and is_learned
    similarity: Mapped[float | None]  # cosine of the speech with its voice; None: not measured
    own: Mapped[float | None]  # self-similarity of the voice
    nearest: Mapped[float | None]  # similarity to the nearest other voice of the bank
    nearest_name: Mapped[str | None]
    size: Mapped[int | None]  # bytes of the file; None: not measured yet
    search_key: Mapped[str] = mapped_column(default=_search_key, server_default="")
    times: Mapped[list | None] = deferred(mapped_column(JSON(none_as_null=True)))  # subtitles.to_row; None: not known

    @property
    def is_learned(self) -> bool:
        """Whether it was spoken with what its voice had learned."""
        return bool(self.knobs.get("is_learned"))

    @property
    def words(self) -> list["Word"]:
        """The words of the text with their times in the file; none if they are not known."""
        return subtitles.from_row(self.times or [], self.text)

    @classmethod
    def holding(cls, words: str):
        """Return the condition that text or voice name contain each of the words, in any case and stress."""
        return and_(true(), *(cls.search_key.contains(word, autoescape=True) for word in search_key(words).split()))


Speech.has_times = column_property(Speech.times.is_not(None))
Speech.has_recording = column_property(Speech.profile.is_not(None))  # its own recording, used once and not in the bank


class QueuedJob(db.Model):
    """A text on its way to being a speech, where several processes share a queue: see app.speak.shared_queue.

    Times are seconds since 1970, of the database's clock.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str] = mapped_column(index=True)
    request_id: Mapped[str | None]
    knobs: Mapped[dict] = mapped_column(JSON)  # the request but for its voice
    voice: Mapped[dict] = mapped_column(JSON)  # its name, id and choice
    consent_at: Mapped[datetime | None]
    profile: Mapped[bytes | None] = deferred(
        mapped_column(LargeBinary)
    )  # of a recording used once; None once it is over
    turn: Mapped[int]
    state: Mapped[str] = mapped_column(default="waiting", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None]  # of the process that has it
    home: Mapped[str | None]  # the process that alone may speak it; None: any
    n_phones: Mapped[list] = mapped_column(JSON, default=list)  # of each sentence, once the text is read
    n_spoken: Mapped[int] = mapped_column(default=0)  # sentences, of all takes
    phones_left: Mapped[float]
    is_cancelled: Mapped[bool] = mapped_column(default=False)
    is_seen: Mapped[bool] = mapped_column(default=False)
    fault: Mapped[dict | None] = mapped_column(JSON(none_as_null=True))
    speech_id: Mapped[int | None]  # once it is done
    draft: Mapped[str | None]  # the name of the file that is written
    audible: Mapped[int] = mapped_column(default=0)  # bytes of the draft that may be read
    asked_at: Mapped[float]
    beat_at: Mapped[float | None]  # the last sign of life of its process
    over_at: Mapped[float | None]


class MadeFile(db.Model):
    """The hash of a file that was made here, kept when its speech is deleted."""

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(index=True)  # in hex
    created_at: Mapped[datetime] = mapped_column(default=now)
    voice_name: Mapped[str | None]  # None: the settings do not keep it


class ReadyVoice(db.Model):
    """The name of a ready voice that was imported once, so that a deleted one is not imported again."""

    name: Mapped[str] = mapped_column(primary_key=True)


class SignIn(db.Model):
    """A browser that is signed in."""

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)  # SHA-256 of the token in its cookie, in hex
    password_key: Mapped[str]  # key of the password that was given
    ends_at: Mapped[datetime]


class ApiToken(db.Model):
    """A token of a program, as its hash."""

    __table_args__ = {"sqlite_autoincrement": True}  # an id, which tells whose requests wait, is never used again

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[str] = mapped_column(unique=True)  # SHA-256, in hex
    ending: Mapped[str]  # the last characters of the token
    created_at: Mapped[datetime] = mapped_column(default=now)
    used_at: Mapped[datetime | None]  # None: never


class Pronunciation(db.Model):
    """An entry of the site's dictionary: the respelling of a word, which overrides the models."""

    id: Mapped[int] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(unique=True)  # its dictionary_key
    respelling: Mapped[str]  # with + before the stressed vowel
    language: Mapped[str]  # "ru" or "en", the alphabet of the respelling
    created_at: Mapped[datetime] = mapped_column(default=now)

    @classmethod
    def of(cls, word: str) -> "Pronunciation | None":
        """Return the entry of a word, in any case, or None."""
        return db.session.scalar(select(cls).where(cls.word == dictionary_key(word)))

    @classmethod
    def dictionary(cls) -> dict[str, str]:
        """Return word -> respelling, as models.read takes it."""
        return dict(db.session.execute(select(cls.word, cls.respelling)).all())


def _prepare_sqlite(connection, _record) -> None:
    """Let writers wait for each other, enforce foreign keys, let reads run beside a write, and let what was committed
    outlive a power cut (NORMAL would lose the last commits).
    """
    for pragma in (f"busy_timeout = {round(BUSY_SECONDS * 1000)}", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:  # a new database that another process opens: SQLite does not wait here
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def init_app(app: Flask) -> None:
    """Bind the database to the app; app.schema makes its tables."""
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", _prepare_sqlite)
