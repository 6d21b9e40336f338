"""Learning a voice: one at a time, in the background, beside speaking; what was learned, and whether it is used.

A Lesson is a voice that is being learned.  It survives a restart: its row is in the database, the state of its learner
in a file.  Whoever deletes the row cancels it.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flask import Flask, current_app
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from app import storage
from app.db import LearnedVoice, Lesson, Voice, db, now
from models import (
    MIN_LEARNED_SECONDS,
    N_,
    Adapter,
    InvalidAdapter,
    Message,
    TembrError,
    TooLittleSpeech,
    give_back_memory,
)

FOLDER = "lessons"
SAVE_STEPS = 10  # between two states on the disk
NICENESS = 10  # of the thread that learns
LOOK_SECONDS = 0.2  # between two looks whether somebody still speaks
FORGETTING = 0.9  # what a measured step still counts when the next one is measured


class NoRecordings(TembrError):
    """A voice has no audio to learn from."""

    def __init__(self):
        super().__init__(N_("There is no recording of this voice on the disk to learn from: add one."))


class LearnedElsewhere(TembrError):
    """Another process learns this voice."""

    def __init__(self):
        super().__init__(N_("Another process is learning this voice."))


class Cancelled(Exception):
    """The lesson was cancelled, or its voice deleted."""


class Lessons:
    """The thread that learns the voices that wait, in the order they were asked for, and ends with the last."""

    def __init__(self, app: Flask):
        self._app, self._lock, self._thread = app, threading.Lock(), None

    def start(self) -> None:
        """Begin with what waits; a thread that is at work goes on."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="learning", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        with suppress(OSError, AttributeError):  # of this thread alone, and where it may be
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        with self._app.app_context():
            while (voice_id := self._next()) is not None:
                try:
                    learn(voice_id)
                except LearnedElsewhere:
                    return self._end()
                except Exception:
                    self._app.logger.exception("Voice %d could not be learned", voice_id)
                finally:
                    db.session.rollback()

    def _next(self) -> int | None:
        """Find the lesson that waits longest; without one, end the thread."""
        with self._lock:
            waiting = select(Lesson.voice_id).where(Lesson.fault.is_(None)).order_by(Lesson.created_at).limit(1)
            voice_id = db.session.scalar(waiting)
            db.session.rollback()
            if voice_id is None:
                self._thread = None
            return voice_id

    def _end(self) -> None:
        with self._lock:
            self._thread = None


def begin(voice: Voice) -> None:
    """Ask for a voice to be learned; one that is asked for already stays as it is.  Raises NoRecordings."""
    if not any(row.file_name and storage.path_of(row).is_file() for row in voice.recordings):
        raise NoRecordings
    lesson = db.session.get(Lesson, voice.id)
    if lesson is not None and lesson.fault is None:
        return
    if lesson is not None:
        db.session.delete(lesson)
        db.session.flush()
    db.session.add(Lesson(voice_id=voice.id))
    try:
        db.session.commit()
    except IntegrityError:  # asked for twice at once
        db.session.rollback()


def begin_unasked(voice: Voice) -> bool:
    """Learn a voice that was just added, if the owner lets voices be learned; return whether it is."""
    if not _learns_unasked() or voice.seconds < MIN_LEARNED_SECONDS:
        return False
    try:
        begin(voice)
    except NoRecordings:
        return False
    current_app.extensions["lessons"].start()
    return True


def lack(seconds: float) -> TooLittleSpeech | None:
    """Return what keeps a voice with so much speech from being learned unasked; None for enough, or if none is."""
    return TooLittleSpeech(seconds) if _learns_unasked() and seconds < MIN_LEARNED_SECONDS else None


def is_after_others(lesson: Lesson) -> bool:
    """Whether other voices are learned before this one."""
    before = select(Lesson.voice_id).where(Lesson.fault.is_(None), Lesson.created_at < lesson.created_at).limit(1)
    return db.session.scalar(before) is not None


def _learns_unasked() -> bool:
    return current_app.config["LEARN"] and current_app.extensions["cloner"].can_learn


def cancel(voice_id: int) -> None:
    """Stop learning a voice, after the present step; what it learned before stays."""
    db.session.execute(delete(Lesson).where(Lesson.voice_id == voice_id))
    db.session.commit()
    state_path(voice_id).unlink(missing_ok=True)


def forget(voice_id: int) -> None:
    """Forget what a voice learned: it sounds as it did before."""
    cancel(voice_id)
    db.session.execute(delete(LearnedVoice).where(LearnedVoice.voice_id == voice_id))
    db.session.commit()


def adapter_of(voice_id: int) -> Adapter | None:
    """Return what a voice learned, and is used; None of one that learned nothing, or nothing better."""
    row = db.session.get(LearnedVoice, voice_id)
    if row is None or not row.is_used:
        return None
    try:
        return Adapter.from_bytes(row.adapter, row.made_on)
    except InvalidAdapter:
        current_app.logger.warning("What voice %d learned cannot be read", voice_id)
        return None


