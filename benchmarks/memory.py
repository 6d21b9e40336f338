"""Whether the site's memory stays as it is: RSS while it says texts that all differ, with the real networks.

    ONEDNN_PRIMITIVE_CACHE_CAPACITY=64 .venv/bin/python -m benchmarks.memory [--speeches 300] [--threads 1]

./tembr sets that variable.  The site runs in this process, on a folder of its own.  A table gives the RSS after every
50 speeches; the exit status is 1 when the last is more than 5 % over that after 50, or over LIMIT.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import torch

from app import create_app, startup
from config import Config

WORDS = {
    "ru": """утро вечер старый парк берег река вода город улица человек птица дерево тихо медленно быстро вчера сегодня
    завтра говорить смотреть слушать гулять лошадь окно дверь письмо книга голос песня хлеб молоко зима лето дорога
    мост поезд станция билет вопрос ответ сестра брат учитель школа площадь ветер снег дождь огонь камень""".split(),
    "en": """morning evening old park river water city street people bird tree quietly slowly quickly yesterday today
    tomorrow speak look listen walk horse window door letter book voice song bread milk winter summer road bridge train
    station ticket question answer sister brother teacher school square wind snow rain fire stone""".split(),
}
EVERY = 50  # speeches
GROWTH = 1.05  # times the RSS after the first 50
LIMIT = 1.0e9  # bytes


def text(rng: random.Random) -> str:
    """One to three sentences of 3 to 18 words, seldom twice the same."""
    words = WORDS[rng.choice(("ru", "en"))]
    sentences = (" ".join(rng.choices(words, k=rng.randint(3, 18))).capitalize() for _ in range(rng.randint(1, 3)))
    return ". ".join(sentences) + "."


def rss() -> int:
    """Bytes of this process in memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def main() -> int:
    parser = argparse.ArgumentParser(description="RSS of the site while it says texts that all differ.")
    parser.add_argument("--speeches", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rng, measured, began = random.Random(0), {}, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        own = {"INSTANCE": Path(folder), "SQLALCHEMY_DATABASE_URI": None, "KEEP_MEGABYTES": 20.0}
        own |= {"WTF_CSRF_ENABLED": False, "WAIT_SECONDS": 600.0, "RATELIMIT_ENABLED": False}
        app = create_app(type("Settings", (Config,), own))
        startup.start(app)
        client = app.test_client()
        for number in range(1, asked.speeches + 1):
            form = {"voice": str(rng.randint(1, 4)), "text": text(rng), "seed": str(number)}
            answer = client.post("/", data=form)
            if answer.status_code != 303 or "/speeches/" not in answer.location:
                raise RuntimeError(f"speech {number} was answered {answer.status_code}: {answer.text[:300]}")
            if number % EVERY == 0 or number in (1, asked.speeches):
                measured[number] = rss()
                seconds = time.monotonic() - began
                print(f"{number:5} speeches {measured[number] / 1e6:8.0f} MB {seconds:7.0f} s", flush=True)
    first, last = measured[min(EVERY, asked.speeches)], measured[asked.speeches]
    print(f"after the last {last / first:.3f} times that after {EVERY}")
    return int(last > first * GROWTH or last > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
