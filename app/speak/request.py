"""What is asked of the networks: the one list of the knobs of speaking."""

from dataclasses import dataclass, field, fields
from datetime import datetime

from app.db import Speech
from models import FORMATS, PAUSES, PITCH, SPEED, USUAL_KBITS, VoiceProfile


@dataclass(frozen=True)
class RequestedVoice:
    """The voice to speak in.

    id: in the bank, or None for a recording used once, whose profile and consent are kept with the speech.
    choice: how the form names it.
    """

    name: str
    profile: VoiceProfile
    id: int | None = None
    consent_at: datetime | None = field(default=None, compare=False)
    choice: str = field(default="", compare=False)


@dataclass(frozen=True)
class SpeechRequest:
    """A text, a voice, and how to speak it.

    A field that is a column of Speech is kept there, every other one among its knobs: a new one needs no migration.
    """

    text: str
    voice: RequestedVoice
    language: str | None = None  # None: found from the text
    speed: float = SPEED.usual
    pitch: float = PITCH.usual  # semitones above the voice's own
    pauses: float = PAUSES.usual  # times the usual length
    seed: int = 0
    format: str = FORMATS[0]
    kbits: int = USUAL_KBITS  # a second, of mp3 only
    takes: int = 1  # spoken with this seed and those after it; the closest to the voice is kept

    def knobs(self) -> dict:
        """Each field but the voice, by its name."""
        return {name: getattr(self, name) for name in KNOBS}

    def to_row(self) -> Speech:
        """The row to be kept, still without its file and what is measured of it."""
        columns = Speech.__table__.columns
        kept = {name: value for name, value in self.knobs().items() if name != "takes"}
        row = Speech(knobs={name: value for name, value in kept.items() if name not in columns})
        for name in kept.keys() - row.knobs.keys():
            setattr(row, name, kept[name])
        row.voice_id, row.voice_name, row.consent_at = self.voice.id, self.voice.name, self.voice.consent_at
        row.profile = None if self.voice.id else self.voice.profile.to_bytes()
        return row

    @classmethod
    def from_row(cls, row: Speech, voice: RequestedVoice) -> "SpeechRequest":
        """The request that speaks a kept speech again, in that voice."""
        return cls(voice=voice, **knobs_of(row))


KNOBS = tuple(one.name for one in fields(SpeechRequest) if one.name != "voice")


def knobs_of(row: Speech) -> dict:
    """What a kept speech was asked with; what its row does not know is left out."""
    columns = {name: getattr(row, name) for name in KNOBS if name in Speech.__table__.columns}
    return columns | {name: value for name, value in row.knobs.items() if name in KNOBS}
