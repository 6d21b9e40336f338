"""What is asked of the networks: the one list of the knobs of speaking."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING

from models import FORMATS, KBITS, LANGUAGES, MAX_SEED, PAUSES, PITCH, SPEED, USUAL_KBITS, Range

if TYPE_CHECKING:
    from app.db import Speech
    from models import Adapter, Sentence, SpokenSentence, VoiceCloner, VoiceProfile

IN_USE = "tembr, or an imported network; what is in use when not given."


def knob(default: object, about: str, limits: Range | range | Sequence[object] | None = None) -> object:
    """A field that the command line takes too.

    about: in a line.  limits: a Range of numbers, a range of whole ones, or the choices there are.
    """
    return field(default=default, metadata={"about": about, "limits": limits})


@dataclass(frozen=True)
class RequestedVoice:
    """The voice to speak in.

    id: in the bank, or None for a recording used once, whose profile and consent are kept with the speech.
    choice: how the form names it.  adapter: what the voice learned, if anything.
    """

    name: str
    profile: "VoiceProfile"
    id: int | None = None
    consent_at: datetime | None = field(default=None, compare=False)
    choice: str = field(default="", compare=False)
    adapter: "Adapter | None" = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class SpeechRequest:
    """A text, a voice, and how to speak it.

    A field that is a column of Speech is kept there, every other one among its knobs: a new one needs no migration.
    """

    text: str
    voice: RequestedVoice
    language: str | None = knob(None, "Found from the text when not given.", LANGUAGES)
    speed: float = knob(SPEED.usual, "Times the usual.", SPEED)
    pitch: float = knob(PITCH.usual, "Semitones above the voice's own.", PITCH)
    pauses: float = knob(PAUSES.usual, "Times as long as usual.", PAUSES)
    seed: int = knob(0, "Another number gives another take.", range(MAX_SEED + 1))
    format: str = FORMATS[0]
    kbits: int = knob(USUAL_KBITS, "Thousands of bits a second of an .mp3.", KBITS)
    synthesizer: str = knob("", IN_USE)
    vocoder: str = knob("", IN_USE)
    takes: int = 1  # spoken with this seed and those after it; the closest to the voice is kept

    def say(self, cloner: "VoiceCloner", sentences: "list[Sentence]") -> "Iterator[SpokenSentence]":
        """The sentences as they are asked for, one after the other.  Yields and raises what VoiceCloner.say does."""
        profile, manner = self.voice.profile, (self.speed, self.pitch, self.pauses, self.seed)
        return cloner.say(sentences, profile, *manner, self.synthesizer, self.vocoder, self.voice.adapter)

    def knobs(self) -> dict:
        """Return each field but the voice, by its name."""
        return {name: getattr(self, name) for name in KNOBS}

    def to_row(self) -> "Speech":
        """Build the row to be kept, still without its file and what is measured of it."""
        from app.db import Speech  # here: the command line knows the knobs without waiting for a database

        columns = Speech.__table__.columns
        kept = {name: value for name, value in self.knobs().items() if name != "takes"}
        row = Speech(knobs={name: value for name, value in kept.items() if name not in columns})
        for name in kept.keys() - row.knobs.keys():
            setattr(row, name, kept[name])
        row.voice_id, row.voice_name, row.consent_at = self.voice.id, self.voice.name, self.voice.consent_at
        row.profile = None if self.voice.id else self.voice.profile
        return row

    @classmethod
    def from_row(cls, row: "Speech", voice: RequestedVoice) -> "SpeechRequest":
        """Build the request that speaks a kept speech again, in that voice."""
        return cls(voice=voice, **knobs_of(row))


KNOBS = tuple(one.name for one in fields(SpeechRequest) if one.name != "voice")


def knobs_of(row: "Speech") -> dict:
    """Return the knobs that a kept speech was asked with, as far as its row knows them."""
    columns = {name: getattr(row, name) for name in KNOBS if name in row.__table__.columns}
    return columns | {name: value for name, value in row.knobs.items() if name in KNOBS}
