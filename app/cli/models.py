"""./tembr models: the networks of Real-Time-Voice-Cloning that were imported."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.common import answer, json_option, say
from models import IMPORTED, KINDS, OWN

if TYPE_CHECKING:
    from models import ModelLibrary

COLUMNS = ("kind", "name", "in_use", "steps", "parameters", "source", "added")
kind_option = click.option("--kind", type=click.Choice(KINDS), help="Of this kind alone.")
AT_NEXT_START = "A site that is running takes it up at its next start."
OF_AN_ENCODER = (
    "Recordings are heard by it from now on. The voices in the bank keep what Tembr's encoder heard, which is the "
    "published one; for another encoder, add them again."
)


@click.group()
def models() -> None:
    """Import networks of Real-Time-Voice-Cloning, list them, use and remove them."""


def library() -> "ModelLibrary":
    """What was imported on this site."""
    from config import Config
    from models import ModelLibrary

    return ModelLibrary(Config.WEIGHTS / IMPORTED)


@models.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="The file's own when not given, or rtvc for encoder.pt, synthesizer.pt and vocoder.pt.")
def import_models(files: tuple[Path, ...], name: str | None) -> int:
    """Import FILES that Real-Time-Voice-Cloning wrote: encoder, synthesizer or vocoder, known by their tensors.

    Nothing in a file is executed. A file that cannot be imported is reported, and the others are imported all the same.
    """
    kept, n_bad = library(), 0
    for path in files:
        try:
            model = kept.add(path, name)
            say(f"{path}: the {model.kind} “{model.name}”, {model.parameters / 1e6:.1f} million parameters.")
        except (ValueError, OSError) as error:
            n_bad += 1
            say(str(error))
    return 1 if n_bad else 0


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """Print the networks as a table with tabs, Tembr's own and those imported; "in_use" says which speak."""
    kept = library()
    rows = [_row(kind, OWN, kept.in_use(kind) == OWN) for kind in KINDS]
    for model in kept.models():
        rows.append(_row(model.kind, model.name, model.is_in_use) | {c: getattr(model, c) for c in COLUMNS[3:]})
    rows.sort(key=lambda row: KINDS.index(row["kind"]))
    if as_json:
        answer(rows)
        return
    print(*COLUMNS, sep="\t")
    for row in rows:
        shown = row | {"in_use": "yes" if row["in_use"] else ""}
        print(*("" if shown[column] is None else shown[column] for column in COLUMNS), sep="\t")


def _row(kind: str, name: str, is_in_use: bool) -> dict[str, object]:
    return dict.fromkeys(COLUMNS) | {"kind": kind, "name": name, "in_use": is_in_use}


@models.command()
@click.argument("name")
@kind_option
def use(name: str, kind: str | None) -> None:
    """Use the networks called NAME where a request asks for nothing else; "tembr" for those that ship."""
    kinds = library().use(name, kind)
    say(f"“{name}” is in use as {_listed(kinds)}. {AT_NEXT_START}")
    if "encoder" in kinds and name != OWN:
        say(OF_AN_ENCODER)


@models.command()
@click.argument("name")
@kind_option
def remove(name: str, kind: str | None) -> None:
    """Delete the imported networks called NAME; Tembr's own take their place where they were in use."""
    kinds = library().remove(name, kind)
    say(f"“{name}” was removed as {_listed(kinds)}.")


def _listed(kinds: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]]))
