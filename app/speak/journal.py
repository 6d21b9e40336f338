"""The jobs that are not over, one file each: what a crash or a stop left unspoken can be named afterwards."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from flask import current_app

from app import storage
from app.speak.jobs import Job
from app.speak.request import RequestedVoice, SpeechRequest

ENDING = ".json"


class Journal:
    """The files of a folder, which is made with the first of them."""

    def __init__(self, folder: Path):
        self.folder = folder

    def note(self, job: Job) -> None:
        """Write down a job, whole or not at all.  Raises OSError."""
        voice = {"name": job.request.voice.name, "id": job.request.voice.id, "choice": job.request.voice.choice}
        entry = {"token": job.token, "owner": job.owner, "voice": voice, "knobs": job.request.knobs()}
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f"{job.token}.draft"
        try:
            draft.write_text(json.dumps(entry, ensure_ascii=False), "utf-8")
            storage.reach_disk(draft)
            os.replace(draft, self._path(job))
            storage.reach_disk(self.folder)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def forget(self, job: Job) -> None:
        """Remove the file of a job that is over."""
        self._path(job).unlink(missing_ok=True)

    def take(self) -> Iterator[Job]:
        """Yield each job that was left, as one that failed by the interruption, and remove its file."""
        for path in sorted(self.folder.glob("*"), key=lambda path: path.stat().st_mtime):
            try:
                if path.suffix == ENDING:
                    yield _interrupted(json.loads(path.read_text("utf-8")))
            except (ValueError, TypeError, KeyError):
                current_app.logger.warning("%s names no job", path)
            path.unlink(missing_ok=True)

    def _path(self, job: Job) -> Path:
        return self.folder / f"{job.token}{ENDING}"


def _interrupted(entry: dict) -> Job:
    """Raises ValueError, TypeError or KeyError for what is no entry."""
    voice = RequestedVoice(profile=None, **entry["voice"])
    job = Job(SpeechRequest(voice=voice, **entry["knobs"]), str(entry["owner"]))
    job.token = str(entry["token"])
    job.interrupt()
    return job


def name_what_was_left() -> None:
    """Say in the log which texts were asked for before this start and never spoken, and show them to who asked."""
    queue = current_app.extensions["speaking"]
    for job in queue.journal.take():
        text = " ".join(job.request.text.split())
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        current_app.logger.warning("Not spoken before the restart: “%s” in the voice %s", shown, job.request.voice.name)
        queue.restore(job)
