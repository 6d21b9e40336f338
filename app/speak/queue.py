"""The queue of speech requests: one thread takes them in order, and ends with the last."""

import atexit
import bisect
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.speak.jobs import CANCELLED, DONE, FAILED, Cancelled, Interrupted, Job, Rate, Said, refusal
from models import Sentence

if TYPE_CHECKING:
    from app.speak.journal import Journal

MAX_WAITING = 20  # jobs
MAX_SECONDS = 3600.0  # that one job is spoken
GRACE_SECONDS = 15.0  # that a job may still take when the process is to end; gunicorn kills it after 30
MAX_KEPT = 100  # jobs that are over and can still be asked for
KEPT_SECONDS = 3600.0


class Queue:
    """Jobs in the order they came, but fair: each owner has one job in a turn.

    max_waiting: places; one owner may have three of four.  max_seconds: of a job, after which it stops at the end of
    its sentence.  journal: where jobs are noted until they are over.
    speak: speaks a job, telling this queue of note_reading once and of note_sentence after each sentence, which raise
    Cancelled, Interrupted or TookTooLong when it is to stop; returns the speech's id, or what is known of one that is
    not kept.
    """

    def __init__(
        self,
        speak: Callable[["Queue", Job], int | Said],
        max_waiting: int = MAX_WAITING,
        max_seconds: float = MAX_SECONDS,
        journal: "Journal | None" = None,
    ):
        self.journal = journal
        self._speak, self._max_waiting, self._max_seconds = speak, max_waiting, max_seconds
        self._lock = threading.RLock()
        self._waiting: list[Job] = []  # in the order they will be spoken
        self._turn = 0  # of the present job
        self._jobs: dict[str, Job] = {}  # by token, in the order they came
        self._rate = Rate()
        self._present: Job | None = None
        self._thread: threading.Thread | None = None

    def add(self, job: Job) -> Job:
        """Give a job its place; of the same request made twice at once, as by a double click, return the first.
        Programs mean what they ask for twice.

        Raises QueueFull, and OSError when it cannot be noted.
        """
        with self._lock:
            for one in self.of(job.owner) if job.owner and job.is_kept else ():
                if one.request == job.request:
                    return one
            self._check_places(job.owner)
            self._forget()
            if self.journal and job.is_kept:
                self.journal.note(job)
            if job.is_kept:
                self._jobs[job.token] = job
            self._place(job)
            if not self._thread:
                self._start()
        return job

    def note_reading(self, job: Job, sentences: list[Sentence]) -> None:
        """Note that the text of the job was read.  Raises Cancelled, Interrupted, TookTooLong."""
        with self._lock:
            job.note_reading(sentences)
        job.check(self._max_seconds)

    def note_sentence(self, job: Job) -> None:
        """Note that a sentence of the job was spoken.  Raises Cancelled, Interrupted, TookTooLong."""
        with self._lock:
            self._rate.measured(*job.advance())
        job.check(self._max_seconds)

    def keep(self, job: Job, speech_id: int) -> None:
        """Called in the transaction that keeps the speech of a job, before its end; nothing is to be done here."""

    def of(self, owner: str) -> list[Job]:
        """Return the unfinished jobs of a browser."""
        with self._lock:
            return [job for job in self._jobs.values() if job.owner == owner and not (job.is_over or job.is_cancelled)]

    def interrupted(self, owner: str) -> list[Job]:
        """Return the jobs of a browser that were never spoken, and were not looked at since."""
        with self._lock:
            self._forget()
            jobs = [job for job in self._jobs.values() if job.owner == owner and not job.is_seen]
            return [job for job in jobs if job.is_over and isinstance(job.fault, Interrupted)]

    def restore(self, job: Job) -> None:
        """Take back a job that was interrupted: it can be asked for again."""
        with self._lock:
            self._jobs[job.token] = job

    def find(self, token: str) -> Job | None:
        """Return the job of that token; None once it is forgotten."""
        with self._lock:
            self._forget()
            return self._jobs.get(token)

    def see(self, job: Job) -> None:
        """Note that the form of a job was shown again."""
        job.is_seen = True

    def cancel(self, job: Job) -> None:
        """Cancel a job: at once while it waits, else at the end of its sentence."""
        with self._lock:
            job.is_cancelled = True
            if job in self._waiting:
                self._waiting.remove(job)
                self._end(job, CANCELLED)

    @property
    def is_busy(self) -> bool:
        """Whether a job is being spoken, or waits."""
        return bool(self._present or self._waiting)

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    def place(self, job: Job) -> int:
        """Return how many jobs come before it."""
        with self._lock:
            return self._waiting.index(job) + bool(self._present) if job in self._waiting else 0

    def seconds_left(self, job: Job) -> float | None:
        """Estimate the seconds until the job is over; None before the first measurement."""
        with self._lock:
            if job.is_over:
                return 0.0
            before = self._waiting[: self._waiting.index(job)] if job in self._waiting else []
            ahead = {job, *before, *([self._present] if self._present else [])}
            return self._rate.seconds(sum(one.phones_left() for one in ahead) - self._phones_of_sentence())

    def fraction(self, job: Job) -> float:
        """Return how much of the job is spoken, 0 to 1; its present sentence is estimated."""
        with self._lock:
            if job.is_over or job is not self._present or not job.n_sentences:
                return float(job.state == DONE)
            whole = sum(job.phones(index) for index in range(job.n_sentences))
            return 1 - (job.phones_left() - self._phones_of_sentence()) / whole

    def close(self, grace: float = GRACE_SECONDS, seconds: float = 60.0) -> None:
        """Interrupt what waits, and what is not spoken within the grace, at the end of its sentence.

        What was interrupted stays in the journal.  seconds: waited for that sentence.
        """
        with self._lock:
            thread, present = self._thread, self._present
            for job in self._waiting:
                job.interrupt()
            self._waiting.clear()
        if not thread:
            return
        if present and not present.wait(grace):
            present.fault = Interrupted()
        thread.join(seconds)

    def _end(self, job: Job, state: str) -> None:
        job.end(state)
        if self.journal and job.is_kept and not isinstance(job.fault, Interrupted):
            self.journal.forget(job)

    def _check_places(self, owner: str) -> None:
        """Raises QueueFull, OwnPlacesFull."""
        n_own = sum(one.owner == owner for one in self._waiting) if owner else 0
        present = self._present
        left = self._rate.seconds(present.phones_left() - self._phones_of_sentence()) if present else None
        if fault := refusal(len(self._waiting), n_own, self._max_waiting, left):
            raise fault

    def _place(self, job: Job) -> None:
        """Put a job among those that wait: in the turn after its owner's last one, after the others of that turn."""
        before = [one.turn for one in (*self._waiting, self._present) if one and one.owner == job.owner]
        job.turn = max([self._turn, *(turn + 1 for turn in before)])
        self._waiting.insert(bisect.bisect(self._waiting, job.turn, key=lambda one: one.turn), job)

    def _phones_of_sentence(self) -> float:
        """Estimate how many phones of the present sentence are spoken: at most 95 of 100."""
        present = self._present
        if not present or present.is_over or present.n_spoken >= present.n_sentences:
            return 0.0
        phones = present.phones(present.n_spoken)
        seconds = self._rate.seconds(phones)
        return phones * min(present.seconds_of_sentence() / seconds, 0.95) if seconds else 0.0

    def _forget(self) -> None:
        """Drop jobs that ended KEPT_SECONDS ago, and the oldest of more than MAX_KEPT."""
        over = [job for job in self._jobs.values() if job.is_over]
        late = time.monotonic() - KEPT_SECONDS
        for job in [*over[:-MAX_KEPT], *(job for job in over if job.over_at < late)]:
            self._jobs.pop(job.token, None)

    def _start(self) -> None:
        """Start a thread that is daemonic, so that the program ends, and closed at exit, so that no draft is left."""
        self._thread = threading.Thread(target=self._work, name="speaking", daemon=True)
        atexit.register(self.close)
        self._thread.start()

    def _work(self) -> None:
        while job := self._next():
            state = outcome(self, self._speak, job)
            with self._lock:
                self._end(job, state)

    def _next(self) -> Job | None:
        """Take the next job; without one, end the thread."""
        with self._lock:
            self._present = self._waiting.pop(0) if self._waiting else None
            if self._present:
                self._turn = self._present.turn
                self._present.start()
            else:
                self._thread = None
                atexit.unregister(self.close)
            return self._present


def outcome(queue: "Queue", speak: Callable[["Queue", Job], int | Said], job: Job) -> str:
    """Speak a job; return its last state."""
    try:
        job.check()
        made = speak(queue, job)
        job.speech_id, job.said = (made, None) if job.is_kept else (None, made)
    except Cancelled:
        return CANCELLED
    except Exception as fault:
        fault.__traceback__ = fault.__context__ = fault.__cause__ = None  # they hold what the networks made
        job.fault = fault
        return FAILED
    job.fault = None  # of a queue that closed during the last sentence
    return DONE
