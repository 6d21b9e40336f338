"""Replicas behind a real Ray Serve; what both sides promise each other is tested without it in test_serving."""

import os
import signal
import socket
import sys
import time
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.scaling import TOKEN, Replicas
from models import RemoteCloner, WrongReplica
from models.cloner import sentence_seed
from tests.fakes import FakeCloner
from tests.test_serving import PROFILE, many

PYTHON = os.environ.get("RAY_PYTHON") or (sys.executable if find_spec("ray") else None)
SENTENCE_SECONDS = 0.5

pytestmark = pytest.mark.skipif(not PYTHON, reason="Ray is not installed: requirements-ray.lock, or RAY_PYTHON")


@pytest.fixture(scope="module")
def address():
    """Of two replicas, each saying a sentence in SENTENCE_SECONDS."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    with Replicas(PYTHON, "-m", "tests.ray_cluster", str(port), str(SENTENCE_SECONDS)) as replicas:
        replicas.become(2)
        yield f"ray://127.0.0.1:{port}"


@pytest.fixture
def cloner(address):
    return RemoteCloner(address, TOKEN, patience=120.0)


def processes(address) -> set[int]:
    """Of the replicas that answer now."""
    found = set()
    for _ in range(40):
        found.add(int(RemoteCloner(address, TOKEN, patience=120.0).device.split()[1]))
    return found


def is_whole(said) -> bool:
    alone = [next(FakeCloner().say([one], PROFILE, seed=sentence_seed(0, n))) for n, one in enumerate(many(len(said)))]
    return all(np.array_equal(far.waveform, near.waveform) for far, near in zip(said, alone, strict=True))


def test_sentences_are_said_by_both_replicas_at_once(address, cloner):
    assert len(processes(address)) == 2
    said = list(cloner.say(many(12), PROFILE))
    assert is_whole(said) and len(said) == 12
    assert {int(word.text) for spoken in said for word in spoken.words} == processes(address)


def test_speech_goes_on_when_a_replica_is_killed_in_the_middle(address, cloner):
    before = processes(address)
    pieces = cloner.say(many(20), PROFILE)
    said = [next(pieces)]
    os.kill(before.copy().pop(), signal.SIGKILL)
    said += pieces
    assert len(said) == 20 and is_whole(said)
    until = time.monotonic() + 120
    while len(now := processes(address)) < 2:
        assert time.monotonic() < until, "no replica came in its place"
        time.sleep(1)
    assert now != before


def test_speech_goes_on_when_every_replica_is_killed(address, cloner):
    pieces = cloner.say(many(12), PROFILE)
    said = [next(pieces)]
    for process in processes(address):
        os.kill(process, signal.SIGKILL)
    said += pieces
    assert len(said) == 12 and is_whole(said)


def test_another_token_is_refused(address):
    with pytest.raises(WrongReplica, match="TEMBR_CLONER_TOKEN"):
        RemoteCloner(address, "other").about()
