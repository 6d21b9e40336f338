"""A stand-in for the networks: refuses what they refuse, in their words, and hums instead of speaking."""

import re
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from models import (
    Adapter,
    Comparison,
    Figures,
    Finding,
    Findings,
    NothingToSay,
    RecordingTooShort,
    RecordingUnfit,
    SpokenSentence,
    TextTooLong,
    TooLittleSpeech,
    VoiceProfile,
    Word,
)
from models.limits import MAX_TEXT_CHARACTERS
from models.quality import judge
from models.recording import load_recording
from models.speech_file import encode
from models.text import Sentence
from models.text.tokens import Token

MAX_SECONDS = 60.0  # of one recording
MIN_SECONDS = 1.6
LEARN_SECONDS = 5.0
GOOD = Figures(
    speech_seconds=5.0,
    level_db=-20.0,
    clipped=0.0,
    snr_db=40.0,
    bandwidth=8000.0,
    tonal=0.0,
    fall_db=15.0,
    group_similarity=0.9,
)
SPOILT = {  # by the code of what is found then
    "no_speech": {"speech_seconds": 0.0},
    "too_short": {"speech_seconds": 1.2, "group_similarity": None},
    "short": {"speech_seconds": 2.4},
    "quiet": {"level_db": -50.0},
    "clipped": {"clipped": 0.012},
    "noisy": {"snr_db": 8.0},
    "echo": {"fall_db": 4.2},
    "narrow": {"bandwidth": 3500.0},
    "several": {"group_similarity": 0.55},
    "music": {"tonal": 0.4},
}
VOWEL = re.compile("[аеёиоуыэюя]", re.IGNORECASE)


def finding(code: str) -> Finding:
    """What is found in a recording that is good but for one thing."""
    (found,) = judge(replace(GOOD, **SPOILT[code]))
    return found


class FakeLearner:
    """Learns in five steps, and keeps the number of the step as its state."""

    steps = 5

    def __init__(self, path: Path, before_step):
        self.path, self._before_step = path, before_step
        self.step = self.first_step = int(path.read_text()) if path.exists() else 0

    @property
    def is_done(self) -> bool:
        return self.step >= self.steps

    def advance(self) -> None:
        self._before_step(self)
        self.step += 1

    def save(self) -> None:
        self.path.write_text(str(self.step))

    def adapter(self) -> Adapter:
        return Adapter({"head.bias": np.ones(80, dtype=np.float16)}, "fake")


