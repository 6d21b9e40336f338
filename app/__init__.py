"""The site: create_app builds it from its parts."""

import os
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, json, request
from werkzeug.routing import IntegerConverter

from config import ROOT, Config

if TYPE_CHECKING:
    from models import VoiceCloner

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",  # a page of another site could else measure what it cannot read
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


class RowId(IntegerConverter):
    """Converter for ids in addresses, limited to what a database can hold."""

    def __init__(self, map, **options):
        super().__init__(map, **{"max": 2**63 - 1} | options)


def create_app(config: object = Config, cloner: "VoiceCloner | None" = None) -> Flask:
    """Build the site: settings, extensions, blueprints; start-up work is done by app.startup.

    cloner: the networks; startup.start loads them if it is None.
    The parts are imported here so that a command that needs one module of app does not load torch.
    """
    from flask_wtf.csrf import CSRFProtect

    from app import (
        access,
        api,
        db,
        dictionary,
        errors,
        forms,
        health,
        i18n,
        logs,
        schema,
        throttle,
    )
    from app.history import provenance, retention
    from app.history import views as history_views
    from app.speak import forms as speak_forms
    from app.speak import progress, reading, worker
    from app.speak import views as speak_views
    from app.speak.journal import Journal
    from app.speak.queue import Queue
    from app.speak.shared_queue import SharedQueue
    from app.voices import page as voice_page
    from app.voices import quality
    from app.voices import views as voice_views
    from app.voices.learning import Lessons

    app = Flask(__name__, template_folder=ROOT / "templates", static_folder=ROOT / "static")
    app.config.from_object(config)
    _complete_settings(app)
    app.url_map.converters["int"] = RowId
    logs.init_app(app)
    health.init_app(app)
    access.init_app(app)
    app.extensions["cloner"] = cloner
    places, seconds = app.config["QUEUE_PLACES"], 60 * app.config["MAX_SPEAKING_MINUTES"]
    say, journal = partial(worker.say, app), Journal(app.config["INSTANCE"] / "queue")
    is_shared = app.config["QUEUE"] == "database"
    app.extensions["speaking"] = (
        SharedQueue(app, say, places, seconds, app.config["WORKERS"])
        if is_shared
        else Queue(say, places, seconds, journal)
    )
    app.extensions["lessons"] = Lessons(app)
    for extension in (db, schema, retention, reading, progress, i18n, errors):
        extension.init_app(app)
    CSRFProtect(app)
    for part in (speak_views, progress, history_views, provenance, voice_views, voice_page, quality, dictionary):
        app.register_blueprint(part.blueprint)
    api.init_app(app)
    throttle.init_app(app)
    app.after_request(_harden)
    app.after_request(_redirect_in_json)
    app.jinja_env.lstrip_blocks = True  # a tenth of a long page was indentation
    app.jinja_env.globals.update(languages=forms.LANGUAGES, recording_choice=speak_forms.RECORDING)
    app.jinja_env.filters.update(duration=_duration, stressed=_stressed)
    return app


def _complete_settings(app: Flask) -> None:
    """Set the database and the secret key to those under INSTANCE where the settings give none."""
    from app import db

    instance = Path(app.config["INSTANCE"]).resolve()
    for folder in (instance, instance / db.Voice.folder, instance / db.Speech.folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.config["INSTANCE"] = instance
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or _secret_key(instance / "secret_key")
    app.config["SQLALCHEMY_DATABASE_URI"] = (
        app.config["SQLALCHEMY_DATABASE_URI"] or f"sqlite:///{instance / 'tembr.sqlite'}"
    )


def _secret_key(path: Path) -> str:
    """Read the key at path; create it on the first start, atomically and with mode 0600."""
    if not path.exists() or not path.stat().st_size:  # a power cut can leave an empty file
        descriptor, draft = tempfile.mkstemp(dir=path.parent)  # creates the file with mode 0600
        with open(descriptor, "w") as file:
            file.write(os.urandom(32).hex())
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, path)
    return path.read_text()


def _harden(response: Response) -> Response:
    """Set the security headers: no foreign content, no framing, no type sniffing."""
    response.headers.update(HEADERS)
    return response


def _redirect_in_json(response: Response) -> Response:
    """Send a script that accepts JSON the address of a redirect instead: following it would consume the messages that
    the next page shows once.
    """
    if response.status_code == 303 and request.accept_mimetypes.best == "application/json":
        response.status_code, response.mimetype = 200, "application/json"
        response.set_data(json.dumps({"page": response.headers.pop("Location")}))
    return response


def _stressed(respelling: str) -> str:
    """Write the stress of a respelling over its vowel: з+амок -> за́мок."""
    return re.sub(r"\+(\w)", "\\1\u0301", respelling)


def _duration(seconds: float) -> str:
    """Format seconds as 0:07 or 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
