"""./tembr voices: the bank from the command line."""

import json

import pytest

import app as site
from app import cli
from app.db import LearnedVoice, Voice, db
from app.voices.voice_file import VoiceFile


@pytest.fixture
def voices(app, cloner, monkeypatch):
    """./tembr voices with the given arguments; returns its exit status."""
    monkeypatch.setattr(site, "create_app", lambda: app)
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


def test_what_to_do_to_have_a_new_voice_learned_is_told_until_it_is(voices, here, capsys):
    voices("add", "Anna K.", "more.wav", "--consent")
    assert "learn it: ./tembr voices learn 'Anna K.'" in capsys.readouterr().err
    voices("export", "Anna K.", "--out", "a")
    voices("export", "Anna K.", "--no-sample", "--out", "silent")
    voices("learn", "Anna K.")
    voices("export", "Anna K.", "--out", "learned")
    for file, is_told in (("a", True), ("silent", False), ("learned", False)):
        capsys.readouterr()
        assert voices("import", file, "--name", file, "--consent") == 0
        assert ("./tembr voices learn" in capsys.readouterr().err) == is_told
    voices("add", "Boris", "anna.wav", "--consent")
    assert "at least 6 s of clear speech, and its recordings have 3.0 s" in capsys.readouterr().err


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
        (["add", "boris", "anna.wav", "--consent"], "already a voice named “boris”"),
        (["add", "x" * 61, "anna.wav", "--consent"], "61 characters. The limit is 60"),
        (["add", "Anna", "anna.wav", "--consent", "--note", "x" * 201], "201 characters. The limit is 200"),
        (["export", "Anna"], "There is no voice named 'Anna'. Voices in the bank: Boris."),
        (["show", "Anna"], "There is no voice named 'Anna'"),
        (["rename", "Anna", "Eva"], "There is no voice named 'Anna'"),
        (["rename", "Boris", "x" * 61], "61 characters. The limit is 60"),
        (["remove", "Anna"], "There is no voice named 'Anna'"),
        (["import", "anna.wav", "--consent"], "anna.wav: This is not a voice file from Tembr."),
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
    assert voices(*arguments) == 2
    assert _names(app) == []


def test_voice_is_shown_and_renamed(app, voices, here, capsys):
    voices("add", "Anna", "anna.wav", "more.wav", "--note", "my aunt", "--consent")
    voices("add", "Boris", "anna.wav", "--consent")
    assert voices("rename", "anna", "Anna K.") == 0
    assert voices("rename", "anna k.", "anna k.") == 0  # its own name in another case
    assert _names(app) == ["Boris", "anna k."]
    assert voices("rename", "Boris", "ANNA K.") == 1
    assert "already a voice named" in capsys.readouterr().err
    assert voices("show", "ANNA K.") == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if " " in line)
    assert (lines["name"], lines["seconds"], lines["note"]) == ("anna k.", "9.0", "my aunt")
    assert lines["recordings"] == "2, of which 2 on the disk" and lines["consent"]


def test_program_gets_the_bank_in_json(voices, here, bank, capsys):
    voices("add", "Anna", "anna.wav", "--language", "ru", "--consent")
    capsys.readouterr()
    assert voices("list", "--json") == voices("show", "Anna", "--json") == 0
    found, shown = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(voice["name"], voice["language"], voice["seconds"]) for voice in found] == [("Anna", "ru", 3.0)]
    assert found[0].items() <= shown.items() and len(shown["recordings"]) == 1


def test_networks_are_loaded_only_to_add_a_voice(app, bank, monkeypatch):
    monkeypatch.setattr(site, "create_app", lambda: app)
    bank("Anna")

    def load():
        raise AssertionError("they were loaded")

    assert cli.main(["voices", "remove", "Anna"], load=load) == 0


def test_voice_is_learned_and_forgotten(app, voices, here, capsys):
    voices("add", "Anna", "more.wav", "--consent")
    assert voices("learn", "anna", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["step"] for line in lines[:-1]] == [1, 2, 3, 4, 5]
    assert lines[-1] == {"voice": "Anna", "used": True, "similarity": {"ru": [0.6, 0.7], "en": [0.7, 0.8]}}
    assert voices("forget", "Anna") == 0
    with app.app_context():
        assert db.session.get(LearnedVoice, 1) is None


def test_what_cannot_be_learned_is_told(voices, here, capsys):
    voices("add", "Anna", "anna.wav", "--consent")
    assert voices("learn", "Anna") == 1
    assert "its recordings have 3.0 s: add another one" in capsys.readouterr().err
