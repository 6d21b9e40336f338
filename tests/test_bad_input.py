"""What bad input gets: the error of its field or a page that says what is wrong; never a 500, nothing half-written."""

import io
import json
import os
import pickle
import random
import re
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import select

from app import db as tables
from app.db import Pronunciation, Speech, Voice, db
from models.speech_file import encode

FINE = {200, 202, 303, 304, 400, 404, 405, 409, 411, 413, 415, 416, 422, 429, 503}
HOSTILE = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202e\u200f\ufeff",
    "😀" * 50,
    "Ж" * 30_000,
    "../../../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows\\win.ini",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "'; DROP TABLE voice; --",
    '" OR 1=1',
    "%s%s%n%(name)s",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "<script>alert(1)</script>",
    "$(touch /tmp/tembr-was-here)",
    "-1",
    "0",
    "9" * 400,
    str(2**63),
    "1e400",
    "NaN",
    "-inf",
    "0x10",
    "１２",
    "1,5",
    "true",
    "null",
    "[]",
    "\r\nSet-Cookie: a=b",
]
N_RECORDINGS = 200


@pytest.fixture
def site(make_app, bank, client):
    """A site with voices and a speech, a word, and small limits; answers faults as it does when it serves."""
    bank("Anna", "Boris")
    client.post("/", data={"voice": "1", "text": "Сказанное."})
    client.post("/dictionary", data={"word": "замок", "respelling": "зам+ок"})
    app = make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False, MAX_TEXT_CHARACTERS=500)
    yield app
    app.extensions["speaking"].close(0.0)


def forms(client, address: str) -> list[tuple[str, list[str]]]:
    """The POST forms of a page: each its address and the names of its fields."""
    page = client.get(address).text
    found = re.findall(r'<form[^>]*method="post"[^>]*>.*?</form>', page, re.DOTALL)
    actions = [re.search(r'action="([^"]*)"', form) for form in found]
    return [
        (action[1] if action else address, sorted(set(re.findall(r'name="(\w+)"', form)) - {"csrf_token"}))
        for form, action in zip(found, actions, strict=True)
    ]


def state(app) -> dict:
    """How many rows and files there are, and the names of voices."""
    with app.app_context():
        kept = {kind.__name__: len(db.session.scalars(select(kind)).all()) for kind in (Voice, Speech, Pronunciation)}
        names = sorted(db.session.scalars(select(Voice.name)))
    folders = {name: len(list((app.config["INSTANCE"] / name).glob("*"))) for name in ("voices", "speeches", "queue")}
    return kept | folders | {"names": names}


def test_no_field_of_any_form_takes_what_breaks_the_site(site):
    client, asked = site.test_client(), set()
    pages = ("/", "/voices", "/voices/1", "/voices/import", "/speeches", "/speeches/1", "/dictionary", "/verify")
    for address, fields in [form for page in pages for form in forms(client, page)]:
        if (address, tuple(fields)) in asked or "/delete" in address or "remove" in address:
            continue
        asked.add((address, tuple(fields)))
        for field in [*fields, "strange"]:
            for value in HOSTILE:
                form = dict.fromkeys(fields, "1") | {field: value.encode("utf-8", "surrogatepass")}
                status = client.post(address, data=form).status_code
                assert status in FINE, (address, field, value[:40], status)
    assert len(asked) > 8
    assert not os.path.exists("/tmp/tembr-was-here")
    assert client.get("/voices").status_code == client.get("/speeches").status_code == 200


def test_template_in_a_field_is_shown_as_it_is(site):
    client = site.test_client()
    page = client.post(
        "/voices/1/rename", data={"name": "{{7*7}}<script>alert(1)</script>"}, follow_redirects=True
    ).text
    assert "{{7*7}}&lt;script&gt;" in page and "<script>alert(1)" not in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("text", "а" * 501, ["501", "500"]),
        ("speed", "7", ["0.5", "2", "7"]),
        ("pitch", "-40", ["-6", "6", "-40"]),
        ("pauses", "NaN", ["0.5", "2", "NaN"]),
        ("speed", "быстро", ["0.5", "2", "быстро"]),
    ],
)
def test_refusal_stands_at_its_field_with_the_limit_and_the_value(site, field, value, words):
    form = {"voice": "1", "text": "Привет.", field: value}
    answer = site.test_client().post("/", data=form)
    assert answer.status_code == 422
    message = re.search(rf'id="{field}-error"[^>]*>(.*?)</p>', answer.text, re.DOTALL)[1]
    assert all(word in message for word in words), message
    russian = site.test_client().post("/", data=form, headers={"Accept-Language": "ru"}).text
    assert re.search("[а-я]{4}", re.search(rf'id="{field}-error"[^>]*>(.*?)</p>', russian, re.DOTALL)[1])


