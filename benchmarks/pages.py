"""Server time of every page with a full bank and a long history: .venv/bin/python -m benchmarks.pages"""

import argparse
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

from app import create_app, startup
from app.db import Pronunciation, Speech, Voice, VoiceRecording, db, now
from config import Config
from models import VoiceProfile

TEXT = "Съешь ещё этих мягких французских булок, да выпей чаю; а потом скажи всё это вслух ещё раз. "
PAGES = (
    "/",
    "/?voice=3",
    "/voices",
    "/voices?page=25",
    "/voices?q=голос 7",
    "/voices/7",
    "/voices/import",
    "/voices/choices?find=7",
    "/voices/7/export?sample=0",
    "/speeches",
    "/speeches?page=200",
    "/speeches?q=булок",
    "/speeches/5",
    "/dictionary",
    "/verify",
)


def fill(n_voices: int, n_speeches: int) -> None:
    """Voices, speeches and a dictionary, as rows without files."""
    rng = np.random.default_rng(0)
    for n in range(n_voices):
        embedding = np.abs(rng.normal(size=256))
        profile = VoiceProfile(embedding / np.linalg.norm(embedding), np.array([5.0, 0.2]), np.zeros(80), 9.0)
        note = "тётя из деревни, записана на телефон" if n % 3 else ""
        kept = {"profile": profile, "seconds": profile.seconds, "file_name": f"{n}.mp3"}
        db.session.add(Voice(name=f"Голос {n}", note=note, recordings=[VoiceRecording(**kept)], **kept))
    db.session.flush()
    for n in range(n_speeches):
        asked = {"voice_id": n % n_voices + 1, "voice_name": f"Голос {n % n_voices}", "format": "mp3"}
        made = {"seconds": 7.0, "sha256": f"{n:064x}", "file_name": f"{n}.mp3", "size": 112_000, "similarity": 0.8}
        created_at = now() - timedelta(minutes=n_speeches - n)
        db.session.add(Speech(text=f"{n}. {TEXT * (1 + n % 5)}", seed=0, created_at=created_at, **asked, **made))
    for n in range(n_voices):
        db.session.add(Pronunciation(word=f"слово{n}", respelling=f"сл+ово{n}", language="ru"))
    db.session.commit()


def seconds(client, address: str, n_times: int) -> tuple[list[float], list[float], int]:
    """How long each of n_times answers took after a first one, how long the processor worked, and the bytes of one.

    On a machine that does other things, too, the processor's time is the page's own.
    """
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answers {answer.status_code}")
    taken, worked = [], []
    for _time in range(n_times):
        start, began = time.perf_counter(), time.thread_time()
        answer = client.get(address)
        taken.append(time.perf_counter() - start)
        worked.append(time.thread_time() - began)
    return taken, worked, len(answer.data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", type=int, default=500)
    parser.add_argument("--speeches", type=int, default=5000)
    parser.add_argument("--times", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"INSTANCE": Path(folder), "READY_VOICES": Path(folder), "SQLALCHEMY_DATABASE_URI": None}
        app = create_app(type("Settings", (Config,), settings))
        with app.app_context():
            startup.prepare()
            fill(asked.voices, asked.speeches)
        print(f"{asked.voices} voices, {asked.speeches} speeches; milliseconds of {asked.times} answers")
        print(f"{'page':28}{'processor':>10}{'median':>9}{'slowest':>9}{'kB':>9}")
        for address in PAGES:
            taken, worked, size = seconds(app.test_client(), address, asked.times)
            times = (1000 * value for value in (statistics.median(worked), statistics.median(taken), max(taken)))
            print("{:28}{:10.1f}{:9.1f}{:9.1f}".format(address, *times) + f"{size / 1000:9.1f}", flush=True)


if __name__ == "__main__":
    main()
