"""The networks, the signal processing and the reading of text around them.

cloning.py            VoiceCloner: the journey from recording and text to speech; start here
cloner.py             what VoiceCloner and its stand-in for remote networks share
teaching.py           how VoiceCloner teaches a voice: fitting.py before it speaks, learning.py from its recordings
practice.py  timbre.py  losses.py  mel_discriminator.py    what both go by
adapter.py  clips.py  alignment.py    what a voice changes of the synthesizer, and the pieces of its recordings
limits.py             limits: speed, pitch, pauses, formats, languages, lengths
errors.py             errors with a message for the user
recording.py          files to waveforms
speech_file.py        speech to files, sentence by sentence
tags.py               the tags of those files
quality.py            what is wrong with a recording, and its best part
audio.py  pitch.py    signal processing: mels, level, silence, F0
device.py             GPU or CPU, and the precision;  memory.py  what is kept of what was used last
voice_profile.py      what is kept of a voice
word_times.py         when each word of a text is said
text/                 written text to phones
speaker_encoder.py  synthesizer.py  vocoder.py  convnext.py    the networks of SV2TTS
speaker_verifier.py  phone_classifier.py  reference.py  who speaks in a voice's recording and what is said there
serving/              the networks on other machines
legacy/               the published networks of Real-Time-Voice-Cloning
checkpoint.py         weights on disk
training/             how the weights were made; never loaded by the site

The site imports every name from here.  A module is loaded when one of its names is first used, so that limits, errors
and texts are available without torch.
"""

from importlib import import_module

_NAMES = {
    "adapter": ("MAX_ADAPTER_BYTES", "Adapter", "InvalidAdapter"),
    "audio": ("MAX_MEL", "SAMPLE_RATE", "SPEECH_MEL", "speech_mel"),
    "checkpoint": ("UnreadableWeights",),
    "cloning": ("VoiceCloner",),
    "device": ("UnknownDevice",),
    "errors": ("Message", "N_", "NN_", "TembrError", "is_out_of_memory"),
    "learning": ("Comparison", "Learner", "TooLittleSpeech"),
    "legacy": ("IMPORTED", "KINDS", "OWN"),
    "legacy.library": ("ImportedModel", "InvalidModelName", "ModelLibrary", "UnknownModel"),
    "legacy.published": ("UnusableModelFile",),
    "legacy.speech": ("PitchIsFixed",),
    "limits": (
        "FORMATS", "KBITS", "LANGUAGES", "MAX_RECORDING_SECONDS", "MAX_SEED", "MAX_TEXT_CHARACTERS",
        "MIN_LEARNED_SECONDS", "PAUSES", "PCM_SAMPLE_RATE", "PITCH", "Range", "SPEED", "STREAM_FORMATS", "USUAL_KBITS",
    ),
    "memory": ("give_back_memory",),
    "quality": ("SAME_VOICE", "Figures", "Finding", "Findings", "RecordingUnfit"),
    "recording": ("RecordingSilent", "RecordingTooLong", "UnreadableAudio", "load_recording"),
    "serving.remote": ("NetworksUnreachable", "RemoteCloner", "WrongReplica"),
    "serving.replica": ("Replica",),
    "speaker_encoder": ("RecordingTooShort",),
    "speech_file": ("SpeechFile", "UnknownFormat", "encode", "read_tags"),
    "tags": ("says_synthetic", "synthetic_tags"),
    "text.prompts": ("PROMPTS", "TRIALS"),
    "text": ("NothingToSay", "Sentence", "TextTooLong", "language_of", "read"),
    "word_times": ("SpokenSentence", "Word"),
    "voice_profile": ("MAX_PROFILE_BYTES", "InvalidVoiceProfile", "VoiceProfile", "is_outdated", "merged"),
}  # fmt: skip
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [*_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
