"""What test_kills has a process do: be killed at each write of an action, and tell what was left.

    python -m tests.killed FOLDER ACTION      FOLDER/base: an instance to begin with

For each point in turn the instance is copied, and a child with the copy is killed there (SIGKILL), until one lives to
the end.  Prints a line of JSON for each: what the child was about to do, what was confirmed to its client, what a site
that starts afterwards finds.
"""

import io
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import event, select, text

from app import create_app, startup, storage
from app.db import Speech, Voice, VoiceRecording, db
from config import Config
from models.speech_file import encode
from tests.fakes import FakeCloner

HOURS = 3600  # seconds


def site(instance: Path):
    settings = {"INSTANCE": instance, "READY_VOICES": instance / "ready", "SQLALCHEMY_DATABASE_URI": None}
    settings |= {"WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False, "TESTING": True, "WAIT_SECONDS": 60.0}
    app = create_app(type("Settings", (Config,), settings), FakeCloner())
    startup.start(app)
    return app


def recording(seconds: float):
    import numpy as np

    buzz = 0.3 * np.sign(np.sin(2 * np.pi * 120 * np.arange(int(seconds * 16_000)) / 16_000))
    return io.BytesIO(encode(buzz, 16_000, "wav")), "a.wav"


ACTIONS = {  # address, form, what is there afterwards
    "add a voice": lambda: ("/voices", {"name": "New", "consent": "y", "recording": recording(3.0)}),
    "add a recording": lambda: ("/voices/1/recordings", {"consent": "y", "recording": recording(5.0)}),
    "speak": lambda: ("/", {"voice": "1", "text": "New."}),
    "delete a voice": lambda: ("/voices/2/delete", {}),
    "delete a speech": lambda: ("/speeches/1/delete", {}),
}


class Killer:
    """Kills this process at a write to its instance: to a file, a name or the database."""

    def __init__(self, instance: Path, point: int, log: Path):
        self._instance, self._left, self._log = str(instance), point, log

    def note(self, what: str) -> None:
        self._left -= 1
        if self._left == 0:
            self._log.write_text(what)
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, name: str, arguments: tuple) -> None:
        path = str(arguments[0]) if arguments else ""
        if not path.startswith(self._instance) or "sqlite" in path:
            return
        if name == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self.note(f"open {Path(path).parent.name}")
        elif name in ("os.rename", "os.remove", "os.truncate"):
            self.note(f"{name} {Path(path).parent.name}")

    def watch(self, app) -> None:
        sys.addaudithook(self.audit)
        with app.app_context():
            event.listen(db.engine, "before_cursor_execute", self._statement)
            event.listen(db.engine, "commit", lambda _connection: self.note("commit"))
            event.listen(db.session, "after_commit", lambda _session: self.note("after a commit"))

    def _statement(self, _connection, _cursor, statement, *_rest) -> None:
        if statement.split(None, 1)[0] in ("INSERT", "UPDATE", "DELETE"):
            self.note(" ".join(statement.split()[:3]))


def act(instance: Path, action: str, point: int) -> None:
    """The child's part: an action, killed at a point.  Writes what was confirmed beside the instance."""
    app = site(instance)
    client = app.test_client()
    address, form = ACTIONS[action]()
    Killer(instance, point, instance.with_name("point")).watch(app)
    answer = client.post(address, data=form)
    instance.with_name("confirmed").write_text(str(answer.status_code))


def found(instance: Path) -> dict:
    """What a site finds that starts when the files of the crash are old enough for its sweep."""
    for path in [*(instance / "voices").iterdir(), *(instance / "speeches").iterdir()]:
        os.utime(path, (time.time() - 2 * HOURS,) * 2)
    app = site(instance)
    with app.app_context():
        rows = [row for kind in (Voice, VoiceRecording, Speech) for row in db.session.scalars(select(kind))]
        rows = [row for row in rows if row.file_name]
        named = {storage.path_of(row) for row in rows}
        there = {path for folder in ("voices", "speeches") for path in (instance / folder).iterdir()}
        told = {
            "voices": {voice.name: len(voice.recordings) for voice in db.session.scalars(select(Voice))},
            "speeches": list(db.session.scalars(select(Speech.text))),
            "broken": db.session.execute(text("PRAGMA integrity_check")).scalars().all() != ["ok"],
            "missing": [path.name for path in named - there],
            "orphans": [path.name for path in there - named],
            "half": [
                row.id for row in rows if isinstance(row, Speech) and row.size != storage.path_of(row).stat().st_size
            ],
            "queue": len(list((instance / "queue").glob("*"))),
            "interrupted": [job.request.text for job in app.extensions["speaking"]._jobs.values()],
        }
        profiles = [voice.profile for voice in db.session.scalars(select(Voice))]
    return told | {"profiles": len(profiles)}


def in_child(do, *arguments) -> int:
    """Run a function in a fork; return its exit status, negative for a signal."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            do(*arguments)
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(folder: Path, action: str) -> None:
    for point in range(1, 200):
        instance = folder / f"{point}" / "instance"
        shutil.copytree(folder / "base", instance)
        status = in_child(act, instance, action, point)
        confirmed, at = instance.with_name("confirmed"), instance.with_name("point")
        told = instance.with_name("found")
        if in_child(lambda instance=instance, told=told: told.write_text(json.dumps(found(instance)))):
            raise RuntimeError(f"no site starts after point {point}")
        line = {"status": status, "at": at.read_text() if at.exists() else "", "confirmed": confirmed.exists()}
        print(json.dumps(line | json.loads(told.read_text())), flush=True)
        if status != -signal.SIGKILL:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
