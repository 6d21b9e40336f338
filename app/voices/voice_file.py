"""Voice files, NAME.tembr-voice: a profile, its card (name, note, origin ...), optionally a sample and what it learned.

The format is safetensors, which holds no code.  Files are untrusted: only what is listed here is accepted.
"""

import json
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from flask import current_app
from safetensors import SafetensorError
from safetensors.numpy import load, save

from app import storage
from app.db import LearnedVoice, Voice, now, plain_name
from app.voices import recordings
from models import (
    LANGUAGES,
    MAX_ADAPTER_BYTES,
    MAX_PROFILE_BYTES,
    MAX_RECORDING_SECONDS,
    N_,
    SAMPLE_RATE,
    Adapter,
    InvalidAdapter,
    InvalidVoiceProfile,
    Message,
    TembrError,
    VoiceProfile,
    encode,
    load_recording,
)

VERSION, LEARNED_VERSION = "1", "2"  # of a file without and with what the voice learned
SUFFIX = ".tembr-voice"
MAX_SAMPLE_BYTES = 1_000_000
MAX_HEADER_BYTES = 16_384
MAX_BYTES = MAX_SAMPLE_BYTES + MAX_HEADER_BYTES + MAX_PROFILE_BYTES + MAX_ADAPTER_BYTES
SAMPLE_SECONDS = 30.0  # kept of a sample that is too large as it is
MAX_CHARACTERS = {"name": 200, "note": 1000, "origin": 300, "licence": 300}
CALLED = {  # each of these, as a person is told
    "name": N_("name"),
    "note": N_("note"),
    "origin": N_("origin"),
    "licence": N_("licence"),
}
UNUSABLE = N_("This voice cannot be used: %(why)s")
RANGES = {  # what a voice can be, and how it is called; beyond it the numbers are not those of one
    "pitch": ((3.0, 0.0), (8.0, 3.0), N_("pitch")),  # median and spread of log F0
    "mean_mel": (-4.01, 4.01, N_("mean mel")),
    "seconds": (0.1, 1e6, N_("duration")),
}


class InvalidVoiceFile(TembrError):
    """The file is not a voice file, or one of a version that cannot be read."""


@dataclass(frozen=True)
class Learned:
    """What a voice learned, as LearnedVoice keeps it."""

    adapter: bytes
    made_on: str
    is_used: bool
    similarity: dict[str, list[float]]

    @classmethod
    def from_card(cls, adapter: bytes, card: str) -> "Learned":
        """Raises InvalidVoiceFile."""
        try:
            said = json.loads(card)
            similarity = {key: [float(one) for one in said["similarity"][key]] for key in said["similarity"]}
            learned = cls(adapter, str(said["made_on"])[:64], bool(said["is_used"]), similarity)
            if not all(key in LANGUAGES and len(pair) == 2 for key, pair in similarity.items()):
                raise ValueError
            if not np.isfinite([one for pair in similarity.values() for one in pair]).all():
                raise ValueError
            Adapter.from_bytes(adapter, learned.made_on)
        except InvalidAdapter as error:
            raise InvalidVoiceFile(UNUSABLE, why=error.message) from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InvalidVoiceFile(N_("This is not a voice file from Tembr.")) from error
        return learned