def state_path(voice_id: int) -> Path:
    return current_app.config["INSTANCE"] / FOLDER / f"{voice_id}.state"


def resume_lessons(app: Flask) -> None:
    """Go on with what was being learned at the last stop, and remove the states of lessons that are no more."""
    known = set(db.session.scalars(select(Lesson.voice_id)))
    for path in (app.config["INSTANCE"] / FOLDER).glob("*"):
        if not (path.stem.isdigit() and int(path.stem) in known):
            path.unlink(missing_ok=True)
    if db.session.scalar(select(Lesson.voice_id).where(Lesson.fault.is_(None)).limit(1)) is not None:
        app.extensions["lessons"].start()


def learn(voice_id: int, told: Callable[[Lesson], None] = lambda lesson: None) -> None:
    """Learn a voice whose lesson is in the database, to its end, and keep what was learned.

    told: called with the lesson after each step.  A fault that the user can act on is noted in the lesson, any other
    one, too, and raised.  Raises LearnedElsewhere.
    """
    with _alone(voice_id):
        try:
            _learn(voice_id, told)
        except Cancelled:
            state_path(voice_id).unlink(missing_ok=True)
        except TembrError as fault:
            _note_fault(voice_id, fault.message)
        except Exception:
            _note_fault(voice_id, Message(N_("Learning stopped by an error; the log has the details.")))
            raise
        finally:
            give_back_memory()


def _learn(voice_id: int, told: Callable[[Lesson], None]) -> None:
    cloner, queue = current_app.extensions["cloner"], current_app.extensions["speaking"]
    voice = db.session.get(Voice, voice_id)
    if voice is None:
        raise Cancelled
    profile = voice.profile
    sources = [
        (storage.path_of(row), row.text, row.text_language or voice.language)
        for row in voice.recordings
        if row.file_name and storage.path_of(row).is_file()
    ]
    db.session.rollback()  # holds no connection while the networks work
    if not sources:
        raise NoRecordings
    clips = []
    for path, text, language in sources:
        _make_way(queue)
        clips += cloner.clips(path, text, language, profile)
    learner = cloner.learner(profile, clips, state_path(voice_id))
    seconds = 0.0
    while not learner.is_done:
        _make_way(queue)
        began = time.monotonic()
        learner.advance()
        took = time.monotonic() - began
        seconds = FORGETTING * seconds + (1 - FORGETTING) * took if seconds else took
        _note_step(voice_id, learner.step, learner.steps, seconds, told)
        if learner.step % SAVE_STEPS == 0:
            learner.save()
    _keep(voice_id, learner.adapter(), profile)
    state_path(voice_id).unlink(missing_ok=True)


def _keep(voice_id: int, adapter: Adapter, profile: object) -> None:
    """Compare the voice without and with the adapter, and keep both, in place of what it learned before."""
    cloner = current_app.extensions["cloner"]
    stored = adapter.to_bytes()
    compared = cloner.compared(profile, Adapter.from_bytes(stored, adapter.made_on))
    lesson = _lesson(voice_id)
    row = db.session.get(LearnedVoice, voice_id) or LearnedVoice(voice_id=voice_id)
    row.adapter, row.made_on, row.is_used = stored, adapter.made_on, compared.is_better
    row.similarity, row.created_at = {key: list(pair) for key, pair in compared.similarity.items()}, now()
    db.session.add(row)
    db.session.delete(lesson)
    db.session.commit()


def _lesson(voice_id: int) -> Lesson:
    """Return the lesson as it is in the database.  Raises Cancelled when it was deleted."""
    db.session.rollback()
    lesson = db.session.get(Lesson, voice_id, populate_existing=True)
    if lesson is None:
        raise Cancelled
    return lesson


def _note_step(voice_id: int, step: int, steps: int, seconds: float, told: Callable[[Lesson], None]) -> None:
    lesson = _lesson(voice_id)
    lesson.step, lesson.steps, lesson.seconds_left = step, steps, seconds * (steps - step)
    db.session.commit()
    told(lesson)
    db.session.rollback()


def _note_fault(voice_id: int, message: Message) -> None:
    with suppress(Cancelled):
        lesson = _lesson(voice_id)
        values = {name: one if isinstance(one, int | float) else str(one) for name, one in message.values.items()}
        lesson.fault = {"template": message.template, "values": values}
        db.session.commit()
    state_path(voice_id).unlink(missing_ok=True)


def _make_way(queue: object) -> None:
    """Wait while somebody's text is being spoken or waits for it."""
    while queue.is_busy:
        time.sleep(LOOK_SECONDS)


@contextmanager
def _alone(voice_id: int) -> Iterator[None]:
    """Hold a voice's lesson for this process.  Raises LearnedElsewhere."""
    path = state_path(voice_id).with_suffix(".lock")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LearnedElsewhere from None
        yield
