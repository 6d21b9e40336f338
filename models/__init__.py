"""The networks, and what they hear and read.

errors.py             what is refused, each sentence written once
cloning.py            VoiceCloner: the journey from recording and text to speech; start here
recording.py          files to waveforms
speech_file.py        speech to files, sentence by sentence
tags.py               what those files say of themselves
quality.py            what is wrong with a recording, and its best part
audio.py  pitch.py    what the networks hear: mels, level, silence, F0
voice_profile.py      what is kept of a voice
text/                 written text to phones
speaker_encoder.py  synthesizer.py  vocoder.py  convnext.py    the networks
legacy/               the published networks of Real-Time-Voice-Cloning
checkpoint.py         weights on disk
training/             how the weights were made; never loaded by the site
"""

from models.audio import MAX_MEL, SAMPLE_RATE, SPEECH_MEL, speech_mel
from models.checkpoint import UnreadableWeights
from models.cloning import VoiceCloner
from models.errors import Message, TembrError
from models.quality import SAME_VOICE, Figures, Finding, Findings
from models.recording import RecordingSilent, RecordingTooLong, UnreadableAudio, load_recording
from models.speaker_encoder import RecordingTooShort
from models.speech_file import FORMATS, KBITS, SpeechFile, encode, read_tags
from models.tags import says_synthetic, synthetic_tags
from models.text import NothingToSay, TextTooLong, read
from models.voice_profile import InvalidVoiceProfile, VoiceProfile, is_outdated, merged

__all__ = [
    "FORMATS",
    "Figures",
    "Finding",
    "Findings",
    "InvalidVoiceProfile",
    "KBITS",
    "MAX_MEL",
    "Message",
    "NothingToSay",
    "RecordingSilent",
    "RecordingTooLong",
    "RecordingTooShort",
    "SAME_VOICE",
    "SAMPLE_RATE",
    "SPEECH_MEL",
    "SpeechFile",
    "TembrError",
    "TextTooLong",
    "UnreadableAudio",
    "UnreadableWeights",
    "VoiceCloner",
    "VoiceProfile",
    "encode",
    "is_outdated",
    "load_recording",
    "merged",
    "read",
    "read_tags",
    "says_synthetic",
    "speech_mel",
    "synthetic_tags",
]
