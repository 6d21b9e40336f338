"""A job of the shared queue as a process sees it that does not speak it: its row, its audio, and its fault."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.db import QueuedJob
from app.speak.jobs import DONE, SPEAKING, WAITING, Cancelled, Interrupted, Job
from app.speak.request import RequestedVoice, SpeechRequest
from app.speak.stream import CHUNK_BYTES, endless
from models import TembrError, VoiceProfile

if TYPE_CHECKING:
    from app.speak.shared_queue import SharedQueue

FOLLOW_SECONDS = 0.2  # between two looks for what another process has spoken


class SharedJob(Job):
    """A job as its row was when it was last read."""

    def __init__(self, queue: "SharedQueue", row: QueuedJob, profile: VoiceProfile | None = None):
        voice = RequestedVoice(row.voice["name"], profile, row.voice["id"], row.consent_at, row.voice["choice"])
        super().__init__(SpeechRequest(voice=voice, **row.knobs), row.owner)
        self.stream = SharedStream(queue, row.token)
        self.token, self.number, self.request_id, self._queue = row.token, row.id, row.request_id, queue
        self.read(row)

    def read(self, row: QueuedJob) -> None:
        """Take over what changes in a row."""
        self.state, self.speech_id, self.turn = row.state, row.speech_id, row.turn
        self.n_phones, self.n_spoken = tuple(row.n_phones), row.n_spoken
        self.is_cancelled, self.is_seen = row.is_cancelled, row.is_seen
        self.fault = unpacked(row.fault) if row.fault else None
        if row.state not in (WAITING, SPEAKING):
            self._over.set()

    def wait(self, seconds: float | None = None) -> bool:
        until = None if seconds is None else time.monotonic() + seconds
        while not self.is_over and (until is None or time.monotonic() < until):
            time.sleep(FOLLOW_SECONDS / 2)
            self._queue.read_again(self)
        return self.is_over


class SharedStream:
    """The audio file of one job while any process writes it, on the storage that all share."""

    def __init__(self, queue: "SharedQueue", token: str):
        self._queue, self._token = queue, token
        self._path: Path | None = None
        self.size = 0  # bytes that may be read

    @property
    def is_audible(self) -> bool:
        row = self._queue.row(self._token)
        return bool(row and row.state == SPEAKING and row.audible)

    @property
    def draft(self) -> str | None:
        return self._path.name if self._path else None

    def begin(self, path: Path) -> None:
        self._path = path

    def grow(self) -> None:
        self.size = self._path.stat().st_size

    def end(self, fault: Exception | None = None) -> None:
        """Nothing: whoever follows sees the state of the job."""

    def follow(self) -> "SharedFollower":
        return SharedFollower(self._queue, self._token)


class SharedFollower:
    """As stream.Follower, of a file that another process may write."""

    def __init__(self, queue: "SharedQueue", token: str):
        self._queue, self._token, self._file, self._place, self._attempt = queue, token, None, 0, 0
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while self._is_open and (row := self._queue.row(self._token)):
            if content := self._read(row):
                return content
            if row.state == DONE:
                break
            if row.state != SPEAKING and row.state != WAITING:
                raise unpacked(row.fault) if row.fault else Cancelled
            time.sleep(FOLLOW_SECONDS)
        self.close()
        raise StopIteration

    def close(self) -> None:
        self._is_open = False
        if self._file:
            self._file.close()

    def _read(self, row: QueuedJob) -> bytes:
        """Read on as far as the row says.  Raises Interrupted when another process began the job anew."""
        if self._file and self._attempt != row.attempts and row.state != DONE:
            raise Interrupted
        if not self._file and not self._open(row):
            return b""
        end = row.audible if row.state == SPEAKING else os.fstat(self._file.fileno()).st_size
        content = os.pread(self._file.fileno(), min(CHUNK_BYTES, max(end - self._place, 0)), self._place)
        begins, self._place = not self._place, self._place + len(content)
        return endless(content) if begins and row.state == SPEAKING else content

    def _open(self, row: QueuedJob) -> bool:
        name = row.draft if row.state == SPEAKING and row.audible else self._queue.file_of(row.speech_id)
        try:
            self._file, self._attempt = (self._queue.folder / name).open("rb") if name else None, row.attempts
        except FileNotFoundError:  # it was moved in this moment: the row will say where to
            return False
        return bool(self._file)


def packed(fault: Exception) -> dict:
    """What a row holds of a fault: a message to translate, or what the system or Python said."""
    if isinstance(fault, TembrError):
        message = fault.message
        values = {name: one if isinstance(one, int | float) else str(one) for name, one in message.values.items()}
        return {"kind": type(fault).__name__, "template": message.template, "values": values}
    kind = next((one.__name__ for one in (MemoryError, OSError) if isinstance(fault, one)), "RuntimeError")
    return {
        "kind": kind,
        "errno": getattr(fault, "errno", None),
        "words": getattr(fault, "strerror", None) or str(fault),
    }


def unpacked(values: dict) -> Exception:
    if "template" in values:
        kind = next((one for one in _kinds(TembrError) if one.__name__ == values["kind"]), TembrError)
        template = values["template"] if isinstance(values["template"], str) else tuple(values["template"])
        fault = kind.__new__(kind)
        TembrError.__init__(fault, template, **values["values"])
        return fault
    if values["kind"] == "OSError":
        return OSError(values["errno"], values["words"])
    return (MemoryError if values["kind"] == "MemoryError" else RuntimeError)(values["words"])


def _kinds(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)
