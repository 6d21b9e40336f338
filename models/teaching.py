"""Teaching: how a cloner whose networks are in this process teaches a voice what its recordings hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soxr
import torch

from models import checkpoint, limits, recording
from models.adapter import Adapter, adapted
from models.alignment import align, states_of
from models.audio import SAMPLE_RATE, levelled, speech_mel, trim
from models.clips import Clip, clips_of, rightly_read
from models.fitting import Fitting, fit
from models.learning import Comparison, Learner
from models.memory import recent
from models.practice import Lines, Teachers
from models.synthesizer import Synthesizer
from models.text import Sentence, read
from models.text.prompts import HELD_BACK, PROMPTS
from models.voice_profile import VoiceProfile

MAX_ADAPTED = 16  # kept of the synthesizer's copies, some 4 MB each
MAX_FITTED = 32  # kept, 1 MB each


class Teaching:
    """A part of VoiceCloner, whose networks, folders and lock it uses."""

    can_learn = True

    def chosen(self, profile: VoiceProfile, adapter: Adapter | None) -> Adapter | None:
        """What a voice speaks with: what it learned, or what it was fitted by if it learned nothing.

        None for a voice without a reference or one that the synthesizer knows, and of a cloner without a discriminator.
        What was made on other weights counts as nothing.  The caller holds the lock.
        """
        if adapter and adapter.made_on == self.fingerprint:
            return adapter
        if not len(profile.reference) or profile.is_known or not self.discriminator:
            return None
        return recent(self._fitted, profile.key, MAX_FITTED, lambda: self.fitted(profile))

    def fitted(self, profile: VoiceProfile, fitting: Fitting = Fitting()) -> Adapter:  # noqa: B008 (frozen)
        """Fit the synthesizer to a voice that has a reference.  The caller holds the lock."""
        lines = [Lines.of(sentences, self.device) for sentences in practised(fitting.steps)]
        reference, voice = self.reference(profile), self.voice(profile)
        with torch.enable_grad():
            return fit(self.teachers, voice, reference, lines, self.fingerprint, fitting)

    @property
    def teachers(self) -> Teachers:
        return Teachers(self.synthesizer, self.classifier, self.verifier, self.discriminator)

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
        """What tunes a voice's adapter on clips.  path: of its state.  Raises TooLittleSpeech."""
        sentences = [
            sentence for language in PROMPTS for text in PROMPTS[language] for sentence in read(text, language)
        ]
        return Learner(self.teachers, profile, rightly_read(clips), sentences, path)

    def learned(self, source: Path, profile: VoiceProfile, told: Callable[[Learner], None]) -> Adapter | None:
        """Learn a voice of one recording, whose text is not known, at once; return None if that made it no better.

        told: called after each step.  Raises as clips and learner do.
        """
        with TemporaryDirectory() as folder:
            learner = self.learner(profile, self.clips(source, None, None, profile), Path(folder) / "learner.state")
            while not learner.is_done:
                learner.advance()
                told(learner)
        adapter = learner.adapter()
        return adapter if self.compared(profile, adapter).is_better else None

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


@cache
def practised(count: int) -> list[tuple[Sentence, ...]]:
    """The sentences that voices are fitted on: one in each language for each step."""
    read_in = [[read(text, language)[0] for text in PROMPTS[language][:count]] for language in PROMPTS]
    return list(zip(*read_in, strict=True))
