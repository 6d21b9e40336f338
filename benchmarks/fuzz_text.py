"""Read random text: whatever is written, reading raises only its own errors, stays fast and keeps no memory.

    python -m benchmarks.fuzz_text --strings 10000 --seed 1

Prints exceptions with the text that caused them, the slowest texts in milliseconds of processor time for each 1,000
characters, and how memory grew over the last three quarters of the run. Exits with 1 if a limit is broken.
"""

import argparse
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from models.limits import LANGUAGES, MAX_TEXT_CHARACTERS
from models.text import NothingToSay, read
from models.text.symbols import phone_ids

MAX_MS_PER_1000 = 2000
MAX_GROWTH_MB = 50
LENGTHS = (1, 5, 30, 150, 150, 600)
LONG_ONE_IN = 500  # strings: one of MAX_TEXT_CHARACTERS
ALPHABETS = (
    "абвгдеёжзиклмнопрстуъыьэюя ",
    "abcdefghijklmnopqrstuvwxyz ",
    "0123456789.,:;/-+%$€№#@ ",
    "АБВГДЕABCDEF IVXLC. ",
    "!?…—–()[]\"'«»* ",
    " \n\t\r\u2028\u00a0",
    "\u0301\u0306\u200b\u00ad\x00\x07\ud800",
    "😀👍🏽🇷🇺漢字かעαβ",
    "½²©µÅéüßøłÑ٣５⑼Ａ𝐇",
)
PIECES = (
    "1/2 ", "[pause 1]", "http://", "me@a.ru ", "г. ", "Dr. ", "5 км ", "+7 495 ", "XIV ", "$5 ", "10:30 ", "№ ",
    "III кв. ", "по тел. ", "1,5 часа ", "50 ₽/шт. ", "и. о. ", "Стены ", "красивее ", "мне дорога ", "BA2490 ",
    "1 tsp. ",
)  # fmt: skip
PATTERNS = ("1", "1,", "a", "а", "1 ", "да1", "$1", "@a.", "IV ", "a-", "-", "...", "+а", "и\u0301", "1:", "«", "г. ")


def random_text(rng: random.Random, n_characters: int) -> str:
    """Text of three of the alphabets mixed, any character of Unicode, and now and then what is read by a rule."""
    chosen = [*rng.sample(ALPHABETS, 3), chr(rng.randrange(0x110000))]
    text = [rng.choice(rng.choice(chosen)) for _ in range(n_characters)]
    for _ in range(rng.randrange(1 + n_characters // 20)):
        text[rng.randrange(n_characters)] = rng.choice(PIECES)
    return "".join(text)[:n_characters]


def texts(n_strings: int, rng: random.Random):
    """Random strings, some of a repeated pattern, one in LONG_ONE_IN as long as a text may be."""
    for i in range(n_strings):
        n_characters = MAX_TEXT_CHARACTERS if i % LONG_ONE_IN == LONG_ONE_IN - 1 else rng.choice(LENGTHS)
        if rng.random() < 0.1:
            pattern = rng.choice(PATTERNS)
            yield (pattern * n_characters)[:n_characters]
        else:
            yield random_text(rng, n_characters)


def read_one(text: str, language: str | None) -> float:
    """Seconds of processor time to read a text, whose phones all have ids."""
    start = time.process_time()
    try:
        found = read(text, language)
    except NothingToSay:
        found = []
    for sentence in found:
        phone_ids(sentence.phones)
    return time.process_time() - start


def memory_mb() -> float:
    """Megabytes of memory in use; where that cannot be known, the most that ever were."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fuzz(n_strings: int, seed: int, max_seconds: float) -> bool:
    """Whether every limit held."""
    rng = random.Random(seed)
    read("раз one")
    failures, slowest, memory, n_read, start = Counter(), [], [], 0, time.monotonic()
    for text in texts(n_strings, rng):
        if time.monotonic() - start > max_seconds:
            break
        try:
            seconds = read_one(text, rng.choice([None, *LANGUAGES]))
        except Exception as error:  # whatever it is, it is what this looks for
            failures[f"{type(error).__name__}: {error}"] += 1
            print("raises:", type(error).__name__, ascii(text[:200]))
        else:
            slowest = sorted([*slowest, (1e6 * seconds / max(len(text), 1000), len(text), text[:30])])[-5:]
        n_read += 1
        memory.append(memory_mb())
    growth = memory[-1] - memory[len(memory) // 4]
    print(f"{n_read} strings, {sum(failures.values())} exceptions {dict(failures)}")
    for ms, n_characters, text in reversed(slowest):
        print(f"{ms:6.0f} ms per 1,000 characters, {n_characters} characters: {ascii(text)}")
    print(f"memory: {memory[-1]:.0f} MB, grew {growth:.1f} MB over the last three quarters")
    return not failures and slowest[-1][0] < MAX_MS_PER_1000 and growth < MAX_GROWTH_MB


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-seconds", type=float, default=float("inf"))
    arguments = parser.parse_args()
    sys.exit(0 if fuzz(arguments.strings, arguments.seed, arguments.max_seconds) else 1)
