"""The parameters of a JSON body: read, refused with their limits, and described for /v1/openapi.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import current_app, request

from app.api.errors import Refused
from models import MAX_TEXT_CHARACTERS, Range

MAX_BYTES = 1_000_000  # of a body; a text of MAX_TEXT_CHARACTERS in escapes has a quarter of it
SHOWN_CHARACTERS = 60  # of a wrong value, in the error


@dataclass(frozen=True)
class Param:
    """A parameter.  A value of null is as good as none, unless it is required."""

    name: str
    about: str
    required: bool = False
    default: object = None

    def read(self, value: object) -> object:
        """Return the value as it is used.  Raises Refused."""
        raise NotImplementedError

    def schema(self) -> dict:
        """Return the JSON schema, without about and null."""
        raise NotImplementedError

    def described(self) -> dict:
        """Return the JSON schema."""
        whole = self.schema() | {"description": self.about}
        if self.required:
            return whole
        if "type" in whole:
            whole["type"] = [whole["type"], "null"]
        if "enum" in whole:
            whole["enum"] = [*whole["enum"], None]
        return whole if self.default is None else whole | {"default": self.default}

    def refused(self, wanted: str, value: object) -> Refused:
        return Refused(400, f"{self.name} must be {wanted}, not {_shown(value)}.", self.name, "invalid_value")


@dataclass(frozen=True)
class Text(Param):
    """A string: one of some choices, or any up to a limit of characters."""

    choices: Sequence[str] = ()

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.refused("a string", value)
        if self.choices and value not in self.choices:
            raise self.refused(f"one of {', '.join(self.choices)}", value)
        return value

    def schema(self) -> dict:
        return {"type": "string"} | ({"enum": list(self.choices)} if self.choices else {})


@dataclass(frozen=True)
class Spoken(Param):
    """The text that is spoken, up to the site's limit."""

    def read(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.refused("a string", value)
        text, limit = value.replace("\r\n", "\n").replace("\0", " "), current_app.config["MAX_TEXT_CHARACTERS"]
        if not text.strip():
            raise Refused(400, f"{self.name} is empty: give a text of up to {limit} characters.", self.name, "empty")
        if len(text) > limit:
            message = f"{self.name} has {len(text)} characters. The limit is {limit}."
            raise Refused(400, message, self.name, "string_above_max_length")
        return text.strip()

    def schema(self) -> dict:
        return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS}


@dataclass(frozen=True)
class Number(Param):
    """A number within limits.  is_whole: no fraction."""

    limits: Range | None = None
    is_whole: bool = False

    def read(self, value: object) -> float | int:
        low, high, *_ = self.limits
        kind = "a whole number" if self.is_whole else "a number"
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not low <= value <= high or (self.is_whole and value != int(value)):
            raise self.refused(f"{kind} from {low:g} to {high:.10g}", value)
        return int(value) if self.is_whole else float(value)

    def schema(self) -> dict:
        low, high, *_ = self.limits
        return {"type": "integer" if self.is_whole else "number", "minimum": low, "maximum": high}


@dataclass(frozen=True)
class Named(Param):
    """A string, or an object with an id."""

    def read(self, value: object) -> str:
        named = value.get("id") if isinstance(value, dict) else value
        if not isinstance(named, str) or not named.strip():
            raise self.refused('a string, or an object {"id": string}', value)
        return named

    def schema(self) -> dict:
        by_id = {"type": "object", "properties": {"id": {"type": "string", "minLength": 1}}, "required": ["id"]}
        return {"anyOf": [{"type": "string", "minLength": 1}, by_id]}


def read(params: Sequence[Param]) -> dict[str, object]:
    """Read the JSON body of the request: a value for each parameter; others that come along are ignored.

    Raises Refused, RequestEntityTooLarge.
    """
    body = _parsed()
    values = {}
    for param in params:
        given = body.get(param.name)
        if given is None and param.required:
            raise Refused(400, f"The parameter {param.name} is missing.", param.name, "missing_required_parameter")
        values[param.name] = param.default if given is None else param.read(given)
    return values


def schema_of(params: Sequence[Param]) -> dict:
    return {
        "type": "object",
        "properties": {param.name: param.described() for param in params},
        "required": [param.name for param in params if param.required],
    }


def _parsed() -> Mapping[str, object]:
    if not request.is_json:
        given = request.mimetype or "none"
        raise Refused(415, f"Send JSON with the Content-Type application/json; {_shown(given)} was given.")
    request.max_content_length = MAX_BYTES
    try:
        body = json.loads(request.get_data(cache=False), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise Refused(400, f"The body is not JSON: {str(fault)[:200]}.", code="invalid_json") from None
    if not isinstance(body, dict):
        raise Refused(400, f"The body must be a JSON object, not {_shown(body)}.", code="invalid_json")
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        message = "The body holds half of a surrogate pair, which is no character, or is nested too deeply."
        raise Refused(400, message, code="invalid_json") from None
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _shown(value: object) -> str:
    """Return a wrong value as JSON, cut to SHOWN_CHARACTERS."""
    try:
        said = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        said = type(value).__name__
    return said if len(said) <= SHOWN_CHARACTERS else f"{said[:SHOWN_CHARACTERS]}…"
