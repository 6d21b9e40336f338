"""Practice: sentences that a voice was never recorded saying.

Whose voice it is and which words they are can be heard all the same, so a voice comes to every language, whatever it
was recorded in (Meta-StyleSpeech, arXiv:2106.03153).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.limits import LANGUAGES
from models.losses import words_loss
from models.mel_discriminator import MelDiscriminator
from models.phone_classifier import PhoneClassifier
from models.speaker_verifier import MAX_FRAMES, MIN_FRAMES, SpeakerVerifier, pieces
from models.synthesizer import Synthesizer, Voice
from models.text import Sentence
from models.text.symbols import PHONE_CLASSES, START, WORD_BORDER, phone_ids
from models.timbre import Timbre

NOISE_SCALES = (0.06, 0.2)  # of log durations and pitch


@dataclass(frozen=True)
class Teachers:
    """The networks that a voice is fitted or learned with, all frozen; a copy of the discriminator learns along."""

    synthesizer: Synthesizer
    phones: PhoneClassifier
    speakers: SpeakerVerifier
    discriminator: MelDiscriminator


@dataclass(frozen=True)
class Lines:
    """Sentences as the synthesizer takes them.  ids, languages: (lines, phones); mask: (lines, phones, 1)."""

    ids: Tensor
    languages: Tensor
    mask: Tensor

    @classmethod
    def of(cls, sentences: Sequence[Sentence], device: torch.device | str) -> "Lines":
        ids, languages = [], []
        for sentence in sentences:
            phones = zip(sentence.phones, sentence.languages, strict=True)
            spoken = [phone for phone in phones if phone[0] != WORD_BORDER]
            ids.append(torch.tensor(phone_ids([START, *(phone for phone, _ in spoken)])))
            languages.append(torch.tensor([LANGUAGES.index(language) for _, language in (spoken[0], *spoken)]))
        masks = [torch.ones(len(row), 1) for row in ids]
        return cls(*(pad_sequence(rows, batch_first=True).to(device) for rows in (ids, languages, masks)))


def practise(
    network: Synthesizer,
    teachers: Teachers,
    lines: Lines,
    voice: Voice,
    speaker: Tensor,
    generator: torch.Generator,
    piece_frames: int = 0,
    enough: float = 1.0,
    timbre: Timbre | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Say lines in a voice, as the network plans it; return mels, (lines, frames, 80), and losses by name.

    voice: of one; speaker: the verifier's embedding of it, (1, embedding); generator: of the noise on the prosody, and
    of the places of the pieces of piece_frames that are said of the lines; all of a line if it has no more, or for 0.
    enough: the cosine with it that is asked for; timbre: of the voice's recording, if that is asked for, too.
    """
    ids, mask, device = lines.ids, lines.mask, lines.ids.device
    voice = voice.rows(torch.zeros(len(ids), dtype=torch.long, device=device))
    encoded = network.encode(ids, lines.languages, voice, mask)
    with torch.no_grad():
        noise = torch.tensor(NOISE_SCALES)[:, None, None] * torch.randn(2, *ids.shape, generator=generator)
        durations, pitch, energy = network.plan(encoded, mask, voice, noise=noise.to(device))
        durations = _piece(durations, piece_frames, generator) if piece_frames else durations
    mels = network.decode(ids, encoded, durations, pitch, energy, voice)
    lengths = durations.sum(1)
    frame_mask = (torch.arange(mels.shape[1], device=device) < lengths[:, None])[..., None].float()
    mels = mels * frame_mask
    classes = torch.tensor(PHONE_CLASSES, device=device)[ids]
    heard, features = teachers.speakers(pieces(mels, lengths, min(max(mels.shape[1], MIN_FRAMES), MAX_FRAMES)))
    losses = {
        "unheard": (enough - (heard * speaker).sum(1)).clamp(min=0).mean(),
        "words": words_loss(teachers.phones(mels, frame_mask), frame_mask, classes, durations),
    }
    return mels, losses | ({"timbre": timbre.loss(features)} if timbre else {})


def _piece(durations: Tensor, frames: int, generator: torch.Generator) -> Tensor:
    """Durations, (lines, phones), of a piece of so many frames of each, in which phones outside it have none."""
    ends = durations.cumsum(1)
    spare = (ends[:, -1:] - frames).clamp(min=0)
    first = (torch.rand(len(durations), 1, generator=generator).to(ends.device) * (spare + 1)).long()
    return ends.clamp(first, first + frames) - (ends - durations).clamp(first, first + frames)
