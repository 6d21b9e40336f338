"""What is written to the log: lines or JSON, each with the id of its request."""

import json
import logging
import re

import pytest

from app import logs


@pytest.fixture
def configured():
    """Sets the log up as serving does, and puts it back; returns what does so."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for handler in handlers:
        root.removeHandler(handler)  # basicConfig would close them
    yield logs.configure
    root.handlers[:], root.level = handlers, level


def written(capsys, kind: str = "lines") -> list:
    lines = capsys.readouterr().err.splitlines()
    return [json.loads(line) for line in lines] if kind == "json" else lines


def test_each_request_has_a_line_with_the_id_its_answer_gives(configured, client, capsys):
    configured("lines")
    answer = client.get("/voices?q=secret+words")
    (line,) = written(capsys)
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\dT[\d:.]+Z INFO \[{answer.headers['X-Request-Id']}\] tembr\.access: "
        r"GET /voices 200 \d+\.\d{3} s 127\.0\.0\.1",
        line,
    )


def test_json_has_the_figures_in_fields_of_their_own(configured, client, capsys):
    configured("json")
    answer = client.get("/speeches/7")
    (entry,) = written(capsys, "json")
    assert entry["request_id"] == answer.headers["X-Request-Id"]
    told = {name: entry[name] for name in ("level", "method", "path", "status", "address")}
    assert told == {"level": "INFO", "method": "GET", "path": "/speeches/7", "status": 404, "address": "127.0.0.1"}
    assert 0 < entry["seconds"] < 60


def test_probes_and_files_of_the_pages_fill_no_log(configured, client, capsys):
    configured("lines")
    for address in ("/healthz", "/readyz", "/metrics", "/static/tembr.css"):
        assert client.get(address).headers["X-Request-Id"]
    assert written(capsys) == []


def test_stranger_writes_no_line_of_his_own(configured, client, capsys):
    configured("lines")
    client.get("/x%0A2026-01-01T00:00:00Z INFO [-] root: all is well%1b[2J")
    (line,) = written(capsys)
    assert "/x\\x0a2026" in line and "\x1b" not in line


@pytest.mark.parametrize("kind", logs.KINDS)
def test_fault_in_the_queue_is_logged_under_the_request_that_asked(configured, make_app, cloner, bank, capsys, kind):
    bank("Anna")
    logging.getLogger("app").handlers.clear()  # of sites that were made before the log was set up
    configured(kind)
    app = make_app(TESTING=False)
    cloner.fault = ZeroDivisionError("deep inside")
    asked = app.test_client().post("/", data={"voice": "1", "text": "Hello"}).headers["X-Request-Id"]
    lines = written(capsys, kind)
    if kind == "json":
        fault = next(entry for entry in lines if entry["message"] == "A text could not be spoken")
        assert fault["request_id"] == asked and "ZeroDivisionError: deep inside" in fault["exception"]
    else:
        assert any(f"ERROR [{asked}]" in line for line in lines)
        assert any("ZeroDivisionError: deep inside" in line for line in lines)


@pytest.mark.parametrize(
    ("n_proxies", "given", "is_kept"), [(1, "abc-123", True), (0, "abc-123", False), (1, "a b\n", False)]
)
def test_id_that_a_proxy_gave_is_kept(make_app, n_proxies, given, is_kept):
    client = make_app(PROXIES=n_proxies).test_client()
    answered = client.get("/healthz", environ_base={"HTTP_X_REQUEST_ID": given}).headers["X-Request-Id"]
    assert (answered == given) == is_kept and logs.ID.fullmatch(answered)


def test_what_is_logged_between_requests_has_no_id(configured, client, capsys):
    configured("json")
    client.get("/healthz")
    logging.getLogger("elsewhere").warning("between")
    assert written(capsys, "json")[-1]["request_id"] == "-"


def test_every_request_has_another_id(client):
    assert len({client.get("/healthz").headers["X-Request-Id"] for _ in range(20)}) == 20


def test_what_gunicorn_says_is_written_alike(configured, capsys):
    logger = logging.getLogger("gunicorn.error")
    logger.propagate, logger.handlers = False, [logging.NullHandler()]
    configured("json")
    logger.warning("Worker timeout")
    assert written(capsys, "json")[0]["message"] == "Worker timeout"


def test_kind_of_log_that_is_none_is_refused_by_its_name():
    with pytest.raises(ValueError, match="TEMBR_LOG=xml is neither of lines and json"):
        logs.configure("xml")
