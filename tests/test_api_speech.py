"""Programs have texts spoken: whole or while they are spoken, in every format, and are refused by parameter."""

import base64
import errno
import hashlib
import io
import json
import socket
import threading
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest

from app.api import sending, speech
from app.db import MadeFile, Speech, db
from app.speak.jobs import Interrupted
from models.text import read
from tests.test_api_errors import error_of

TEXT = "Hello there, my friend. How are you today? The weather is fine."
RATES = {"pcm": 24_000, "opus": 48_000}  # others: that of the networks


@pytest.fixture
def ask(program, bank):
    """Asks for a speech with some parameters changed; None leaves one out."""
    bank("Anna")
    answers = []

    def ask(**changes):
        asked = {"model": "tembr", "input": TEXT, "voice": "Anna"} | changes
        given = {name: value for name, value in asked.items() if value is not None}
        answers.append(program.post("/v1/audio/speech", json=given, buffered=False))
        return answers[-1]

    yield ask
    for answer in answers:
        answer.close()


@pytest.fixture
def sentences(cloner):
    """Lets the site read texts in sentences."""
    cloner.reader = read


def decoded(content: bytes, format: str) -> np.ndarray:
    if format == "pcm":
        return np.frombuffer(content, "<i2") / 32768
    with av.open(io.BytesIO(content)) as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
    return np.concatenate(frames, axis=1)[0]


@pytest.mark.parametrize("format", speech.CONTENT_TYPES)
def test_whole_speech_has_its_length_and_type(ask, format):
    answer = ask(response_format=format)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == speech.CONTENT_TYPES[format]
    assert answer.content_length == len(answer.data) > 1000
    assert abs(len(decoded(answer.data, format)) / RATES.get(format, 16_000) - 0.06 * len(TEXT)) < 0.2
    assert -1 <= float(answer.headers["X-Tembr-Similarity"]) <= 1
    assert answer.headers["X-Tembr-Voice"] == "voice_1" and answer.headers["Cache-Control"] == "no-store"


def test_mp3_is_what_comes_when_nothing_is_asked_for_and_says_its_length(ask):
    content = ask().data
    assert content.startswith(b"ID3") and (b"Info" in content[:2000] or b"Xing" in content[:2000])


@pytest.mark.parametrize("format", speech.CONTENT_TYPES)
def test_streamed_speech_is_the_whole_one_in_pieces(ask, sentences, format):
    streamed = ask(response_format=format, stream_format="audio")
    assert streamed.status_code == 200 and streamed.content_length is None
    assert streamed.headers["Content-Type"] == speech.CONTENT_TYPES[format]
    streamed, whole = decoded(streamed.data, format), decoded(ask(response_format=format).data, format)
    assert abs(len(streamed) - len(whole)) < 0.1 * 16_000
    n_both = 0 if format == "mp3" else min(len(streamed), len(whole))  # no frame says how late an mp3 begins
    assert np.abs(streamed[:n_both] - whole[:n_both]).max(initial=0) < 0.01


def test_first_sentence_is_sent_before_the_second_is_spoken(ask, sentences, cloner):
    goes_on = threading.Event()
    turns = iter([lambda: None, goes_on.wait, lambda: None])
    cloner.between = lambda: next(turns)()
    answer = ask(response_format="wav", stream_format="audio")
    first = next(answer.iter_encoded())
    assert len(first) > 10_000 and first.startswith(b"RIFF")
    goes_on.set()
    assert len(b"".join(answer.iter_encoded())) > len(first)


def test_events_hold_the_audio_and_end_with_the_usage(ask, sentences):
    answer = ask(stream_format="sse", response_format="pcm")
    assert answer.mimetype == "text/event-stream"
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert audio == ask(response_format="pcm").data
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "speech.audio.done" and usage["input_tokens"] == len(TEXT)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert abs(usage["output_tokens"] / sending.FRAMES - len(audio) / 48_000) < 0.1


def test_times_of_words_come_with_the_audio(ask, sentences):
    told = ask(timestamps="word", response_format="wav").json
    assert [word["word"] for word in told["words"]] == TEXT.split()
    ends = [0.0, *(time for word in told["words"] for time in (word["start"], word["end"])), told["duration"]]
    assert ends == sorted(ends)
    assert abs(len(decoded(base64.b64decode(told["audio"]), "wav")) / 16_000 - told["duration"]) < 0.01
    assert told["content_type"] == "audio/wav"