@dataclass(frozen=True)
class VoiceFile:
    """The content of a voice file."""

    profile: VoiceProfile
    name: str
    note: str = ""
    language: str | None = None
    origin: str | None = None
    licence: str | None = None
    consent_at: datetime | None = None
    sample: bytes | None = None
    learned: Learned | None = None

    def to_bytes(self) -> bytes:
        tensors = load(self.profile.to_bytes())
        if self.sample is not None:
            tensors["sample"] = np.frombuffer(self.sample, dtype=np.uint8)
        if self.learned is not None:
            tensors["adapter"] = np.frombuffer(self.learned.adapter, dtype=np.uint8)
        version = VERSION if self.learned is None else LEARNED_VERSION
        return save(tensors, {"format": "tembr-voice", "version": version, "made_with": "Tembr"} | self._card())

    def _card(self) -> dict[str, str]:
        """Return the card: those fields that have a value, as strings."""
        card = {name: getattr(self, name) for name in ("name", "note", "language", "origin", "licence")}
        card["consent"] = self.consent_at and self.consent_at.isoformat(timespec="seconds")
        card["seconds"] = f"{self.profile.seconds:.1f}"
        card["hearing"] = self.profile.hearing
        if self.learned is not None:
            said = {name: getattr(self.learned, name) for name in ("made_on", "is_used", "similarity")}
            card["learned"] = json.dumps(said)
        return {name: value for name, value in card.items() if value}

    @classmethod
    def from_bytes(cls, stored: bytes) -> "VoiceFile":
        """Parse a file, and check that its sample decodes.  Raises InvalidVoiceFile."""
        check_size(len(stored))
        card = _card_of(stored)
        profile, sample, adapter = _tensors_of(stored, card.get("hearing", ""))
        words = {name: _clean(card, name) for name in MAX_CHARACTERS}
        language = card.get("language") if card.get("language") in LANGUAGES else None
        _check_sample(sample)
        return cls(
            profile, words["name"], words["note"], language, words["origin"] or None, words["licence"] or None,
            _consent(card), sample, adapter and Learned.from_card(adapter, card.get("learned", "")),
        )  # fmt: skip

    def keep(self, name: str) -> Voice:
        """Add the voice to the bank.  Raises OSError and SQLAlchemyError; then nothing is kept.

        name: one that is free.  The date of consent is the file's, or now.
        """
        voice = Voice(name=name, note=self.note, language=self.language, origin=self.origin, licence=self.licence)
        voice.consent_at = self.consent_at or now()
        if self.learned is not None:
            voice.learned = LearnedVoice(**vars(self.learned))
        return recordings.begin(voice, self.profile, self.sample)


def of(voice: Voice, with_sample: bool = True) -> VoiceFile:
    """Return a voice of the bank as a voice file; without a sample if its recording is missing or unreadable."""
    return VoiceFile(
        voice.profile, voice.name, voice.note, voice.language, voice.origin, voice.licence,
        voice.consent_at, _sample_of(voice) if with_sample else None, _learned_by(voice),
    )  # fmt: skip


def _learned_by(voice: Voice) -> Learned | None:
    row = voice.learned
    return row and Learned(row.adapter, row.made_on, row.is_used, row.similarity)


def file_name(voice: Voice) -> str:
    return storage.title(voice.name) + SUFFIX


def check_size(n_bytes: int) -> None:
    """Raise InvalidVoiceFile for an empty or too large file."""
    if not n_bytes:
        raise InvalidVoiceFile(N_("This file is empty."))
    if n_bytes > MAX_BYTES:
        template = N_("This file is too large: %(size).2f MB. A voice file has at most %(limit).2f MB.")
        raise InvalidVoiceFile(template, size=n_bytes / 1e6, limit=MAX_BYTES / 1e6)


def _sample_of(voice: Voice) -> bytes | None:
    """Return the sample as it is if it is small enough, else its first seconds as mp3, or None."""
    path = storage.path_of(voice)
    if not voice.file_name or not path.is_file():
        return None
    if path.stat().st_size <= MAX_SAMPLE_BYTES:
        return path.read_bytes()
    try:
        waveform = load_recording(path, MAX_RECORDING_SECONDS)
    except ValueError:
        current_app.logger.warning("The sample of voice %d cannot be read", voice.id)
        return None
    return encode(waveform[: int(SAMPLE_SECONDS * SAMPLE_RATE)], SAMPLE_RATE, "mp3")


