"""Errors as OpenAI's clients know them: {"error": {"message", "type", "param", "code"}}, in English."""

from flask import Blueprint, Flask, Response, current_app, jsonify
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException

from app import errors
from app.access import FOR_PROGRAMS
from app.db import db
from app.errors import why_disk_refused
from app.forms import RECORDING_FAULTS, TEXT_FAULTS
from app.speak.jobs import Cancelled, Interrupted, OwnPlacesFull, QueueFull, TookTooLong
from models import InvalidVoiceProfile, TembrError, is_out_of_memory

CODES = {  # of an error that says no more than its status
    401: "invalid_api_key",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
    429: "rate_limit_exceeded",
    503: "service_unavailable",
}
TYPES = {429: "rate_limit_error", 503: "service_unavailable_error"}
RETRY_SECONDS = 5  # after which what is not ready, or could not be kept, is worth another try


class Refused(ValueError):
    """What a program asked for is refused.

    param: of the request, which is wrong.  code: what a program tells errors of one status apart by.
    retry_seconds: after which the same request may be answered.
    """

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        retry_seconds: int | None = None,
    ):
        super().__init__(message)
        self.status, self.param, self.retry_seconds = status, param, retry_seconds
        self.code = code or CODES.get(status)

    def answer(self) -> Response:
        return _answer(self.status, str(self), self.param, self.code, self.retry_seconds)


def _answer(status: int, message: str, param: str | None, code: str | None, retry_seconds: int | None) -> Response:
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    answer = jsonify({"error": {"message": message, "type": kind, "param": param, "code": code}})
    answer.status_code = status
    if retry_seconds:
        answer.headers["Retry-After"] = str(retry_seconds)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def init_app(app: Flask) -> None:
    """Tell every error of an address of programs in their shape, also of one that does not exist."""
    errors.tell_under(app, FOR_PROGRAMS, _tell)


def init_blueprint(blueprint: Blueprint) -> None:
    """Let views raise Refused, and what networks, queue, disk and database raise."""
    blueprint.register_error_handler(Refused, Refused.answer)
    for kind in (TembrError, Cancelled, IntegrityError, OSError, MemoryError, RuntimeError):
        blueprint.register_error_handler(kind, _refuse)


def _tell(error: HTTPException, message: str) -> Response:
    answer = _answer(error.code, message, None, CODES.get(error.code), None)
    if error.code == 405 and error.valid_methods:
        answer.allow.update(error.valid_methods)
    return answer


def _refuse(fault: Exception) -> Response:
    return refusal_of(fault).answer()


def refusal_of(fault: Exception, recording: str = "audio_sample") -> Refused:
    """Return what a program is told of an error of networks, queue, disk or database.  Raises any other as it is.

    recording: the name of the parameter that a recording came in.
    """
    if isinstance(fault, Refused):
        return fault
    if isinstance(fault, TEXT_FAULTS):
        return Refused(400, str(fault), "input")
    if isinstance(fault, TookTooLong):
        return Refused(400, str(fault), "input", "took_too_long")
    if isinstance(fault, RECORDING_FAULTS):
        return Refused(400, str(fault), recording)
    if isinstance(fault, InvalidVoiceProfile):
        return Refused(400, f"This voice cannot be used: {fault}", "voice")
    if isinstance(fault, OwnPlacesFull):
        return Refused(429, str(fault), retry_seconds=fault.seconds)
    if isinstance(fault, QueueFull):
        return Refused(503, str(fault), retry_seconds=fault.seconds)
    if isinstance(fault, Interrupted):
        return Refused(503, "Tembr was stopped before this text was spoken.", retry_seconds=RETRY_SECONDS)
    if isinstance(fault, Cancelled):
        return Refused(503, "The request was cancelled.", retry_seconds=RETRY_SECONDS)
    if isinstance(fault, TembrError):
        return Refused(400, str(fault))
    if isinstance(fault, IntegrityError):
        db.session.rollback()
        return Refused(409, "Something else changed at the same moment. Try again.", code="conflict")
    if isinstance(fault, OSError):
        db.session.rollback()
        current_app.logger.error("Could not be kept: %s", fault)
        reason = why_disk_refused(fault) or "disk error"
        return Refused(503, f"Tembr could not write to its disk ({reason}).", retry_seconds=RETRY_SECONDS)
    if is_out_of_memory(fault):
        current_app.logger.error("Out of memory: %s", fault)
        return Refused(503, "There was not enough memory. Try a shorter text.", retry_seconds=RETRY_SECONDS)
    raise fault
