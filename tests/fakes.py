"""A stand-in for the networks: refuses what they refuse, in their words, and hums instead of speaking."""

import threading
import zlib
from pathlib import Path

import numpy as np

from models import NothingToSay, RecordingTooShort, TextTooLong, VoiceProfile
from models.recording import encode, load_recording

MAX_CHARACTERS = 20_000
MAX_SECONDS = 60.0  # of one recording
MIN_SECONDS = 1.6


class FakeCloner:
    """What the site needs of a VoiceCloner.

    fault: an exception that the next speak raises, once.  said: the arguments of every speak.
    """

    device = "cpu"
    sample_rate = 16_000

    def __init__(self):
        self.fault = None
        self.said = []
        self._lock = threading.Lock()

    def listen(self, source: bytes | Path) -> VoiceProfile:
        waveform = load_recording(source, MAX_SECONDS)
        seconds = len(waveform) / 16_000
        if seconds < MIN_SECONDS:
            raise RecordingTooShort(seconds)
        embedding = np.random.default_rng(zlib.crc32(waveform.tobytes())).normal(size=256)
        pitch = np.array([np.log(150 + 20 * embedding[0]), 0.1])
        return VoiceProfile(embedding / np.linalg.norm(embedding), pitch, np.zeros(80), seconds)

    def read(self, text: str, language: str | None = None) -> list:
        if len(text) > MAX_CHARACTERS:
            raise TextTooLong(len(text))
        if not any(character.isalnum() for character in text):
            raise NothingToSay
        return []

    def speak(self, text, profile, language=None, speed=1.0, seed=0) -> np.ndarray:
        """A hum at the voice's pitch, 60 ms a character."""
        self.read(text, language)
        with self._lock:
            fault, self.fault = self.fault, None
            if fault:
                raise fault
            self.said.append({"text": text, "language": language, "speed": speed, "seed": seed})
        time = np.arange(int(len(text) * 0.06 / speed * self.sample_rate)) / self.sample_rate
        return (0.3 * np.sin(2 * np.pi * (np.exp(profile.pitch[0]) + seed) * time)).astype(np.float32)

    def encode(self, waveform: np.ndarray, format: str) -> bytes:
        return encode(waveform, self.sample_rate, format)
