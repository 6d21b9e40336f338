"""What the product's speaker similarity says of an independent judgement: the thresholds of "alike" and their figures.

    .venv/bin/python -m benchmarks.similarity JUDGED.json DIR

JUDGED.json: {"lines": [{"id", "voice", "language", "accepted"}…]}, where voice is a recording and accepted whether an
independent listener or network took DIR/ID.wav for the same person. Prints, for each similarity from the highest
down, which share of the results above it was accepted.
"""

import argparse
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from models import RecordingTooShort, VoiceCloner

THRESHOLDS = (0.90, 0.875, 0.85, 0.825, 0.80, 0.775, 0.75, 0.70, 0.65, 0.60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judged", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    cloner = VoiceCloner.load()
    voice_of = lru_cache(None)(lambda path: cloner.listen(Path(path)))
    rows = []
    for line in json.loads(arguments.judged.read_text(encoding="utf-8"))["lines"]:
        waveform, rate = soundfile.read(arguments.folder / f"{line['id']}.wav", dtype="float32")
        try:
            heard = cloner.embed(waveform, rate)
        except RecordingTooShort:
            continue
        rows.append((float(heard @ voice_of(line["voice"]).embedding), line["accepted"], line["language"]))
    for language in ("ru", "en", None):
        own = [row for row in rows if language in (None, row[2])]
        similarity, accepted = np.array([row[0] for row in own]), np.array([row[1] for row in own])
        name = language or "both"
        print(f"{name}: {len(own)} results, similarity {similarity.mean():.3f}, accepted {accepted.mean():.2f}")
        for threshold in THRESHOLDS:
            above = similarity >= threshold
            if above.any():
                share = accepted[above].mean()
                print(f"    at least {threshold:.3f}: {above.sum():4} results, {share:.2f} of them accepted")


if __name__ == "__main__":
    main()
