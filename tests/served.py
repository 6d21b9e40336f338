"""A site that gunicorn serves, as ./tembr does, with networks that hum; and one browser at it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from config import ROOT

THREADS = 4
SECONDS = 180  # that a busy machine may take to start
SCRIPT = {"Accept": "application/json"}


class Site:
    """A running site and one browser at it."""

    def __init__(self, instance, log, port: int, sentence_seconds: float):
        self.log, self.port, self.address = log, port, f"http://127.0.0.1:{port}"
        self._jar = CookieJar()
        self._open = build_opener(HTTPCookieProcessor(self._jar)).open
        command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--worker-class", "app.server.Worker"]
        command += [
            "--threads",
            str(THREADS),
            "--bind",
            f"127.0.0.1:{port}",
            "--graceful-timeout",
            "30",
            "--no-control-socket",
        ]
        settings = {"TEMBR_INSTANCE": str(instance), "FAKE_SECONDS": str(sentence_seconds), "PYTHONPATH": str(ROOT)}
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [*command, "tests.fake_site:app"], cwd=ROOT, env=os.environ | settings, stderr=file
            )
        try:
            until(self.is_ready, SECONDS)
        except AssertionError:
            self.process.kill()
            raise

    def worker(self) -> int:
        """The process that gunicorn has serve."""
        return int(subprocess.check_output(["pgrep", "-P", str(self.process.pid)]).split()[0])

    def get(self, path: str) -> str:
        try:
            return self._open(self.address + path, timeout=20).read().decode()
        except HTTPError as refusal:
            return refusal.read().decode()

    def is_ready(self) -> bool:
        try:
            return '"status":"ok"' in self.get("/readyz")
        except OSError:  # not yet, or too busy
            return False

    def ask(self, text: str) -> dict:
        form = urlencode({"voice": "1", "text": text, "format": "wav"}).encode()
        return json.load(self._open(Request(f"{self.address}/", form, SCRIPT), timeout=20))

    def status(self, job: dict) -> dict:
        return json.loads(self.get(job["status"]))

    def inherit_cookies(self, other: "Site") -> None:
        for cookie in other._jar:
            self._jar.set_cookie(cookie)


def until(happened, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s"
        time.sleep(0.05)
    return result


@contextmanager
def served(folder: Path) -> Iterator[Callable[..., Site]]:
    """Give what starts the site of one instance folder, again and again; at the end, stop what still runs."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    sites = []

    def begin(sentence_seconds: float) -> Site:
        sites.append(Site(folder / "instance", folder / "log", port, sentence_seconds))
        return sites[-1]

    try:
        yield begin
    finally:
        for site in sites:
            if site.process.poll() is None:
                site.process.terminate()
                site.process.wait(60)
