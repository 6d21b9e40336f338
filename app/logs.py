"""What the site writes to its log, each line with the id of the request it came from: as text, or as JSON."""

import json
import logging
import re
import secrets
import time
from contextvars import ContextVar
from datetime import UTC, datetime

from flask import Flask, Response, current_app, g, request

KINDS = ("lines", "json")
ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
UNTOLD = {"static", "health.healthz", "health.readyz", "health.metrics"}  # endpoints of which there is no line
FIGURES = ("method", "path", "status", "seconds", "address")  # of a request, fields of their own in JSON

request_id: ContextVar[str] = ContextVar("request_id", default="-")
access = logging.getLogger("tembr.access")


class Lines(logging.Formatter):
    """One line each, but for the traceback of an error; what a stranger sent begins no line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().translate(CONTROLS)
        line = f"{_time_of(record)} {record.levelname} [{request_id.get()}] {record.name}: {message}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time_of(record),
            "level": record.levelname,
            "logger": record.name,
            "request_id": request_id.get(),
            "message": record.getMessage(),
        }
        entry |= {name: getattr(record, name) for name in FIGURES if hasattr(record, name)}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def _time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def configure(kind: str) -> None:
    """Write everything that is logged to stderr, gunicorn's lines too.  Raises ValueError for a kind that is none."""
    if kind not in KINDS:
        raise ValueError(f"TEMBR_LOG={kind} is neither of {' and '.join(KINDS)}.")
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if kind == "json" else Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def init_app(app: Flask) -> None:
    """Give each request an id, its answer the header X-Request-Id, and the log a line of it."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(lambda _error: request_id.set("-"))


def _begin() -> None:
    """A proxy's own id is kept, a stranger's is not."""
    g.began, g.request_id = time.perf_counter(), secrets.token_hex(8)
    given = request.headers.get("X-Request-Id", "")
    if current_app.config["PROXIES"] and ID.fullmatch(given):
        g.request_id = given
    request_id.set(g.request_id)


def _tell(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    if request.endpoint not in UNTOLD:
        seconds = round(time.perf_counter() - g.began, 3)
        figures = (request.method, request.path, response.status_code, seconds, request.remote_addr)
        access.info("%s %s %s %.3f s %s", *figures, extra=dict(zip(FIGURES, figures, strict=True)))
    return response
