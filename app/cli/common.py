"""What the commands share: the app for its database, the networks, options and output."""

import json
import math
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import click

from models import LANGUAGES, Range, TembrError

if TYPE_CHECKING:
    from flask import Flask

    from app.db import Voice
    from models import VoiceCloner

Answer = TypeVar("Answer")

language_option = click.option("--language", type=click.Choice(LANGUAGES), help="Found from the text when not given.")
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for a program.")


class UnknownVoice(TembrError):
    """No voice of the bank has this name."""


class Number(click.FloatRange):
    """Option type of a number within a Range; refuses NaN."""

    def __init__(self, limits: Range):
        super().__init__(limits.low, limits.high)

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> float:
        number = super().convert(value, parameter, context)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", parameter, context)
        return number


def load_cloner() -> "VoiceCloner":
    """Load the networks, an owner's before the shipped ones.

    Raises UnreadableWeights, UnknownModel, UnknownDevice.
    """
    from config import Config
    from models import VoiceCloner

    return VoiceCloner.load(
        device=Config.DEVICE,
        own=Config.WEIGHTS,
        synthesizer=Config.SYNTHESIZER,
        vocoder=Config.VOCODER,
        precision=Config.PRECISION,
    )


def site() -> "Flask":
    """Build the app and prepare its database and ready voices; load no networks, delete nothing."""
    from app import create_app, startup
    from app.schema import UpgradeFailed

    app = create_app()
    with app.app_context():
        try:
            startup.prepare()
        except UpgradeFailed as error:
            raise click.ClickException(str(error)) from error
    return app


def named(name: str) -> "Voice":
    """Return the voice of that name.  Raises UnknownVoice, which lists the names of the bank."""
    from app.db import Voice

    if voice := Voice.named(name):
        return voice
    names = ", ".join(choice.name for choice in Voice.choices()) or "none yet"
    raise UnknownVoice("There is no voice named %(name)s. Voices in the bank: %(names)s.", name=repr(name), names=names)


def dictionary() -> dict[str, str]:
    """Return the site's dictionary, word -> respelling; {} if there is no database yet."""
    if not has_database():
        return {}
    from app.db import Pronunciation

    return from_database(Pronunciation.dictionary)


def from_database(ask: Callable[[], Answer]) -> Answer:
    """Return what ask finds in the database as it is; where that is missing, fails or has no such voice, what it finds
    once the site, which takes longer to load, has brought the database up to date.
    """
    from sqlalchemy.exc import DatabaseError

    if has_database():
        with suppress(DatabaseError, UnknownVoice), _database().app_context():
            return ask()
    with site().app_context():
        return ask()


def _database() -> "Flask":
    """Build an app of the database alone."""
    from flask import Flask

    from app import db
    from config import Config

    app = Flask(__name__)
    address = Config.SQLALCHEMY_DATABASE_URI or f"sqlite:///{Config.INSTANCE.resolve() / 'tembr.sqlite'}"
    app.config.update(SQLALCHEMY_DATABASE_URI=address, SQLALCHEMY_ENGINE_OPTIONS=Config.SQLALCHEMY_ENGINE_OPTIONS)
    db.init_app(app)
    return app


def has_database() -> bool:
    from config import Config

    return bool(Config.SQLALCHEMY_DATABASE_URI) or (Config.INSTANCE / "tembr.sqlite").exists()


def say(message: str) -> None:
    """Print a message for a person to standard error."""
    print(f"tembr: {message}", file=sys.stderr)


def answer(value: object) -> None:
    """Print a line of JSON for a program to standard output."""
    print(json.dumps(value, ensure_ascii=False))