def test_file_in_place_of_a_text_and_a_text_in_place_of_a_file_are_refused(site):
    client, before = site.test_client(), state(site)
    for address in ("/", "/voices", "/voices/import", "/verify", "/recording/check", "/voices/1/recordings"):
        for field in ("text", "name", "voice", "speed", "recording", "file"):
            as_file = {field: (io.BytesIO(b"\0" * 100), "../../x.wav"), "consent": "y"}
            assert client.post(address, data=as_file).status_code in FINE - {303}, (address, field)
            as_text = {field: "text", "consent": "y", "voice": "none"}
            assert client.post(address, data=as_text).status_code in FINE - {303}, (address, field)
    assert state(site) == before


BODIES = {
    "json": ("application/json", b'{"text": "a"}'),
    "broken json": ("application/json", b'{"text": '),
    "deep json": ("application/json", b"[" * 100_000),
    "no boundary": ("multipart/form-data", b"--x\r\n"),
    "half a part": ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name="),
    "no end": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nabc'),
    "long boundary": ("multipart/form-data; boundary=" + "x" * 5000, b"--x"),
    "strange encoding": ("application/x-www-form-urlencoded; charset=utf-7", b"strange=%ff%fe%00"),
    "many fields": ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(5000))),
    "nothing": ("", b""),
    "bytes": ("application/octet-stream", bytes(range(256)) * 100),
}


@pytest.mark.parametrize("kind", BODIES)
def test_body_that_is_no_form_is_refused(site, with_token, kind):
    client, before = with_token(site), state(site)
    content_type, body = BODIES[kind]
    for rule in site.url_map.iter_rules():
        if "POST" in rule.methods and "delete" not in rule.rule and not rule.endpoint.startswith("access."):
            with site.test_request_context():
                address = site.url_for(rule.endpoint, **dict.fromkeys(rule.arguments, "1"))
            if any(word in address for word in ("remove", "revoke", "learn", "again", "sample")):
                continue
            status = client.post(address, data=body, content_type=content_type).status_code
            assert status in FINE - {303}, (address, status)
    assert state(site) == before


@pytest.mark.parametrize("name", ["q", "page", "voice", "job", "chosen", "added", "next", "download", "language"])
def test_address_that_nobody_wrote_is_answered(site, name):
    client = site.test_client()
    for value in HOSTILE:
        for address in (
            "/",
            "/voices",
            "/voices/choices",
            "/speeches",
            "/dictionary",
            "/speeches/1",
            "/speeches/1/audio",
        ):
            query = {name: value.encode("utf-8", "surrogatepass")}
            assert client.get(address, query_string=query).status_code in FINE, (address, value[:40])


@pytest.mark.parametrize(
    "number", ["0", "-1", "99", str(2**63), "9" * 400, "1e9", "x", "%00", "..%2f..%2fetc%2fpasswd"]
)
def test_number_of_nothing_is_not_found(site, number):
    client = site.test_client()
    for address in ("/speeches/{}", "/speeches/{}/audio", "/speeches/{}/mel.png", "/voices/{}", "/voices/{}/sample"):
        assert client.get(address.format(number)).status_code in (404, 308, 400)
    assert client.get(f"/static/{number}").status_code == 404


def malformed(n: int, seed: int = 0):
    """Recordings that are none: real ones cut, flipped, swapped and lied about, and noise."""
    rng = random.Random(seed)
    import numpy as np

    tone = 0.3 * np.sin(np.arange(40_000) / 20)
    whole = {kind: bytearray(encode(tone, 16_000, kind)) for kind in ("wav", "mp3", "flac", "ogg")}
    for number in range(n):
        kind = rng.choice(sorted(whole))
        content = bytearray(whole[kind])
        way = number % 6
        if way == 0:
            content = content[: rng.randrange(len(content))]
        elif way == 1:
            for _ in range(rng.randint(1, 300)):
                content[rng.randrange(len(content))] = rng.randrange(256)
        elif way == 2:  # the header alone
            for at in range(4, min(60, len(content))):
                if rng.random() < 0.3:
                    content[at] = rng.randrange(256)
        elif way == 3:
            at = rng.randrange(len(content))
            content = content[:at] + content[at:][::-1]
        elif way == 4:
            content = whole[rng.choice(sorted(whole))][: rng.randint(4, 200)] + content[rng.randrange(len(content)) :]
        else:
            content = bytearray(rng.randbytes(rng.randint(1, 5000)))
        yield f"{number} {kind} {way}", bytes(content)


def test_malformed_recordings_are_refused_or_heard_and_nothing_is_lost(site, recording):
    client, n_voices = site.test_client(), 2
    for name, content in malformed(N_RECORDINGS):
        form = {"name": name, "consent": "y", "recording": (io.BytesIO(content), f"Запись {name}.wav")}
        status = client.post("/voices", data=form).status_code
        assert status in (303, 422), (name, status)
        n_voices += status == 303
    assert state(site)["Voice"] == n_voices < N_RECORDINGS
    assert state(site)["voices"] == n_voices
    whole = {"name": "Whole", "consent": "y", "recording": (io.BytesIO(recording()), "a.wav")}
    assert client.post("/voices", data=whole).status_code == 303


