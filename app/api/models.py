"""/v1/models: the one model there is, and the names of OpenAI's that mean it too."""

from flask import Blueprint

from app.api.errors import Refused

MODEL = "tembr"
ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
NAMES = (MODEL, *ALIASES)
CREATED = 1_767_225_600  # seconds since 1970; clients want a number

blueprint = Blueprint("models", __name__, url_prefix="/models")


@blueprint.get("")
def listed() -> dict:
    """List the names that a request may give as its model."""
    return {"object": "list", "data": [_shown(name) for name in NAMES]}


@blueprint.get("/<path:model>")
def one(model: str) -> dict:
    check(model, None)
    return _shown(model)


def check(name: str, param: str | None) -> None:
    """Raise Refused for a model that there is not.  param: where the name was given."""
    if name not in NAMES:
        message = f"The model “{name[:100]}” does not exist. There are {', '.join(NAMES)}, which all mean the same."
        raise Refused(404, message, param, "model_not_found")


def _shown(name: str) -> dict:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": MODEL}
