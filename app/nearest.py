"""Which voice of the bank sounds most like another: by the cosine of their speaker embeddings."""

from dataclasses import dataclass

import numpy as np
from flask import current_app
from sqlalchemy import select

from app.db import Voice, db
from models import InvalidVoiceProfile, VoiceProfile


@dataclass(frozen=True)
class Neighbour:
    """A voice of the bank, and the cosine of its embedding with the one asked about, -1..1."""

    id: int
    name: str
    closeness: float


def nearest(embedding: np.ndarray, other_than: int | None = None) -> Neighbour | None:
    """The voice of the bank closest to an embedding; None when the bank has no other.

    embedding: (256,), unit norm.  other_than: the id of a voice that is left out.
    """
    others = {voice_id: other for voice_id, other in _embeddings().items() if voice_id != other_than}
    if not others:
        return None
    closeness = np.stack(list(others.values())) @ embedding
    best = int(closeness.argmax())
    voice_id = list(others)[best]
    name = db.session.scalar(select(Voice.name).where(Voice.id == voice_id))
    return Neighbour(voice_id, name, float(closeness[best])) if name else None  # None: deleted just now


def _embeddings() -> dict[int, np.ndarray]:
    """The embedding of every voice by its id.

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
    """Key and embedding of voices; no embedding where the profile is damaged."""
    if not voice_ids:
        return {}
    rows = db.session.execute(select(Voice.id, Voice.profile_key, Voice.profile).where(Voice.id.in_(voice_ids)))
    return {voice_id: (key, _embedding(voice_id, profile)) for voice_id, key, profile in rows}


def _embedding(voice_id: int, profile: bytes) -> np.ndarray | None:
    try:
        return VoiceProfile.from_bytes(profile).embedding
    except InvalidVoiceProfile:
        current_app.logger.warning("The profile of voice %d cannot be read", voice_id)
        return None
