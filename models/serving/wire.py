"""What goes between a site and a replica: values as JSON and arrays, together in one safetensors file.

Nothing of it is pickle: what a stranger sends can be wrong, but runs nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.adapter import InvalidAdapter
from models.checkpoint import UnreadableWeights
from models.errors import Message, TembrError, is_out_of_memory
from models.legacy.library import UnknownModel
from models.legacy.speech import PitchIsFixed
from models.quality import Figures, Findings, judge
from models.speaker_encoder import RecordingTooShort
from models.text import Sentence
from models.text.tokens import Token
from models.voice_profile import InvalidVoiceProfile, VoiceProfile
from models.word_times import SpokenSentence, Word

VALUES = "values"
FAULTS = {one.__name__: one for one in (
    InvalidAdapter, InvalidVoiceProfile, PitchIsFixed, RecordingTooShort, UnknownModel, UnreadableWeights,
)}  # fmt: skip


class InvalidMessage(ValueError):
    """The bytes are no message of this version."""


def pack(values: Mapping[str, object], **arrays: np.ndarray) -> bytes:
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, {VALUES: json.dumps(values)})


def unpack(message: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """What was packed.  Raises InvalidMessage."""
    try:
        arrays = load(message)
        length = int.from_bytes(message[:8], "little")
        values = json.loads(json.loads(message[8 : 8 + length])["__metadata__"][VALUES])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InvalidMessage(str(error)) from None
    return values, {name: array if array.flags.writeable else array.copy() for name, array in arrays.items()}


def pack_profile(profile: VoiceProfile) -> np.ndarray:
    return np.frombuffer(profile.to_bytes(), dtype=np.uint8)


def unpack_profile(packed: np.ndarray) -> VoiceProfile:
    """Raises InvalidVoiceProfile."""
    return VoiceProfile.from_bytes(packed.tobytes())


def pack_sentence(sentence: Sentence) -> dict:
    return asdict(sentence)


def unpack_sentence(values: dict) -> Sentence:
    """Raises TypeError, KeyError for other values."""
    tokens = tuple(Token(**token) for token in values["tokens"])
    return Sentence(**values | {name: tuple(values[name]) for name in ("phones", "languages")} | {"tokens": tokens})


def pack_spoken(spoken: SpokenSentence) -> bytes:
    return pack({"words": [asdict(word) for word in spoken.words]}, waveform=spoken.waveform)


def unpack_spoken(values: dict, arrays: dict[str, np.ndarray]) -> SpokenSentence:
    return SpokenSentence(arrays["waveform"], tuple(Word(**word) for word in values["words"]))


def pack_findings(findings: Findings) -> dict:
    """The figures and the best part; what they mean is judged again at the other end."""
    return {"figures": asdict(findings.figures), "best": [int(findings.best.start), int(findings.best.stop)]}


def unpack_findings(values: dict) -> Findings:
    figures = Figures(**values["figures"])
    return Findings(figures, slice(*values["best"]), tuple(judge(figures)))


def pack_fault(fault: Exception) -> dict:
    """An error of the networks; of one that is none of FAULTS its words alone."""
    kind = type(fault).__name__
    if kind in FAULTS:
        return {"fault": kind, "message": _plain(fault.message)}
    return {"fault": "MemoryError" if is_out_of_memory(fault) else "RuntimeError", "message": f"{kind}: {fault}"}


def unpack_fault(values: dict) -> Exception:
    kind, message = values.get("fault"), values.get("message")
    if kind in FAULTS and isinstance(message, dict):
        told = _message(message)
        fault = FAULTS[kind].__new__(FAULTS[kind])
        TembrError.__init__(fault, told.template, **told.values)
        return fault
    return (MemoryError if kind == "MemoryError" else RuntimeError)(str(message))


def _plain(message: Message) -> dict:
    values = {name: _plain(one) if isinstance(one, Message) else one for name, one in message.values.items()}
    return {"template": message.template, "values": values}


def _message(plain: dict) -> Message:
    template = plain["template"] if isinstance(plain["template"], str) else tuple(plain["template"])
    return Message(template, {k: _message(v) if isinstance(v, dict) else v for k, v in plain["values"].items()})
