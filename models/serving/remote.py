"""RemoteCloner: a VoiceCloner whose networks are in other processes, asked over HTTP, one sentence at a time.

A sentence depends on nothing but what is sent with it: one that was lost with its replica is said again elsewhere.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import numpy as np

from models import limits
from models.adapter import Adapter
from models.cloner import Cloner, pause_after, sentence_seed
from models.errors import N_, TembrError
from models.quality import Findings
from models.serving import replica, wire
from models.text import Sentence
from models.voice_profile import VoiceProfile
from models.word_times import SpokenSentence

SCHEMES = {"ray": "http", "http": "http", "https": "https"}
ATTEMPT_SECONDS = 180.0  # until an answer is given up: its machine may be gone.  Who is busy answers late, and what
# is given up then was done for nothing
PATIENCE_SECONDS = 600.0  # for one sentence, all attempts together
WATCHED_SECONDS = 120.0  # the same where somebody waits for the answer
MAX_FAILURES = 3  # of the networks themselves, each perhaps elsewhere
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two attempts; each is twice as long as the one before
AHEAD = 4  # sentences of one text that are asked for at once
MAX_ANSWER_BYTES = 100_000_000


class NetworksUnreachable(TembrError):
    """No replica answered in time."""

    def __init__(self) -> None:
        super().__init__(N_("The machines that speak do not answer. Try again in a few minutes."))


class LearnsNothing(TembrError):
    """A voice is to be learned by networks that are elsewhere."""

    def __init__(self) -> None:
        template = N_("This site's networks are on other machines: learn the voice with ./tembr voices learn.")
        super().__init__(template)


class WrongReplica(RuntimeError):
    """What answers at the address is no replica for this site; the words say why."""


class RemoteCloner(Cloner):
    """address: ray://HOST:PORT of Ray Serve's HTTP proxy, or http(s)://HOST:PORT; any number of threads may use it.

    token: what its replicas ask for.  patience: seconds after which NetworksUnreachable is raised.
    A voice that was learned is said as one, but none can be learned by it.
    """

    can_learn = False

    def __init__(
        self,
        address: str,
        token: str = "",
        patience: float = PATIENCE_SECONDS,
        attempt_seconds: float = ATTEMPT_SECONDS,
        ahead: int = AHEAD,
    ):
        self._place = _checked(address)
        self._headers = {"Content-Type": "application/octet-stream"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._patience, self._attempt_seconds, self._ahead = patience, attempt_seconds, ahead
        self._about: dict = {}
        self._lock = threading.Lock()
        self.files: list[Path] = []  # they are on the replicas
        self.refusal = None  # each replica logs its own

    @property
    def device(self) -> str:
        return self.about()["device"]

    @property
    def sample_rate(self) -> int:
        return self.about()["sample_rate"]

    @property
    def in_use(self) -> dict[str, str]:
        return self.about()["in_use"]

    @property
    def fingerprint(self) -> str:
        return self.about().get("fingerprint", "")

    def about(self) -> dict:
        """Ask once what the replicas are.  Raises NetworksUnreachable, WrongReplica."""
        with self._lock:
            if not self._about:
                about, _ = self._ask("/about", {}, is_watched=True)
                if about.get("version") != replica.VERSION:
                    message = f"The replicas' version is {about.get('version')}, not {replica.VERSION}."
                    raise WrongReplica(message)
                self._about = about
            return self._about

    def examine(self, waveform: np.ndarray) -> tuple[VoiceProfile | None, Findings]:
        values, arrays = self._ask("/examine", {}, is_watched=True, waveform=waveform)
        profile = wire.unpack_profile(arrays["profile"]) if "profile" in arrays else None
        return profile, wire.unpack_findings(values)

    def embed(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """As VoiceCloner.embed.  Raises NetworksUnreachable, too."""
        return self._ask("/embed", {"sample_rate": sample_rate}, waveform=waveform)[1]["embedding"]

    def say(
        self,
        sentences: list[Sentence],
        profile: VoiceProfile,
        speed: float = 1.0,
        pitch: float = 0.0,
        pauses: float = 1.0,
        seed: int = 0,
        synthesizer: str = "",
        vocoder: str = "",
        adapter: Adapter | None = None,
    ) -> Iterator[SpokenSentence]:
        """As VoiceCloner.say, several sentences at once; takes of imported networks differ from those made here.

        Raises NetworksUnreachable, too.
        """
        speed = float(np.clip(speed, limits.SPEED.low, limits.SPEED.high))
        pauses = float(np.clip(pauses, limits.PAUSES.low, limits.PAUSES.high))
        manner = {"speed": speed, "pitch": float(pitch), "pauses": pauses}
        manner |= {"synthesizer": synthesizer, "vocoder": vocoder}
        sent, asked, given_up = {"profile": wire.pack_profile(profile)}, deque[Future](), threading.Event()
        if adapter is not None and adapter.made_on == self.fingerprint:
            manner["made_on"], sent["adapter"] = adapter.made_on, np.frombuffer(adapter.to_bytes(), dtype=np.uint8)
        pool = ThreadPoolExecutor(self._ahead, "asking")
        try:
            for index, sentence in enumerate(sentences):
                pause = pause_after(sentence, index == len(sentences) - 1, speed, pauses)
                alone = wire.pack_sentence(replace(sentence, pause_after=pause))
                values = {"sentence": alone, "manner": manner | {"seed": sentence_seed(seed, index)}}
                asked.append(pool.submit(self._ask, "/say", values, given_up, **sent))
                if len(asked) >= self._ahead:
                    yield wire.unpack_spoken(*asked.popleft().result())
            while asked:
                yield wire.unpack_spoken(*asked.popleft().result())
        finally:
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)

    def clips(self, *_recording: object) -> NoReturn:
        """Raise LearnsNothing."""
        raise LearnsNothing

    def _ask(
        self,
        path: str,
        values: dict,
        given_up: threading.Event | None = None,
        is_watched: bool = False,
        **arrays: np.ndarray,
    ) -> tuple[dict, dict[str, np.ndarray]]:
        """Ask until a replica answers.

        given_up: set once nobody needs the answer.  is_watched: somebody waits for it.

        Raises the networks' own errors, NetworksUnreachable, WrongReplica, and RuntimeError or MemoryError when the
        networks failed MAX_FAILURES times.
        """
        patience = min(self._patience, WATCHED_SECONDS) if is_watched else self._patience
        message, until = wire.pack(values, **arrays), time.monotonic() + patience
        pause, n_failures, given_up = FIRST_PAUSE, 0, given_up or threading.Event()
        while True:
            left = until - time.monotonic()
            try:
                status, answer = self._attempt(path, message, min(self._attempt_seconds, max(left, 0.1)))
            except (OSError, http.client.HTTPException):
                status = None  # nobody is there, or it died over it
            if status == replica.OK:
                return wire.unpack(answer)
            if status is not None and status not in (replica.FAILED, 408, 429, 502, 503, 504):
                raise _fault(status, answer)
            if status == replica.FAILED and (fault := _own_fault(answer)):
                n_failures += 1
                if n_failures >= MAX_FAILURES:
                    raise fault
            if time.monotonic() + pause > until or given_up.wait(pause):
                raise NetworksUnreachable
            pause = min(2 * pause, LONGEST_PAUSE)

    def _attempt(self, path: str, message: bytes, seconds: float) -> tuple[int, bytes]:
        """Raises OSError, HTTPException.  seconds: without a byte."""
        kind = http.client.HTTPSConnection if self._place.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._place.hostname, self._place.port, timeout=seconds)
        try:
            connection.request("POST", self._place.path + path, message, self._headers)
            answer = connection.getresponse()
            content = answer.read(MAX_ANSWER_BYTES)
            if answer.length:
                raise http.client.IncompleteRead(content, answer.length)
            return answer.status, content
        finally:
            connection.close()


def _checked(address: str):
    """Raises ValueError for what is no address of replicas."""
    place = urlsplit(address)
    if place.scheme not in SCHEMES or not place.hostname:
        raise ValueError(f"{address} is no address of replicas: ray://HOST:PORT, or http(s)://HOST:PORT.")
    return place._replace(scheme=SCHEMES[place.scheme], path=place.path.rstrip("/"))


def _own_fault(answer: bytes) -> Exception | None:
    """The fault that a replica tells of; None for what the server around it says, as when one died."""
    try:
        return wire.unpack_fault(wire.unpack(answer)[0])
    except wire.InvalidMessage:
        return None


def _fault(status: int, answer: bytes) -> Exception:
    """What an answer means that would come again."""
    if status == replica.REFUSED and (fault := _own_fault(answer)):
        return fault
    if status == replica.UNAUTHORIZED:
        return WrongReplica("The replicas ask for another token: TEMBR_CLONER_TOKEN.")
    return WrongReplica(f"The replicas answered {status}: {_own_fault(answer) or answer[:200]!r}")
