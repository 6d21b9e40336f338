"""How soon Tembr speaks: the commands from the shell, the site from its start to its tenth speech, and its memory.

    .venv/bin/python -m benchmarks.start [--takes 3] [--port 5077]

Each command is run --takes times on a folder of its own, made beforehand; the table has the medians of wall and
processor seconds.  Then ./tembr serve is started: seconds until /readyz says yes, those of ten different sentences,
those until the first audio of a streamed paragraph is there, and the RSS after both languages.  On idle cores wall
seconds count.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import tempfile
import time
from http.cookiejar import CookieJar
from pathlib import Path
from statistics import median
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

from benchmarks.speed import TEXTS
from config import ROOT

SPEAK_LIMIT, READ_LIMIT, FIRST_AUDIO_LIMIT = 4.0, 3.0, 0.2  # s, on two idle cores
MEMORY_LIMIT = 0.9e9  # bytes
LOOK_SECONDS = 0.02  # between two looks whether a speech is done: each takes time from the networks
COMMANDS = {
    "read, ru": ("read", TEXTS["ru, sentence"][1]),
    "read, en": ("read", TEXTS["en, sentence"][1]),
    "speak, ru": ("speak", TEXTS["ru, sentence"][1], "--voice", "Анна", "--out", "{folder}/ru.mp3"),
    "speak, en": ("speak", TEXTS["en, sentence"][1], "--voice", "Allison", "--out", "{folder}/en.mp3"),
}
SENTENCE = "This is sentence number {number} of the ten that are said one after the other."


def command(arguments: tuple[str, ...], folder: str) -> tuple[float, float]:
    """Run ./tembr once; return wall and processor seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    words = [word.replace("{folder}", folder) for word in arguments]
    subprocess.run(["./tembr", *words], cwd=ROOT, env=environment(folder), check=True, capture_output=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def environment(folder: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMBR_")}
    return kept | {"TEMBR_INSTANCE": folder} | more


class Site:
    """A person's browser at the site."""

    def __init__(self, port: int):
        self.address = f"http://127.0.0.1:{port}"
        self._browser = build_opener(HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> str:
        with self._browser.open(self.address + path, timeout=60) as answer:
            return answer.read().decode()

    def wait_until_ready(self, process: subprocess.Popen) -> None:
        while process.poll() is None:
            try:
                self.get("/readyz")
                return
            except URLError:
                time.sleep(0.02)
        raise RuntimeError(f"./tembr serve ended with {process.returncode}")

    def say(self, text: str) -> float:
        """Speak a text as a person does; return the seconds until it is done."""
        page = self.get("/")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        voice = re.search(r'name="voice" value="(\d+)"', page)[1]
        form = urlencode({"csrf_token": token, "voice": voice, "text": text, "format": "mp3"}).encode()
        headers = {"Accept": "application/json", "Referer": self.address + "/"}
        began = time.perf_counter()
        with self._browser.open(Request(f"{self.address}/", form, headers)) as answer:
            job = json.load(answer)
        while job["state"] in ("waiting", "speaking"):
            time.sleep(LOOK_SECONDS)
            job = json.loads(self.get(job["status"]))
        if job["state"] != "done":
            raise RuntimeError(job["words"])
        return time.perf_counter() - began

    def stream(self, text: str, voice: str) -> tuple[float, float]:
        """Speak a text as a program does; return the seconds until its first audio is there, and until all of it is."""
        asked = {"model": "tembr", "voice": voice, "input": text, "response_format": "mp3", "stream_format": "audio"}
        headers = {"Content-Type": "application/json"}
        began = time.perf_counter()
        with urlopen(Request(f"{self.address}/v1/audio/speech", json.dumps(asked).encode(), headers)) as answer:
            answer.read(1024)
            first = time.perf_counter() - began
            answer.read()
        return first, time.perf_counter() - began

    def figure(self, name: str) -> float:
        """What /metrics says of the process that serves."""
        return float(re.search(rf"^process_{name} (\S+)", self.get("/metrics"), re.MULTILINE)[1])


def serve(folder: str, port: int) -> None:
    more = {"TEMBR_PORT": str(port), "TEMBR_LIMIT_SPEECHES": "no", "TEMBR_LIMIT_API": "no", "TEMBR_API_LOCAL": "yes"}
    began = time.perf_counter()
    process = subprocess.Popen(
        ["./tembr", "serve"],
        cwd=ROOT,
        env=environment(folder, **more),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        site = Site(port)
        site.wait_until_ready(process)
        ready, processor = time.perf_counter() - began, site.figure("cpu_seconds_total")
        print(f"ready after {ready:.2f} s, {processor:.2f} s of the processor")
        taken = [site.say(SENTENCE.format(number=number)) for number in range(1, 11)]
        print(
            f"speeches 1 to 10: {' '.join(f'{one:.2f}' for one in taken)} s; first {taken[0] / median(taken):.2f} times"
        )
        site.say(TEXTS["ru, paragraph"][1])
        paragraph = " ".join([TEXTS["en, paragraph"][1]] * 3)
        found = [site.stream(f"{paragraph} {number}.", "Allison") for number in range(5)]
        first, whole = (median(column) for column in zip(*found, strict=True))
        print(f"paragraph: first audio {first:.2f} s (at most {FIRST_AUDIO_LIMIT} s), all of it {whole:.2f} s")
        print(f"memory {site.figure('resident_memory_bytes') / 1e6:.0f} MB (at most {MEMORY_LIMIT / 1e6:.0f} MB)")
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds from a start to speech.")
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--port", type=int, default=5077)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command(("voices", "list"), str(Path(folder)))
        print(f"{'':12}{'wall':>9}{'processor':>12}{'at most':>10}")
        for name, arguments in COMMANDS.items():
            takes = [command(arguments, folder) for _ in range(asked.takes)]
            wall, processor = (median(column) for column in zip(*takes, strict=True))
            limit = READ_LIMIT if name.startswith("read") else SPEAK_LIMIT
            print(f"{name:12}{wall:7.2f} s{processor:10.2f} s{limit:8.1f} s", flush=True)
        serve(folder, asked.port)


if __name__ == "__main__":
    main()
