"""./tembr backup and restore: all that a site keeps, in one file."""

from pathlib import Path

import click

from app.cli.common import answer, json_option, say, site

a_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@a_file
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Write all that the site keeps to FILE, a tar: voices, recordings, speeches, dictionary, the key of its cookies.

    The site may be serving meanwhile. Weights of your own are not in it.
    """
    with site().app_context():
        from app import backup as backups

        made = backups.write(file)
    if as_json:
        answer({"file": str(file), "bytes": file.stat().st_size, "voices": made.voices, "speeches": made.speeches})
    megabytes = file.stat().st_size / 1e6
    say(f"{file}: {made.voices} voices and {made.speeches} speeches, {megabytes:.1f} MB.")
    for name in made.lost:
        say(f"{name} is not on the disk.")


@click.command()
@a_file
@click.option("--force", is_flag=True, help="Also where voices or speeches are kept: they are put aside.")
@json_option
def restore(file: Path, force: bool, as_json: bool) -> None:
    """Put what FILE holds, which ./tembr backup wrote, in the place of what the site keeps.

    Stop the site first. What was there is put aside in the folder of the site, where it can be deleted.
    """
    from app import backup as backups
    from app import create_app, startup

    app = create_app()
    try:
        alone = startup.hold(app.config["INSTANCE"], seconds=0.0)
    except startup.AlreadyServing as error:
        raise click.ClickException(f"The site is serving: stop it first. ({error})") from error
    with alone, app.app_context():
        made = backups.restore(file, force)
    if as_json:
        answer({"file": str(file), "made_at": made.made_at, "voices": made.voices, "speeches": made.speeches})
    say(f"{made.voices} voices and {made.speeches} speeches of {made.made_at} UTC are back.")
