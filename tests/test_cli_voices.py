"""./tembr voices: the bank from the command line."""

import pytest

from app import cli, cli_voices
from app.db import Voice
from app.voices.voice_file import VoiceFile


@pytest.fixture
def voices(app, cloner, monkeypatch):
    """./tembr voices with the given arguments; returns its exit status."""
    monkeypatch.setattr(cli_voices, "create_app", lambda cloner: app)
    return lambda *arguments: cli.main(["voices", *map(str, arguments)], load=lambda: cloner)


@pytest.fixture
def here(tmp_path, monkeypatch, recording):
    """A folder with recordings in it, as the current one."""
    for name, seconds in (("anna.wav", 3.0), ("more.wav", 6.0), ("short.wav", 1.0)):
        (tmp_path / name).write_bytes(recording(seconds=seconds))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _names(app):
    with app.app_context():
        return sorted(voice.name for voice in Voice.choices())


def _files(app):
    return list((app.config["INSTANCE"] / "voices").iterdir())


def test_voice_is_added_listed_and_removed(app, voices, here, capsys):
    assert voices("add", " Анна  К. ", "anna.wav", "--language", "ru", "--note", "my aunt", "--consent") == 0
    assert "“Анна К.” is in the bank, from 3.0 s of speech." in capsys.readouterr().err
    assert voices("list") == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.split("\t") == ["name", "language", "seconds", "added", "origin"]
    assert line.split("\t")[:3] == ["Анна К.", "ru", "3.0"]
    assert voices("remove", "анна к.") == 0
    assert _names(app) == [] and _files(app) == []


def test_several_recordings_make_one_voice(app, voices, here, capsys):
    assert voices("add", "Anna", "anna.wav", "more.wav", "--consent") == 0
    assert "9.0 s of speech" in capsys.readouterr().err and len(_files(app)) == 2


def test_listed_are_the_voices_that_hold_the_words(bank, voices, capsys):
    bank("Пётр Первый", "Пётр", "Anna")
    for words, found in ((["петр"], ["Пётр", "Пётр Первый"]), (["первый", "петр"], ["Пётр Первый"])):
        assert voices("list", *words) == 0
        assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()[1:]] == found


def test_voice_goes_out_and_comes_back_in(app, voices, here, capsys):
    voices("add", "Anna", "anna.wav", "--consent")
    assert voices("export", "Anna") == 0
    assert VoiceFile.from_bytes((here / "Anna.tembr-voice").read_bytes()).sample
    assert voices("export", "Anna", "--no-sample", "--out", here / "new" / "a") == 0
    assert VoiceFile.from_bytes((here / "new" / "a").read_bytes()).sample is None
    voices("remove", "Anna")
    assert voices("import", "Anna.tembr-voice", "--consent") == 0
    assert voices("import", here / "new" / "a", "--name", "Anna 2", "--consent") == 0
    assert _names(app) == ["Anna", "Anna 2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "Anna", "short.wav", "--consent"], "short.wav: "),
        (["add", "Anna", "anna.wav", "short.wav", "--consent"], "short.wav: "),
        (["add", "Anna", "anna.wav", "anna.wav", "--consent"], "given twice"),
        (["add", "Anna", "none.wav", "--consent"], "none.wav"),
        (["add", "boris", "anna.wav", "--consent"], "“boris” is already in the bank"),
        (["add", "x" * 61, "anna.wav", "--consent"], "61 characters, and at most 60"),
        (["add", "Anna", "anna.wav", "--consent", "--note", "x" * 201], "201 characters, and at most 200"),
        (["export", "Anna"], "There is no voice named 'Anna'. Voices in the bank: Boris."),
        (["remove", "Anna"], "There is no voice named 'Anna'"),
        (["import", "anna.wav", "--consent"], "anna.wav: This is not a voice that Tembr exported."),
        (["import", "none", "--consent"], "none"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(
    app, voices, here, bank, capsys, arguments, message
):
    bank("Boris")
    assert voices(*arguments) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tembr: ")]
    assert message in line
    assert _names(app) == ["Boris"] and len(_files(app)) == 1


@pytest.mark.parametrize("arguments", [["add", "Anna", "anna.wav"], ["import", "a.tembr-voice"], []])
def test_nothing_is_added_without_consent(app, voices, here, capsys, arguments):
    with pytest.raises(SystemExit) as refusal:
        voices(*arguments)
    assert refusal.value.code == 2 and _names(app) == []


def test_networks_are_loaded_only_to_add_a_voice(app, bank, monkeypatch):
    monkeypatch.setattr(cli_voices, "create_app", lambda cloner: app)
    bank("Anna")

    def load():
        raise AssertionError("they were loaded")

    assert cli.main(["voices", "remove", "Anna"], load=load) == 0
