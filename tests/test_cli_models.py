"""./tembr models, and what ./tembr speak makes of their names."""

import json

import pytest

from app import cli
from config import Config
from tests.rtvc import checkpoint_file
from tests.speech import KATHLEEN


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with files as published, as the current one, and an owner's folder beside it."""
    monkeypatch.setattr(Config, "WEIGHTS", tmp_path / "weights")
    monkeypatch.chdir(tmp_path)
    for kind in ("encoder", "synthesizer", "vocoder"):
        checkpoint_file(tmp_path / f"{kind}.pt", kind)
    return tmp_path


def models(*arguments: str) -> int:
    return cli.main(["models", *arguments], load=None)


def listed(capsys) -> list[dict]:
    capsys.readouterr()
    assert models("list", "--json") == 0
    return json.loads(capsys.readouterr().out)


def in_use(capsys) -> list[tuple[str, str]]:
    return [(row["kind"], row["name"]) for row in listed(capsys) if row["in_use"]]


def test_published_files_are_imported_and_listed(capsys):
    assert models("import", "encoder.pt", "synthesizer.pt", "vocoder.pt") == 0
    assert "synthesizer.pt: the synthesizer “rtvc”, 0.2 million parameters." in capsys.readouterr().err
    rows = listed(capsys)
    assert [(row["kind"], row["name"], row["in_use"]) for row in rows] == [
        (kind, name, name == "tembr") for kind in ("encoder", "synthesizer", "vocoder") for name in ("tembr", "rtvc")
    ]
    assert rows[1]["steps"] == 1564501 and rows[1]["source"] == "encoder.pt"
    assert models("list") == 0
    header, first, *_others = capsys.readouterr().out.splitlines()
    assert header.split("\t") == ["kind", "name", "in_use", "steps", "parameters", "source", "added"]
    assert first.split("\t") == ["encoder", "tembr", "yes", "", "", "", ""]


def test_file_that_cannot_be_imported_is_reported_and_the_others_are_imported(here, capsys):
    (here / "notes.pt").write_text("no checkpoint")
    assert models("import", "notes.pt", "vocoder.pt", "nowhere.pt") == 1
    said = capsys.readouterr().err
    assert "notes.pt cannot be imported: it is no checkpoint of PyTorch." in said
    assert "nowhere.pt cannot be imported: it cannot be read (No such file or directory)." in said
    assert [row["name"] for row in listed(capsys)] == ["tembr", "tembr", "tembr", "rtvc"]


def test_networks_are_used_and_removed_by_name_and_kind(capsys):
    models("import", "synthesizer.pt", "vocoder.pt", "--name", "mine")
    assert models("use", "mine") == 0
    assert "“mine” is in use as synthesizer and vocoder." in capsys.readouterr().err
    assert in_use(capsys) == [("encoder", "tembr"), ("synthesizer", "mine"), ("vocoder", "mine")]
    assert models("use", "tembr", "--kind", "vocoder") == 0
    assert in_use(capsys) == [("encoder", "tembr"), ("synthesizer", "mine"), ("vocoder", "tembr")]
    assert models("remove", "mine") == 0
    assert in_use(capsys) == [("encoder", "tembr"), ("synthesizer", "tembr"), ("vocoder", "tembr")]
    assert len(listed(capsys)) == 3


def test_use_of_an_encoder_says_what_that_means_for_the_bank(capsys):
    models("import", "encoder.pt")
    assert models("use", "rtvc") == 0
    assert "The voices in the bank keep what Tembr's encoder heard" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("use", "nobody"), 1, "There is no imported network nobody. There are: tembr."),
        (("remove", "tembr"), 1, "There is no imported network tembr."),
        (("import", "vocoder.pt", "--name", "../up"), 1, "A network cannot be called ../up"),
        (("import",), 2, "Missing argument"),
        (("use", "rtvc", "--kind", "ears"), 2, "'ears' is not one of"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, status, said, capsys):
    assert models(*arguments) == status
    assert said in capsys.readouterr().err


def test_speak_hands_the_names_on(cloner, recording, here):
    (here / "me.wav").write_bytes(recording(seconds=3.0))
    text = ["speak", "Привет.", "--voice", "me.wav", "--out", "said.wav"]
    assert cli.main([*text, "--synthesizer", "mine", "--vocoder", "tembr"], load=lambda: cloner) == 0
    assert (cloner.said[-1]["synthesizer"], cloner.said[-1]["vocoder"]) == ("mine", "tembr")


@pytest.mark.parametrize("stage", ["synthesizer", "vocoder"])
def test_imported_network_speaks_from_the_command_line(here, monkeypatch, capsys, stage):
    """All the way: import, load, speak, with the networks that ship beside it."""
    monkeypatch.setattr("models.legacy.speech.MAX_FRAMES", (4, 3))
    models("import", f"{stage}.pt")
    monkeypatch.setattr(Config, stage.upper(), "")
    text = ["speak", "Yes.", "--voice", str(KATHLEEN), "--out", "said.wav", f"--{stage}", "rtvc", "--json"]
    assert cli.main(text) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] > 0.1
    assert (here / "said.wav").stat().st_size > 4000
    assert cli.main([*text[:-2], "nobody"]) == 1
    assert "There is no imported network nobody. There are: tembr, rtvc." in capsys.readouterr().err
    assert not list(here.glob(".*partial"))


def test_site_speaks_with_the_networks_of_its_settings(make_app, here):
    from app import startup

    models("import", "vocoder.pt", "--name", "mine")
    app = _without_networks(make_app(WEIGHTS=here / "weights", SYNTHESIZER="", VOCODER="mine"))
    startup.start(app)
    assert app.extensions["cloner"].in_use == {"synthesizer": "tembr", "vocoder": "mine"}
    app.extensions["serving"].close()  # else the next start waits for this one to end
    other = _without_networks(make_app(WEIGHTS=here / "weights", SYNTHESIZER="his", VOCODER=""))
    with pytest.raises(ValueError, match="There is no imported network his"):
        startup.start(other)
    other.extensions["serving"].close()


def _without_networks(app):
    app.extensions["cloner"] = None
    return app
