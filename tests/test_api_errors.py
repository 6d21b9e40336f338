"""Programs are told errors in OpenAI's shape, wherever they come from."""

import errno

import pytest

from app.api.errors import refusal_of
from app.db import db
from app.speak.jobs import Cancelled, Interrupted, OwnPlacesFull, QueueFull, TookTooLong
from models import InvalidVoiceProfile, NothingToSay, RecordingTooShort


def error_of(answer) -> dict:
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    return error


@pytest.mark.parametrize("address", ["/v1/nowhere", "/v1/", "/v1/audio/nothing", "/v1/models/gpt-9", "/v1/models/a/b"])
def test_what_is_not_there_is_told_in_json(program, address):
    answer = program.get(address)
    assert answer.status_code == 404
    assert error_of(answer)["type"] == "invalid_request_error"


def test_unknown_model_is_told_by_its_code_and_with_those_there_are(program):
    error = error_of(program.get("/v1/models/gpt-9"))
    assert error["code"] == "model_not_found" and "gpt-9" in error["message"] and "tembr" in error["message"]


def test_wrong_method_is_told_with_those_allowed(program):
    answer = program.delete("/v1/models")
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]
    assert error_of(answer)["code"] == "method_not_allowed"


def test_unknown_host_is_told_in_json(program):
    answer = program.get("/v1/models", headers={"Host": "evil.example"})
    assert answer.status_code == 400 and "TEMBR_TRUSTED_HOSTS" in error_of(answer)["message"]


def test_pages_are_still_told_by_pages(program):
    assert program.get("/nowhere").mimetype == "text/html"


def test_unforeseen_fault_is_told_without_its_insides(make_app, with_token, monkeypatch):
    app = make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    program = with_token(app)
    monkeypatch.setitem(app.view_functions, "api.models.listed", lambda: 1 / 0)
    answer = program.get("/v1/models")
    assert answer.status_code == 500
    error = error_of(answer)
    assert error["type"] == "server_error" and "division" not in error["message"]


def test_database_that_does_not_answer_is_told_as_busy(app, program):
    with app.app_context():
        db.session.execute(db.text("DROP TABLE api_token"))
        db.session.commit()
    answer = program.get("/v1/models")
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert error_of(answer)["code"] == "service_unavailable"


@pytest.mark.parametrize(
    ("fault", "status", "param"),
    [
        (NothingToSay(), 400, "input"),
        (TookTooLong(60), 400, "input"),
        (RecordingTooShort(1.0), 400, "audio_sample"),
        (InvalidVoiceProfile("it is damaged."), 400, "voice"),
        (OwnPlacesFull(15, 7), 429, None),
        (QueueFull(20, 7), 503, None),
        (Interrupted(), 503, None),
        (Cancelled(), 503, None),
        (MemoryError(), 503, None),
        (OSError(errno.ENOSPC, "full"), 503, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_fault_has_its_status_and_says_when_to_try_again(app, fault, status, param):
    with app.test_request_context("/v1/models"):
        answer = refusal_of(fault).answer()
        assert (answer.status_code, error_of(answer)["param"]) == (status, param)
        assert ("Retry-After" in answer.headers) == (status in (429, 503))


def test_other_faults_stay_what_they_are(app):
    with app.test_request_context("/v1/models"), pytest.raises(RuntimeError, match="bug"):
        refusal_of(RuntimeError("bug"))
