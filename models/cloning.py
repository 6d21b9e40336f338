"""VoiceCloner: the whole journey, from a recording and a text to the file of a voice saying it.

The three networks of SV2TTS (arXiv:1806.04558), and two that hear what a voice's reference says, and who says it:

recording --load, trim--> waveform --mel--> voice profile          once, when a voice is added
text --read--> phones --synthesizer(profile)--> mel --vocoder--> waveform --encode--> mp3
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor

from models import checkpoint, limits
from models.adapter import Adapter, merge, read_adapter
from models.audio import (
    ENCODER_MEL,
    MAX_MEL,
    SAMPLE_RATE,
    SPEECH_MEL,
    encoder_mel,
    faded,
    level_gain,
    levelled,
    speech_mel,
    trim,
)
from models.cloner import Cloner, Manner, pause_after, sentence_seed
from models.device import AUTO, CPU, choose, copied_to_cpu, free_memory, in_precision
from models.errors import Message, is_out_of_memory
from models.legacy import ENCODER, IMPORTED, OWN, SYNTHESIZER, VOCODER
from models.legacy.library import ModelLibrary
from models.legacy.speech import MAX_TOGETHER, ImportedNetworks, groups
from models.mel_discriminator import MelDiscriminator, MelDiscriminatorConfig
from models.memory import recent
from models.phone_classifier import PhoneClassifier, PhoneClassifierConfig
from models.pitch import pitch_statistics
from models.practice import Lines
from models.quality import Findings, best_window, examine, spread_starts
from models.reference import Reference
from models.speaker_encoder import PARTIAL_FRAMES, PARTIAL_STEP, SpeakerEncoder, SpeakerEncoderConfig
from models.speaker_verifier import SpeakerVerifier, SpeakerVerifierConfig
from models.synthesizer import RECORDED, SEMITONE, Synthesizer, SynthesizerConfig, Voice
from models.teaching import Teaching
from models.text import Sentence, read
from models.text.prompts import TRIALS
from models.text.symbols import PAUSES, START, WORD_BORDER
from models.vocoder import Vocoder, VocoderConfig
from models.voice_profile import MAX_REFERENCE_FRAMES, VoiceProfile, mean_mel
from models.word_times import SpokenSentence, heard_durations, words_of

WEIGHTS = Path(__file__).parent / "weights"
MEAN_FIT = "mean_fit.safetensors"
MAX_PROFILE_SECONDS = 30.0  # nothing is gained from hearing more of a voice
MAX_PAUSE_SECONDS = 0.3  # kept of each pause in a recording
NOISE_SCALES = (0.03, 0.15)  # of log durations and of pitch, so that another seed is another take
MAX_CORRECTIONS = 64  # kept, 8 kB
MAX_REFERENCES = 16  # kept, up to 1 MB each
MAX_VOICES = 4  # kept, up to 9 MB each
MAX_CORRECTION = 4.0  # semitones; a trial that is further off was misheard
FAR = 2.0  # semitones; a voice that is to move further falls short, and says another trial
SPOKEN_LEVEL_DB = -20.0  # dBFS RMS of what is given out

NETWORKS = {
    "speaker_encoder": (SpeakerEncoder, SpeakerEncoderConfig),
    "phone_classifier": (PhoneClassifier, PhoneClassifierConfig),
    "speaker_verifier": (SpeakerVerifier, SpeakerVerifierConfig),
    "synthesizer": (Synthesizer, SynthesizerConfig),
    "vocoder": (Vocoder, VocoderConfig),
    "mel_discriminator": (MelDiscriminator, MelDiscriminatorConfig),
}


class VoiceCloner(Teaching, Cloner):
    """The networks, loaded once; any number of threads may use it."""

    def __init__(
        self,
        encoder: SpeakerEncoder,
        classifier: PhoneClassifier,
        verifier: SpeakerVerifier,
        synthesizer: Synthesizer,
        vocoder: Vocoder,
        device: str,
        refusal: Message | None = None,
        discriminator: MelDiscriminator | None = None,
    ):
        """refusal: why the device is not the one that was asked for.

        discriminator: without it no voice is fitted or learned: each speaks as the weights are.
        """
        self.encoder, self.classifier, self.verifier = encoder, classifier, verifier
        self.synthesizer, self.vocoder, self.device, self.refusal = synthesizer, vocoder, device, refusal
        self.discriminator, self.sample_rate = discriminator, vocoder.config.sample_rate
        for critic in (classifier, verifier, discriminator):
            if critic:
                critic.requires_grad_(False)
        self.files: list[Path] = []  # that the networks were loaded from
        self.folders: list[Path] = [WEIGHTS]  # where others are looked for
        self.imported = ImportedNetworks(ModelLibrary(WEIGHTS / IMPORTED), device)
        self.in_use = {SYNTHESIZER: OWN, VOCODER: OWN}  # what a request that names none is said by
        self._lock = threading.Lock()  # of the networks alone: one sentence at a time, so memory stays that of one
        self._corrections: dict[tuple[bytes, bytes, str], float] = {}  # by profile, adapter and language
        self._references: dict[bytes, Reference] = {}  # by profile
        self._voices: dict[tuple[bytes, bytes], Voice] = {}  # by profile and adapter
        self._copy: VoiceCloner | None = None  # the same networks, once a GPU's memory was too small
        self._adapted: dict[bytes, Synthesizer] = {}  # by adapter
        self._fitted: dict[bytes, Adapter] = {}  # by profile

    @classmethod
    def load(
        cls,
        weights: Path = WEIGHTS,
        device: str | None = None,
        own: Path | None = None,
        synthesizer: str = "",
        vocoder: str = "",
        precision: str = AUTO,
        mean_fit: bool = True,
    ) -> VoiceCloner:
        """Load the networks of a folder of weights, to the GPU if there is one that computes.

        device, precision: see models.device.choose.
        own: an owner's folder, of which each file comes before that of weights, and which holds imported networks.
        synthesizer, vocoder: what is in use, OWN or the name of an imported one; by default what the owner chose.
        mean_fit: add what fits have in common to the synthesizer, if it is that of which it was made.
        Raises UnreadableWeights, UnknownModel, UnknownDevice.
        """
        chosen = choose(device or AUTO, precision)
        folders = [own, weights] if own else [weights]
        files = [checkpoint.find(f"{name}.safetensors", folders) for name in NETWORKS]
        parts = [checkpoint.load(file, *NETWORKS[file.stem]).to(chosen.name) for file in files]
        *parts, discriminator = parts
        cloner = cls(*parts, chosen.name, chosen.refusal, discriminator)
        cloner.verifier.folded()
        cloner.synthesizer.precision = cloner.vocoder.precision = chosen.precision
        cloner.files, cloner.folders = files, folders
        if mean_fit:
            cloner.add_mean_fit(checkpoint.find(MEAN_FIT, folders))
        if own:
            cloner.use_imported(ModelLibrary(own / IMPORTED), {SYNTHESIZER: synthesizer, VOCODER: vocoder})
        return cloner

    def add_mean_fit(self, path: Path) -> None:
        """Add to the synthesizer what models.training.mean_fit found, if it was for these weights."""
        common = read_adapter(path)
        if common.made_on == checkpoint.fingerprint(self.synthesizer.head):
            merge(self.synthesizer, common)
            self.files = [*self.files, path]

    def use_imported(self, library: ModelLibrary, asked: Mapping[str, str]) -> None:
        """Let requests name imported networks, and use those asked for, by kind, or else those the owner chose.

        Raises UnknownModel, and UnreadableWeights for a damaged encoder.
        """
        self.imported = ImportedNetworks(library, self.device)
        self.in_use = {kind: asked[kind] or library.in_use(kind) for kind in (SYNTHESIZER, VOCODER)}
        for kind, name in self.in_use.items():
            if name != OWN:
                library.find(kind, name)
        encoder = library.in_use(ENCODER)
        if encoder != OWN:
            self.encoder = library.load(ENCODER, encoder).to(self.device)
            self.files = [library.path(ENCODER, encoder), *self.files[1:]]

    def examine(self, waveform: np.ndarray) -> tuple[VoiceProfile | None, Findings]:
        """As hear, of a waveform: (samples,) at 16 kHz, untrimmed.  Return no voice when the findings have faults."""
        speech = trim(waveform, max_pause_seconds=MAX_PAUSE_SECONDS)
        best = best_window(speech, MAX_PROFILE_SECONDS)
        samples = torch.from_numpy(speech * level_gain(speech[best])).to(self.device)
        mel, listened = speech_mel(samples[best]), encoder_mel(samples)
        first, last = best.start // ENCODER_MEL.hop_length, best.stop // ENCODER_MEL.hop_length
        own, spread = self._partials(listened, range(first, last + 1))
        findings = examine(waveform, spread)
        if findings.faults:
            return None, findings
        with self._lock:
            f0 = self.vocoder.pitch.f0(mel)
        profile = VoiceProfile(
            embedding=own.mean(0) / np.linalg.norm(own.mean(0)),
            pitch=pitch_statistics(f0),
            mean_mel=mean_mel(mel.cpu().numpy(), f0),
            seconds=len(samples[best]) / SAMPLE_RATE,
            reference=mel.T[:MAX_REFERENCE_FRAMES].cpu().numpy().astype(np.float16),
        )
        return profile, findings

    @torch.inference_mode()
    def _partials(self, mel: Tensor, window: range) -> tuple[np.ndarray, np.ndarray]:
        """Embed the partial utterances of a window of a mel, and those spread over all of it, each once.

        mel: (frames, 40), 10 ms a frame.  Returns two (partials, 256), unit norm; empty below 1.6 s.
        """
        inside = np.arange(window.start, window.stop - PARTIAL_FRAMES + 1, PARTIAL_STEP)
        if not len(inside):
            return (np.zeros((0, self.encoder.config.embedding), dtype=np.float32),) * 2
        spread = spread_starts(len(mel))
        outside = spread[(spread < window.start) | (spread + PARTIAL_FRAMES > window.stop)]
        starts = np.concatenate([inside, outside])
        partials = torch.stack([mel[start : start + PARTIAL_FRAMES] for start in starts])
        embeddings = self._by_encoder(SpeakerEncoder.forward, partials)
        return embeddings[: len(inside)], embeddings[np.abs(starts - spread[:, None]).argmin(1)]

    @torch.inference_mode()
    def embed(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """Speaker embedding of speech; its cosine with a voice's is their speaker similarity.

        waveform: (samples,); sample_rate: Hz, any.  Returns (256,), unit norm.
        Raises RecordingTooShort below 1.6 s of speech.
        """
        heard = trim(soxr.resample(waveform, sample_rate, SAMPLE_RATE), max_pause_seconds=MAX_PAUSE_SECONDS)
        mel = encoder_mel(torch.from_numpy(levelled(heard)).to(self.device))
        return self._by_encoder(SpeakerEncoder.embed, mel)

    def _by_encoder(self, method: Callable[[SpeakerEncoder, Tensor], Tensor], mel: Tensor) -> np.ndarray:
        """What a method of the encoder makes of a mel; on the CPU when the GPU has no room for it."""
        try:
            with self._lock:
                return method(self.encoder, mel).cpu().numpy()
        except (RuntimeError, MemoryError) as fault:
            if not is_out_of_memory(fault) or self.device == CPU:
                raise
            self._forget(fault)
        return self.on_cpu()._by_encoder(method, mel.cpu())

    def say(
        self,
        sentences: list[Sentence],
        profile: VoiceProfile,
        speed: float = 1.0,
        pitch: float = 0.0,
        pauses: float = 1.0,
        seed: int = 0,
        synthesizer: str = "",
        vocoder: str = "",
        adapter: Adapter | None = None,
    ) -> Iterator[SpokenSentence]:
        """Speak sentences in a voice, one after the other, each with the pause after it and the times of its words.

        speed, pitch, pauses: see limits.SPEED and those after it; beyond a limit, the limit is taken.
        The same seed gives the same take.  synthesizer, vocoder: OWN or names of imported networks; by default those
        in use.  An imported synthesizer leaves sentences in Russian to Tembr's.  adapter: what the voice learned.  One
        that learned nothing, or on other weights, is fitted before its first sentence (models.fitting).
        What a GPU has no room for is said in smaller batches, then on the CPU.
        Raises UnknownModel, UnreadableWeights, PitchIsFixed, InvalidAdapter, and what torch raises when memory ran out
        there, too.
        """
        speed = np.clip(speed, limits.SPEED.low, limits.SPEED.high)
        pitch = np.clip(pitch, limits.PITCH.low, limits.PITCH.high)
        pauses = np.clip(pauses, limits.PAUSES.low, limits.PAUSES.high)
        synthesizer, vocoder = synthesizer or self.in_use[SYNTHESIZER], vocoder or self.in_use[VOCODER]
        manner = Manner(profile, float(speed), float(pitch), float(pauses), seed, synthesizer, vocoder, adapter)
        is_own = synthesizer == vocoder == OWN
        waiting, n_said, networks = deque(groups(sentences, 0 if is_own else MAX_TOGETHER)), 0, self
        while waiting:
            group = waiting.popleft()
            try:
                spoken = networks._spoken(group, n_said, manner)
            except (RuntimeError, MemoryError) as fault:
                if not is_out_of_memory(fault) or (len(group) == 1 and networks.device == CPU):
                    raise
                networks._forget(fault)
                if len(group) > 1:  # two smaller batches
                    waiting.extendleft([group[len(group) // 2 :], group[: len(group) // 2]])
                else:  # the CPU says the rest of this request; the next one tries the GPU again
                    networks = self.on_cpu()
                    waiting.appendleft(group)
                continue
            n_said += len(group)
            for sentence, (said, frames) in zip(group, spoken, strict=True):
                pause = pause_after(sentence, sentence is sentences[-1], float(speed), float(pauses))
                silence = np.zeros(int(pause * self.sample_rate), dtype=np.float32)
                whole = np.concatenate([levelled(faded(said, self.sample_rate), SPOKEN_LEVEL_DB), silence])
                yield SpokenSentence(whole, words_of(sentence, frames, len(said) / self.sample_rate))

    def _spoken(self, group: list[Sentence], n_before: int, manner: Manner) -> list[tuple[np.ndarray, np.ndarray]]:
        """Speak sentences together: of each (samples,), and the frames of its phones.

        n_before: sentences of the text that come before them.
        """
        generator = torch.Generator().manual_seed(sentence_seed(manner.seed, n_before))
        profile, speed, pitch, pauses = manner.profile, manner.speed, manner.pitch, manner.pauses
        with self._lock:
            imported = self.imported.mels(manner.synthesizer, group, profile, speed, pitch, pauses, generator)
            mels, durations = [], []
            for sentence in group:
                if (mel := imported.get(id(sentence))) is not None:
                    frames = self.heard_durations(sentence, mel)
                else:
                    adapter = self.chosen(profile, manner.adapter)
                    height = pitch + self.correction(profile, sentence.language, adapter)
                    mel, frames = self.mel(sentence, profile, speed, height, pauses, generator, adapter)
                mels.append(mel)
                durations.append(frames.cpu().numpy())
            return list(zip(self._waveforms(manner.vocoder, mels, generator), durations, strict=True))

    def _forget(self, fault: BaseException) -> None:
        """Let go of what a request that ran out of memory has made, and of what is kept from one to the next."""
        traceback.clear_frames(fault.__traceback__)
        with self._lock:
            self._references.clear()
            self._voices.clear()
            self._adapted.clear()
        free_memory(self.device)

    def on_cpu(self) -> VoiceCloner:
        """Return the same networks on the CPU in float32, for requests that a GPU has no room for; copied once."""
        with self._lock:
            if not self._copy:
                parts = (self.encoder, self.classifier, self.verifier, self.synthesizer, self.vocoder)
                discriminator = self.discriminator and copied_to_cpu(self.discriminator)
                copy = VoiceCloner(*map(copied_to_cpu, parts), CPU, None, discriminator)
                copy._fitted = self._fitted  # fitted on the GPU, they serve as well
                copy.imported, copy.in_use = ImportedNetworks(self.imported.library, CPU), self.in_use
                self._copy = copy
            return self._copy

    def correction(self, profile: VoiceProfile, language: str, adapter: Adapter | None = None) -> float:
        """Find how many semitones higher a voice must be asked for to come out at its own pitch, by trial sentences.

        An unseen voice else comes out semitones off, above all in the language that few spoke in training.
        Depends on profile, adapter and language alone, and is kept for those used last.  The caller holds the lock.
        """

        def measured() -> float:
            (trial,) = read(TRIALS[language], language)
            height = self._missing(trial, profile, 0.0, adapter)
            return height + self._missing(trial, profile, height, adapter) if abs(height) > FAR else height

        key = *keys_of(profile, adapter), language
        return recent(self._corrections, key, MAX_CORRECTIONS, measured)

    def _missing(self, trial: Sentence, profile: VoiceProfile, height: float, adapter: Adapter | None) -> float:
        """How many semitones a trial that is asked for so much higher is below its voice."""
        said, _ = self.mel(trial, profile, 1.0, height, 1.0, torch.Generator().manual_seed(0), adapter)
        too_low = (profile.pitch[0] - pitch_statistics(self.vocoder.pitch.f0(said))[0]) / SEMITONE
        return float(np.clip(too_low, -MAX_CORRECTION, MAX_CORRECTION))

    @torch.no_grad()
    def reference(self, profile: VoiceProfile) -> Reference:
        """Find what is said where in a profile's reference, and by whom; kept for the profiles used last.

        Old profiles have none: theirs is one frame that is masked.  The caller holds the lock.
        """

        def heard() -> Reference:
            frames = profile.reference if len(profile.reference) else np.zeros((1, SPEECH_MEL.n_mels))
            mel = torch.from_numpy(frames.clip(-MAX_MEL, MAX_MEL).astype(np.float32))[None].to(self.device)
            mask = torch.ones(1, len(frames), 1, device=self.device)
            is_there = len(profile.reference) > 0
            with in_precision(self.synthesizer.precision, mel.device):
                content, speaker = self.classifier(mel, mask), self.verifier.heard(mel)
            return Reference(mel, content.float(), mask * is_there, speaker * is_there)

        return recent(self._references, profile.key, MAX_REFERENCES, heard)

    @torch.no_grad()
    def voice(self, profile: VoiceProfile, adapter: Adapter | None = None) -> Voice:
        """What the synthesizer knows of a voice before it is told what to say; kept for those used last.

        The caller holds the lock.
        """

        def conditioned() -> Voice:
            features = torch.from_numpy(profile.features())[None].to(self.device)
            domain = torch.tensor([RECORDED], device=self.device)
            return self.adapted(adapter).condition(features, self.reference(profile), domain)

        return recent(self._voices, keys_of(profile, adapter), MAX_VOICES, conditioned)

    def mel(
        self,
        sentence: Sentence,
        profile: VoiceProfile,
        speed: float,
        pitch: float,
        pauses: float,
        generator: torch.Generator,
        adapter: Adapter | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Predict a sentence's mel in that voice: the synthesizer's part.  The caller holds the networks' lock.

        speed, pauses: times the usual; pitch: semitones above what the network would say; generator: of the noise.
        Returns (80, frames) within [-4, 4], 12.5 ms a frame, and the frames of START and of each phone.
        """
        lines, phones = Lines.of([sentence], self.device), _phones_of(sentence)
        duration_scales = [(pauses if phone in PAUSES else 1.0) / speed for phone in phones]
        noise = torch.tensor(NOISE_SCALES)[:, None] * torch.randn(2, len(phones), generator=generator)
        scales, noise = torch.tensor(duration_scales).to(self.device), noise.to(self.device)
        voice = self.voice(profile, adapter)
        return self.adapted(adapter).speak(lines.ids[0], lines.languages[0], voice, scales, pitch, noise)

    @torch.inference_mode()
    def heard_durations(self, sentence: Sentence, mel: Tensor) -> Tensor:
        """As mel's durations, of a mel (80, frames) that another network made: heard by the phone classifier.

        The caller holds the networks' lock.
        """
        phones = _phones_of(sentence)
        heard = self.classifier(mel.T[None], torch.ones(1, mel.shape[1], 1, device=mel.device))[0]
        return torch.from_numpy(heard_durations(heard.cpu().numpy(), self.classifier.prior.cpu().numpy(), phones))

    @torch.inference_mode()
    def waveform(self, mel: Tensor) -> np.ndarray:
        """Make sound of a mel (80, frames): the vocoder's part.  Returns (samples,) float32 at sample_rate."""
        return self.vocoder(mel[None])[0].float().cpu().numpy()

    def _waveforms(self, vocoder: str, mels: list[Tensor], generator: torch.Generator) -> list[np.ndarray]:
        """As waveform, of several mels, by Tembr's vocoder or an imported one."""
        if vocoder == OWN:
            return [self.waveform(mel) for mel in mels]
        return self.imported.waveforms(vocoder, mels, self.sample_rate, generator)


def _phones_of(sentence: Sentence) -> list[str]:
    """The phones that take time, in the order of Lines.of."""
    return [START, *(phone for phone in sentence.phones if phone != WORD_BORDER)]


def keys_of(profile: VoiceProfile, adapter: Adapter | None) -> tuple[bytes, bytes]:
    """What tells a profile, and what was learned of it, from all others."""
    return profile.key, adapter.key if adapter else b""
