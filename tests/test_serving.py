"""Replicas of the networks, and the site's side of them: what both promise each other, whatever server is between."""

import io
import pickle
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from app import startup
from benchmarks.scaling import Waiting
from models import (
    InvalidVoiceProfile,
    NetworksUnreachable,
    PitchIsFixed,
    RecordingTooShort,
    RecordingUnfit,
    RemoteCloner,
    Replica,
    TembrError,
    UnknownModel,
    UnreadableWeights,
    VoiceProfile,
    WrongReplica,
)
from models.cloner import SENTENCE_PAUSE_SECONDS, sentence_seed
from models.serving import remote, wire
from models.text import Sentence
from models.text.tokens import Token
from models.word_times import SpokenSentence
from tests.fakes import FakeCloner
from tests.replicas import Replicas

PROFILE = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)
TOKEN = "secret"


@pytest.fixture
def networks():
    return FakeCloner()


@pytest.fixture
def replicas(networks):
    with Replicas(Replica(networks, TOKEN)).served() as served:
        yield served


@pytest.fixture
def cloner(replicas, monkeypatch):
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.01)
    return RemoteCloner(replicas.address, TOKEN, patience=20.0)


def sentences(*words: str) -> list[Sentence]:
    return [Sentence("en", one, ("a", "."), ("en", "en"), tokens=(Token(one, 0, 0, 1),)) for one in words]


def many(n: int) -> list[Sentence]:
    return sentences(*(f"Sentence number {number}" + "!" * number for number in range(n)))


def times(n: int, do):
    """Trouble for the first n requests to /say."""
    left, lock = [n], threading.Lock()

    def trouble(handler):
        with lock:
            left[0] -= handler.path == "/say"
            is_due = handler.path == "/say" and left[0] >= 0
        return is_due and do(handler)

    return trouble


def test_it_is_what_its_replicas_are(cloner, networks):
    assert (cloner.sample_rate, cloner.device, cloner.in_use) == (networks.sample_rate, "cpu", networks.in_use)


def test_sentences_come_in_their_order_as_the_networks_said_them(cloner):
    asked = many(12)
    said = list(cloner.say(asked, PROFILE, speed=1.25, seed=3))
    alone = [
        next(FakeCloner().say([one], PROFILE, speed=1.25, seed=sentence_seed(3, index)))
        for index, one in enumerate(asked)
    ]
    assert len(said) == 12
    for far, near in zip(said, alone, strict=True):
        np.testing.assert_array_equal(far.waveform, near.waveform)
        assert far.words == near.words and len(far.words) == 1


def test_stand_in_of_the_scaling_benchmark_answers_as_networks_do():
    with Replicas(Replica(Waiting(0.0), TOKEN)).served() as served:
        cloner = RemoteCloner(served.address, TOKEN, patience=20.0)
        said = list(cloner.say(many(3), PROFILE))
        assert [len(one.waveform) for one in said] == [cloner.sample_rate] * 3


def test_every_knob_reaches_the_networks_within_its_limits(cloner, networks):
    list(cloner.say(sentences("One."), PROFILE, 9.0, -2.0, 1.5, 7, "abc", "def"))
    (said,) = networks.said
    assert said == {
        "words": "One.", "language": "en", "speed": 2.0, "pitch": -2.0, "pauses": 1.5, "seed": 7,
        "synthesizer": "abc", "vocoder": "def",
    }  # fmt: skip


def test_pause_between_sentences_is_asked_for_with_them(cloner, networks, monkeypatch):
    asked = []
    monkeypatch.setattr(
        FakeCloner, "say", lambda self, given, *_, **__: asked.extend(given) or [SpokenSentence(np.zeros(1), ())]
    )
    list(cloner.say([replace(sentences("One.")[0], pause_after=2.0), *sentences("Two.", "Three.")], PROFILE, 2.0))
    pauses = {sentence.words: sentence.pause_after for sentence in asked}
    assert pauses == {"One.": 2.0, "Two.": SENTENCE_PAUSE_SECONDS / 2, "Three.": 0.0}


