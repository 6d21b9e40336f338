"""A site that is stopped or killed while it speaks, and started again: gunicorn serves it, as ./tembr does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.cookiejar import CookieJar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from config import ROOT

SECONDS = 90  # that a busy machine may take to start
SCRIPT = {"Accept": "application/json"}


class Site:
    """A running site and one browser at it."""

    def __init__(self, instance, log, port: int, sentence_seconds: float):
        self.log, self.address = log, f"http://127.0.0.1:{port}"
        self._jar = CookieJar()
        self._open = build_opener(HTTPCookieProcessor(self._jar)).open
        command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--worker-class", "gthread", "--threads", "4"]
        command += ["--bind", f"127.0.0.1:{port}", "--graceful-timeout", "30", "--no-control-socket"]
        settings = {"TEMBR_INSTANCE": str(instance), "FAKE_SECONDS": str(sentence_seconds), "PYTHONPATH": str(ROOT)}
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [*command, "tests.fake_site:app"], cwd=ROOT, env=os.environ | settings, stderr=file
            )
        until(self.is_ready, SECONDS)

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
        except (URLError, ConnectionError):
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


@pytest.fixture
def start(tmp_path):
    """Starts the site of one instance folder, again and again; kills at the end what still runs."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    sites = []

    def begin(sentence_seconds: float) -> Site:
        sites.append(Site(tmp_path / "instance", tmp_path / "log", port, sentence_seconds))
        return sites[-1]

    yield begin
    for site in sites:
        if site.process.poll() is None:
            site.process.terminate()
            site.process.wait(60)


def kept(tmp_path) -> list[str]:
    """The speeches' files, drafts and all."""
    return [path.name for path in (tmp_path / "instance" / "speeches").iterdir()]


def test_killed_site_names_what_it_had_not_spoken(start, tmp_path):
    site = start(sentence_seconds=600)
    spoken, waiting = site.ask("Начатый текст."), site.ask("Текст в очереди.")
    until(lambda: site.status(spoken)["state"] == "speaking")
    os.kill(site.worker(), signal.SIGKILL)
    site.process.kill()
    site.process.wait()
    assert len(kept(tmp_path)) == 1  # a draft
    again = start(sentence_seconds=0)
    again.inherit_cookies(site)
    log = site.log.read_text("utf-8")
    for text in ("Начатый текст.", "Текст в очереди."):
        assert f"Not spoken before the restart: “{text}” in the voice Anna" in log
    page = again.get("/")
    assert "Tembr was restarted before “Начатый текст.” was spoken." in page and "Текст в очереди." in page
    told = again.status(waiting)
    assert told["state"] == "failed" and "Tembr was restarted before this text was spoken" in told["words"]
    form = again.get(told["page"])
    assert "Текст в очереди.</textarea>" in form and "press Speak again" in form
    assert "before “Текст в очереди.” was spoken" not in again.get("/")
    assert kept(tmp_path) == []
    done = again.ask("Текст в очереди.")
    until(lambda: again.status(done)["state"] == "done")


def test_stopped_site_finishes_its_text_and_names_those_that_waited(start, tmp_path):
    site = start(sentence_seconds=2)
    spoken = site.ask("Этот текст будет озвучен.")
    site.ask("А этот ждал.")
    until(lambda: site.status(spoken)["state"] == "speaking")
    site.process.terminate()
    assert site.process.wait(60) == 0
    assert len(kept(tmp_path)) == 1 and not kept(tmp_path)[0].startswith("draft-")
    again = start(sentence_seconds=0)
    log = site.log.read_text("utf-8")
    assert "Not spoken before the restart: “А этот ждал.”" in log and "“Этот текст будет озвучен.”" not in log
    assert "Этот текст будет озвучен." in again.get("/speeches")
