"""/v1/openapi.json: what programs may ask for, the same on every site; docs/openapi.json is a copy."""

import json

from flask import Blueprint

from app.api import body
from app.api.consents import MAX_LIMIT, USUAL_LIMIT
from app.api.custom_voices import AUDIO_SAMPLE
from app.api.models import MODEL
from app.api.speech import CONTENT_TYPES, PARAMS
from models import LANGUAGES

blueprint = Blueprint("openapi", __name__)

TEXT, NUMBER, WHOLE, BOOLEAN = ({"type": name} for name in ("string", "number", "integer", "boolean"))
BINARY = {"type": "string", "format": "binary"}
LANGUAGE = {"type": "string", "enum": ["", *LANGUAGES]}
STATUSES = {
    "400": "A parameter is wrong; param names it, and the message its limit.",
    "401": "The token is missing, wrong or revoked.",
    "404": "There is no such model, voice or address.",
    "409": "Another request changed the same thing.",
    "413": "The body is too large.",
    "415": "The body is no JSON.",
    "429": "Too many requests, or too many texts of this token wait.",
    "503": "Loading, full, or the disk or database refused.",
}
RETRY_AFTER = {"description": "Seconds after which to try again.", "schema": WHOLE}


@blueprint.get("/openapi.json")
def document() -> dict:
    """Describe every address, without a token."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tembr",
            "version": "1",
            "description": "OpenAI's speech API, spoken by cloned voices.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": "speech"}, {"name": "models"}, {"name": "voices"}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
            "responses": {status: _error(status, about) for status, about in STATUSES.items()},
        },
    }


def _paths() -> dict:
    return {
        "/openapi.json": {
            "get": _operation("describe", "speech", "This document.", {"type": "object"}) | {"security": []}
        },
        "/models": {
            "get": _operation("listModels", "models", "The names that a model may be given by.", _ref("Models"))
        },
        "/models/{model}": {
            "get": _operation("getModel", "models", "One of them.", _ref("Model"), "404"),
            "parameters": [_in_path("model", MODEL)],
        },
        "/audio/voices": {
            "get": _operation("listVoices", "voices", "The voices of the bank.", _ref("Voices")),
            "post": _create_voice(),
        },
        "/audio/voices/{voice_id}": {
            "get": _operation("getVoice", "voices", "One voice.", _ref("Voice"), "404"),
            "delete": _operation("deleteVoice", "voices", "Delete a voice and its recordings.", _ref("Deleted"), "404"),
            "parameters": [_in_path("voice_id", "voice_1")],
        },
        "/audio/voice_consents": {
            "get": _operation("listConsents", "voices", "The consents, newest first.", _ref("Consents"), "400", "404")
            | {"parameters": _of_a_page()},
            "post": _create_consent(),
        },
        "/audio/voice_consents/{consent_id}": {
            "get": _operation("getConsent", "voices", "One consent.", _ref("Consent"), "404"),
            "post": _rename_consent(),
            "delete": _operation(
                "deleteConsent", "voices", "Delete a consent and its recording.", _ref("Deleted"), "404"
            ),
            "parameters": [_in_path("consent_id", "cons_1")],
        },
        "/audio/speech": {"post": _speech()},
    }


def _speech() -> dict:
    audio = {"schema": BINARY}
    contents = {kind.partition(";")[0]: audio for kind in CONTENT_TYPES.values()}
    contents["text/event-stream"] = {"schema": TEXT}
    contents["application/json"] = {"schema": _ref("TimedSpeech")}
    headers = {
        "X-Tembr-Voice": {"description": "The id of the voice that speaks.", "schema": TEXT},
        "X-Tembr-Speed": {"description": "The speed, where another one was asked for.", "schema": TEXT},
        "X-Tembr-Similarity": {"description": "Its cosine with the voice, of a whole answer.", "schema": TEXT},
    }
    spoken = {"description": "The audio, whole or while it is spoken.", "headers": headers, "content": contents}
    operation = _operation("speak", "speech", "Speak a text.", None, "400", "404", "413", "415", "429", "503")
    operation["responses"]["200"] = spoken
    asked = {"schema": _ref("SpeechRequest")}
    return operation | {"requestBody": {"required": True, "content": {"application/json": asked}}}


def _create_voice() -> dict:
    about = "Make a voice of a recording, with the consent of its speaker."
    operation = _operation(
        "createVoice", "voices", about, _ref("CreatedVoice"), "400", "404", "409", "413", "415", "429"
    )
    form = {
        "type": "object",
        "properties": {
            "name": TEXT,
            "audio_sample": BINARY,
            "consent": TEXT | {"description": "The id of a consent of the same speaker."},
            "type": {"const": AUDIO_SAMPLE},
            "language": LANGUAGE | {"description": "What is spoken in the recording."},
            "note": TEXT,
        },
        "required": ["name", "audio_sample", "consent"],
    }
    return operation | _form(form)


def _create_consent() -> dict:
    about = "Keep a recording in which a speaker agrees to be cloned."
    operation = _operation("createConsent", "voices", about, _ref("Consent"), "400", "413", "415", "429")
    return operation | _form(_object(name=TEXT, language=TEXT, recording=BINARY))


def _rename_consent() -> dict:
    operation = _operation("renameConsent", "voices", "Change a consent's name.", _ref("Consent"), "400", "404", "413")
    return operation | {
        "requestBody": {"required": True, "content": {"application/json": {"schema": _object(name=TEXT)}}}
    }


def _form(schema: dict) -> dict:
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _of_a_page() -> list[dict]:
    limit = WHOLE | {"minimum": 1, "maximum": MAX_LIMIT, "default": USUAL_LIMIT}
    after = {"description": "The id of the last one that was seen.", "schema": TEXT}
    return [{"name": "limit", "in": "query", "schema": limit}, {"name": "after", "in": "query"} | after]


def _operation(name: str, tag: str, about: str, schema: dict | None, *statuses: str) -> dict:
    """Describe one method.  schema: of its answer in JSON.  statuses: of errors, beside 401 and 503."""
    responses = (
        {} if schema is None else {"200": {"description": about, "content": {"application/json": {"schema": schema}}}}
    )
    for status in sorted({"401", "503", *statuses}):
        responses[status] = {"$ref": f"#/components/responses/{status}"}
    return {"operationId": name, "tags": [tag], "summary": about, "responses": responses}


def _in_path(name: str, example: str) -> dict:
    return {"name": name, "in": "path", "required": True, "schema": TEXT, "example": example}


def _error(status: str, about: str) -> dict:
    headers = {"headers": {"Retry-After": RETRY_AFTER}} if status in ("429", "503") else {}
    return {"description": about, "content": {"application/json": {"schema": _ref("Error")}}} | headers


def _ref(name: str) -> dict:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: dict) -> dict:
    """A schema of an object that has all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(of: dict) -> dict:
    return {"type": "array", "items": of}


