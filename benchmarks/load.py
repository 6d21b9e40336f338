"""Whether many clients at once get what they asked for: 50 browsers at a site that gunicorn serves as ./tembr does.

    .venv/bin/python -m benchmarks.load [--clients 50] [--seconds 300] [--real]

Each client comes from a loopback address of its own (Linux), so that limits count it by itself, and asks for texts of
its own: every other one as the page's script does, the rest as a browser without scripts.  Networks hum in 0.1 s a
text; with --real they are Tembr's own.  The exit status is 1 when

- an answer is none of ALLOWED,
- a speech shows another text than its client's, or its file is not what the same request makes alone afterwards,
- a speech that was confirmed is gone, or its file is another than its client heard,
- the log holds an error.
"""

import argparse
import hashlib
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from config import ROOT

ALLOWED = {200, 202, 303, 429, 503}  # 202: queued, to a script
THREADS = 8  # as ./tembr serves
START_SECONDS = 300.0
AGAIN = 20  # of the speeches, made alone afterwards
LIMITS = {"TEMBR_KEEP_HASHES": "no"}
WORDS = "утро вечер старый парк берег река город улица тихо медленно быстро вчера сегодня завтра лошадь окно".split()


@dataclass(frozen=True)
class Speech:
    """What a client asked for and got.  sha256: of the file that it heard."""

    form: dict[str, str]
    number: str
    sha256: str