def _card_of(stored: bytes) -> dict[str, str]:
    """Read the card from the header, whose length is checked first.  Raises InvalidVoiceFile."""
    length = int.from_bytes(stored[:8], "little")
    if len(stored) < 8 or length > MAX_HEADER_BYTES or length > len(stored) - 8:
        raise InvalidVoiceFile(N_("This is not a voice file from Tembr."))
    try:
        card = json.loads(stored[8 : 8 + length].decode()).get("__metadata__") or {}
    except (ValueError, AttributeError, RecursionError) as error:
        raise InvalidVoiceFile(N_("This is not a voice file from Tembr.")) from error
    if not isinstance(card, dict) or card.get("format") != "tembr-voice":
        raise InvalidVoiceFile(N_("This is not a voice file from Tembr."))
    if card.get("version") not in (VERSION, LEARNED_VERSION):
        version = str(card.get("version"))[:20]
        template = N_("This voice file has version %(version)s; this Tembr reads version %(known)s.")
        raise InvalidVoiceFile(template, version=version, known=LEARNED_VERSION)
    return card


def _tensors_of(stored: bytes, hearing: str) -> tuple[VoiceProfile, bytes | None, bytes | None]:
    """Read profile, sample and adapter.  hearing: as in VoiceProfile.

    Only known tensors, of their shapes, with finite numbers in range, are accepted.  Raises InvalidVoiceFile.
    """
    try:
        tensors = load(stored)
        sample, adapter = tensors.pop("sample", None), tensors.pop("adapter", None)
        profile = VoiceProfile.from_bytes(save(tensors, {"hearing": hearing}))
    except (SafetensorError, ValueError, KeyError) as error:
        reason = error.message if isinstance(error, InvalidVoiceProfile) else Message(N_("it is damaged"))
        raise InvalidVoiceFile(UNUSABLE, why=reason) from error
    _check_numbers(profile)
    if sample is not None and (sample.dtype != np.uint8 or sample.ndim != 1 or not 0 < len(sample) <= MAX_SAMPLE_BYTES):
        raise InvalidVoiceFile(UNUSABLE, why=Message(N_("its sample is not audio data")))
    if adapter is not None and (adapter.dtype != np.uint8 or adapter.ndim != 1 or not len(adapter)):
        raise InvalidVoiceFile(UNUSABLE, why=Message(N_("it is damaged")))
    return profile, *(None if part is None else part.tobytes() for part in (sample, adapter))


def _check_numbers(profile: VoiceProfile) -> None:
    if abs(float(np.linalg.norm(profile.embedding.astype(np.float64))) - 1) > 1e-3:
        raise InvalidVoiceFile(UNUSABLE, why=Message(N_("its embedding is not of length 1")))
    for part, (low, high, called) in RANGES.items():
        value = np.asarray(getattr(profile, part))
        if (value < np.asarray(low)).any() or (value > np.asarray(high)).any():
            reason = Message(N_("its %(part)s is outside the range of voices"), {"part": Message(called)})
            raise InvalidVoiceFile(UNUSABLE, why=reason)


def _clean(card: dict[str, str], part: str) -> str:
    """Return a text of the card with single spaces and without invisible characters."""
    text = card.get(part) or ""
    if not isinstance(text, str):
        raise InvalidVoiceFile(N_("This is not a voice file from Tembr."))
    if len(text) > (limit := MAX_CHARACTERS[part]):
        template = N_("The %(part)s in this voice file has %(length)d characters. The limit is %(limit)d.")
        raise InvalidVoiceFile(template, part=Message(CALLED[part]), length=len(text), limit=limit)
    return plain_name("".join(c if unicodedata.category(c)[0] != "C" else " " * c.isspace() for c in text))


def _consent(card: dict[str, str]) -> datetime | None:
    """Return the date of consent in the card, or None."""
    if not card.get("consent"):
        return None
    try:
        at = datetime.fromisoformat(card["consent"])
    except (ValueError, TypeError) as error:
        raise InvalidVoiceFile(N_("The date of the speaker's consent cannot be read.")) from error
    if at.tzinfo or at > now() + timedelta(days=1):
        raise InvalidVoiceFile(N_("The date of the speaker's consent cannot be read."))
    return at


def _check_sample(sample: bytes | None) -> None:
    """Raise InvalidVoiceFile unless the decoder of uploads reads the sample."""
    if sample is None:
        return
    try:
        load_recording(sample, MAX_RECORDING_SECONDS)
    except TembrError as error:
        raise InvalidVoiceFile(N_("The sample in this voice cannot be used: %(why)s"), why=error.message) from error