@pytest.mark.parametrize(("given", "taken"), [(0.25, 0.5), (4, 2.0), (4.0, 2.0), (1, 1.0), (1.5, 1.5), (None, 1.0)])
def test_speed_beyond_that_of_the_networks_is_the_nearest_and_said(ask, cloner, given, taken):
    answer = ask(speed=given)
    assert answer.status_code == 200 and cloner.said[-1]["speed"] == taken
    assert answer.headers.get("X-Tembr-Speed") == (f"{taken:g}" if given not in (taken, None) else None)


def test_what_is_asked_for_beyond_openai_reaches_the_networks(ask, cloner):
    ask(seed=7, pitch=-2, pauses=1.5, language="en", instructions="Shout!", user="ignored", voice={"id": "voice_1"})
    assert cloner.said[-1] | {"words": ""} == {
        "words": "", "language": "en", "speed": 1.0, "pitch": -2.0, "pauses": 1.5, "seed": 7,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["alloy", "Verse", {"id": "nova"}])
def test_names_of_openai_are_spoken(ask, name):
    assert ask(voice=name, model="tts-1-hd").status_code == 200


def test_nothing_is_kept_but_the_hash_of_what_was_sent(app, ask):
    sent = [ask().data, ask(stream_format="audio", response_format="wav").data]
    with app.app_context():
        assert db.session.scalars(db.select(Speech)).all() == []
        known = {row.sha256: row.voice_name for row in db.session.scalars(db.select(MadeFile))}
    assert known == {hashlib.sha256(content).hexdigest(): "Anna" for content in sent}
    assert list((app.config["INSTANCE"] / "speeches").iterdir()) == []
    found = app.test_client().post("/verify", data={"file": (io.BytesIO(sent[1]), "a.wav")}).text
    assert "Anna" in found


def test_hash_is_not_kept_where_the_settings_forbid_it(make_app, with_token, bank, app, monkeypatch):
    monkeypatch.setitem(app.config, "KEEP_HASHES", False)
    bank("Anna")
    client = with_token(app)
    body = {"model": "tts-1", "input": "Hi.", "voice": "Anna"}
    assert client.post("/v1/audio/speech", json=body).status_code == 200
    with app.app_context():
        assert db.session.scalars(db.select(MadeFile)).all() == []


@pytest.mark.parametrize("changes", [{}, {"stream_format": "audio"}, {"response_format": "pcm"}])
def test_text_without_words_is_a_moment_of_silence(ask, cloner, changes):
    answer = ask(input="!!!", **changes)
    assert answer.status_code == 200 and answer.headers["X-Tembr-Voice"] == "voice_1"
    waveform = decoded(answer.data, changes.get("response_format", "mp3"))
    assert len(waveform) == pytest.approx(2_400, abs=24) and np.abs(waveform).max() < 1e-3
    assert cloner.said == []


# --- refusals ---

REFUSED = [
    ({"model": None}, 400, "model", "missing"),
    ({"model": "gpt-9"}, 404, "model", "gpt-9"),
    ({"model": 1}, 400, "model", "a string, not 1"),
    ({"input": None}, 400, "input", "missing"),
    ({"input": " \n"}, 400, "input", "up to 20000 characters"),
    ({"input": "x" * 20_001}, 400, "input", "20001 characters. The limit is 20000."),
    ({"input": ["a"]}, 400, "input", "a string"),
    ({"input": "!!!", "stream_format": "sse"}, 400, "input", "nothing to say"),
    ({"input": "!!!", "timestamps": "word"}, 400, "input", "nothing to say"),
    ({"voice": None}, 400, "voice", "missing"),
    ({"voice": "nobody"}, 404, "voice", "nobody"),
    ({"voice": {"id": "voice_77"}}, 404, "voice", "voice_77"),
    ({"voice": {}}, 400, "voice", "{}"),
    ({"voice": 7}, 400, "voice", "7"),
    ({"voice": "a\0b"}, 404, "voice", "no voice"),
    ({"speed": 0.2}, 400, "speed", "a number from 0.25 to 4, not 0.2"),
    ({"speed": "1"}, 400, "speed", '"1"'),
    ({"speed": True}, 400, "speed", "true"),
    ({"speed": 10**400}, 400, "speed", "from 0.25 to 4"),
    ({"pitch": 7}, 400, "pitch", "from -6 to 6"),
    ({"pauses": -1e308}, 400, "pauses", "from 0.5 to 2"),
    ({"seed": 1.5}, 400, "seed", "a whole number from 0 to 2147483647, not 1.5"),
    ({"seed": -1}, 400, "seed", "-1"),
    ({"response_format": "ogg"}, 400, "response_format", "mp3, opus, aac, flac, wav, pcm"),
    ({"response_format": {}}, 400, "response_format", "a string"),
    ({"stream_format": "ndjson"}, 400, "stream_format", "audio, sse"),
    ({"language": "de"}, 400, "language", "ru, en"),
    ({"timestamps": "phone"}, 400, "timestamps", "word"),
    ({"timestamps": "word", "stream_format": "sse"}, 400, "stream_format", "comes whole"),
    ({"instructions": 3}, 400, "instructions", "a string"),
]


