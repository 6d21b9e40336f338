"""./tembr tokens: what programs show at /v1 instead of the password."""

from datetime import datetime

import click

from app.cli.common import answer, json_option, say, site

COLUMNS = ("name", "ending", "made", "used")
name_argument = click.argument("name")


@click.group()
def tokens() -> None:
    """Make, list and revoke the tokens that programs show at /v1."""


@tokens.command()
@name_argument
@json_option
def add(name: str, as_json: bool) -> None:
    """Make a token for the program NAME and print it, once: only its hash is kept."""
    with site().app_context():
        from app import tokens as kept

        token = kept.make(name)
    if as_json:
        answer({"name": name, "token": token})
        return
    print(token)
    say("Keep it: it cannot be shown again.")


@tokens.command("list")
@json_option
def list_tokens(as_json: bool) -> None:
    """Print the tokens as a table with tabs: their names, how they end, when they were made and last used."""
    with site().app_context():
        from app import tokens as kept

        found = [
            dict(zip(COLUMNS, (row.name, row.ending, _said(row.created_at), _said(row.used_at)), strict=True))
            for row in kept.listed()
        ]
    if as_json:
        answer(found)
        return
    print(*COLUMNS, sep="\t")
    for row in found:
        print(*("" if value is None else value for value in row.values()), sep="\t")


@tokens.command()
@name_argument
def remove(name: str) -> None:
    """Revoke the token of the program NAME, at once."""
    with site().app_context():
        from app import tokens as kept

        kept.revoke(name)
    say(f"The token “{name}” is revoked.")


def _said(moment: datetime | None) -> str | None:
    return moment and moment.isoformat(sep=" ", timespec="minutes")