class Client:
    """A browser.  address: of this machine, from which it comes."""

    def __init__(self, port: int, address: str, is_script: bool, statuses: Counter):
        self._port, self._address, self._statuses, self._cookie = port, address, statuses, ""
        self._accept = {"Accept": "application/json"} if is_script else {"Accept": "text/html"}

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        """Return status, Location and body of an answer."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=120, source_address=(self._address, 0))
        headers = self._accept | ({"Cookie": self._cookie} if self._cookie else {})
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("GET" if form is None else "POST", path, form and urlencode(form), headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if cookie := answer.getheader("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        self._statuses[answer.status] += 1
        return answer.status, answer.getheader("Location") or "", body

    def speak(self, form: dict[str, str]) -> Speech | None:
        """Ask for a text, and wait for it; None when it was refused for now."""
        page = self.ask("/")[2].decode()
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        status, place, body = self.ask("/", form | ({"csrf_token": token[1]} if token else {}))
        if status not in (202, 303):
            return None
        watched = json.loads(body)["status"] if status == 202 else place
        while not (speech := re.search(r"/speeches/(\d+)$", place)):
            time.sleep(0.2)
            status, place, body = self.ask(watched)
            if status == 200 and watched.endswith("/status"):
                place = json.loads(body)["page"]
            elif status not in (200, 303, 429, 503):
                raise RuntimeError(f"{watched} was answered {status}")
            if "/?job=" in place:
                raise RuntimeError(f"“{form['text']}” was taken and not spoken")
        shown = self.ask(f"/speeches/{speech[1]}")[2].decode()
        if f"{form['text']}</textarea>" not in shown:
            raise RuntimeError(f"speech {speech[1]} is not {form['text']}")
        return Speech(form, speech[1], hashlib.sha256(self.audio(speech[1])).hexdigest())

    def audio(self, number: str) -> bytes:
        return self.ask(f"/speeches/{number}/audio")[2]


class Crowd:
    """Many clients, each in a thread of its own.  voices: how many the bank has."""

    def __init__(self, port: int, n_clients: int, voices: int):
        self.statuses, self.faults, self.speeches = Counter(), [], []
        self._port, self._n_clients, self._voices = port, n_clients, voices

    def client(self, number: int) -> Client:
        return Client(self._port, f"127.0.1.{number + 1}", number % 2 == 0, self.statuses)

    def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self._live, args=(number, until)) for number in range(self._n_clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _live(self, number: int, until: float) -> None:
        rng, client = random.Random(number), self.client(number)
        while time.monotonic() < until:
            words = " ".join(rng.choices(WORDS, k=rng.randint(2, 12)))
            form = {"voice": str(1 + number % self._voices), "text": f"{words.capitalize()}.", "format": "wav"}
            form |= {"language": "ru", "speed": "1", "pitch": "0", "pauses": "1", "seed": str(rng.randrange(10**6))}
            try:
                if speech := client.speak(form):
                    self.speeches.append(speech)
            except Exception as fault:
                self.faults.append(f"client {number}: {type(fault).__name__}: {fault}")
            time.sleep(rng.uniform(0.2, 2.0))

    def check_kept(self) -> None:
        """Hear every speech again, as somebody else."""
        client = Client(self._port, "127.0.2.1", False, self.statuses)
        for speech in self.speeches:
            if hashlib.sha256(client.audio(speech.number)).hexdigest() != speech.sha256:
                self.faults.append(f"speech {speech.number} is gone, or is another")

    def check_alone(self) -> None:
        """Make some speeches again, alone, and compare their samples."""
        client = Client(self._port, "127.0.2.2", True, self.statuses)
        for speech in random.Random(0).sample(self.speeches, min(AGAIN, len(self.speeches))):
            again = client.speak(speech.form)
            if not again or samples(client.audio(again.number)) != samples(client.audio(speech.number)):
                self.faults.append(f"speech {speech.number} sounds otherwise alone")


def samples(wav: bytes) -> bytes:
    """The samples of a wav file."""
    start = wav.index(b"data") + 8
    return wav[start : start + int.from_bytes(wav[start - 4 : start], "little")]


class Health:
    """Asks /healthz ten times a second, until it is closed, and notes the longest wait."""

    def __init__(self, port: int):
        self.longest, self._over = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(port,))
        self._thread.start()

    def _watch(self, port: int) -> None:
        client = Client(port, "127.0.2.3", False, Counter())
        while not self._over.wait(0.1):
            began = time.monotonic()
            client.ask("/healthz")
            self.longest = max(self.longest, time.monotonic() - began)

    def close(self) -> None:
        self._over.set()
        self._thread.join()


def serve(folder: Path, port: int, is_real: bool) -> subprocess.Popen:
    """Start a site of its own, and wait until it is ready."""
    command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--worker-class", "app.server.Worker"]
    command += ["--threads", str(THREADS), "--worker-connections", "400", "--timeout", "600", "--no-control-socket"]
    command += ["--bind", f"127.0.0.1:{port}", "wsgi:app" if is_real else "tests.fake_site:app"]
    settings = LIMITS | {"TEMBR_INSTANCE": str(folder / "instance"), "FAKE_SECONDS": "0.1", "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stderr=log)
    until = time.monotonic() + START_SECONDS
    client = Client(port, "127.0.0.1", False, Counter())
    while time.monotonic() < until and process.poll() is None:
        try:
            if client.ask("/readyz")[0] == 200:
                return process
        except OSError:
            time.sleep(0.2)
    process.kill()
    raise RuntimeError((folder / "log").read_text()[-2000:])


def used(worker: int) -> tuple[int, int]:
    """Return the open files of a process, and its RSS in bytes (Linux)."""
    pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
    return len(os.listdir(f"/proc/{worker}/fd")), pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    parser = argparse.ArgumentParser(description="Many clients at once, each of which must hear its own texts.")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--real", action="store_true", help="with Tembr's networks, not with ones that hum")
    asked = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = serve(Path(folder), port, asked.real)
        try:
            worker = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
            crowd, health, before = Crowd(port, asked.clients, 4 if asked.real else 1), Health(port), used(worker)
            crowd.run(asked.seconds)
            health.close()
            crowd.check_kept()
            crowd.check_alone()
            after = used(worker)
        finally:
            process.terminate()
            process.wait(60)
        if "Traceback" in (log := (Path(folder) / "log").read_text("utf-8")):
            crowd.faults.append("the log holds an error:\n" + log[log.index("Traceback") - 500 :][:3000])
    strange = {status: count for status, count in crowd.statuses.items() if status not in ALLOWED}
    print(f"{asked.clients} clients, {asked.seconds:.0f} s: {sum(crowd.statuses.values())} answers,", end=" ")
    print(", ".join(f"{count} of {status}" for status, count in sorted(crowd.statuses.items())))
    n_again = min(AGAIN, len(crowd.speeches))
    print(f"{len(crowd.speeches)} speeches, each with its client's text; {n_again} of them made again alone")
    print(f"longest wait of /healthz {health.longest:.2f} s")
    print(f"open files {before[0]} -> {after[0]}, RSS {before[1] / 1e6:.0f} -> {after[1] / 1e6:.0f} MB")
    for fault in crowd.faults[:20]:
        print("FAULT", fault)
    return int(bool(crowd.faults or strange or not crowd.speeches))


if __name__ == "__main__":
    raise SystemExit(main())
