"""Programs as they are, at a running site: OpenAI's own client, and the requests that others send."""

import asyncio
import base64
import io
import json
import socket
import urllib.request
from itertools import pairwise
from urllib.error import HTTPError

import av
import openai
import pytest

from app import create_app, tokens
from config import Config
from models.limits import PCM_SAMPLE_RATE, STREAM_FORMATS
from models.speech_file import encode
from tests.served import served
from tests.speech import DATA, harmonic_tone

TEXT = "Hello there, my friend. How are you today? The weather is fine. Let us go for a walk."
SECONDS = (len(TEXT) - 3) * 0.06  # of the hum that is said for it
RECORDED = json.loads((DATA / "requests_of_programs.json").read_text("utf-8"))
LIMIT = 60  # requests for speech a minute of one token; these tests send fewer


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A running site that takes a tenth of a second for a sentence."""
    folder, settings = (
        tmp_path_factory.mktemp("site"),
        {"TEMBR_LIMIT_API": f"{LIMIT} per minute", "FAKE_SENTENCES": "1"},
    )
    with pytest.MonkeyPatch.context() as patch, served(folder) as start:
        for name, value in settings.items():
            patch.setenv(name, value)
        site = start(0.1)
        site.folder = folder
        yield site


@pytest.fixture(scope="module")
def token_of(site):
    """Makes a token of the running site, as ./tembr tokens add does."""
    settings = {"INSTANCE": site.folder / "instance", "SQLALCHEMY_DATABASE_URI": None}
    app = create_app(type("Settings", (Config,), settings))

    def make(name: str) -> str:
        with app.app_context():
            return tokens.make(name)

    return make


@pytest.fixture(scope="module")
def token(token_of):
    return token_of("tests")


@pytest.fixture(scope="module")
def client(site, token):
    with openai.OpenAI(api_key=token, base_url=f"{site.address}/v1", max_retries=0, timeout=60) as client:
        yield client


def seconds(content: bytes, format: str) -> float:
    """How long a file is, decoded."""
    if format == "pcm":
        return len(content) / 2 / PCM_SAMPLE_RATE
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.audio[0]
        return sum(frame.samples for frame in container.decode(stream)) / stream.rate


def recording(hertz: float) -> tuple[str, bytes, str]:
    """A file to upload; the networks that hum take equal ones alone for one speaker's."""
    return "a.wav", encode(harmonic_tone(hertz, 3.0), 16_000, "wav"), "audio/wav"


# --- OpenAI's client ---


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_speech_comes_whole_in_every_format(client, format):
    answer = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=format)
    headers = answer.response.headers
    assert int(headers["content-length"]) == len(answer.content)
    assert headers["x-tembr-voice"] == "voice_1"
    assert seconds(answer.content, format) == pytest.approx(SECONDS, abs=0.15)


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_speech_is_streamed_in_every_format(client, format):
    asked = {"model": "tembr", "voice": {"id": "voice_1"}, "input": TEXT, "response_format": format}
    with client.audio.speech.with_streaming_response.create(**asked, stream_format="audio") as answer:
        assert "content-length" not in answer.headers and answer.headers["transfer-encoding"] == "chunked"
        content = b"".join(answer.iter_bytes())
    assert seconds(content, format) == pytest.approx(SECONDS, abs=0.15)


def test_speech_is_streamed_in_events(client):
    asked = {"model": "gpt-4o-mini-tts", "voice": "Anna", "input": TEXT, "response_format": "flac"}
    with client.audio.speech.with_streaming_response.create(**asked, stream_format="sse") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["type"] for event in events] == ["speech.audio.delta"] * (len(events) - 1) + ["speech.audio.done"]
    content = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert len(events) > 1 and seconds(content, "flac") == pytest.approx(SECONDS, abs=0.01)
    usage = events[-1]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > len(TEXT)


def test_file_is_written_as_it_arrives(client, tmp_path):
    with client.audio.speech.with_streaming_response.create(model="tts-1-hd", voice="nova", input=TEXT) as answer:
        answer.stream_to_file(tmp_path / "speech.mp3")
    assert seconds((tmp_path / "speech.mp3").read_bytes(), "mp3") == pytest.approx(SECONDS, abs=0.15)


def test_asynchronous_client_is_answered_as_home_assistant_uses_it(site, token):
    asked = {"model": "gpt-4o-mini-tts", "voice": "marin", "input": TEXT, "instructions": "None", "speed": 1.0}

    async def ask():
        async with (
            openai.AsyncOpenAI(api_key=token, base_url=f"{site.address}/v1", max_retries=0) as client,
            client.audio.speech.with_streaming_response.create(**asked, response_format="aac") as answer,
        ):
            return b"".join([piece async for piece in answer.iter_bytes()])

    assert seconds(asyncio.run(ask()), "aac") == pytest.approx(SECONDS, abs=0.15)