@pytest.mark.parametrize(("changes", "status", "param", "said"), REFUSED)
def test_parameter_is_refused_with_its_limit_and_value(ask, cloner, changes, status, param, said):
    answer = ask(**changes)
    error = error_of(answer)
    assert (answer.status_code, error["param"]) == (status, param)
    assert said in error["message"] and len(error["message"]) < 300
    assert cloner.said == []


BODIES = [
    (b"", 400), (b"{", 400), (b"[]", 400), (b"null", 400), (b'"text"', 400), (b"\xff\xfe{", 400), (b"\x00", 400),
    (b'{"speed": NaN}', 400), (b'{"speed": -Infinity}', 400), (b'{"input": "\\ud800"}', 400), (b'{"\\udfff": 1}', 400),
    (b"[" * 100_000, 400), (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400), (b'{"seed": ' + b"9" * 5000 + b"}", 400),
    (b'{"speed": 1e999}', 400), (b" " * 1_000_001, 413),
]  # fmt: skip


@pytest.mark.parametrize(("content", "status"), BODIES, ids=lambda value: repr(value)[:20])
def test_body_that_is_no_object_is_refused(program, content, status):
    answer = program.post("/v1/audio/speech", data=content, content_type="application/json")
    assert answer.status_code == status
    assert len(error_of(answer)["message"]) < 300


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"])
def test_body_of_another_type_is_refused(program, kind):
    answer = program.post("/v1/audio/speech", data=json.dumps({"input": "Hi"}), content_type=kind)
    assert answer.status_code == 415 and "application/json" in error_of(answer)["message"]


def test_no_value_of_any_kind_is_a_fault(ask):
    odd = [
        None,
        True,
        0,
        -1,
        1e300,
        10**30,
        "",
        " ",
        "\0",
        "é\u0301",
        "‮",
        [],
        [[]],
        {},
        {"id": None},
        {"id": {"id": 1}},
    ]
    for param in speech.PARAMS:
        for value in odd:
            answer = ask(**{param.name: value}) if value is not None else ask()
            assert answer.status_code in (200, 400, 404), (param.name, value)
            assert answer.status_code == 200 or error_of(answer)["param"] == param.name, (param.name, value)
            answer.close()


# --- faults, and who leaves ---


def test_fault_before_the_first_audio_is_an_error(ask, cloner):
    for stream_format in (None, "audio", "sse"):
        cloner.fault = MemoryError()
        answer = ask(stream_format=stream_format)
        assert answer.status_code == 503 and error_of(answer)["code"] == "service_unavailable"
    assert ask().status_code == 200


def test_fault_in_the_middle_cuts_the_answer(ask, cloner, sentences):
    for stream_format in ("audio", "sse"):
        faults = iter([None, MemoryError(), None])
        cloner.between = lambda: setattr(cloner, "fault", next(faults))  # noqa: B023 (called in this round)
        with pytest.raises(MemoryError):
            ask(stream_format=stream_format).data  # noqa: B018
        cloner.fault = None


