"""The audio of a job, sent while it is spoken: one thread writes its file, any number of others follow it."""

import os
import threading
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 16
UNKNOWN_SIZE = b"\xff\xff\xff\xff"  # in the header of a wav that has no end yet


class Stream:
    """The audio file of one job while it is written.

    The worker calls begin, grow and end; follow serves everybody else, from before the first byte to after the last.
    """

    def __init__(self):
        self._changed = threading.Condition()
        self._file: BinaryIO | None = None  # open while it is written or followed, wherever it was moved meanwhile
        self._size = 0  # bytes that may be read
        self._is_over, self._fault = False, None
        self._n_followers = 0

    @property
    def is_audible(self) -> bool:
        """Whether some of it was written and more may come."""
        return self._size > 0 and not self._is_over

    @property
    def size(self) -> int:
        """Bytes that were sent so far."""
        return self._size

    def begin(self, path: Path) -> None:
        """Let the file at path be followed; nothing of it is sent before grow."""
        with self._changed:
            self._file = path.open("rb")

    def grow(self) -> None:
        """Send what was written since."""
        with self._changed:
            self._size = os.fstat(self._file.fileno()).st_size
            self._changed.notify_all()

    def end(self, fault: Exception | None = None) -> None:
        """Send no more.  fault: what every follower raises after the last byte."""
        with self._changed:
            self._is_over, self._fault = True, fault
            self._changed.notify_all()
            self._release()

    def follow(self) -> "Follower":
        """Return an iterator over the whole file, from its first byte, whenever it is called before the end."""
        with self._changed:
            self._n_followers += 1
        return Follower(self)

    def leave(self) -> None:
        """Note that a follower needs no more."""
        with self._changed:
            self._n_followers -= 1
            self._release()

    def wait(self, start: int, seconds: float) -> bool:
        """Block until read would not; return False on timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_over or self._size > start, seconds)

    def read(self, start: int) -> bytes:
        """Return what comes after so many bytes; block until there is some, and return b"" after the last.

        Raises the fault that ended the stream.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._size > start)
            if self._size <= start or not self._file:
                if self._fault:
                    raise self._fault
                return b""
            is_whole = self._is_over and not self._fault
            content = os.pread(self._file.fileno(), min(CHUNK_BYTES, self._size - start), start)
        return content if start or is_whole else endless(content)

    def _release(self) -> None:
        """Close the file once nobody writes or reads it."""
        if self._is_over and not self._n_followers and self._file:
            self._file.close()
            self._file = None


class Follower:
    """Iterates over the bytes of a stream as they are written; close it, as WSGI servers do with what they send.

    Raises in the middle what ended the stream: a server then cuts the connection, so that nobody takes a part for all.
    """

    def __init__(self, stream: Stream):
        self._stream, self._place = stream, 0
        self._is_open = True

    def __iter__(self) -> "Follower":
        return self

    def __next__(self) -> bytes:
        content = self._stream.read(self._place) if self._is_open else b""
        if not content:
            raise StopIteration
        self._place += len(content)
        return content

    def wait(self, seconds: float) -> bool:
        """Block until the next bytes are there, or there are no more; return False on timeout."""
        return self._stream.wait(self._place, seconds)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._stream.leave()


def endless(start: bytes) -> bytes:
    """Make the sizes in the first bytes of a wav, which are not known yet, UNKNOWN_SIZE; players then read on.

    Other files say no size before they are whole.
    """
    if start.startswith(b"RIFF"):
        place = 12  # of the first chunk: its name, its size, its content
        while place + 8 <= len(start) and start[place : place + 4] != b"data":
            place += 8 + int.from_bytes(start[place + 4 : place + 8], "little")
        return start[:4] + UNKNOWN_SIZE + start[8 : place + 4] + UNKNOWN_SIZE + start[place + 8 :]
    return start