def test_voice_is_heard_with_its_findings(cloner, networks, recording):
    profile, findings = cloner.hear(recording(5.0))
    assert (profile, findings) == networks.hear(recording(5.0))
    with pytest.raises(RecordingUnfit) as refused:
        cloner.hear(recording(1.0))
    with pytest.raises(RecordingUnfit) as expected:
        networks.hear(recording(1.0))
    assert refused.value.findings == expected.value.findings and str(refused.value) == str(expected.value)


def test_speech_is_embedded(cloner, networks):
    waveform = np.random.default_rng(0).normal(size=40_000).astype(np.float32)
    np.testing.assert_array_equal(cloner.embed(waveform, 16_000), networks.embed(waveform, 16_000))
    with pytest.raises(RecordingTooShort, match="0.1"):
        cloner.embed(waveform[:1600], 16_000)


@pytest.mark.parametrize(
    "fault",
    [
        InvalidVoiceProfile("A voice has %(count)d parts.", count=3),
        PitchIsFixed("tacotron"),
        UnknownModel("nobody's", ["a", "b"]),
        UnreadableWeights("The weights of %(name)s are damaged.", name="a"),
        RecordingTooShort(0.4),
    ],
)
def test_errors_of_the_networks_come_as_they_were_and_at_once(cloner, networks, replicas, fault):
    networks.fault = fault
    with pytest.raises(type(fault)) as raised:
        list(cloner.say(sentences("One."), PROFILE))
    assert str(raised.value) == str(fault) and raised.value.message == fault.message
    assert replicas.asked == ["/say"]


def test_sentence_over_which_the_networks_failed_is_said_again(cloner, networks, replicas):
    networks.fault = RuntimeError("CUDA error: an illegal memory access was encountered")
    assert len(list(cloner.say(many(3), PROFILE))) == 3
    assert replicas.asked == ["/say"] * 4


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(MemoryError("no room"), MemoryError), (RuntimeError("can't allocate memory: 12 bytes"), MemoryError),
     (RuntimeError("broken"), RuntimeError)],
)  # fmt: skip
def test_networks_that_fail_each_time_are_not_asked_for_ever(cloner, networks, replicas, fault, kind):
    networks.between = lambda: setattr(networks, "fault", fault)
    with pytest.raises(kind, match=str(fault)):
        list(cloner.say(sentences("One."), PROFILE))
    assert len(replicas.asked) == remote.MAX_FAILURES


def dies_at_once(handler):
    handler.connection.close()
    return True


def dies_in_its_answer(handler):
    handler.give(200, bytes(10_000), n_sent=5_000)
    return True


def is_replaced(handler):
    handler.give(503, b"no replica is there yet")
    return True


def lost_its_replica(handler):
    handler.give(500, b"Internal Server Error")
    return True


def hangs(handler):
    time.sleep(0.6)
    return True


@pytest.mark.parametrize("trouble", [dies_at_once, dies_in_its_answer, is_replaced, lost_its_replica, hangs])
def test_what_a_dying_replica_had_is_said_again_and_nothing_is_lost(networks, replicas, monkeypatch, trouble):
    monkeypatch.setattr(remote, "FIRST_PAUSE", 0.01)
    cloner = RemoteCloner(replicas.address, TOKEN, patience=20.0, attempt_seconds=0.3)
    whole = list(cloner.say(many(8), PROFILE))
    replicas.trouble = times(3, trouble)
    again = list(cloner.say(many(8), PROFILE))
    assert len(replicas.asked) == 8 + 8 + 3
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one.waveform, other.waveform)


def test_nobody_is_waited_for_longer_than_the_patience(replicas):
    address = replicas.address
    replicas.trouble = dies_at_once
    began = time.monotonic()
    with pytest.raises(NetworksUnreachable, match="do not answer"):
        list(RemoteCloner(address, TOKEN, patience=0.5).say(sentences("One."), PROFILE))
    assert time.monotonic() - began < 5
    with pytest.raises(NetworksUnreachable):
        RemoteCloner("ray://127.0.0.1:1", TOKEN, patience=0.2).about()


