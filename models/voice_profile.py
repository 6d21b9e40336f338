"""All that Tembr keeps of a voice: speaker embedding, pitch, mean mel, and some seconds of a recording's own mel."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.audio import SPEECH_MEL, encoder_mel, levelled, speech_mel
from models.errors import N_, TembrError
from models.pitch import MIN_VOICED_FRAMES, pitch_statistics
from models.speaker_encoder import SpeakerEncoder

SHAPES = {"embedding": (256,), "pitch": (2,), "mean_mel": (SPEECH_MEL.n_mels,), "seconds": (1,)}
PROFILE_SIZE = sum(int(np.prod(SHAPES[part])) for part in ("embedding", "pitch", "mean_mel"))  # 338
MAX_REFERENCE_FRAMES = 1200  # 15 s
MAX_PROFILE_BYTES = 2 * SPEECH_MEL.n_mels * MAX_REFERENCE_FRAMES + 4096
MAX_REFERRED = 6  # recordings in a reference: less than 2.5 s of each says little
HEARING = "3"  # how recordings are heard; another where the numbers of a profile mean something else
NO_REFERENCE = np.zeros((0, SPEECH_MEL.n_mels), dtype=np.float16)
MIN_MERGED_NORM = 0.01  # embeddings of speech are never opposite: below this they are not of speech


class InvalidVoiceProfile(TembrError):
    """The bytes are not a voice profile."""


@dataclass(frozen=True, eq=False)
class VoiceProfile:
    """embedding: (256,), unit norm; pitch: (2,), median and spread of log F0; mean_mel: (80,), of the voiced frames;
    seconds of speech; hearing: how the recording was heard; reference: (frames, 80) float16, up to 15 s of its mel,
    no frames in a profile that was made before there were references; is_known: the synthesizer was trained on the
    voice, which needs no fitting."""

    embedding: np.ndarray
    pitch: np.ndarray
    mean_mel: np.ndarray
    seconds: float
    hearing: str = HEARING
    reference: np.ndarray = field(default_factory=lambda: NO_REFERENCE)
    is_known: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VoiceProfile) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    @cached_property
    def key(self) -> bytes:
        """What tells it from all others."""
        return hashlib.sha256(self.to_bytes()).digest()

    def features(self) -> np.ndarray:
        """What the synthesizer is conditioned on beside the reference, (338,)."""
        return np.concatenate([self.embedding, self.pitch, self.mean_mel]).astype(np.float32)

    def to_bytes(self) -> bytes:
        parts = {"embedding": self.embedding, "pitch": self.pitch, "mean_mel": self.mean_mel}
        parts["seconds"] = np.array([self.seconds])
        tensors = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in parts.items()}
        if len(self.reference):
            tensors["reference"] = np.ascontiguousarray(self.reference, dtype=np.float16)
        if self.is_known:
            tensors["known"] = np.ones(1, dtype=np.float32)
        return save(tensors, {"hearing": self.hearing})  # two entries would come in any order

    @classmethod
    def from_bytes(cls, stored: bytes) -> "VoiceProfile":
        """The profile that to_bytes wrote.  Raises InvalidVoiceProfile for anything else."""
        if len(stored) > MAX_PROFILE_BYTES:
            template = N_("A voice profile has at most %(limit)d bytes; this has %(size)d.")
            raise InvalidVoiceProfile(template, limit=MAX_PROFILE_BYTES, size=len(stored))
        try:
            parts = load(stored)
        except (SafetensorError, ValueError, KeyError) as error:
            raise InvalidVoiceProfile(N_("This is not a voice profile.")) from error
        reference, is_known = parts.pop("reference", NO_REFERENCE), parts.pop("known", None) is not None
        shapes = {name: part.shape for name, part in parts.items()}
        if shapes != SHAPES or reference.shape[1:] != NO_REFERENCE.shape[1:]:
            raise InvalidVoiceProfile(N_("This voice profile does not have the parts that Tembr expects."))
        kinds = [(part, np.float32) for part in parts.values()] + [(reference, np.float16)]
        if not all(part.dtype == kind and np.isfinite(part).all() for part, kind in kinds):
            raise InvalidVoiceProfile(N_("This voice profile contains numbers that are not finite."))
        seconds, hearing = float(parts["seconds"][0]), _hearing_of(stored)
        return cls(parts["embedding"], parts["pitch"], parts["mean_mel"], seconds, hearing, reference, is_known)


def is_outdated(stored: bytes) -> bool:
    """Whether a stored profile was heard in another way than recordings are heard now; not so of other bytes."""
    try:
        return VoiceProfile.from_bytes(stored).hearing != HEARING
    except InvalidVoiceProfile:
        return False


def _hearing_of(stored: bytes) -> str:
    """How a stored profile was heard; nothing before profiles said so."""
    length = int.from_bytes(stored[:8], "little")
    return json.loads(stored[8 : 8 + length]).get("__metadata__", {}).get("hearing", "")


def merged(profiles: Sequence[VoiceProfile]) -> VoiceProfile:
    """One profile of a voice's several recordings, each counting as much as it holds seconds of speech.

    The embedding is the mean of theirs, at unit norm again; the seconds are their sum; it was heard as the oldest was.
    The reference holds as much of each of the longest recordings as fits.
    Raises InvalidVoiceProfile when there are none, or when their embeddings cancel out.
    """
    if not profiles:
        raise InvalidVoiceProfile(N_("A voice is merged from at least 1 recording; 0 were given."))
    if len(profiles) == 1:
        return profiles[0]
    seconds = np.array([profile.seconds for profile in profiles])
    mean = _weighted([profile.embedding for profile in profiles], seconds)
    norm = np.linalg.norm(mean)
    if not norm > MIN_MERGED_NORM:
        template = N_(
            "These recordings have nothing in common: their mean has length %(norm).4f; at least %(least).2f is needed."
        )
        raise InvalidVoiceProfile(template, norm=norm, least=MIN_MERGED_NORM)
    pitch = _weighted([profile.pitch for profile in profiles], seconds)
    mean_mel = _weighted([profile.mean_mel for profile in profiles], seconds)
    hearing = min(profile.hearing for profile in profiles)
    longest = sorted(profiles, key=lambda profile: -profile.seconds)[:MAX_REFERRED]
    share = MAX_REFERENCE_FRAMES // len(longest)
    reference = np.concatenate([profile.reference[:share] for profile in longest])
    return VoiceProfile((mean / norm).astype(np.float32), pitch, mean_mel, float(seconds.sum()), hearing, reference)


def _weighted(parts: Sequence[np.ndarray], seconds: np.ndarray) -> np.ndarray:
    """The mean of (n,) arrays, each with its weight: (n,) float32."""
    return np.average(np.asarray(parts, dtype=np.float64), axis=0, weights=seconds).astype(np.float32)


@torch.inference_mode()
def profile_of(waveform: np.ndarray, f0: np.ndarray, encoder: SpeakerEncoder) -> VoiceProfile:
    """Describe the speaker of a recording.

    waveform: (samples,) at 16 kHz, trimmed; f0: (frames,) Hz, 0 where unvoiced.
    Raises RecordingTooShort below 1.6 s of speech.
    """
    device = next(encoder.parameters()).device
    samples = torch.from_numpy(levelled(waveform).astype(np.float32)).to(device)
    mel = speech_mel(samples).cpu().numpy()
    return VoiceProfile(
        embedding=encoder.embed(encoder_mel(samples)).cpu().numpy(),
        pitch=pitch_statistics(f0),
        mean_mel=mean_mel(mel, f0),
        seconds=len(waveform) / SPEECH_MEL.sample_rate,
        reference=mel.T[:MAX_REFERENCE_FRAMES].astype(np.float16),
    )


def mean_mel(mel: np.ndarray, f0: np.ndarray) -> np.ndarray:
    """The mean over the voiced frames, where the voice is heard rather than the room: (80,).

    mel: (80, frames); f0: (frames,) Hz, 0 where unvoiced, a frame more or less.  Over all frames, if none is voiced.
    """
    frames = mel.T[: len(f0)]
    voiced = f0[: len(frames)] > 0
    return (frames[voiced] if voiced.sum() >= MIN_VOICED_FRAMES else mel.T).mean(0)
