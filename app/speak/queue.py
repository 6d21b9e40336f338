"""The queue of speech requests: one thread takes them in order, and ends with the last."""

import atexit
import bisect
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import logs
from app.speak.request import SpeechRequest
from app.speak.stream import Stream
from models import N_, Sentence, TembrError

if TYPE_CHECKING:
    from app.speak.journal import Journal
    from models import Word

WAITING, SPEAKING, DONE, FAILED, CANCELLED = "waiting", "speaking", "done", "failed", "cancelled"
MAX_WAITING = 20  # jobs
MAX_SECONDS = 3600.0  # that one job is spoken
RETRY_SECONDS = (5, 300)  # after which a full queue is worth another try, at least and at most
GRACE_SECONDS = 15.0  # that a job may still take when the process is to end; gunicorn kills it after 30
MAX_KEPT = 100  # jobs that are over and can still be asked for
KEPT_SECONDS = 3600.0
PHONES_PER_CHARACTER = 1.1  # of a text that is not read yet: English 1.0, Russian 1.2
FORGETTING = 0.9  # what a measured sentence still counts when the next one is measured


class QueueFull(TembrError):
    """Too many jobs wait already.

    seconds: after which a place may be free.
    """

    def __init__(self, n_waiting: int, seconds: int):
        super().__init__(
            N_("The queue is full: %(count)d texts are waiting. Try again in a few minutes."), count=n_waiting
        )
        self.seconds = seconds


class OwnPlacesFull(QueueFull):
    """Too many jobs of one owner wait already: the other places are for others."""

    def __init__(self, n_waiting: int, seconds: int):
        template = N_("%(count)d of your texts are waiting already: try again once some of them are spoken.")
        TembrError.__init__(self, template, count=n_waiting)
        self.seconds = seconds


class TookTooLong(TembrError):
    """A job was spoken for longer than one may be."""

    def __init__(self, minutes: float):
        super().__init__(N_("It took longer than %(limit)g min and was stopped: try a shorter text."), limit=minutes)


class Interrupted(TembrError):
    """Tembr was stopped before the job was spoken."""

    def __init__(self):
        super().__init__(N_("Tembr was restarted before this text was spoken: press Speak again."))


def refusal(n_waiting: int, n_own: int, max_waiting: int, seconds_left: float | None) -> QueueFull | None:
    """Why no more jobs are taken in: QueueFull or OwnPlacesFull; None if one is.

    n_own: of those that wait, of one owner, who may have three of four places.  seconds_left: of the present job.
    """
    low, high = RETRY_SECONDS
    seconds = round(min(max(seconds_left or 0, low), high))
    if n_waiting >= max_waiting:
        return QueueFull(n_waiting, seconds)
    return OwnPlacesFull(n_own, seconds) if n_own >= max_waiting - max_waiting // 4 else None


class Cancelled(Exception):
    """The job was cancelled: nothing of it is kept."""


@dataclass(frozen=True)
class Said:
    """What is known of a speech that is not kept.  seconds: its length; similarity: None if it is too short to tell."""

    seconds: float
    similarity: float | None
    words: "Sequence[Word]"


class Rate:
    """Measured speed in phones a second, the latest sentence weighted most."""

    def __init__(self):
        self._phones = self._seconds = 0.0

    def measured(self, n_phones: float, seconds: float) -> None:
        self._phones = FORGETTING * self._phones + n_phones
        self._seconds = FORGETTING * self._seconds + seconds

    def seconds(self, n_phones: float) -> float | None:
        """Estimate how long so many phones take; None before the first measurement."""
        return n_phones * self._seconds / self._phones if self._phones else None


class Job:
    """One request on its way to being a speech.

    owner: the browser, or the program, that asked.  is_kept: it becomes a speech of the history; else its stream is all
    there is of it, and it is forgotten with whoever follows that.  What a job holds is changed by the queue alone.
    """

    def __init__(self, request: SpeechRequest, owner: str = "", is_kept: bool = True):
        self.token = secrets.token_urlsafe(16)
        self.request, self.owner, self.is_kept = request, owner, is_kept
        self.request_id = logs.request_id.get()  # of the HTTP request, for the log
        self.state = WAITING
        self.speech_id: int | None = None  # once it is done, if it is kept
        self.said: Said | None = None  # once it is done, if it is not kept
        self.fault: Exception | None = None  # once it has failed
        self.n_phones: tuple[float, ...] = ()  # of each sentence at ordinary speed, once the text is read
        self.n_spoken = 0  # sentences, of all takes
        self.is_cancelled = False
        self.is_seen = False  # its form was shown again
        self.stream = Stream()  # its audio, as far as it is spoken
        self.claim: str | None = None  # by which one of several processes has it
        self.turn = 0  # those of a turn are spoken before those of the next
        self.started_at: float | None = None  # by time.monotonic
        self.over_at: float | None = None  # by time.monotonic
        self._over = threading.Event()
        self._last = 0.0  # when the last sentence was spoken, by time.monotonic

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    @property
    def n_sentences(self) -> int:
        """Number of sentences in all takes; 0 before the text is read."""
        return self.request.takes * len(self.n_phones)

    def phones(self, index: int) -> float:
        """Return the phones of one sentence, as many more as it is spoken slower."""
        return self.n_phones[index % len(self.n_phones)] / self.request.speed

    def phones_left(self) -> float:
        if not self.n_phones:
            return self.request.takes * PHONES_PER_CHARACTER * len(self.request.text) / self.request.speed
        return sum(self.phones(index) for index in range(self.n_spoken, self.n_sentences))

    def wait(self, seconds: float | None = None) -> bool:
        """Block until the job is over; return False on timeout."""
        return self._over.wait(seconds)

    def check(self) -> None:
        """Raise Cancelled if the job was cancelled, Interrupted if the queue closes."""
        if self.is_cancelled:
            raise Cancelled
        if isinstance(self.fault, Interrupted):
            raise self.fault

    def start(self) -> None:
        self.state, self.started_at = SPEAKING, time.monotonic()
        self._last = self.started_at

    def note_reading(self, sentences: list[Sentence]) -> None:
        self.n_phones, self._last = tuple(len(sentence.phones) for sentence in sentences), time.monotonic()

    def advance(self) -> tuple[float, float]:
        """Count one more sentence as spoken; return its phones and the seconds it took."""
        phones, seconds = self.phones(self.n_spoken), self.seconds_of_sentence()
        self.n_spoken, self._last = self.n_spoken + 1, time.monotonic()
        return phones, seconds

    def seconds_of_sentence(self) -> float:
        """Return how long the present sentence has been in work."""
        return time.monotonic() - self._last

    def interrupt(self) -> None:
        """End it as one that was never spoken."""
        self.fault = Interrupted()
        self.end(FAILED)

    def end(self, state: str) -> None:
        self.state, self.over_at = state, time.monotonic()
        self.stream.end(None if state == DONE else self.fault or Cancelled())
        self._over.set()


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
        self._check(job)

    def note_sentence(self, job: Job) -> None:
        """Note that a sentence of the job was spoken.  Raises Cancelled, Interrupted, TookTooLong."""
        with self._lock:
            self._rate.measured(*job.advance())
        self._check(job)

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

    def _check(self, job: Job) -> None:
        job.check()
        if job.started_at and time.monotonic() - job.started_at > self._max_seconds:
            raise TookTooLong(self._max_seconds / 60)

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
