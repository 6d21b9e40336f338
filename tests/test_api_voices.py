"""What programs are told of models and voices, and which voice a name means."""

import pytest

from app.api import voices
from app.api.errors import Refused
from app.db import Voice, db


def test_models_are_the_one_and_the_names_that_mean_it(program):
    listed = program.get("/v1/models").json
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["tembr", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
    for model in listed["data"]:
        assert program.get(f"/v1/models/{model['id']}").json == model
        assert model["object"] == "model" and isinstance(model["created"], int)


def test_voices_are_those_of_the_bank(program, bank):
    assert program.get("/v1/audio/voices").json == {"voices": []}
    bank("Anna", "Пётр")
    newest, oldest = program.get("/v1/audio/voices").json["voices"]
    assert (newest["id"], newest["name"]) == ("voice_2", "Пётр")
    assert oldest["object"] == "audio.voice" and oldest["created_at"] > 1_700_000_000 and not oldest["ready"]


@pytest.fixture
def ready(app, bank):
    """Puts voices into the bank as ready ones."""

    def add(*names):
        bank(*names)
        with app.app_context():
            db.session.execute(db.update(Voice).where(Voice.name.in_(names)).values(origin="somewhere"))
            db.session.commit()

    return add


@pytest.mark.parametrize("named", ["Пётр", "ПЁТР", "voice_2", "2", " voice_2 "])
def test_voice_is_found_by_name_and_id(app, bank, named):
    bank("Anna", "Пётр", "3")
    with app.app_context():
        assert voices.found(named).name == "Пётр"
        assert voices.found("3").name == "3"


def test_every_name_of_openai_is_a_ready_voice(app, ready):
    ready("Kathleen", "Allison", "Isabella", "Liam", "Lewis", "Анна")
    with app.app_context():
        assert len(voices.OPENAI) == 13
        assert {name: voices.found(name.upper()).name for name in voices.OPENAI} == voices.OPENAI


def test_in_another_bank_the_names_are_shared_out_among_the_voices_there_are(app, bank, ready):
    bank("mine")
    ready("A", "B", "C")
    with app.app_context():
        found = [voices.found(name).name for name in voices.OPENAI]
        assert {*found[:9]} >= {"A", "B", "C"}
        assert found == [voices.found(name).name for name in voices.OPENAI]


def test_voice_of_the_bank_comes_before_one_of_openai(app, bank, ready):
    ready("Allison")
    bank("Alloy")
    with app.app_context():
        assert voices.found("alloy").name == "Alloy"


@pytest.mark.parametrize("named", ["nobody", "", "voice_", "voice_99", "9" * 30, "-1", "²", "a\0b", "x" * 10_000])
def test_unknown_voice_is_refused(app, bank, named):
    bank("Anna")
    with app.app_context(), pytest.raises(Refused, match="There is no voice") as refused:
        voices.found(named)
    assert (refused.value.status, refused.value.param, refused.value.code) == (404, "voice", "voice_not_found")
    assert len(str(refused.value)) < 250


def test_names_of_openai_need_a_bank(app):
    with app.app_context(), pytest.raises(Refused):
        voices.found("alloy")
