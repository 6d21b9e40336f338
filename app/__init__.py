"""The site: create_app puts the pages, the database and the voice cloner together."""

import os
import re
import tempfile
from functools import partial
from logging import INFO, WARNING
from pathlib import Path

from flask import Flask, Response, json, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.routing import IntegerConverter

from app import (
    db,
    dictionary,
    errors,
    forms,
    i18n,
    schema,
    startup,
    storage,
)
from app.history import provenance, retention
from app.history import views as history_views
from app.speak import forms as speak_forms
from app.speak import progress, worker
from app.speak import views as speak_views
from app.speak.queue import Queue
from app.voices import page as voice_page
from app.voices import quality
from app.voices import views as voice_views
from config import ROOT, Config
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
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


class RowId(IntegerConverter):
    """A number in an address that a database can hold."""

    def __init__(self, map, **options):
        super().__init__(map, **{"max": 2**63 - 1} | options)


def create_app(config: object = Config, cloner: VoiceCloner | None = None) -> Flask:
    """The site with its database made and its ready voices in the bank.

    cloner: loaded here, once, when none is given.  Old voices are heard again only by one that listens.
    """
    app = with_database(config)
    app.url_map.converters["int"] = RowId
    app.extensions["cloner"] = cloner or _loaded_cloner(app)
    retention.init_app(app)
    CSRFProtect(app)
    i18n.init_app(app)
    app.extensions["speaking"] = Queue(partial(worker.say, app))
    app.register_blueprint(speak_views.blueprint)
    app.register_blueprint(progress.blueprint)
    app.register_blueprint(history_views.blueprint)
    app.register_blueprint(provenance.blueprint)
    app.register_blueprint(voice_views.blueprint)
    app.register_blueprint(voice_page.blueprint)
    app.register_blueprint(dictionary.blueprint)
    app.register_blueprint(quality.blueprint)
    errors.init_app(app)
    app.after_request(_harden)
    app.after_request(_redirect_in_json)
    app.jinja_env.globals.update(languages=forms.LANGUAGES, recording_choice=speak_forms.RECORDING)
    app.jinja_env.filters.update(duration=_duration, stressed=_stressed)
    with app.app_context():
        startup.import_ready_voices(app.config["READY_VOICES"])
        if hasattr(app.extensions["cloner"], "listen"):
            startup.renew(app.extensions["cloner"], app.config["READY_VOICES"])
    return app


def with_database(config: object = Config) -> Flask:
    """An app that knows the database, brought up to date, and nothing else yet."""
    app = Flask(__name__, template_folder=ROOT / "templates", static_folder=ROOT / "static")
    app.config.from_object(config)
    _prepare_instance(app)
    db.init_app(app)
    schema.init_app(app)
    return app


def _loaded_cloner(app: Flask) -> VoiceCloner:
    """The networks, and the dictionaries of both languages: the first reading comes as quickly as the others."""
    cloner = VoiceCloner.load(own=app.config["WEIGHTS"])
    for file in cloner.files:
        app.logger.log(WARNING if file.parent == app.config["WEIGHTS"] else INFO, "Weights are taken from %s", file)
    for text in ("Привет.", "Hello."):
        cloner.read(text)
    return cloner


def _prepare_instance(app: Flask) -> None:
    """Make the folders and the secret key, and say where the database is, unless the settings do."""
    instance = Path(app.config["INSTANCE"]).resolve()
    for folder in (instance, instance / db.Voice.folder, instance / db.Speech.folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    storage.remove_drafts(instance / db.Speech.folder)
    app.config["INSTANCE"] = instance
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or _secret_key(instance / "secret_key")
    app.config["SQLALCHEMY_DATABASE_URI"] = (
        app.config["SQLALCHEMY_DATABASE_URI"] or f"sqlite:///{instance / 'tembr.sqlite'}"
    )


def _secret_key(path: Path) -> str:
    """The key kept at path; made on the first start, whole, and readable by its owner alone."""
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
        with open(descriptor, "w") as file:
            file.write(os.urandom(32).hex())
        os.replace(draft, path)
    return path.read_text()


def _harden(response: Response) -> Response:
    """Nothing from elsewhere is loaded, nobody frames the pages, no type is guessed."""
    response.headers.update(HEADERS)
    return response


def _redirect_in_json(response: Response) -> Response:
    """Answer a script that asks for JSON with the next page's address: if it followed the redirect, it would use up
    the messages that the next page shows once.
    """
    if response.status_code == 303 and request.accept_mimetypes.best == "application/json":
        response.status_code, response.mimetype = 200, "application/json"
        response.set_data(json.dumps({"page": response.headers.pop("Location")}))
    return response


def _stressed(respelling: str) -> str:
    """A respelling as it is read: з+амок with its mark over the vowel."""
    return re.sub(r"\+(\w)", "\\1\u0301", respelling)


def _duration(seconds: float) -> str:
    """Seconds as a person writes them: 0:07, 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
