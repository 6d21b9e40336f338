"""What the fits of the corpus's speakers have in common, which is added to the synthesizer when it is loaded.

    python -m models.training.mean_fit METADATA OUT [--speakers 56]

METADATA: metadata.csv of a corpus, its recordings beside it.  The mean of many voices' fits (models.fitting) makes no
voice more alike, but all more natural and their words clearer.  Writes OUT, an adapter of the synthesizer.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from models.adapter import Adapter, write_adapter
from models.checkpoint import fingerprint
from models.cloning import VoiceCloner
from models.errors import TembrError
from models.fitting import Fitting
from models.training.corpus import read_manifest
from models.voice_profile import VoiceProfile

SOURCES = ("librispeech", "vctk", "asterisk", "festvox", "kathleen")  # recordings of people; how their names begin
LEAST_SECONDS = 6.0  # of the recording that a voice is fitted by
MAX_TRIED = 5  # recordings of a speaker
FITTING = Fitting(
    steps=5,
    peak_rate=7e-3,
    share=1.0,
    enough=0.75,
    unheard_weight=0.75,
    timbre_weight=0.0,
    words_weight=1.0,
    adversary_rate=0.0,
)


def mean_of(adapters: list[Adapter]) -> Adapter:
    """The mean of adapters of one synthesizer; low-rank changes begun alike keep their rank."""
    names = adapters[0].changes
    mean = {name: np.mean([adapter.changes[name].astype(np.float32) for adapter in adapters], axis=0) for name in names}
    return Adapter({name: change.astype(np.float16) for name, change in mean.items()}, adapters[0].made_on)


def profiles_of(cloner: VoiceCloner, metadata: Path) -> Iterator[VoiceProfile]:
    """A voice of each speaker of the corpus that was recorded, in random order, of one recording."""
    rng, of_speaker = np.random.default_rng(1), defaultdict(list)
    for clip in read_manifest(metadata):
        if clip.source.startswith(SOURCES):
            of_speaker[clip.speaker].append(clip.path)
    for speaker in rng.permutation(sorted(of_speaker)):
        for path in rng.permutation(of_speaker[speaker])[:MAX_TRIED]:
            with suppress(TembrError):  # not fit to be listened to
                profile = cloner.listen(metadata.parent / path)
                if profile.seconds >= LEAST_SECONDS:
                    yield profile
                    break


def main(metadata: Path, out: Path, n_speakers: int) -> None:
    cloner, adapters = VoiceCloner.load(mean_fit=False), []
    for profile in islice(profiles_of(cloner, metadata), n_speakers):
        adapters.append(cloner.fitted(profile, FITTING))
        print(f"{len(adapters)} of {n_speakers}", flush=True)
    write_adapter(out, replace(mean_of(adapters), made_on=fingerprint(cloner.synthesizer.head)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metadata", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--speakers", type=int, default=56)
    arguments = parser.parse_args()
    main(arguments.metadata, arguments.out, arguments.speakers)