def test_speech_that_is_given_up_is_asked_for_no_more(cloner, replicas):
    replicas.trouble = lambda handler: b"number 0" not in handler.message and dies_at_once(handler)
    pieces = cloner.say(many(50), PROFILE)
    next(pieces)
    pieces.close()
    until = time.monotonic() + 10
    while any(thread.name.startswith("asking") for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_no_more_sentences_are_asked_for_than_are_soon_played(cloner, replicas):
    pieces = cloner.say(many(50), PROFILE)
    next(pieces)
    time.sleep(0.3)
    assert len(replicas.asked) <= remote.AHEAD
    pieces.close()


def test_voice_is_learned_elsewhere(cloner):
    with pytest.raises(TembrError, match="./tembr voices learn"):
        cloner.clips("a.wav", None, None, PROFILE)


def test_several_sentences_are_said_at_once(networks, replicas):
    together = threading.Barrier(3)
    networks.between = lambda: together.wait(10)
    assert len(list(RemoteCloner(replicas.address, TOKEN, ahead=3).say(many(9), PROFILE))) == 9


def test_another_token_is_refused_in_words(replicas):
    for token in ("", "other", "secret "):
        with pytest.raises(WrongReplica, match="TEMBR_CLONER_TOKEN"):
            RemoteCloner(replicas.address, token).about()


def test_replica_without_a_token_answers_everybody(networks):
    with Replicas(Replica(networks)).served() as served:
        assert RemoteCloner(served.address).sample_rate == 16_000


def test_another_version_is_refused_in_words(cloner, monkeypatch):
    monkeypatch.setattr("models.serving.replica.VERSION", 2)
    told = Replica._about
    monkeypatch.setattr(Replica, "_about", lambda self, *_: told(self, {}, {}).replace(b": 2,", b": 9,"))
    with pytest.raises(WrongReplica, match="version is 9, not 2"):
        cloner.about()


@pytest.mark.parametrize("address", ["", "localhost:8000", "ftp://a:1", "ray://", "ray:///x", "file:///etc/passwd"])
def test_what_is_no_address_is_refused_in_words(address):
    with pytest.raises(ValueError, match="ray://HOST:PORT"):
        RemoteCloner(address)


class Trap:
    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


@pytest.mark.parametrize(
    "message",
    [b"", b"{}", b"\xff" * 64, pickle.dumps(Trap()), wire.pack({}), wire.pack({"sentence": 1, "manner": {}}),
     wire.pack({"sentence": {"words": "a"}, "manner": {}}, profile=np.zeros(9, np.uint8))],
)  # fmt: skip
def test_message_that_is_none_is_answered_and_runs_nothing(networks, message):
    replica = Replica(networks)
    assert replica.answer("/say", message)[0] in (400, 422)
    assert replica.answer("/elsewhere", message)[0] == 404
    assert networks.said == []


def test_profile_that_is_none_is_refused_as_one(cloner, networks):
    values = {"sentence": wire.pack_sentence(sentences("One.")[0]), "manner": {"seed": 0}}
    status, answer = Replica(networks).answer("/say", wire.pack(values, profile=np.zeros(100, np.uint8)))
    assert status == 422 and isinstance(wire.unpack_fault(wire.unpack(answer)[0]), InvalidVoiceProfile)


def test_site_speaks_by_replicas_and_says_when_there_are_none(make_app, networks, replicas, recording, monkeypatch):
    app = make_app(CLONER=replicas.address, CLONER_TOKEN=TOKEN)
    app.extensions["cloner"] = None
    startup.start(app)
    client = app.test_client()
    form = {"recording": (io.BytesIO(recording(5.0)), "a.wav"), "consent": "y"}
    assert client.post("/voices", data=form | {"name": "Anna"}).status_code == 303
    assert client.post("/", data={"voice": "1", "text": "One."}).location == "/speeches/1"
    assert {"/about", "/examine", "/embed", "/say"} == set(replicas.asked) and networks.said
    monkeypatch.setattr(app.extensions["cloner"], "_patience", 0.1)
    replicas.trouble = dies_at_once
    refused = client.post("/", data={"voice": "1", "text": "Two."})
    assert refused.status_code == 422 and "The machines that speak do not answer." in refused.text
    replicas.trouble = lambda _handler: False
    assert client.post("/", data={"voice": "1", "text": "Two."}).location == "/speeches/2"
    app.extensions["serving"].close()
