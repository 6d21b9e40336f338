"""Speaker similarity: of a speech to its voice, and of a voice to the nearest other in the bank."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import LargeBinary, select, type_coerce

from app.db import Speech, Voice, db
from models import LANGUAGES, InvalidVoiceProfile, RecordingTooShort, VoiceProfile, language_of

HEARD_SECONDS = 20.0  # of a speech: its memory stays the same however long it is
NEVER = 2.0  # above any cosine


@dataclass(frozen=True)
class Thresholds:
    """The least cosines of each word."""

    very_alike: float
    alike: float
    somewhat_alike: float


# Recordings of eight people: two halves of one recording 0.86 to 0.96, two people 0.50 to 0.74, on average 0.62.
OF_RECORDINGS = Thresholds(0.875, 0.80, 0.70)
# By language, and whether the voice had been learned; by benchmarks/similarity.py on 235 results in the voices of eight
# strangers, who spoke English.  An independent x-vector took for the same person, of learned voices, in English 56
# of 57, all above 0.80, in Russian 38 of 39 from 0.80 on and 12 of 14 from 0.75 to there; of others, in English, 23 of
# 25 from 0.85 on and 24 of 26 from 0.80 to there, in Russian 26 of 60, and from no cosine on clearly more than half: 17
# of 33 from 0.80, 10 of 21 from 0.825, 3 of 6 from 0.85.
OF_SPEECHES = {
    ("en", False): Thresholds(0.85, 0.80, 0.70),
    ("en", True): Thresholds(0.80, 0.70, 0.60),
    ("ru", False): Thresholds(NEVER, NEVER, 0.75),
    ("ru", True): Thresholds(0.80, 0.75, 0.65),
}


def in_words(similarity: float, thresholds: Thresholds = OF_RECORDINGS) -> str:
    """Return what a cosine means to a listener."""
    if similarity >= thresholds.very_alike:
        return _("very alike")
    if similarity >= thresholds.alike:
        return _("alike")
    return _("somewhat alike") if similarity >= thresholds.somewhat_alike else _("not alike")


def thresholds_of(speech: Speech) -> Thresholds:
    """Return the thresholds of a speech: of the language that it is in, and of whether its voice had been learned."""
    return OF_SPEECHES[language_of(speech.text, speech.language) or LANGUAGES[0], speech.is_learned]


class Heard:
    """The first HEARD_SECONDS of a speech, collected piece by piece."""

    def __init__(self, sample_rate: int):
        self._sample_rate, self._pieces, self._n_left = sample_rate, [], int(HEARD_SECONDS * sample_rate)

    def add(self, waveform: np.ndarray) -> None:
        if self._n_left:
            piece = waveform[: self._n_left].astype(np.float32)
            self._pieces.append(piece)
            self._n_left -= len(piece)

    @cached_property
    def embedding(self) -> np.ndarray | None:
        """Speaker embedding, (256,); None of a speech too short to tell."""
        try:
            return current_app.extensions["cloner"].embed(np.concatenate(self._pieces), self._sample_rate)
        except RecordingTooShort:
            return None


def of(heard: Heard, profile: VoiceProfile) -> float | None:
    """Return the cosine of a speech with a voice; None for a speech too short to tell."""
    return None if heard.embedding is None else float(heard.embedding @ profile.embedding)


def compare(speech: Speech, heard: Heard) -> None:
    """Note in a speech its voice's self-similarity, and the nearest other voice of the bank."""
    voice = db.session.get(Voice, speech.voice_id) if speech.voice_id else None
    speech.own = voice.self_similarity if voice else None
    if heard.embedding is None:
        return
    if other := nearest(heard.embedding, speech.voice_id):
        speech.nearest, speech.nearest_name = other.similarity, other.name


@dataclass(frozen=True)
class Neighbour:
    """A voice of the bank, and the cosine of its embedding with the one asked about, -1..1."""

    id: int
    name: str
    similarity: float


def nearest(embedding: np.ndarray, other_than: int | None = None) -> Neighbour | None:
    """Return the voice of the bank most similar to an embedding; None if the bank has no other.

    embedding: (256,), unit norm.  other_than: the id of a voice that is left out.
    """
    others = {voice_id: other for voice_id, other in _embeddings().items() if voice_id != other_than}
    if not others:
        return None
    similarity = np.stack(list(others.values())) @ embedding
    best = int(similarity.argmax())
    voice_id = list(others)[best]
    name = db.session.scalar(select(Voice.name).where(Voice.id == voice_id))
    return Neighbour(voice_id, name, float(similarity[best])) if name else None  # None: deleted just now


def _embeddings() -> dict[int, np.ndarray]:
    """Return the embedding of every voice by its id.

    Each is kept in memory with the key of its profile, and read again when the key in the database is another one:
    whoever changed the bank, no answer is stale, and no profile is read twice.
    """
    keys = dict(db.session.execute(select(Voice.id, Voice.profile_key)).all())
    known = current_app.extensions.get("embeddings", {})  # id -> (key, embedding)
    kept = {voice_id: known[voice_id] for voice_id, key in keys.items() if known.get(voice_id, ("",))[0] == key}
    kept |= _read(keys.keys() - kept.keys())
    current_app.extensions["embeddings"] = kept
    return {voice_id: embedding for voice_id, (_, embedding) in kept.items() if embedding is not None}


def _read(voice_ids: set[int]) -> dict[int, tuple[str | None, np.ndarray | None]]:
    """Read key and embedding of voices; the embedding is None where the profile is damaged."""
    if not voice_ids:
        return {}
    columns = Voice.id, Voice.profile_key, type_coerce(Voice.profile, LargeBinary)
    rows = db.session.execute(select(*columns).where(Voice.id.in_(voice_ids)))
    return {voice_id: (key, _embedding(voice_id, profile)) for voice_id, key, profile in rows}


def _embedding(voice_id: int, profile: bytes) -> np.ndarray | None:
    try:
        return VoiceProfile.from_bytes(profile).embedding
    except InvalidVoiceProfile:
        current_app.logger.warning("The profile of voice %d cannot be read", voice_id)
        return None