def test_pickle_is_never_opened_whatever_it_is_called(site, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    client = site.test_client()
    for name in ("voice.safetensors", "voice.tembr-voice", "voice.wav"):
        for address, field in (("/voices/import", "file"), ("/voices", "recording"), ("/verify", "file")):
            form = {field: (io.BytesIO(pickle.dumps(Trap())), name), "name": "x", "consent": "y"}
            assert client.post(address, data=form).status_code in (200, 422)
    assert not (tmp_path / "sprung").exists()


def test_name_of_a_file_is_only_a_name(site, recording):
    client = site.test_client()
    for name in ("Моя запись.wav", "../../../evil.wav", "/etc/passwd", "a\0b.wav", "x" * 300 + ".wav", "", "CON"):
        form = {"voice": "recording", "text": "Привет.", "consent": "y", "recording": (io.BytesIO(recording()), name)}
        assert client.post("/", data=form).status_code in (303, 422), name
    assert {path.suffix for path in (site.config["INSTANCE"] / "speeches").iterdir()} == {".mp3"}
    assert "Моя запись" in client.get("/speeches").text


def test_cyrillic_names_come_back_in_downloads(site):
    header = site.test_client().get("/speeches/1/audio?download=1").headers["Content-Disposition"]
    assert "filename*=UTF-8''Anna%20-%20%D0%A1%D0%BA%D0%B0%D0%B7" in header


def test_files_are_closed_after_a_thousand_uploads(site):
    client = site.test_client()
    files = [content for _, content in malformed(50, seed=1)]

    def upload():
        for content in files:
            client.post("/recording/check", data={"recording": (io.BytesIO(content), "a.wav")})

    upload()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        upload()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_flood_of_ranges_is_answered_with_the_file_or_not_at_all(site):
    client = site.test_client()
    whole = client.get("/speeches/1/audio").data
    for header in (
        "bytes=" + ",".join(f"{n}-{n}" for n in range(5000)),
        "bytes=0-,0-,0-,0-",
        "bytes=5-1",
        "x=1",
        "bytes=-0",
    ):
        answer = client.get("/speeches/1/audio", headers={"Range": header})
        assert answer.status_code in (200, 206, 416) and len(answer.data) <= len(whole) + 5000, header[:30]
    part = client.get("/speeches/1/audio", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, whole[10:20])


def test_locked_database_is_said_and_loses_nothing(make_app, bank, client, recording, monkeypatch):
    bank("Anna")
    monkeypatch.setattr(tables, "BUSY_SECONDS", 0.05)
    app = make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    before = state(app)
    with closing(sqlite3.connect(app.config["INSTANCE"] / "tembr.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        busy = app.test_client()
        assert busy.get("/voices").status_code == busy.get("/").status_code == 200  # reading goes on
        upload = {"name": "New", "consent": "y", "recording": (io.BytesIO(recording()), "a.wav")}
        answers = [busy.post("/voices", data=upload), busy.post("/", data={"voice": "1", "text": "Привет."})]
        assert [answer.status_code for answer in answers[:1]] == [422]
        assert "nothing was saved" in answers[0].text
        for address in ("/voices/1/delete", "/speeches/delete", "/voices/1/rename"):
            answer = busy.post(address, data={"name": "Other", "last_id": "5"})
            assert answer.status_code in (422, 503), address
            if answer.status_code == 503:
                assert answer.headers["Retry-After"] and "The database is not responding" in answer.text
    assert state(app) | {"queue": 0} == before | {"queue": 0}
    assert app.test_client().post("/", data={"voice": "1", "text": "Привет."}).status_code == 303


def test_full_disk_is_said_at_each_upload_and_text(make_app, bank, recording, monkeypatch):
    bank("Anna")
    app = make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    client, before = app.test_client(), state(app)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    upload = {"name": "New", "consent": "y", "recording": (io.BytesIO(recording()), "a.wav")}
    answer = client.post("/voices", data=upload)
    assert answer.status_code == 422 and "No space left on device" in answer.text
    monkeypatch.setattr("app.speak.worker.storage.keep_draft", full)
    answer = client.post("/", data={"voice": "1", "text": "Привет."}, follow_redirects=True)
    assert "No space left on device" in answer.text
    monkeypatch.setattr("pathlib.Path.write_text", full)
    answer = client.post("/", data={"voice": "1", "text": "Привет."})
    assert answer.status_code == 422 and "No space left on device" in answer.text
    assert state(app) == before | {"queue": state(app)["queue"]}


def test_answers_to_scripts_are_json_that_can_be_read(site):
    script = {"Accept": "application/json"}
    for value in HOSTILE:
        form = {"voice": "1", "text": value.encode("utf-8", "surrogatepass"), "speed": "1"}
        answer = site.test_client().post("/", data=form, headers=script)
        assert answer.status_code in FINE
        if answer.mimetype == "application/json":
            json.loads(answer.data)
