"""./tembr check: what is found of networks, disk and database, and what will not do."""

import json
import shutil
from types import SimpleNamespace

import pytest

from app import cli, schema
from config import Config
from models import UnreadableWeights


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """The settings of a site of its own."""
    for name, value in {
        "INSTANCE": tmp_path / "instance",
        "READY_VOICES": tmp_path,
        "SQLALCHEMY_DATABASE_URI": None,
    }.items():
        monkeypatch.setattr(Config, name, value)


@pytest.fixture
def checked(capsys):
    """./tembr check --json; returns its exit status and what was found."""

    def run(load):
        status = cli.main(["check", "--json"], load)
        return status, json.loads(capsys.readouterr().out)

    return run


def no_weights():
    raise UnreadableWeights("There is no %(name)s.", name="vocoder.safetensors")


def test_shipped_networks_speak_each_language_in_the_voice_they_are_given(checked):
    status, found = checked(cli.load_cloner)
    assert status == 0 and found["good"]
    assert [len(value.split()[1]) for path, value in found["weights"].items() if path != "problem"] == [64] * 7
    for language in ("ru", "en"):
        speech = found[f"speech_{language}"]
        assert speech["similarity_to_voice"] > 0.6 and 1 < speech["seconds_of_speech"] < 8
        assert speech["seconds_vocoder"] > 0 and speech["real_time_factor"] > 0


def test_a_part_that_will_not_do_is_named_and_the_others_are_looked_at(checked, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1_000_000))
    status, found = checked(no_weights)
    assert status == 1 and not found["good"]
    assert found["weights"]["problem"] == "UnreadableWeights: There is no vocoder.safetensors."
    assert found["disk"]["problem"] == "Less than 500 MB are free."
    assert found["database"] == {
        "kind": "sqlite",
        "version": schema.newest(),
        "voices": 0,
        "speeches": 0,
        "problem": None,
    }


def test_damaged_database_is_found(checked, tmp_path):
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "tembr.sqlite").write_bytes(b"SQLite format 3\0" + b"\xa5" * 8000)
    status, found = checked(no_weights)
    assert status == 1 and "database" in found["database"]["problem"]


def test_person_gets_a_table(capsys):
    assert cli.main(["check"], no_weights) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("bad   weights") + 1] == "      UnreadableWeights: There is no vocoder.safetensors."
    assert lines[lines.index("good  database") + 1] == "      kind sqlite"
