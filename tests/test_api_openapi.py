"""The document of the API: promised, complete, and true."""

import json
import re

import pytest

from app.api import speech
from config import ROOT

COPY = ROOT / "docs" / "openapi.json"


@pytest.fixture
def document(client):
    return client.get("/v1/openapi.json").json


def test_document_is_the_kept_copy(client, document):
    """Else: .venv/bin/python -m app.api.openapi >docs/openapi.json; nothing that programs rely on may go."""
    assert json.loads(COPY.read_text("utf-8")) == document


def test_document_names_every_address_and_method(app, document):
    named = {
        (path, method.upper()) for path, item in document["paths"].items() for method in item if method != "parameters"
    }
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1/")]
    known = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/v1")), method)
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert named == known


def test_document_refers_to_what_it_has(document):
    def references(part):
        for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from references(value)
        if isinstance(part, dict) and "$ref" in part:
            yield part["$ref"]

    found = set(references(document))
    assert len(found) > 8
    for reference in found:
        part = document
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def test_operations_have_names_of_their_own_and_ask_for_a_token(document):
    operations = [one for item in document["paths"].values() for one in item.values() if isinstance(one, dict)]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))
    assert [one["operationId"] for one in operations if "security" in one] == ["describe"]
    assert all({"401", "503"} <= one["responses"].keys() for one in operations)


def test_document_tells_each_parameter_of_a_speech_with_its_limits(document):
    told = document["components"]["schemas"]["SpeechRequest"]
    assert set(told["properties"]) == {param.name for param in speech.PARAMS}
    assert told["required"] == ["model", "input", "voice"]
    assert told["properties"]["speed"]["minimum"] == 0.25 and told["properties"]["speed"]["maximum"] == 4
    assert told["properties"]["response_format"]["enum"] == [*speech.CONTENT_TYPES, None]
    assert all(param["description"] for param in told["properties"].values())