def _or_null(schema: dict) -> dict:
    return schema | {"type": [schema["type"], "null"]}


def _schemas() -> dict:
    told = _object(message=TEXT, type=TEXT, param=_or_null(TEXT), code=_or_null(TEXT))
    voice = {
        "id": TEXT,
        "object": {"const": "audio.voice"},
        "type": {"const": AUDIO_SAMPLE},
        "name": TEXT,
        "created_at": WHOLE,
        "language": _or_null(TEXT),
        "ready": BOOLEAN | {"description": "It came with Tembr."},
    }
    consent = _object(id=TEXT, object={"const": "audio.voice_consent"}, name=TEXT, language=TEXT, created_at=WHOLE)
    return {
        "SpeechRequest": body.schema_of(PARAMS),
        "TimedSpeech": _object(
            audio=TEXT | {"contentEncoding": "base64"},
            content_type=TEXT,
            duration=NUMBER,
            words=_list(_object(word=TEXT, start=NUMBER, end=NUMBER)),
        ),
        "Model": _object(id=TEXT, object={"const": "model"}, created=WHOLE, owned_by=TEXT),
        "Models": _object(object={"const": "list"}, data=_list(_ref("Model"))),
        "Voice": _object(**voice),
        "CreatedVoice": _object(**voice, warnings=_list(TEXT)),
        "Consent": consent,
        "Consents": _object(
            object={"const": "list"},
            data=_list(_ref("Consent")),
            first_id=_or_null(TEXT),
            last_id=_or_null(TEXT),
            has_more=BOOLEAN,
        ),
        "Deleted": _object(id=TEXT, object=TEXT, deleted={"const": True}),
        "Voices": _object(voices=_list(_ref("Voice"))),
        "Error": _object(error=told),
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=1, ensure_ascii=False))
