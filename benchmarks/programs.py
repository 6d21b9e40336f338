"""Many programs at once with OpenAI's client, and how long pages take meanwhile.

    .venv/bin/python -m benchmarks.programs ADDRESS [--token TOKEN] [--programs 40] [--texts 80]

ADDRESS: of a running site, as http://127.0.0.1:5000.  Each program has texts spoken one after another, every second one
streamed; the client itself tries again what was answered 429 or 503.  Needs requirements-dev.txt.
"""

import argparse
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

import openai

TEXT = "One is a number. Two is a number. Three is a number. Four is one, too."
RETRIES = 8
PAGE = "/healthz"


def ask(address: str, token: str, is_streamed: bool) -> tuple[str, float]:
    """Have the text spoken; return what came of it, and after how many seconds."""
    began, extra = time.monotonic(), {"stream_format": "audio"} if is_streamed else {}
    asked = {"model": "tembr", "voice": "alloy", "input": TEXT, "response_format": "opus", "extra_body": extra}
    try:
        with (
            openai.OpenAI(api_key=token, base_url=f"{address}/v1", max_retries=RETRIES, timeout=300) as client,
            client.audio.speech.with_streaming_response.create(**asked) as answer,
        ):
            came = "spoken" if sum(map(len, answer.iter_bytes())) > 1000 else "cut off"
    except openai.OpenAIError as fault:
        came = type(fault).__name__
    return came, time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("--token", default="none")
    parser.add_argument("--programs", type=int, default=40)
    parser.add_argument("--texts", type=int, default=80)
    arguments = parser.parse_args()
    is_over, pages, began = threading.Event(), [], time.monotonic()

    def look() -> None:
        while not is_over.wait(0.1):
            asked = time.monotonic()
            with urlopen(arguments.address + PAGE, timeout=60) as answer:
                answer.read()
            pages.append(time.monotonic() - asked)

    looking = threading.Thread(target=look)
    looking.start()
    with ThreadPoolExecutor(arguments.programs) as pool:
        given = ((arguments.address, arguments.token, n % 2 == 1) for n in range(arguments.texts))
        came = list(pool.map(lambda one: ask(*one), given))
    is_over.set()
    looking.join()
    print(*(f"{n} {what}" for what, n in Counter(what for what, _seconds in came).items()), sep=", ", end="; ")
    print(f"all in {time.monotonic() - began:.1f} s, the slowest in {max(seconds for _what, seconds in came):.1f} s")
    print(f"{PAGE}: {statistics.median(pages) * 1000:.0f} ms, at most {max(pages) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
