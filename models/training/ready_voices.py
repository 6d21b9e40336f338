"""The bank's first voices, made from corpus speakers whose licences allow it.

    python -m models.training.ready_voices MANIFEST

Writes models/weights/voices: index.json, and for each voice its profile (safetensors) and a sample (mp3).
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models import checkpoint
from models.audio import SAMPLE_RATE
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.speech_file import encode
from models.training.convert_encoder import WEIGHTS as ENCODER_WEIGHTS
from models.training.corpus import Clip, load_clip, pitch_of, read_manifest
from models.voice_profile import profile_of

VOICES = ENCODER_WEIGHTS.parent / "voices"
PROFILE_SECONDS = 30.0
SAMPLE_SECONDS = (3.5, 7.0)


@dataclass(frozen=True)
class ReadyVoice:
    """A voice of the bank and where it comes from."""

    name: str
    speaker: str
    language: str
    origin: str
    licence: str


READY_VOICES = (
    ReadyVoice("Kathleen", "kathleen", "en", "rhasspy/dataset-voice-kathleen", "CC0"),
    ReadyVoice("Allison", "asterisk_en", "en", "Asterisk core sounds, English", "CC BY-SA 3.0"),
    ReadyVoice("Isabella", "kokoro_bf_isabella", "en", "synthetic voice of Kokoro-82M", "Apache-2.0"),
    ReadyVoice("Liam", "kokoro_am_liam", "en", "synthetic voice of Kokoro-82M", "Apache-2.0"),
    ReadyVoice("Lewis", "kokoro_bm_lewis", "en", "synthetic voice of Kokoro-82M", "Apache-2.0"),
    ReadyVoice("Анна", "asterisk_ru", "ru", "Asterisk core sounds, Russian", "CC BY 3.0"),
    ReadyVoice("Николай", "festvox_ru", "ru", "Festvox msu_ru_nsh_clunits (Debian festvox-ru)", "BSD-like"),
)


def make(root: Path, clips: list[Clip], voice: ReadyVoice, encoder: SpeakerEncoder) -> dict[str, str]:
    """Write one voice's files; returns its row of the index."""
    waveforms = [load_clip(root, clip) for clip in clips if clip.speaker == voice.speaker][:40]
    long_enough = [w for w in waveforms if len(w) > 2 * SAMPLE_RATE]
    speech = np.concatenate(long_enough)[: int(PROFILE_SECONDS * SAMPLE_RATE)]
    least, most = (seconds * SAMPLE_RATE for seconds in SAMPLE_SECONDS)
    sample = next(waveform for waveform in long_enough if least < len(waveform) < most)
    stem = voice.speaker
    profile = replace(profile_of(speech, pitch_of(speech), encoder), is_known=True)
    (VOICES / f"{stem}.safetensors").write_bytes(profile.to_bytes())
    (VOICES / f"{stem}.mp3").write_bytes(encode(sample, SAMPLE_RATE, "mp3"))
    return {
        "name": voice.name,
        "language": voice.language,
        "origin": voice.origin,
        "licence": voice.licence,
        "profile": f"{stem}.safetensors",
        "sample": f"{stem}.mp3",
    }


def make_all(manifest: Path) -> None:
    """Write every ready voice and the index."""
    VOICES.mkdir(parents=True, exist_ok=True)
    encoder = checkpoint.load(ENCODER_WEIGHTS, SpeakerEncoder, SpeakerEncoderConfig)
    clips = read_manifest(manifest)
    index = [make(manifest.parent, clips, voice, encoder) for voice in READY_VOICES]
    (VOICES / "index.json").write_text(json.dumps(index, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
