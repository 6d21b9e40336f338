"""The queue of several site processes: jobs are rows of one PostgreSQL database, and whoever is free takes the next.

A job belongs to the process that took it for as long as that says it is alive; then another speaks it again.  The
speech and the end of its job are one transaction, so that a job is never spoken twice.  A job that is not kept waits
for its turn as all others, but is spoken at home, by the process that sends it to a program.
"""

import atexit
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine, Select, and_, delete, extract, func, or_, select, text, update
from sqlalchemy.orm import Session, undefer
from sqlalchemy.sql import ColumnElement

from app.db import QueuedJob, Speech, Voice, db
from app.speak.jobs import (
    CANCELLED,
    DONE,
    FAILED,
    SPEAKING,
    WAITING,
    Cancelled,
    Interrupted,
    Job,
    Rate,
    refusal,
)
from app.speak.queue import GRACE_SECONDS, KEPT_SECONDS, Queue, outcome
from app.speak.shared_job import SharedJob, packed
from models import Sentence, VoiceProfile

BEAT_SECONDS = 5.0  # between two signs of life of a process
LEASE_SECONDS = 30.0  # without one, after which its jobs are for others
MAX_ATTEMPTS = 3  # at one job: one that ends each process that speaks it must stop somewhere
LOOK_SECONDS = 0.5  # between two looks for a job of another process
LOCK = 0x7E3B13  # of PostgreSQL, held while a job gets its place
NOW = extract("epoch", func.clock_timestamp())  # of the database: the clocks of its clients may differ
UNFINISHED = QueuedJob.state.in_((WAITING, SPEAKING))
IS_LATE = QueuedJob.beat_at < NOW - LEASE_SECONDS
IS_FREE = or_(QueuedJob.state == WAITING, and_(QueuedJob.state == SPEAKING, IS_LATE))


