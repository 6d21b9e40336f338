"""Cloner: what there is to ask of a cloner, whether its networks are in this process or in others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models import limits, recording
from models.limits import MAX_SEED
from models.quality import Findings, RecordingUnfit
from models.speech_file import encode
from models.text import Sentence, read
from models.voice_profile import VoiceProfile
from models.word_times import SpokenSentence

if TYPE_CHECKING:
    from models.adapter import Adapter

SENTENCE_PAUSE_SECONDS = 0.3  # between two sentences
SEED_STEP = 7_368_787  # a prime, between the seeds of two sentences: far from those of the next takes


@dataclass(frozen=True)
class Manner:
    """In which voice and how a text is said: see Cloner.say."""

    profile: VoiceProfile
    speed: float
    pitch: float
    pauses: float
    seed: int
    synthesizer: str
    vocoder: str
    adapter: Adapter | None


class Cloner(ABC):
    """From recordings to voices, and from texts to speech; any number of threads may use it."""

    sample_rate: int  # Hz, of speech

    @abstractmethod
    def examine(self, waveform: np.ndarray) -> tuple[VoiceProfile | None, Findings]:
        """As hear, of a waveform: (samples,) at 16 kHz, untrimmed.  Return no voice when the findings have faults."""

    @abstractmethod
    def say(
        self,
        sentences: list[Sentence],
        profile: VoiceProfile,
        speed: float = 1.0,
        pitch: float = 0.0,
        pauses: float = 1.0,
        seed: int = 0,
        synthesizer: str = "",
        vocoder: str = "",
        adapter: Adapter | None = None,
    ) -> Iterator[SpokenSentence]:
        """Speak sentences in a voice, one after the other, each with the pause after it and the times of its words."""

    def hear(self, source: bytes | Path) -> tuple[VoiceProfile, Findings]:
        """Learn a voice from a recording of any common format, from its best 30 s, and judge the recording's quality.

        source: a file's bytes or path.  Raises UnreadableAudio, RecordingTooLong, RecordingSilent, and RecordingUnfit,
        which carries the findings.
        """
        profile, findings = self.examine(recording.load_recording(source, limits.MAX_RECORDING_SECONDS))
        if profile is None:
            raise RecordingUnfit(findings)
        return profile, findings

    def listen(self, source: bytes | Path) -> VoiceProfile:
        """As hear; return the voice alone."""
        return self.hear(source)[0]

    def read(
        self, text: str, language: str | None = None, dictionary: Mapping[str, str] | None = None
    ) -> list[Sentence]:
        """Read a text, as models.text.read does.  dictionary: word -> respelling.  Raises NothingToSay, TextTooLong."""
        return read(text, language, dictionary)

    def speak(
        self,
        text: str,
        profile: VoiceProfile,
        language: str | None = None,
        speed: float = 1.0,
        seed: int = 0,
        dictionary: Mapping[str, str] | None = None,
        pitch: float = 0.0,
        pauses: float = 1.0,
        synthesizer: str = "",
        vocoder: str = "",
        adapter: Adapter | None = None,
    ) -> np.ndarray:
        """Read a text and say all of it.  Takes and raises what read and say do.

        Returns (samples,) float32 at sample_rate.
        """
        sentences = self.read(text, language, dictionary)
        said = self.say(sentences, profile, speed, pitch, pauses, seed, synthesizer, vocoder, adapter)
        return np.concatenate([sentence.waveform for sentence in said])

    def encode(self, waveform: np.ndarray, format: str) -> bytes:
        """Encode a waveform, (samples,) at sample_rate, as a file of one of limits.FORMATS.  Raises UnknownFormat."""
        return encode(waveform, self.sample_rate, format)


def sentence_seed(seed: int, index: int) -> int:
    """The seed of one sentence of a text, so that it is said the same alone, elsewhere or again."""
    return (seed + index * SEED_STEP) % (MAX_SEED + 1)


def pause_after(sentence: Sentence, is_last: bool, speed: float, pauses: float) -> float:
    """Seconds of silence after a sentence: what was asked for, else the usual between two sentences."""
    return sentence.pause_after or (0.0 if is_last else SENTENCE_PAUSE_SECONDS * pauses / speed)