def test_extra_parameters_go_in_the_body(client):
    extra = {"pitch": 2.0, "pauses": 1.5, "seed": 3, "language": "en", "timestamps": "word"}
    answer = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, speed=0.25, extra_body=extra)
    told = json.loads(answer.content)
    assert told["duration"] == pytest.approx(SECONDS / 0.5, abs=0.01)  # the slowest there is
    assert answer.response.headers["x-tembr-speed"] == "0.5"
    assert all(one["start"] <= other["start"] for one, other in pairwise(told["words"]))


@pytest.mark.parametrize(
    ("changes", "error", "code", "param"),
    [
        ({"input": ""}, openai.BadRequestError, "empty", "input"),
        ({"input": "x" * 20_001}, openai.BadRequestError, "string_above_max_length", "input"),
        ({"response_format": "ogg"}, openai.BadRequestError, "invalid_value", "response_format"),
        ({"speed": 5}, openai.BadRequestError, "invalid_value", "speed"),
        ({"model": "gpt-5"}, openai.NotFoundError, "model_not_found", "model"),
        ({"voice": "Nobody"}, openai.NotFoundError, "voice_not_found", "voice"),
    ],
)
def test_refusals_are_the_clients_own_errors(client, changes, error, code, param):
    with pytest.raises(error) as raised:
        client.audio.speech.create(**{"model": "tembr", "voice": "Anna", "input": TEXT} | changes)
    assert (raised.value.code, raised.value.param, raised.value.type) == (code, param, "invalid_request_error")
    assert len(raised.value.body["message"]) > 20


def test_wrong_token_is_an_authentication_error(site):
    client = openai.OpenAI(api_key="sk-wrong", base_url=f"{site.address}/v1", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError) as raised:
        client.models.list()
    assert raised.value.code == "invalid_api_key"


def test_too_many_requests_are_a_rate_limit_error_that_says_when_to_try_again(site, token_of):
    client = openai.OpenAI(api_key=token_of("hasty"), base_url=f"{site.address}/v1", max_retries=0)
    with client, pytest.raises(openai.RateLimitError) as raised:
        for _ in range(LIMIT + 1):
            with pytest.raises(openai.BadRequestError):
                client.audio.speech.create(model="tembr", voice="Anna", input="")
    assert raised.value.code == "rate_limit_exceeded" and 0 < int(raised.value.response.headers["retry-after"]) <= 61


def test_program_that_leaves_stops_its_speech(client, site):
    asked = {"model": "tembr", "voice": "Anna", "input": "One is a number. " * 100, "response_format": "wav"}
    with client.audio.speech.with_streaming_response.create(**asked, stream_format="audio") as answer:
        next(answer.iter_bytes())
    speech = client.audio.speech.create(model="tembr", voice="Anna", input="Next.", timeout=15)
    assert seconds(speech.content, "mp3") > 0.2


