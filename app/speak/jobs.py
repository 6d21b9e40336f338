"""A speech request on its way to being a speech: its states, what may end it, and how fast such requests are spoken."""

import math
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import logs
from app.speak.request import SpeechRequest
from app.speak.stream import Stream
from models import N_, Sentence, TembrError

if TYPE_CHECKING:
    from models import Word

WAITING, SPEAKING, DONE, FAILED, CANCELLED = "waiting", "speaking", "done", "failed", "cancelled"
RETRY_SECONDS = (5, 300)  # after which a full queue is worth another try, at least and at most
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

    def check(self, max_seconds: float = math.inf) -> None:
        """Raise Cancelled if the job was cancelled, Interrupted if the queue closes, TookTooLong past max_seconds."""
        if self.is_cancelled:
            raise Cancelled
        if isinstance(self.fault, Interrupted):
            raise self.fault
        if self.started_at and time.monotonic() - self.started_at > max_seconds:
            raise TookTooLong(max_seconds / 60)

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
