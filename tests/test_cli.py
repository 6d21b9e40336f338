"""./tembr's help, its exit status, and what it loads."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from app import cli
from app.cli.common import from_database, named
from config import ROOT, Config


def options():
    """Every option of every command, with the command's path."""
    found = [((), cli.commands)]
    for path, command in found:
        found += [((*path, name), below) for name, below in getattr(command, "commands", {}).items()]
        if not command.hidden:
            yield from (("./tembr " + " ".join(path), name) for part in command.params for name in part.opts)


def test_help_names_every_option_of_every_command():
    pages = (ROOT / "app" / "cli" / "help.txt").read_text("utf-8").split("Usage: ")
    assert len(list(options())) > 20
    for command, option in options():
        (page,) = (page for page in pages if page.startswith(f"{command} "))
        assert option in page or option.upper() in page


def test_kept_help_is_what_the_commands_say(capsys):
    """Else: .venv/bin/python -m app.cli help >app/cli/help.txt"""
    assert cli.main(["help"]) == 0
    assert capsys.readouterr().out == (ROOT / "app" / "cli" / "help.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["read", "Кот."], 0), (["--help"], 0), (["read", "!!!"], 1), (["read"], 2), (["sing"], 2), (["read", "--x"], 2)],
)
def test_exit_status_says_how_it_ended(arguments, status):
    assert cli.main(arguments, load=None) == status


@pytest.mark.parametrize(("text", "status"), [("Kot.", 0), ("!!!", 1)])
def test_the_process_ends_with_the_status_of_its_command(text, status):
    ended = subprocess.run([sys.executable, "-m", "app.cli", "read", text], cwd=ROOT, capture_output=True)
    assert ended.returncode == status


def test_interrupted_command_says_so_by_its_status(monkeypatch):
    monkeypatch.setattr("models.read", lambda *_arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    assert cli.main(["read", "Кот."]) == 130


@pytest.mark.parametrize("arguments", [["--help"], ["speak", "--help"], ["speak", "Hi"], ["voices", "--help"]])
def test_help_and_refusals_wait_neither_for_networks_nor_for_the_database(arguments):
    script = f"import sys; from app.cli import main; main({arguments}); print(*sys.modules)"
    started = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "sqlalchemy", "wtforms"} & set(started.stdout.split())


WITHOUT_TORCH = "import sys; from app.cli import main; main(['read', 'Nginx.']); sys.exit('torch' in sys.modules)"


def test_english_is_read_with_the_dictionary_and_without_loading_torch(app):
    from app.db import Pronunciation, db

    with app.app_context():
        db.session.add(Pronunciation(word="nginx", respelling="+engine", language="en"))
        db.session.commit()
    settings = {"TEMBR_INSTANCE": str(app.config["INSTANCE"]), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, env=settings, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and "ngine" in done.stdout


def test_an_old_database_answers_once_it_is_migrated(tmp_path, monkeypatch):
    monkeypatch.setattr(Config, "INSTANCE", tmp_path)
    monkeypatch.setattr(Config, "SQLALCHEMY_DATABASE_URI", None)
    row = "(7, 'Anna', 'anna', x'01', 3.5, '', 'a.wav', '2026-01-01 10:00:00')"
    with closing(sqlite3.connect(tmp_path / "tembr.sqlite")) as database:
        database.executescript((ROOT / "tests" / "data" / "first_tables.sql").read_text())
        columns = "id, name, name_key, profile, seconds, note, file_name, created_at"
        database.executescript(f"INSERT INTO voice ({columns}) VALUES {row}")
    assert from_database(lambda: named("Anna").seconds) == 3.5
