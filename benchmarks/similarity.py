"""What the site's words for similarity are worth: how an independent judge takes the results that each is said of.

    .venv/bin/python -m benchmarks.similarity JUDGED.json DIR              of voices as they speak at once
    .venv/bin/python -m benchmarks.similarity JUDGED.json DIR --learned    of voices that were learned

JUDGED.json: {"lines": [{"id", "voice", "language", "accepted"}…]}, where voice is a recording and accepted whether an
independent listener or network took DIR/ID.wav for the same person.  Prints, by language, which share was accepted of
the results at each similarity or above, and of those that the site has the same word for.
"""

import argparse
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from app.voices.similarity import OF_SPEECHES
from models import LANGUAGES, RecordingTooShort, VoiceCloner

THRESHOLDS = (0.90, 0.875, 0.85, 0.825, 0.80, 0.775, 0.75, 0.70, 0.65, 0.60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judged", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--learned", action="store_true", help="The voices had been learned.")
    arguments = parser.parse_args()
    rows = list(judged(arguments.judged, arguments.folder))
    for language in LANGUAGES:
        own = [row for row in rows if row[2] == language]
        if not own:
            continue
        similarity, accepted = np.array([row[0] for row in own]), np.array([row[1] for row in own])
        print(f"{language}: {len(own)} results, similarity {similarity.mean():.3f}, accepted {accepted.mean():.2f}")
        for least in THRESHOLDS:
            tell(f"at least {least:.3f}", accepted[similarity >= least])
        highest = np.inf
        for word, least in vars(OF_SPEECHES[language, arguments.learned]).items():
            tell(word, accepted[(similarity >= least) & (similarity < highest)])
            highest = least


def judged(path: Path, folder: Path) -> Iterator[tuple[float, bool, str]]:
    """Yield similarity, whether it was accepted, and language of each result that is long enough to tell."""
    cloner = VoiceCloner.load()
    voice_of = lru_cache(None)(lambda path: cloner.listen(Path(path)))
    for line in json.loads(path.read_text(encoding="utf-8"))["lines"]:
        waveform, rate = soundfile.read(folder / f"{line['id']}.wav", dtype="float32")
        try:
            heard = cloner.embed(waveform, rate)
        except RecordingTooShort:
            continue
        yield float(heard @ voice_of(line["voice"]).embedding), line["accepted"], line["language"]


def tell(called: str, accepted: np.ndarray) -> None:
    share = f", {accepted.mean():.2f} of them accepted" if len(accepted) else ""
    print(f"    {called:16} {len(accepted):4} results{share}")


if __name__ == "__main__":
    main()
