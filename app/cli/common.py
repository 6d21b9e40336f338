"""What the commands share: the site without its pages, the networks, and how numbers are read and answers given."""

import json
import math
import sys
from typing import TYPE_CHECKING

import click

from models import LANGUAGES, Range, TembrError

if TYPE_CHECKING:
    from flask import Flask

    from app.db import Voice
    from models import VoiceCloner

language_option = click.option("--language", type=click.Choice(LANGUAGES), help="Found from the text when not given.")
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for a program.")


class UnknownVoice(TembrError):
    """No voice of the bank has the name."""


class Number(click.FloatRange):
    """A number within a Range."""

    def __init__(self, limits: Range):
        super().__init__(limits.low, limits.high)

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> float:
        number = super().convert(value, parameter, context)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", parameter, context)
        return number


def load_cloner() -> "VoiceCloner":
    """The networks, an owner's before the shipped ones.  Raises UnreadableWeights, UnknownModel."""
    from config import Config
    from models import VoiceCloner

    return VoiceCloner.load(own=Config.WEIGHTS, synthesizer=Config.SYNTHESIZER, vocoder=Config.VOCODER)


def site() -> "Flask":
    """The site with its database and bank, the ready voices in it; no networks are loaded, and nothing is deleted."""
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
    """The voice of that name.  Raises UnknownVoice, with the names there are."""
    from app.db import Voice

    if voice := Voice.named(name):
        return voice
    names = ", ".join(choice.name for choice in Voice.choices()) or "none yet"
    raise UnknownVoice("There is no voice named %(name)s. Voices in the bank: %(names)s.", name=repr(name), names=names)


def dictionary() -> dict[str, str]:
    """The words whose reading the site remembers; none where there is no site yet."""
    from config import Config

    if not (Config.SQLALCHEMY_DATABASE_URI or (Config.INSTANCE / "tembr.sqlite").exists()):
        return {}
    with site().app_context():
        from app.db import Pronunciation

        return Pronunciation.dictionary()


def say(message: str) -> None:
    """Tell a person; a program reads standard output."""
    print(f"tembr: {message}", file=sys.stderr)


def answer(value: object) -> None:
    """Answer a program, in a line of JSON."""
    print(json.dumps(value, ensure_ascii=False))
