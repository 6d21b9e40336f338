"""Tokens of programs: made, told once, kept as hashes, revoked."""

import json
from datetime import timedelta

import pytest

import app as site
from app import cli, tokens
from app.db import ApiToken, db, now


@pytest.fixture
def command(app, monkeypatch):
    """./tembr tokens with the given arguments; returns its exit status."""
    monkeypatch.setattr(site, "create_app", lambda: app)
    return lambda *arguments: cli.main(["tokens", *arguments])


@pytest.fixture
def inside(app):
    with app.app_context():
        yield


def test_token_is_found_by_what_was_told_and_kept_nowhere(app, inside):
    token = tokens.make(" My  program ")
    assert token.startswith("sk-tembr-") and len(token) > 50
    assert tokens.found(token).name == "My program"
    assert tokens.found(token[:-1]) is tokens.found("") is tokens.found("\udce9") is None
    db.session.remove()
    assert token.encode() not in b"".join(path.read_bytes() for path in app.config["INSTANCE"].glob("tembr.sqlite*"))


def test_revoked_token_opens_nothing(inside):
    first, second = tokens.make("first"), tokens.make("second")
    tokens.revoke("first")
    assert tokens.found(first) is None and tokens.found(second)
    with pytest.raises(tokens.UnknownToken, match="no token named “first”"):
        tokens.revoke("first")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "Name the program"), (" \0", "Name the program"), ("x" * 61, "61 characters.*limit is 60")],
)
def test_name_is_refused_with_its_limit(inside, name, reason):
    with pytest.raises(tokens.InvalidTokenName, match=reason):
        tokens.make(name)


def test_name_is_given_once(inside):
    tokens.make("bot")
    with pytest.raises(tokens.InvalidTokenName, match="already a token named “bot”"):
        tokens.make("bot")
    assert [row.name for row in tokens.listed()] == ["bot"]


def test_use_is_noted_but_not_at_every_request(inside):
    token = tokens.make("bot")
    assert db.session.get(ApiToken, 1).used_at is None
    tokens.found(token)
    noted = db.session.get(ApiToken, 1).used_at
    tokens.found(token)
    assert db.session.get(ApiToken, 1).used_at == noted
    db.session.get(ApiToken, 1).used_at = long_ago = now() - timedelta(hours=1)
    assert tokens.found(token).used_at > long_ago


def test_command_makes_lists_and_revokes(command, capsys):
    assert command("add", "home") == 0
    token = capsys.readouterr().out.strip()
    assert command("list", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["ending"], row["used"]) == ("home", token[-4:], None)
    assert command("list") == 0
    assert capsys.readouterr().out.startswith("name\tending\tmade\tused\nhome\t")
    assert command("remove", "home") == 0 and command("remove", "home") == 1
    assert "There is no token named “home”." in capsys.readouterr().err


def test_command_answers_a_program(command, capsys):
    assert command("add", "home", "--json") == 0
    assert json.loads(capsys.readouterr().out)["token"].startswith("sk-tembr-")
    assert command("add", "home") == 1
    assert "already" in capsys.readouterr().err
