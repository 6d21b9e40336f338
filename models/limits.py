"""Limits of speaking: the one place that networks, forms, API, command line and templates read.

Imports no network, so that the command line can print its help at once.
"""

from typing import NamedTuple


class Range(NamedTuple):
    """Lowest and highest value, the default (usual), and the step of a slider."""

    low: float
    high: float
    usual: float
    step: float


LANGUAGES = ("ru", "en")  # in the order of their embeddings in the synthesizer
MAX_TEXT_CHARACTERS = 20_000  # of one text

SPEED = Range(0.5, 2.0, usual=1.0, step=0.05)  # times the usual
PITCH = Range(-6.0, 6.0, usual=0.0, step=0.5)  # semitones above the voice's own
PAUSES = Range(0.5, 2.0, usual=1.0, step=0.1)  # times as long as usual
MAX_SEED = 2**31 - 1

FORMATS = ("mp3", "wav", "flac", "ogg")  # ogg holds Opus; the first is the default
STREAM_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")  # as OpenAI calls them; opus is what ogg is here
PCM_SAMPLE_RATE = 24_000  # Hz, of pcm: 16 bits, little-endian, mono, without a header
KBITS = (64, 96, 128, 160, 192)  # of an mp3, a second
USUAL_KBITS = 128

MAX_RECORDING_SECONDS = 600.0  # of one recording of a voice
MIN_LEARNED_SECONDS = 6.0  # of clear speech, that a voice can be learned from
