"""./tembr on the command line: speak, read, voices, models, tokens, check, backup, restore.

Exit status: 0, all was done; 1, something could not be, and standard error says what; 2, the command line is wrong, and
nothing was begun; 130, interrupted.  What a program may read is on standard output, the rest on standard error.
"""

import sys
from collections.abc import Callable, Iterator

import click

from app.cli.backup import backup, restore
from app.cli.check import check
from app.cli.common import load_cloner, say
from app.cli.models import models
from app.cli.read import read
from app.cli.speak import speak
from app.cli.tokens import tokens
from app.cli.voices import voices

STATUS = """\
Exit status: 0, all was done; 1, something could not be, and standard error says what; 2, the
command line is wrong, and nothing was begun; 130, interrupted."""


@click.group("tembr", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def commands() -> None:
    """Clone a voice, from the command line."""


for command in (speak, read, voices, models, tokens, check, backup, restore):
    commands.add_command(command)


@commands.command("help", hidden=True)
@click.pass_context
def help_of_all(context: click.Context) -> None:
    """Return the help of every command; help.txt holds it, so that ./tembr help needs no Python."""
    for name, command in commands.commands.items():
        if command.hidden:
            continue
        for page in _pages(command, click.Context(command, context.parent, name, terminal_width=100)):
            click.echo(page + "\n")
    click.echo(STATUS)


def _pages(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the help of a command, or of each command of a group."""
    if not isinstance(command, click.Group):
        yield context.get_help()
        return
    for name, below in command.commands.items():
        yield from _pages(below, click.Context(below, context, name, terminal_width=100))


def main(arguments: list[str] | None = None, load: Callable = load_cloner) -> int:
    """Run the command line; return the exit status.  load: makes the VoiceCloner."""
    sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal's language
    try:
        return commands.main(arguments, "./tembr", standalone_mode=False, obj=load) or 0
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (ValueError, OSError) as error:
        say(str(error))
        return 1