class FakeCloner:
    """What the site needs of a VoiceCloner.

    fault: an exception that the next speak raises, once.  said: the arguments of every speak.
    reader: reads in its stead, as models.text.read does.  between: called before each sentence.
    found: what every recording is found to have.
    heard_clips: text and language of every recording that was cut into clips.  gain: of similarity, by learning.
    before_step: called with the learner before each step.
    """

    device = "cpu"
    refusal = None
    can_learn = True
    fingerprint = "fake"
    sample_rate = 16_000
    in_use = {"synthesizer": "tembr", "vocoder": "tembr"}

    def __init__(self):
        self.fault = None
        self.said = []
        self.reader = read
        self.between = lambda: None
        self.found = ()
        self.heard_clips = []
        self.gain = 0.1
        self.before_step = lambda learner: None
        self._lock = threading.Lock()

    def hear(self, source: bytes | Path) -> tuple[VoiceProfile, Findings]:
        """A clear recording but for what `found` says, and too short a one below MIN_SECONDS."""
        profile, findings = self.examine(load_recording(source, MAX_SECONDS))
        if profile is None:
            raise RecordingUnfit(findings)
        return profile, findings

    def examine(self, waveform: np.ndarray) -> tuple[VoiceProfile | None, Findings]:
        seconds = len(waveform) / 16_000
        figures = replace(GOOD, speech_seconds=seconds, group_similarity=None if seconds < MIN_SECONDS else 0.9)
        faults = (one for one in judge(figures) if one.is_fault)
        findings = Findings(figures, slice(0, min(int(seconds * 16_000), 160_000)), (*self.found, *faults))
        return None if findings.faults else self._profile(waveform), findings

    def listen(self, source: bytes | Path) -> VoiceProfile:
        return self._profile(load_recording(source, MAX_SECONDS))

    def _profile(self, waveform: np.ndarray) -> VoiceProfile:
        if len(waveform) < MIN_SECONDS * 16_000:
            raise RecordingTooShort(len(waveform) / 16_000)
        embedding = np.random.default_rng(zlib.crc32(waveform.tobytes())).normal(size=256)
        pitch = np.array([np.log(150 + 20 * embedding[0]), 0.1])
        return VoiceProfile(embedding / np.linalg.norm(embedding), pitch, np.zeros(80), len(waveform) / 16_000)

    def read(self, text: str, language: str | None = None, dictionary: Mapping[str, str] | None = None) -> list:
        self.dictionary = dictionary
        return self.reader(text, language, dictionary)

    def speak(self, text, profile, language=None, speed=1.0, seed=0, dictionary=None, pitch=0.0, pauses=1.0):
        """A hum at the voice's pitch, 60 ms a character."""
        sentences = self.read(text, language, dictionary)
        return np.concatenate([said.waveform for said in self.say(sentences, profile, speed, pitch, pauses, seed)])

    def say(
        self, sentences, profile, speed=1.0, pitch=0.0, pauses=1.0, seed=0, synthesizer="", vocoder="", adapter=None
    ) -> Iterator[SpokenSentence]:
        """A hum for each sentence, and its words, each as long as it is written.  between: called before each one."""
        for sentence in sentences:
            self.between()
            with self._lock:
                fault, self.fault = self.fault, None
            if fault:
                raise fault
            asked = {"speed": speed, "pitch": pitch, "pauses": pauses, "seed": seed}
            if synthesizer or vocoder:
                asked |= {"synthesizer": synthesizer, "vocoder": vocoder}
            if adapter:
                asked |= {"adapter": adapter}
            self.said.append({"words": sentence.words, "language": sentence.language, **asked})
            n_letters = len(sentence.words.replace("\u0301", ""))
            time = np.arange(int(n_letters * 0.06 / speed * self.sample_rate)) / self.sample_rate
            hertz = np.exp(profile.pitch[0] + pitch * np.log(2) / 12) + seed
            waveform = (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
            seconds, letters = len(waveform) / self.sample_rate, [len(token.text) for token in sentence.tokens]
            times = (seconds * np.cumsum([0, *letters]) / max(1, sum(letters))).tolist()
            spans = zip(sentence.tokens, times[:-1], times[1:], strict=True)
            yield SpokenSentence(waveform, tuple(Word(one.text, one.place, start, end) for one, start, end in spans))

    def clips(self, source: Path, text: str | None, language: str | None, profile: VoiceProfile) -> list[float]:
        """One clip, its seconds."""
        self.heard_clips.append((text, language))
        return [len(load_recording(source, MAX_SECONDS)) / 16_000]

    def learner(self, profile: VoiceProfile, clips: list[float], path: Path) -> "FakeLearner":
        if sum(clips) < LEARN_SECONDS:
            raise TooLittleSpeech(sum(clips))
        return FakeLearner(path, self.before_step)

    def compared(self, profile: VoiceProfile, adapter: Adapter) -> Comparison:
        return Comparison({"ru": (0.6, 0.6 + self.gain), "en": (0.7, 0.7 + self.gain)}, (-1.0, -1.0))

    def embed(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        if (seconds := len(waveform) / sample_rate) < MIN_SECONDS:
            raise RecordingTooShort(seconds)
        embedding = np.random.default_rng(zlib.crc32(waveform.tobytes())).normal(size=256)
        return embedding / np.linalg.norm(embedding)

    def encode(self, waveform: np.ndarray, format: str) -> bytes:
        return encode(waveform, self.sample_rate, format)


def read(text: str, language: str | None = None, dictionary: Mapping[str, str] | None = None) -> list[Sentence]:
    """One sentence: Russian words stressed on their first vowel unless text or dictionary say otherwise, and each
    number read as "мно́го чи́сел".
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLong(len(text))
    if not any(character.isalnum() for character in text):
        raise NothingToSay
    words = re.sub(r"\d+", "мн+ого ч+исел", text).split()
    words = [(dictionary or {}).get(word.strip(",.!?").lower(), word) for word in words]
    shown = " ".join(word if re.search("[+\u0301]", word) else VOWEL.sub(r"+\g<0>", word, count=1) for word in words)
    said = re.sub(r"\[pause .*?\]", lambda mark: " " * len(mark[0]), text)
    tokens = tuple(Token(match[0], match.start(), 0, 1) for match in re.finditer(r"\S*\w\S*", said))
    accented = re.sub(r"\+(\w)", "\\1\u0301", shown)
    return [Sentence(language or "ru", accented, ("ˈa", "."), ("ru", "ru"), tokens=tokens)]
