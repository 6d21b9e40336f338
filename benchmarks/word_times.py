"""How exact the times of words are: those that speech is made by, against those that are heard in it.

    .venv/bin/python -m benchmarks.word_times

Speaks sentences in every ready voice, slow, usual and fast.  The phone classifier, which did not make the speech, hears
the finished waveform and is aligned with the phones of the text; both put borders on a grid of 12.5 ms.
"""

from collections.abc import Iterator

import numpy as np
import soxr
import torch

from models import VoiceCloner, VoiceProfile
from models.audio import SAMPLE_RATE, levelled, speech_mel
from models.cloning import WEIGHTS
from models.text import Sentence
from models.word_times import words_of

TEXTS = {
    "ru": [
        "Сегодня утром мы долго гуляли по старому парку, а потом пошли домой.",
        "В 1998 году вышло 25 книг, и 5 % из них мы прочитали.",
        "Широкая электрификация южных губерний даст мощный толчок подъёму сельского хозяйства.",
    ],
    "en": [
        "This morning we took a long walk through the old park, and then we went home.",
        "In 1998 Dr. Smith paid $25.50 for three books about birds.",
        "The quick brown fox jumps over the lazy dog while nobody is looking.",
    ],
}
SPEEDS = (0.8, 1.0, 1.4)


def errors_of(cloner: VoiceCloner, sentence: Sentence, profile: VoiceProfile, speed: float) -> Iterator[float]:
    """Seconds that each word begins and ends later in the times given than it is heard."""
    (said,) = cloner.say([sentence], profile, speed=speed)
    waveform = soxr.resample(said.waveform, cloner.sample_rate, SAMPLE_RATE)
    mel = speech_mel(torch.from_numpy(levelled(waveform)).to(cloner.device))
    frames = cloner.heard_durations(sentence, mel).cpu().numpy()
    for given, heard in zip(said.words, words_of(sentence, frames, len(waveform) / SAMPLE_RATE), strict=True):
        yield from (given.start - heard.start, given.end - heard.end)


def main() -> None:
    cloner = VoiceCloner.load()
    profiles = [
        VoiceProfile.from_bytes(path.read_bytes()) for path in sorted((WEIGHTS / "voices").glob("*.safetensors"))
    ]
    for language, texts in TEXTS.items():
        errors = [
            error
            for text in texts
            for profile in profiles
            for speed in SPEEDS
            for error in errors_of(cloner, cloner.read(text, language)[0], profile, speed)
        ]
        off = 1000 * np.abs(errors)
        print(
            f"{language}: {len(off)} borders; off by {np.median(off):.1f} ms (median), {np.percentile(off, 90):.1f} ms "
            f"(90 %); within 50 ms: {100 * (off <= 50.01).mean():.0f} %; mean {1000 * np.mean(errors):+.1f} ms"
        )


if __name__ == "__main__":
    main()
