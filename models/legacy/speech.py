"""Run the published networks: retry sentences with attention faults, and keep the networks in use in memory.

Their mel is that of Tembr's networks, so each stage can be replaced on its own.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.audio import MAX_MEL
from models.errors import N_, TembrError
from models.legacy import OWN, SYNTHESIZER, VOCODER, alignment
from models.legacy.library import ModelLibrary
from models.legacy.symbols import characters, symbol_ids
from models.legacy.tacotron import Spoken, Tacotron
from models.text import Sentence
from models.voice_profile import VoiceProfile

MAX_ATTEMPTS = 3  # at a sentence with attention faults, each with another seed
MAX_FRAMES = (60, 12)  # of a sentence, and of each of its characters: twice as long as slow speech
N_SEEDS = 2**62
MAX_LOADED = 2  # imported networks kept in memory
MAX_TOGETHER = 400  # characters in a batch of sentences: about 25 s of speech


class PitchIsFixed(TembrError):
    """The published synthesizer speaks at the pitch it chooses."""

    def __init__(self, name: str):
        super().__init__(N_("The synthesizer %(name)s cannot speak higher or lower."), name=name)


def is_readable(sentence: Sentence) -> bool:
    """Whether the published synthesizer can speak a sentence, which it can in English alone."""
    return set(sentence.languages) == {"en"}


def groups(sentences: Sequence[Sentence], max_characters: int) -> Iterator[list[Sentence]]:
    """Split sentences, in order, into batches of at most max_characters or of one sentence."""
    group: list[Sentence] = []
    for sentence in sentences:
        if group and sum(len(one.words) for one in (*group, sentence)) > max_characters:
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


@torch.inference_mode()
def mels_of(
    network: Tacotron,
    sentences: Sequence[Sentence],
    embedding: Tensor,
    seeds: Sequence[int],
    speed: float = 1.0,
    pauses: float = 1.0,
) -> list[Tensor]:
    """Mels of English sentences, synthesized as one batch.

    A sentence whose attention skips, repeats or does not stop is synthesized again with another seed, and the attempt
    with the fewest faults is taken.  embedding: (256,); seeds: of each sentence; speed, pauses: times the usual.
    Returns (80, frames) of each, within [-4, 4].
    """
    written = [characters(sentence.words, sentence.phones[-1]) for sentence in sentences]
    best: dict[int, tuple[int, Spoken]] = {}  # sentence index -> (faults, best attempt)
    for attempt in range(MAX_ATTEMPTS):
        again = [index for index in range(len(written)) if index not in best or best[index][0]]
        for index, spoken in zip(again, _spoken(network, written, again, embedding, seeds, attempt), strict=True):
            faults = alignment.n_faults(spoken.attention, written[index], spoken.has_stopped, network.config.reduction)
            if index not in best or faults < best[index][0]:
                best[index] = faults, spoken
    return [_finished(network, best[index][1], text, speed, pauses) for index, text in enumerate(written)]


def _spoken(
    network: Tacotron,
    written: Sequence[str],
    indices: Sequence[int],
    embedding: Tensor,
    seeds: Sequence[int],
    attempt: int,
) -> list[Spoken]:
    """One attempt at each of the sentences with those indices."""
    if not indices:
        return []
    texts = [torch.tensor(symbol_ids(written[index]), device=embedding.device) for index in indices]
    limits = [MAX_FRAMES[0] + MAX_FRAMES[1] * len(text) for text in texts]
    return network(texts, embedding, [seeds[index] + attempt for index in indices], limits)


def _finished(network: Tacotron, spoken: Spoken, written: str, speed: float, pauses: float) -> Tensor:
    """The mel of an attempt, cut after its last letter, with its silences shortened, at the given speed."""
    reduction = network.config.reduction
    n_frames = alignment.n_frames_said(spoken.attention, written, spoken.has_stopped, reduction)
    mel = spoken.mel[:, : max(1, n_frames)].clamp(-MAX_MEL, MAX_MEL)
    is_heard = (mel.max(0).values >= network.config.silence).nonzero()
    mel = mel[:, : int(is_heard[-1]) + 1] if len(is_heard) else mel
    mel = alignment.paused(mel, spoken.attention, written, reduction, pauses)
    n_frames = max(1, round(mel.shape[1] / speed))
    return F.interpolate(mel[None], n_frames, mode="linear")[0] if n_frames != mel.shape[1] else mel


class ImportedNetworks:
    """A least recently used cache of imported networks, loaded on demand."""

    def __init__(self, library: ModelLibrary, device: str, limit: int = MAX_LOADED):
        self.library, self.device, self.limit = library, device, limit
        self._loaded: OrderedDict[tuple[str, str], nn.Module] = OrderedDict()

    def mels(
        self,
        name: str,
        sentences: Sequence[Sentence],
        profile: VoiceProfile,
        speed: float,
        pitch: float,
        pauses: float,
        generator: torch.Generator,
    ) -> dict[int, Tensor]:
        """Mels of the sentences that the synthesizer of that name can speak: id(sentence) -> (80, frames).

        Empty if the name is OWN.  Raises UnknownModel, UnreadableWeights, and PitchIsFixed for a pitch but 0.
        """
        readable = [sentence for sentence in sentences if name != OWN and is_readable(sentence)]
        if not readable:
            return {}
        if pitch:
            raise PitchIsFixed(name)
        network, embedding = self.get(SYNTHESIZER, name), torch.from_numpy(profile.embedding).to(self.device)
        seeds = torch.randint(N_SEEDS, (len(readable),), generator=generator).tolist()
        mels = mels_of(network, readable, embedding.float(), seeds, speed, pauses)
        return dict(zip(map(id, readable), mels, strict=True))

    def waveforms(
        self, name: str, mels: Sequence[Tensor], sample_rate: int, generator: torch.Generator
    ) -> list[np.ndarray]:
        """Waveforms of mels by the vocoder of that name, each (samples,) float32 at sample_rate.

        Raises UnknownModel, UnreadableWeights.
        """
        network = self.get(VOCODER, name)
        waveforms = network.speak(mels, int(torch.randint(N_SEEDS, (1,), generator=generator)))
        if network.config.sample_rate == sample_rate:
            return waveforms
        import soxr  # imported here because most runs do not need it

        return [soxr.resample(waveform, network.config.sample_rate, sample_rate) for waveform in waveforms]

    def get(self, kind: str, name: str) -> nn.Module:
        """Load a network, or take it from the cache; not thread-safe.  Raises UnknownModel, UnreadableWeights."""
        network = self._loaded.pop((kind, name), None)
        if network is None:
            while len(self._loaded) >= self.limit:
                self._loaded.popitem(last=False)
            network = self.library.load(kind, name).to(self.device)
        self._loaded[kind, name] = network
        return network
