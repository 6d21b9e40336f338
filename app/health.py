"""Monitoring: liveness, readiness, and metrics for Prometheus."""

import hmac
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Flask, Response, abort, current_app, g, request
from flask_babel import gettext as _
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.access import is_loopback
from app.db import Speech, db

NEVER_STORED = {"Cache-Control": "no-store"}
REQUEST_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)  # upper bounds of the buckets
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
STAGE_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)

blueprint = Blueprint("health", __name__)


class Metrics:
    """The metrics of one process, all beginning with tembr_, beside those of the process itself (its RSS is
    process_resident_memory_bytes).
    """

    def __init__(self):
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self.requests = Counter(
            "tembr_requests", "Requests answered.", ("method", "endpoint", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "tembr_request_seconds", "From a request to its answer.", buckets=REQUEST_SECONDS, registry=registry
        )
        self.stage_seconds = Histogram(
            "tembr_stage_seconds",
            "Of one stage of a speech.",
            ("stage",),
            buckets=STAGE_SECONDS,
            registry=registry,
        )
        self.waiting = Gauge("tembr_queue_length", "Texts that wait to be spoken.", registry=registry)
        self.spoken_seconds = Counter("tembr_spoken_seconds", "Speech that was made.", registry=registry)
        self.speaking_seconds = Counter("tembr_speaking_seconds", "What that took.", registry=registry)
        self.rtf = Gauge("tembr_real_time_factor", "Seconds a second of the last speech took.", registry=registry)

    def note_speech(self, seconds: float, took: float) -> None:
        """Count a speech.  seconds: its length; took: seconds of work."""
        self.spoken_seconds.inc(seconds)
        self.speaking_seconds.inc(took)
        self.rtf.set(took / seconds if seconds else 0.0)


def init_app(app: Flask) -> None:
    app.extensions["metrics"] = Metrics()
    app.register_blueprint(blueprint)
    app.after_request(_note_answer)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Measure the seconds of a stage of speaking, even if it fails."""
    began = time.perf_counter()
    try:
        yield
    finally:
        current_app.extensions["metrics"].stage_seconds.labels(name).observe(time.perf_counter() - began)


def _note_answer(response: Response) -> Response:
    metrics = current_app.extensions["metrics"]
    method = request.method if request.method in METHODS else "other"
    metrics.requests.labels(method, request.endpoint or "none", response.status_code).inc()
    metrics.request_seconds.observe(time.perf_counter() - g.began)
    return response


@blueprint.get("/healthz")
def healthz():
    """Answer 200: the process is alive."""
    return {"status": "ok"}, NEVER_STORED


@blueprint.get("/readyz")
def readyz():
    """Answer 200 if a text could be spoken now, else 503, with the result of each check."""
    checks = {
        "networks": current_app.extensions["cloner"] is not None,
        "warm": current_app.extensions.get("warm", False),
        "database": _database_answers(),
        "disk": _disk_takes_files(),
    }
    ready = all(checks.values())
    return {"status": "ok" if ready else "not ready", "checks": checks}, 200 if ready else 503, NEVER_STORED


def _database_answers() -> bool:
    try:
        db.session.execute(text("SELECT 1 FROM speech WHERE id = 0"))
    except SQLAlchemyError:
        current_app.logger.exception("The database does not answer")
        db.session.rollback()
        return False
    return True


def _disk_takes_files() -> bool:
    try:
        with tempfile.TemporaryFile(dir=current_app.config["INSTANCE"] / Speech.folder) as file:
            file.write(b"tembr")
            file.flush()
    except OSError:
        current_app.logger.exception("No file can be written")
        return False
    return True


@blueprint.get("/metrics")
def metrics() -> Response:
    """Send the metrics to whoever has the token, or to this machine alone if no token is set."""
    _check_reader()
    figures = current_app.extensions["metrics"]
    figures.waiting.set(current_app.extensions["speaking"].n_waiting)
    return Response(generate_latest(figures.registry), content_type=CONTENT_TYPE_LATEST, headers=NEVER_STORED)


def _check_reader() -> None:
    """Refuse a wrong token or, without one, other machines; a proxied request only seems to be local."""
    token = current_app.config["METRICS_TOKEN"]
    if token:
        given = request.authorization.token if request.authorization else None
        if not hmac.compare_digest((given or "").encode(), token.encode()):
            abort(401, _("TEMBR_METRICS_TOKEN is asked for, as a bearer token."))
    elif not is_loopback(request.remote_addr or "") or "X-Forwarded-For" in request.headers:
        abort(403, _("Without TEMBR_METRICS_TOKEN only this machine itself is told."))
