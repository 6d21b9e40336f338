"""Teaching: how a cloner whose networks are in this process teaches a voice what its recordings hold."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import soxr
import torch

from models import checkpoint, limits, recording
from models.adapter import Adapter, adapted
from models.alignment import align, states_of
from models.audio import SAMPLE_RATE, levelled, speech_mel, trim
from models.clips import Clip, clips_of, rightly_read
from models.learning import Comparison, Learner, Teachers
from models.mel_discriminator import MelDiscriminator, MelDiscriminatorConfig
from models.memory import recent
from models.speaker_classifier import SpeakerClassifier, SpeakerClassifierConfig
from models.synthesizer import Synthesizer
from models.text import read
from models.text.prompts import HELD_BACK, PROMPTS
from models.voice_profile import VoiceProfile

MAX_ADAPTED = 2  # kept of the synthesizer's copies, some 50 MB each
LEARNING = {  # loaded when a voice is learned
    "speaker_classifier": (SpeakerClassifier, SpeakerClassifierConfig),
    "mel_discriminator": (MelDiscriminator, MelDiscriminatorConfig),
}


class Teaching:
    """A part of VoiceCloner, whose networks, folders and lock it uses."""

    can_learn = True

    def adapted(self, adapter: Adapter | None) -> Synthesizer:
        """The synthesizer as a voice changed it; kept for the voices that spoke last.  The caller holds the lock.

        Raises InvalidAdapter.
        """
        if adapter is None or adapter.made_on != self.fingerprint:
            return self.synthesizer
        return recent(self._adapted, adapter.key, MAX_ADAPTED, lambda: adapted(self.synthesizer, adapter))

    @cached_property
    def fingerprint(self) -> str:
        """What tells the synthesizer's weights from all others: what a voice learned goes with these alone."""
        return checkpoint.fingerprint(self.synthesizer)

    def clips(self, source: bytes | Path, text: str | None, language: str | None, profile: VoiceProfile) -> list[Clip]:
        """Cut a recording of a voice into clips that it can be learned from.

        text: what was read in it, if that is known, and language: of what was read.  profile: of the voice.
        Raises as hear does, but for RecordingUnfit.
        """
        waveform = recording.load_recording(source, limits.MAX_RECORDING_SECONDS)
        return list(clips_of(waveform, text, language, self.classifier, self.vocoder.pitch, float(profile.pitch[0])))

    def learner(self, profile: VoiceProfile, clips: list[Clip], path: Path) -> Learner:
        """What tunes a voice's adapter on clips.  path: of its state.  Raises TooLittleSpeech, UnreadableWeights."""
        speakers, discriminator = (
            checkpoint.load(checkpoint.find(f"{name}.safetensors", self.folders), *classes).to(self.device)
            for name, classes in LEARNING.items()
        )
        teachers = Teachers(self.synthesizer, self.classifier, speakers.requires_grad_(False), discriminator)
        sentences = [
            sentence for language in PROMPTS for text in PROMPTS[language] for sentence in read(text, language)
        ]
        return Learner(teachers, profile, rightly_read(clips), sentences, path)

    def compared(self, profile: VoiceProfile, adapter: Adapter) -> Comparison:
        """Compare how sentences are said with and without an adapter."""
        similarity, clarity = {language: [] for language in HELD_BACK}, []
        for used in (None, adapter):
            likelihoods = []
            for language, texts in HELD_BACK.items():
                said = [self.speak(text, profile, language, adapter=used) for text in texts]
                embedding = self.embed(np.concatenate(said), self.sample_rate)
                similarity[language].append(float(embedding @ profile.embedding))
                for text, waveform in zip(texts, said, strict=True):
                    likelihoods.append(self._clarity(waveform, text, language))
            clarity.append(float(np.mean(likelihoods)))
        return Comparison({language: tuple(pair) for language, pair in similarity.items()}, tuple(clarity))

    def _clarity(self, waveform: np.ndarray, text: str, language: str) -> float:
        """The mean log-likelihood of a frame of speech, given its text."""
        samples = levelled(trim(soxr.resample(waveform, self.sample_rate, SAMPLE_RATE)))
        mel = speech_mel(torch.from_numpy(samples)).T.numpy()
        with self._lock:
            return align(self.classifier, mel, states_of(text, language, len(mel))).likelihood
