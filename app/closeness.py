"""How alike a speech sounds to the voice it was asked in, and which other voice of the bank comes nearest."""

import numpy as np
import soxr
from flask import current_app
from flask_babel import gettext as _

from app.db import Speech, Voice, db
from app.nearest import nearest
from models import RecordingSilent, RecordingTooShort, VoiceProfile

HEARD_SECONDS = 20.0  # of a speech: its memory stays the same however long it is
SAMPLE_RATE = 16_000  # Hz, of what the speaker encoder hears

# Measured with the weights that ship on 15 voices and a sentence in each language: a speech and its own voice 0.63 to
# 0.92, median 0.76; the nearest of 14 others 0.59 to 0.74, median 0.68.
# Recordings of eight people: two halves of one recording 0.86 to 0.96, two people 0.50 to 0.74, on average 0.62.
VERY_ALIKE = 0.85  # as one person's recordings are
ALIKE = 0.75  # more than any two people were
SOMEWHAT_ALIKE = 0.65  # more than most two people were


def in_words(closeness: float) -> str:
    """What a cosine means to a listener."""
    if closeness >= VERY_ALIKE:
        return _("very alike")
    if closeness >= ALIKE:
        return _("alike")
    return _("somewhat alike") if closeness >= SOMEWHAT_ALIKE else _("not alike")


class Heard:
    """The first seconds of a speech, collected piece by piece."""

    def __init__(self, sample_rate: int):
        self._sample_rate, self._pieces, self._n_left = sample_rate, [], int(HEARD_SECONDS * sample_rate)

    def add(self, waveform: np.ndarray) -> None:
        if self._n_left:
            piece = waveform[: self._n_left].astype(np.float32)
            self._pieces.append(piece)
            self._n_left -= len(piece)

    def waveform(self) -> np.ndarray:
        """(samples,) float32 at SAMPLE_RATE."""
        return soxr.resample(np.concatenate(self._pieces), self._sample_rate, SAMPLE_RATE)


def of(waveform: np.ndarray, profile: VoiceProfile) -> float | None:
    """Cosine of a speech with a voice; None for a speech too short to tell.  waveform: as Heard gives it."""
    try:
        return current_app.extensions["cloner"].closeness(waveform, profile)
    except (RecordingTooShort, RecordingSilent):
        return None


def compare(speech: Speech, waveform: np.ndarray) -> None:
    """Note in a speech what its voice scores with itself, and the other voice of the bank that it is nearest to."""
    voice = db.session.get(Voice, speech.voice_id) if speech.voice_id else None
    speech.own = voice.self_closeness if voice else None
    if speech.closeness is None:
        return
    cloner = current_app.extensions["cloner"]
    other = nearest(cloner.listen(cloner.encode(waveform, "wav")).embedding, speech.voice_id)
    if other:
        speech.nearest, speech.nearest_name = other.closeness, other.name