class SharedQueue:
    """As Queue, for every process with the same database and storage.

    n_workers: jobs that this process speaks at once.  The other arguments are those of Queue.
    """

    journal = None

    def __init__(
        self,
        app: Flask,
        speak: Callable[[Queue, Job], int],
        max_waiting: int,
        max_seconds: float,
        n_workers: int = 1,
    ):
        self._app, self._speak, self._n_workers = app, speak, n_workers
        self._max_waiting, self._max_seconds = max_waiting, max_seconds
        self.folder = Path(app.config["INSTANCE"]) / Speech.folder
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._rate, self._lock = Rate(), threading.Lock()
        self._wanted, self._closing = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._at_home: dict[str, Job] = {}  # jobs that are not kept, by token

    @cached_property
    def _engine(self) -> Engine:
        with self._app.app_context():
            return db.engine

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    def start(self) -> None:
        """Begin to speak what waits, whoever took it in."""
        with self._lock:
            if self._threads:
                return
            works = [self._work] * self._n_workers + [self._beat]
            self._threads = [threading.Thread(target=work, name="speaking", daemon=True) for work in works]
            atexit.register(self.close)
            for thread in self._threads:
                thread.start()

    def add(self, job: Job) -> Job:
        """As Queue.add.  Raises QueueFull, SQLAlchemyError."""
        with self._transaction() as session:
            session.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            session.execute(delete(QueuedJob).where(QueuedJob.over_at < NOW - KEPT_SECONDS))
            session.execute(delete(QueuedJob).where(QueuedJob.home.is_not(None), IS_LATE))
            own = self._own(job.owner).options(undefer(QueuedJob.profile))
            for row in session.scalars(own) if job.owner and job.is_kept else ():
                known = SharedJob(self, row, profile_of(session, row))
                if known.request == job.request:
                    return known
            self._check_places(session, job.owner)
            voice = job.request.voice
            row = QueuedJob(
                token=job.token,
                owner=job.owner,
                request_id=job.request_id,
                knobs=job.request.knobs(),
                voice={"name": voice.name, "id": voice.id, "choice": voice.choice},
                consent_at=voice.consent_at,
                profile=voice.profile.to_bytes() if job.is_kept and voice.id is None else None,
                home=None if job.is_kept else self.name,
                beat_at=None if job.is_kept else NOW,
                turn=self._turn(session, job.owner),
                phones_left=job.phones_left(),
                asked_at=NOW,
            )
            session.add(row)
            session.flush()
            session.refresh(row)
            if job.is_kept:
                added = SharedJob(self, row)
            else:
                added = self._at_home[job.token] = job
        self.start()
        self._wanted.set()
        return added

    def note_reading(self, job: SharedJob, sentences: list[Sentence]) -> None:
        job.note_reading(sentences)
        self._note(job, n_phones=list(job.n_phones))

    def note_sentence(self, job: SharedJob) -> None:
        with self._lock:
            self._rate.measured(*job.advance())
        changes = {"draft": job.stream.draft, "audible": job.stream.size} if job.is_kept else {}
        self._note(job, n_spoken=job.n_spoken, **changes)

    def _note(self, job: SharedJob, **changes: object) -> None:
        """Raises Cancelled, also when the job was given to another process, Interrupted, TookTooLong."""
        changes |= {"phones_left": job.phones_left(), "beat_at": NOW}
        mine = and_(QueuedJob.token == job.token, QueuedJob.claim == job.claim, QueuedJob.state == SPEAKING)
        with self._transaction() as session:
            asked = update(QueuedJob).where(mine).values(**changes).returning(QueuedJob.is_cancelled)
            is_cancelled = session.scalar(asked)
        if is_cancelled is not False:
            raise Cancelled
        job.check(self._max_seconds)

    def keep(self, job: SharedJob, speech_id: int) -> None:
        """Let the job end in the transaction that keeps its speech.  Raises Cancelled if another process has it."""
        mine = and_(QueuedJob.token == job.token, QueuedJob.claim == job.claim, QueuedJob.state == SPEAKING)
        ended = {"state": DONE, "speech_id": speech_id, "over_at": NOW, "profile": None, "phones_left": 0.0}
        kept = update(QueuedJob).where(mine, ~QueuedJob.is_cancelled).values(**ended)
        if not db.session.execute(kept, execution_options={"synchronize_session": False}).rowcount:
            raise Cancelled

    def of(self, owner: str) -> list[Job]:
        with self._transaction() as session:
            return [SharedJob(self, row) for row in session.scalars(self._own(owner))]

    def interrupted(self, owner: str) -> list[Job]:
        failed = select(QueuedJob).where(QueuedJob.owner == owner, QueuedJob.state == FAILED, ~QueuedJob.is_seen)
        with self._transaction() as session:
            jobs = [SharedJob(self, row) for row in session.scalars(failed.order_by(QueuedJob.id))]
        return [job for job in jobs if isinstance(job.fault, Interrupted)]

    def find(self, token: str) -> Job | None:
        row = self.row(token)
        return SharedJob(self, row) if row and not row.home else None

    def see(self, job: Job) -> None:
        self._change(job.token, is_seen=True)

    def cancel(self, job: Job) -> None:
        waits = and_(QueuedJob.token == job.token, QueuedJob.state == WAITING)
        with self._transaction() as session:
            unfinished = and_(QueuedJob.token == job.token, UNFINISHED)
            session.execute(update(QueuedJob).where(unfinished).values(is_cancelled=True))
            ended = {"state": CANCELLED, "over_at": NOW, "profile": None, "phones_left": 0.0}
            session.execute(update(QueuedJob).where(waits).values(**ended))
            is_over = session.scalar(select(QueuedJob.over_at).where(QueuedJob.token == job.token))
        if job.is_kept:
            self.read_again(job)
        else:
            job.is_cancelled = True
            if is_over and self._at_home.pop(job.token, None):
                job.end(CANCELLED)

    @property
    def is_busy(self) -> bool:
        """As Queue.is_busy, of all processes."""
        with self._transaction() as session:
            return bool(session.scalar(select(func.count()).where(UNFINISHED)))

    @property
    def n_waiting(self) -> int:
        with self._transaction() as session:
            return session.scalar(select(func.count()).where(QueuedJob.state == WAITING))

    def place(self, job: Job) -> int:
        with self._transaction() as session:
            return session.scalar(select(func.count()).where(self._before(job))) if job.state == WAITING else 0

    def seconds_left(self, job: Job) -> float | None:
        """As Queue.seconds_left, by what this process measured; those before it are spoken side by side."""
        if job.is_over:
            return 0.0
        with self._transaction() as session:
            asked = select(func.coalesce(func.sum(QueuedJob.phones_left), 0.0)).where(self._before(job))
            before = session.scalar(asked) if job.state == WAITING else 0.0
            n_speaking = session.scalar(select(func.count()).where(QueuedJob.state == SPEAKING))
        return self._rate.seconds(before / max(1, n_speaking) + job.phones_left())

    def fraction(self, job: Job) -> float:
        if job.is_over or job.state != SPEAKING or not job.n_sentences:
            return float(job.state == DONE)
        whole = sum(job.phones(index) for index in range(job.n_sentences))
        return 1 - job.phones_left() / whole

    def close(self, grace: float = GRACE_SECONDS, seconds: float = 60.0) -> None:
        """Take no more jobs; what is not spoken within the grace is given back, for another process."""
        with self._lock:
            threads, self._threads = self._threads, []
        atexit.unregister(self.close)
        self._closing.set()
        self._wanted.set()
        for token, job in list(self._at_home.items()):
            if job.state == WAITING and self._at_home.pop(token, None):
                job.interrupt()
        until = time.monotonic() + grace
        for thread in threads[:-1]:
            thread.join(max(0.0, until - time.monotonic()))
        with self._transaction() as session:
            given_back = {"state": WAITING, "claim": None, "attempts": QueuedJob.attempts - 1, "audible": 0}
            mine = and_(QueuedJob.state == SPEAKING, QueuedJob.claim.startswith(self.name), QueuedJob.home.is_(None))
            session.execute(update(QueuedJob).where(mine).values(**given_back))
            session.execute(delete(QueuedJob).where(QueuedJob.home == self.name))
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def row(self, token: str) -> QueuedJob | None:
        with self._transaction() as session:
            return session.scalar(select(QueuedJob).where(QueuedJob.token == token))

    def read_again(self, job: SharedJob) -> None:
        if row := self.row(job.token):
            job.read(row)
        else:
            job.end(CANCELLED)

    def file_of(self, speech_id: int | None) -> str | None:
        with self._transaction() as session:
            return session.scalar(select(Speech.file_name).where(Speech.id == speech_id))

    def _own(self, owner: str) -> Select[tuple[QueuedJob]]:
        unfinished = and_(QueuedJob.owner == owner, UNFINISHED, ~QueuedJob.is_cancelled, QueuedJob.home.is_(None))
        return select(QueuedJob).where(unfinished).order_by(QueuedJob.id)

    def _before(self, job: SharedJob) -> ColumnElement[bool]:
        """Jobs that come before one that waits: those that are spoken, and those of earlier places."""
        in_its_turn = and_(QueuedJob.turn == job.turn, QueuedJob.id < job.number)
        earlier = and_(QueuedJob.state == WAITING, or_(QueuedJob.turn < job.turn, in_its_turn))
        return or_(QueuedJob.state == SPEAKING, earlier)

    def _check_places(self, session: Session, owner: str) -> None:
        """Raises QueueFull, OwnPlacesFull."""
        waiting = QueuedJob.state == WAITING
        n_waiting = session.scalar(select(func.count()).where(waiting))
        n_own = session.scalar(select(func.count()).where(waiting, QueuedJob.owner == owner)) if owner else 0
        left = session.scalar(select(func.min(QueuedJob.phones_left)).where(QueuedJob.state == SPEAKING))
        if fault := refusal(n_waiting, n_own, self._max_waiting, self._rate.seconds(left) if left else None):
            raise fault

    def _turn(self, session: Session, owner: str) -> int:
        """The turn of a new job: after its owner's last one, else that of the job that was taken last."""
        taken = session.scalar(select(func.max(QueuedJob.turn)).where(QueuedJob.state != WAITING)) or 0
        own = session.scalar(select(func.max(QueuedJob.turn)).where(QueuedJob.owner == owner, UNFINISHED))
        return taken if own is None else max(taken, own + 1)

    def _change(self, token: str, **changes: object) -> None:
        with self._transaction() as session:
            session.execute(update(QueuedJob).where(QueuedJob.token == token).values(**changes))

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                job = self._take()
            except Exception:  # the database does not answer: later
                self._app.logger.exception("No job could be taken")
                job = None
            if job:
                self._finish(job)
            else:
                self._wanted.wait(LOOK_SECONDS)
                self._wanted.clear()

    def _take(self) -> Job | None:
        """Take the next job that waits, or one whose process died."""
        mine = or_(QueuedJob.home.is_(None), QueuedJob.home == self.name)
        free = select(QueuedJob).where(IS_FREE, mine).options(undefer(QueuedJob.profile))
        free = free.order_by(QueuedJob.turn, QueuedJob.id).limit(1).with_for_update(skip_locked=True)
        while True:
            with self._transaction() as session:
                if (row := session.scalar(free)) is None:
                    return None
                if row.state == SPEAKING:
                    self._app.logger.warning("The process %s died over a text: it is spoken again", row.claim)
                if job := self._taken(session, row):
                    job.start()
                    return job

    def _taken(self, session: Session, row: QueuedJob) -> Job | None:
        """Make a row this process's job; end it, and return None, if it is not to be spoken."""
        claim = f"{self.name}-{secrets.token_hex(4)}"
        job, fault = self._at_home.get(row.token), Interrupted() if row.attempts >= MAX_ATTEMPTS else None
        try:
            if not row.home:
                job = SharedJob(self, row, profile_of(session, row))
        except ValueError as error:
            fault = error
        if row.is_cancelled or fault or not job:
            row.state, row.over_at, row.profile = CANCELLED if row.is_cancelled else FAILED, NOW, None
            row.fault = packed(fault) if fault and not row.is_cancelled else None
            return None
        row.state, row.attempts, row.claim, row.beat_at = SPEAKING, row.attempts + 1, claim, NOW
        row.n_spoken, row.n_phones, row.draft, row.audible = 0, [], None, 0
        job.n_spoken, job.n_phones = 0, ()  # another process may have begun
        job.claim = claim
        return job

    def _finish(self, job: Job) -> None:
        """Speak a job, and note how it ended, unless it was kept or is another process's by now."""
        state = outcome(self, self._speak, job)
        if not job.is_kept:
            self._at_home.pop(job.token, None)
            job.end(state)
        elif state == DONE:
            return
        fault = job.fault if state == FAILED else None
        mine = and_(QueuedJob.token == job.token, QueuedJob.claim == job.claim, QueuedJob.state == SPEAKING)
        ended = {"state": state, "fault": packed(fault) if fault else None, "over_at": NOW, "profile": None}
        try:
            with self._transaction() as session:
                session.execute(update(QueuedJob).where(mine).values(phones_left=0.0, **ended))
        except Exception:  # its lease runs out, and another process finds what is the matter
            self._app.logger.exception("The end of a job could not be noted")

    def _beat(self) -> None:
        """Say that this process lives; after close its lease is longer than the grace."""
        mine = or_(
            and_(QueuedJob.state == SPEAKING, QueuedJob.claim.startswith(self.name)), QueuedJob.home == self.name
        )
        while not self._closing.wait(BEAT_SECONDS):
            try:
                with self._transaction() as session:
                    session.execute(update(QueuedJob).where(mine).values(beat_at=NOW))
            except Exception:
                self._app.logger.exception("No sign of life could be given")


def profile_of(session: Session, row: QueuedJob) -> VoiceProfile | None:
    """The voice of a job as it is now; None of one that was deleted.  Raises InvalidVoiceProfile."""
    if row.profile:
        return VoiceProfile.from_bytes(row.profile)
    return session.scalar(select(Voice.profile).where(Voice.id == row.voice["id"]))
