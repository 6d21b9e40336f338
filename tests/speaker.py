"""A stand-in for speaking that goes on sentence by sentence as a test lets it, and jobs for its queue."""

import threading
import time
from types import SimpleNamespace

import numpy as np

from app.speak.jobs import Job
from app.speak.request import RequestedVoice, SpeechRequest
from models import VoiceProfile


class Speaker:
    """Speaks in a queue's thread; one sentence each time it may.  said: the texts it has begun, in order."""

    def __init__(self):
        self.said, self.fault = [], None
        self._may = threading.Semaphore(0)
        self._has = threading.Semaphore(0)

    def __call__(self, queue, job):
        self.said.append(job.request.text)
        for _ in range(job.n_sentences):
            self._may.acquire()
            if self.fault:
                raise self.fault
            try:
                queue.note_sentence(job)
            finally:
                self._has.release()
        return len(self.said)

    def say(self, n_sentences=1):
        """Returns once so many sentences are spoken."""
        for _ in range(n_sentences):
            self._may.release()
            assert self._has.acquire(timeout=10)

    def free(self):
        """From now on it speaks without asking."""
        self._may.release(1000)


def make_job(text="Hello.", n_sentences=1, takes=1, owner="", n_phones=10, speed=1.0):
    """A job whose text is read already."""
    job = Job(make_request(text, takes=takes, speed=speed), owner)
    job.note_reading([SimpleNamespace(phones=("a",) * n_phones)] * n_sentences)
    return job


def make_request(text="Hello.", **changes):
    profile = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)
    return SpeechRequest(text, RequestedVoice("Anna", profile, id=1), **changes)


def speaking_threads():
    return [thread for thread in threading.enumerate() if thread.name == "speaking"]


def until(happened):
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in 10 s"
        time.sleep(0.01)
