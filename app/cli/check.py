"""./tembr check: whether everything is at hand, and how fast it is here."""

import hashlib
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from app.cli.common import answer, json_option, site

if TYPE_CHECKING:
    from models import VoiceCloner

MIN_FREE_BYTES = 500_000_000  # on the disk of the speeches
MIN_SIMILARITY = 0.5  # of a test sentence with its voice; speech in another voice has about 0.1
SENTENCES = {
    "ru": "Сегодня утром мы долго гуляли по берегу реки.",
    "en": "This morning we took a walk along the river.",
}


@dataclass
class Part:
    """The result of one check.  problem: why it failed, or None."""

    name: str
    found: dict[str, object] = field(default_factory=dict)
    problem: str | None = None


@click.command()
@json_option
@click.pass_obj
def check(load: Callable[[], "VoiceCloner"], as_json: bool) -> int:
    """Look at device, weights, speed, a sentence in each language, disk and database.

    Says what is found of each; the exit status is 1 when something will not do.
    """
    parts = []
    for part in _parts(load):
        parts.append(part)
        if not as_json:
            print(f"{'bad ' if part.problem else 'good'}  {part.name}")
            for line in (*(f"{name} {value}" for name, value in part.found.items()), part.problem or ""):
                print(f"      {line}".rstrip(), flush=True)
    is_good = not any(part.problem for part in parts)
    if as_json:
        answer({"good": is_good} | {part.name: part.found | {"problem": part.problem} for part in parts})
    return 0 if is_good else 1


@contextmanager
def _noted(part: Part) -> Iterator[None]:
    """Record any exception as the part's problem, so that the other checks still run."""
    try:
        yield
    except Exception as error:
        part.problem = f"{type(error).__name__}: {error}".partition("\n")[0]


def _parts(load: Callable[[], "VoiceCloner"]) -> Iterator[Part]:
    cloner = None
    weights = Part("weights")
    with _noted(weights):
        cloner = load()
        for file in cloner.files:
            weights.found[str(file)] = f"sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}"
    yield _device(cloner)
    yield weights
    if cloner:
        yield from _speech(cloner)
    yield from _kept()


def _device(cloner: "VoiceCloner | None") -> Part:
    part = Part("device")
    with _noted(part):
        import torch

        is_gpu = cloner and cloner.device.startswith("cuda")
        name = torch.cuda.get_device_name(cloner.device) if is_gpu else platform.machine()
        part.found = {
            "runs_on": f"{cloner.device if cloner else 'nothing'}, {name}",
            "precision": str(cloner.synthesizer.precision).removeprefix("torch.") if cloner else "none",
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        }
        if cloner and cloner.refusal:
            part.problem = str(cloner.refusal)
    return part


def _speech(cloner: "VoiceCloner") -> Iterator[Part]:
    """Speak a sentence in each language, time its stages and compare it with its voice."""
    from benchmarks import speed

    profile = speed.some_profile(cloner, None)
    for language, text in SENTENCES.items():
        part = Part(f"speech_{language}")
        with _noted(part):
            stages, seconds = speed.measure(cloner, profile, 1, language, text)
            spoken = cloner.embed(cloner.speak(text, profile, language), cloner.sample_rate)
            similarity = float(spoken @ profile.embedding)
            part.found = {
                "seconds_of_speech": round(float(seconds), 2),
                "real_time_factor": round(float(stages.sum() / seconds), 3),
                "similarity_to_voice": round(similarity, 2),
            }
            for stage, value in zip(speed.STAGES, stages, strict=True):
                part.found[f"seconds_{stage}"] = round(float(value), 3)
            if similarity < MIN_SIMILARITY:
                part.problem = f"It does not sound like its voice: a similarity of {MIN_SIMILARITY} is expected."
        yield part


def _kept() -> Iterator[Part]:
    """Check the disk and the database of the site."""
    disk, database = Part("disk"), Part("database")
    with _noted(database), site().app_context():
        from flask import current_app
        from sqlalchemy import func, select

        from app import schema
        from app.db import Speech, Voice, db

        with _noted(disk):
            instance = current_app.config["INSTANCE"]
            with tempfile.TemporaryFile(dir=instance) as file:
                file.write(b"written")
            free = shutil.disk_usage(instance).free
            disk.found = {"folder": str(instance), "free_megabytes": free // 1_000_000}
            if free < MIN_FREE_BYTES:
                disk.problem = f"Less than {MIN_FREE_BYTES // 1_000_000} MB are free."
        database.found = {"kind": db.engine.dialect.name, "version": schema.newest()}
        for name, table in (("voices", Voice), ("speeches", Speech)):
            database.found[name] = db.session.scalar(select(func.count()).select_from(table))
        if db.engine.dialect.name == "sqlite":
            said = db.session.connection().exec_driver_sql("PRAGMA quick_check").scalar()
            database.problem = None if said == "ok" else f"It is damaged: {said}"
    yield disk
    yield database
