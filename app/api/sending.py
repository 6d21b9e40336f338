"""Audio on its way to a program: waiting for it, sending it, and noticing that the program has left.

A thread of the server is held from the request to the end of its answer.  So only some requests are taken at once, the
rest of the threads answer everybody else; app.server cuts off a program that takes nothing of its answer.
"""

import base64
import errno
import hashlib
import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from app.api.errors import RETRY_SECONDS, Refused
from app.db import db, now
from app.history import provenance
from app.speak.jobs import Cancelled, Job

FOR_PAGES = 4  # threads that no program holds
POLL_SECONDS = 0.5  # after which it is looked whether the program is still there
FRAMES = 80  # a second of audio: what usage counts


def init_app(app: Flask) -> None:
    app.extensions["programs"] = threading.Semaphore(max(1, app.config["THREADS"] - FOR_PAGES))


class Left(Cancelled, BrokenPipeError):
    """The program has closed its connection; the server takes this for what sending to it would raise."""

    def __init__(self):
        super().__init__(errno.EPIPE, "the program has left")


class Program:
    """A program that waits for the audio of a job."""

    def __init__(self, job: Job):
        self.job = job
        self._app, self._made_at = current_app._get_current_object(), now()
        self._connection = request.environ.get("gunicorn.socket")
        self._follower, self._hash = job.stream.follow(), hashlib.sha256()

    @classmethod
    @contextmanager
    def waiting(cls, job: Job) -> Iterator["Program"]:
        """Queue the job; cancel it at the end if it is not over.  Raises Refused, QueueFull."""
        app = current_app._get_current_object()
        places, queue = app.extensions["programs"], app.extensions["speaking"]
        if app.extensions["cloner"] is None:
            raise Refused(503, "Tembr is loading its networks.", retry_seconds=RETRY_SECONDS)
        if not places.acquire(blocking=False):
            raise Refused(503, "Tembr is answering as many programs as it can.", retry_seconds=RETRY_SECONDS)
        try:
            program = cls(job)
            try:
                queue.add(job)
                yield program
            finally:
                queue.cancel(job)
                program._follower.close()
        finally:
            places.release()

    def wait_for_all(self) -> None:
        """Block until the job is done.  Raises what ended it otherwise, and Left."""
        while not self.job.wait(POLL_SECONDS):
            self._check()
        if self.job.fault:
            raise self.job.fault
        if not self.job.said:
            raise Cancelled

    def started(self) -> Iterator[bytes]:
        """Block until some audio can be sent; return an iterator over all of it.  Both raise as wait_for_all does."""
        first = self._next()
        if not first:
            raise Cancelled
        return self._sent(first)

    def _next(self) -> bytes:
        """Return what was spoken since; b"" after the last."""
        while not self._follower.wait(POLL_SECONDS):
            self._check()
        return next(self._follower, b"")

    def _sent(self, content: bytes) -> Iterator[bytes]:
        while content:
            self._hash.update(content)
            yield content
            content = self._next()
        self._note()

    def _check(self) -> None:
        if _has_left(self._connection):
            raise Left

    def _note(self) -> None:
        """Keep the hash of what was sent, so that /verify knows the file."""
        with self._app.app_context():
            try:
                provenance.remember(self._hash.hexdigest(), self._made_at, self.job.request.voice.name)
            except SQLAlchemyError:
                self._app.logger.exception("The hash of a speech could not be kept")
                db.session.rollback()


def whole(program: Program, content_type: str) -> Response:
    """Wait for all of the audio and send it, with its length."""
    program.wait_for_all()
    answer = Response(program.started(), content_type=content_type)
    answer.content_length = program.job.stream.size
    return answer


def base64_of(program: Program) -> str:
    """Wait for all of the audio and return it."""
    program.wait_for_all()
    return base64.b64encode(b"".join(program.started())).decode()


def sse(program: Program, n_characters: int) -> Iterator[str]:
    """Wait for the first of the audio; return an iterator over OpenAI's events.  n_characters: of the text."""
    return _events(program, program.started(), n_characters)


def _events(program: Program, contents: Iterator[bytes], n_characters: int) -> Iterator[str]:
    for content in contents:
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(content).decode()})
    program.wait_for_all()
    n_frames = round(FRAMES * program.job.said.seconds)
    usage = {"input_tokens": n_characters, "output_tokens": n_frames, "total_tokens": n_characters + n_frames}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(told: dict) -> str:
    return f"data: {json.dumps(told)}\n\n"


def _has_left(connection: socket.socket | None) -> bool:
    """Whether the other side has closed the connection."""
    if connection is None:
        return False
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except (OSError, ValueError):  # closed on this side, too
        return True
