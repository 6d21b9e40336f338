"""The API does what its document says: schemathesis asks for everything in it, rightly and wrongly."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from app import create_app, startup, tokens
from config import Config
from tests.fakes import FakeCloner

PATIENT = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
OPERATIONS = """listModels getModel listVoices createVoice getVoice deleteVoice listConsents createConsent getConsent
renameConsent deleteConsent speak""".split()  # but for the document itself, which schemathesis leaves out
# What fits their schema may be refused: a schema tells neither audio nor words, nor the limits of a site's settings.
MAY_REFUSE = {"createVoice", "createConsent", "renameConsent", "speak"}
MAY_TAKE = {"listConsents"}  # parameters of a query that nobody knows are ignored


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    changes = {"INSTANCE": folder / "instance", "READY_VOICES": folder / "ready", "SQLALCHEMY_DATABASE_URI": None}
    changes |= {"SECRET_KEY": None, "RATELIMIT_ENABLED": False, "MAX_TEXT_CHARACTERS": 300}
    app = create_app(type("Settings", (Config,), changes), FakeCloner())
    with app.app_context():
        startup.bring_up_to_date()
    return app


@pytest.fixture(scope="module")
def headers(site):
    with site.app_context():
        return {"Authorization": f"Bearer {tokens.make('schemathesis')}"}


@pytest.fixture(scope="module")
def operations(site):
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", site)
    found = [result.ok() for result in schema.get_all_operations()]
    return {operation.definition.raw["operationId"]: operation for operation in found}


def test_every_operation_is_tried(operations):
    assert sorted(operations) == sorted(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_are_those_of_the_document(operations, headers, name, mode):
    without = [positive_data_acceptance] if name in MAY_REFUSE else []
    without += [negative_data_rejection] if name in MAY_TAKE else []

    @PATIENT
    @given(case=operations[name].as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(headers=headers, excluded_checks=without)

    ask()