def test_models_are_listed_and_retrieved(client):
    names = [model.id for model in client.models.list()]
    assert names == ["tembr", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
    assert client.models.retrieve("tts-1").owned_by == "tembr"
    with pytest.raises(openai.NotFoundError, match="gpt-5"):
        client.models.retrieve("gpt-5")


def test_voice_is_made_with_a_consent_speaks_and_is_deleted(client):
    consent = client.audio.voice_consents.create(name="Boris agrees", language="en-US", recording=recording(110))
    assert client.audio.voice_consents.retrieve(consent.id) == consent
    voice = client.audio.voices.create(name="Boris", audio_sample=recording(110), consent=consent.id)
    assert (voice.object, voice.type, voice.name) == ("audio.voice", "audio_sample", "Boris")
    for named in ("Boris", voice.id, {"id": voice.id}):
        answer = client.audio.speech.create(model="tembr", voice=named, input="Hello.", response_format="wav")
        assert answer.response.headers["x-tembr-voice"] == voice.id
    deleted = client.audio.voices.delete(voice.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (voice.id, "audio.voice.deleted", True)
    with pytest.raises(openai.NotFoundError):
        client.audio.speech.create(model="tembr", voice=voice.id, input="Hello.")
    assert client.audio.voice_consents.delete(consent.id).deleted


def test_voice_of_another_speaker_than_the_consents_is_refused(client):
    consent = client.audio.voice_consents.create(name="Clara agrees", language="ru", recording=recording(200))
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.voices.create(name="Dora", audio_sample=recording(250), consent=consent.id)
    assert (raised.value.code, raised.value.param) == ("consent_mismatch", "consent")
    with pytest.raises(openai.BadRequestError, match="type is audio_sample"):
        client.audio.voices.create(name="Dora", prompt="A calm voice", type="prompt", extra_body={})


def test_consents_are_paged_through_and_renamed(client):
    kept = [client.audio.voice_consents.create(name=f"{n}", language="en", recording=recording(100)) for n in range(3)]
    renamed = client.audio.voice_consents.update(kept[0].id, name="first")
    assert renamed.name == "first"
    listed = [consent.id for consent in client.audio.voice_consents.list(limit=2)]
    assert listed[:3] == [consent.id for consent in reversed(kept)]
    for consent in kept:
        client.audio.voice_consents.delete(consent.id)
    with pytest.raises(openai.NotFoundError):
        client.audio.voice_consents.retrieve(kept[0].id)


# --- requests of others ---


@pytest.mark.parametrize("sent", RECORDED, ids=[sent["program"] for sent in RECORDED])
def test_request_of_a_program_is_answered(site, token, sent):
    headers = {name: value.replace("TOKEN", token) for name, value in sent["headers"].items()}
    body = json.dumps(sent["json"]).encode() if "json" in sent else None
    request = urllib.request.Request(f"{site.address}/v1{sent['path']}", body, headers, method=sent["method"])
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, kind, content = answer.status, answer.headers.get_content_type(), answer.read()
    except HTTPError as refusal:
        status, kind, content = refusal.code, refusal.headers.get_content_type(), refusal.read()
    assert status == sent["status"], content
    assert kind == sent.get("type", "application/json")
    if status != 200:
        assert json.loads(content)["error"]["message"]
    elif kind == "application/json":
        assert {"id", "name"} <= {*json.loads(content)["voices"][0]}
    else:
        format = sent["json"].get("response_format", "mp3")
        said = len(sent["json"]["input"]) * 0.06 / min(sent["json"].get("speed", 1), 2)
        assert seconds(content, format) == pytest.approx(said, abs=0.15)


# --- broken requests ---

SPEECH = json.dumps({"model": "tembr", "voice": "Anna", "input": "Hello."}).encode()
FILE_HEAD = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\nX\r\n' * 2 % (b"name", b"language")
FILE_HEAD += b'--x\r\nContent-Disposition: form-data; name="recording"; filename="a.wav"\r\n\r\n'


def raw(site, token, path: str, kind: str, length: bytes, body: bytes, is_cut: bool = False) -> bytes:
    """What a request that was written by hand is answered.  is_cut: nothing comes after the body."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as connection:
        head = f"POST /v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        head += f"Connection: close\r\nContent-Type: {kind}\r\n"
        connection.sendall(head.encode() + length + b"\r\n\r\n" + body)
        if is_cut:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "length", [b"Content-Length: %d" % len(SPEECH), b"Transfer-Encoding: chunked"], ids=["length", "chunked"]
)
def test_body_is_read_however_it_is_sent(site, token, length):
    body = SPEECH if b"Length" in length else b"%x\r\n%b\r\n0\r\n\r\n" % (len(SPEECH), SPEECH)
    assert raw(site, token, "/audio/speech", "application/json", length, body).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("path", ["/audio/speech", "/audio/voices", "/audio/voice_consents"])
@pytest.mark.parametrize(
    "length", [b"Content-Length: x", b"Content-Length: -1", b"Content-Length: 1\r\nContent-Length: 2", b"X: y"]
)
def test_length_that_is_none_is_refused(site, token, path, length):
    answer = raw(site, token, path, "application/json", length, SPEECH, is_cut=True)
    assert answer.startswith(b"HTTP/1.1 4") and b"Traceback" not in answer


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/audio/speech", "application/json", SPEECH[:-5]),
        ("/audio/voice_consents", "multipart/form-data; boundary=x", FILE_HEAD + bytes(1000)),
        ("/audio/voices", "multipart/form-data; boundary=x", FILE_HEAD + bytes(400_000)),
    ],
)
def test_upload_that_is_cut_off_is_no_request(site, client, token, path, kind, body):
    before = len(list(client.audio.voice_consents.list())), (site.folder / "log").read_text().count("Traceback")
    answer = raw(site, token, path, kind, b"Content-Length: %d" % (len(body) + 5), body, is_cut=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    after = len(list(client.audio.voice_consents.list())), (site.folder / "log").read_text().count("Traceback")
    assert after == before