def test_program_that_stops_reading_frees_the_networks_at_the_end_of_the_sentence(app, ask, cloner, sentences):
    turns, goes_on = [], threading.Event()

    def between():
        turns.append(1)
        if len(turns) == 2:
            goes_on.wait()

    cloner.between = between
    answer = ask(stream_format="audio")
    next(answer.iter_encoded())
    answer.close()
    goes_on.set()
    app.extensions["speaking"].close()
    assert len(turns) <= 2 < len(read(TEXT))


def test_program_that_has_left_is_not_waited_for(app, ask, cloner, sentences, monkeypatch):
    begun, goes_on = threading.Event(), threading.Event()

    def between():
        begun.set()
        goes_on.wait()

    cloner.between = between
    monkeypatch.setattr(sending, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(sending, "_has_left", lambda _connection: begun.wait(10))
    assert ask().status_code == ask(stream_format="sse").status_code == 503
    goes_on.set()
    monkeypatch.undo()
    assert ask().status_code == 200 and len(cloner.said) == 1 + 0 + 3


def test_program_that_leaves_in_the_middle_is_no_fault_to_the_server(ask, cloner, sentences, monkeypatch):
    monkeypatch.setattr(sending, "POLL_SECONDS", 0.01)
    goes_on = threading.Event()
    turns = iter([lambda: None, goes_on.wait, lambda: None])
    cloner.between = lambda: next(turns)()
    for_gunicorn = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)  # of which it logs nothing
    pieces = ask(stream_format="sse").iter_encoded()
    next(pieces)
    monkeypatch.setattr(sending, "_has_left", lambda _connection: True)
    with pytest.raises(OSError) as left:
        next(pieces)
    assert left.value.errno in for_gunicorn
    goes_on.set()


def test_stop_of_the_site_is_told(app, ask, cloner, monkeypatch):
    monkeypatch.setattr("app.speak.worker.read", lambda _request: (_ for _ in ()).throw(Interrupted()))
    answer = ask()
    assert answer.status_code == 503 and "Retry-After" in answer.headers


def test_full_places_and_a_full_queue_are_told_apart(make_app, with_token, cloner, app, bank):
    bank("Anna")
    app.extensions["programs"] = threading.Semaphore(0)
    body = {"model": "tembr", "input": "Hi.", "voice": "Anna"}
    answer = with_token(app).post("/v1/audio/speech", json=body)
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    app.extensions["programs"] = threading.Semaphore(9)
    app.extensions["speaking"]._max_waiting = 0
    answer = with_token(app).post("/v1/audio/speech", json=body)
    assert answer.status_code == 503 and "queue is full" in error_of(answer)["message"]
    app.extensions["cloner"] = None
    answer = with_token(app).post("/v1/audio/speech", json=body)
    assert answer.status_code == 503 and "loading" in error_of(answer)["message"]


def test_places_are_free_again_after_every_kind_of_end(app, ask, cloner):
    app.extensions["programs"] = places = threading.Semaphore(1)
    cloner.fault = ValueError("once")
    for changes in ({"input": "!"}, {}, {"stream_format": "sse"}, {"timestamps": "word"}):
        with suppress(ValueError):
            ask(**changes).close()
    assert places.acquire(blocking=False)


def test_tokens_are_counted_apart(make_app, with_token):
    app = make_app(RATELIMIT_ENABLED=True, LIMIT_API="2 per minute")
    one, other = with_token(app), with_token(app)
    assert [one.post("/v1/audio/speech").status_code for _ in range(3)] == [415, 415, 429]
    answer = one.post("/v1/audio/speech")
    assert error_of(answer)["code"] == "rate_limit_exceeded" and int(answer.headers["Retry-After"]) > 0
    assert other.post("/v1/audio/speech").status_code == 415


def test_jobs_of_programs_are_not_noted_for_after_a_restart(app, ask):
    assert ask().status_code == 200
    assert not list(Path(app.config["INSTANCE"]).glob("queue/*"))
    assert app.extensions["speaking"]._jobs == {}


def test_closed_connection_is_told_from_a_silent_one():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not sending._has_left(ours)
        theirs.sendall(b"GET / HTTP/1.1")  # the next request, sent before the answer to this one
        assert not sending._has_left(ours)
        assert ours.recv(100)
        theirs.close()
        assert sending._has_left(ours)
    assert sending._has_left(ours)
    assert not sending._has_left(None)
