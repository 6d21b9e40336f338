"""From phones to mel, in a given voice: parallel, with explicit durations, pitch, energy (FastPitch, arXiv:2006.06873).

No attention over the text can lose its way: each phone is given its length, so short text is short and nothing is
repeated.  The only attention is that of the decoder to speech of the voice, models.reference.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from models.audio import SPEECH_MEL
from models.convnext import ConvNeXtBlock
from models.device import in_precision
from models.reference import Memory, Reference, ReferenceAttention, ReferenceEncoder
from models.text.symbols import PHONE_CLASSES

PITCH_UNIT = 0.25  # of log F0: what 1 means in the pitch of a phone, relative to the voice's median
ENERGY_MIDDLE = -2.0  # mean mel of ordinary speech; energy of a phone is its mean mel above this
SEMITONE = math.log(2) / 12  # of log F0
MAX_FRAMES_PER_PHONE = 160  # 2 s
CENTRING = 0.8  # of the distance to the voice's own pitch; a question may stay somewhat higher
RECORDED = 0  # the domain of recorded speech
MAX_EDGE_FRAMES = 6  # 75 ms of silence at a sentence's ends: what is longer in recordings is breath


@dataclass(frozen=True)
class SynthesizerConfig:
    n_symbols: int
    n_languages: int
    n_profile: int
    n_mels: int = SPEECH_MEL.n_mels
    dim: int = 256  # of a phone
    encoder_layers: int = 6
    voice_dim: int = 128
    decoder_dim: int = 384  # of a frame
    decoder_hidden: int = 1152
    decoder_layers: int = 7
    dropout: float = 0.1
    n_domains: int = 4  # how speech came to be; RECORDED when speaking
    speaker_dim: int = 192  # of the speaker verifier's embedding
    reference_dim: int = 192
    reference_layers: int = 3
    heads: int = 4
    head_dim: int = 64
    attended_layers: tuple[int, ...] = (0, 3)  # the decoder's blocks that the reference is attended to before


@dataclass(frozen=True)
class Voice:
    """Who speaks, as the network sees a profile, a reference and a domain.

    embedding: (batch, voice_dim); mean_mel: (batch, n_mels), the profile's; memories: of the attention before each of
    the decoder's attended_layers.
    """

    embedding: Tensor
    mean_mel: Tensor
    memories: tuple[Memory, ...]

    def rows(self, rows: Tensor) -> "Voice":
        """Some voices of the batch, any of them more than once.  rows: (n,)."""
        memories = tuple(Memory(*(part[rows] for part in vars(memory).values())) for memory in self.memories)
        return Voice(self.embedding[rows], self.mean_mel[rows], memories)


@dataclass(frozen=True)
class Prosody:
    """How each phone is said: log durations (of 1 + frames), pitch and energy, each (batch, phones)."""

    log_durations: Tensor
    pitch: Tensor
    energy: Tensor


class ProsodyPredictor(nn.Module):
    """Duration, pitch and energy of each phone from its encoding."""

    def __init__(self, config: SynthesizerConfig):
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvNeXtBlock(config.dim, 2 * config.dim, 5, 0.2, condition_dim=config.voice_dim) for _ in range(3)
        )
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, 3)

    def forward(self, x: Tensor, mask: Tensor, voice: Voice) -> Prosody:
        """x: (batch, phones, dim); mask: (batch, phones, 1)."""
        for block in self.blocks:
            x = block(x, mask, voice.embedding)
        return Prosody(*self.head(self.norm(x)).float().unbind(-1))


class Synthesizer(nn.Module):
    """Phone encoder, prosody predictor and mel decoder."""

    def __init__(self, config: SynthesizerConfig):
        super().__init__()
        self.config = config
        self.precision = torch.float32  # of the decoder's products, whose sums stay in float32
        self.phones = nn.Embedding(config.n_symbols, config.dim)
        self.languages = nn.Embedding(config.n_languages, config.dim)
        self.register_buffer("profile_mean", torch.zeros(config.n_profile))
        self.register_buffer("profile_spread", torch.ones(config.n_profile))
        self.voice = nn.Sequential(
            nn.Linear(config.n_profile, 2 * config.voice_dim),
            nn.GELU(),
            nn.Linear(2 * config.voice_dim, config.voice_dim),
        )
        self.encoder = nn.ModuleList(
            ConvNeXtBlock(config.dim, 4 * config.dim, 5, config.dropout, condition_dim=config.voice_dim)
            for _ in range(config.encoder_layers)
        )
        self.encoder_norm = nn.LayerNorm(config.dim)
        self.prosody = ProsodyPredictor(config)
        self.pitch = nn.Conv1d(1, config.dim, 3, padding=1)
        self.energy = nn.Conv1d(1, config.dim, 3, padding=1)
        self.widen = nn.Linear(config.dim + 2, config.decoder_dim)
        self.decoder = nn.ModuleList(
            ConvNeXtBlock(
                config.decoder_dim, config.decoder_hidden, 7, config.dropout / 2, condition_dim=config.voice_dim
            )
            for _ in range(config.decoder_layers)
        )
        self.domains = nn.Embedding(config.n_domains, config.voice_dim)
        nn.init.zeros_(self.domains.weight)
        self.speaker = nn.Sequential(
            nn.Linear(config.speaker_dim, 2 * config.voice_dim, bias=False),
            nn.GELU(),
            nn.Linear(2 * config.voice_dim, config.voice_dim, bias=False),  # 0 of no speaker
        )
        nn.init.zeros_(self.speaker[-1].weight)
        self.reference = ReferenceEncoder(
            config.n_mels, config.n_symbols, config.reference_dim, config.reference_layers, config.voice_dim
        )
        feature_dim = config.reference_dim + config.n_mels
        self.attention = nn.ModuleDict(
            {
                str(layer): ReferenceAttention(
                    config.n_symbols, feature_dim, config.decoder_dim, config.heads, config.head_dim
                )
                for layer in config.attended_layers
            }
        )
        for attention in self.attention.values():
            attention.look_for(torch.tensor(PHONE_CLASSES))
        self.decoder_norm = nn.LayerNorm(config.decoder_dim)
        self.head = nn.Linear(config.decoder_dim, config.n_mels)

    def condition(self, profiles: Tensor, reference: Reference, domains: Tensor) -> Voice:
        """The voices that profiles and references describe.

        profiles: (batch, n_profile), which end in the mean mel; domains: (batch,), RECORDED or another.
        """
        mean_mel = profiles[:, -self.config.n_mels :]
        relative = replace(reference, mel=(reference.mel - mean_mel[:, None]) * reference.mask)
        features, summary = self.reference(relative)
        embedding = self.voice((profiles - self.profile_mean) / self.profile_spread)
        speaker = self.speaker(math.sqrt(self.config.speaker_dim) * reference.speaker)  # numbers of about 1
        embedding = embedding + summary + speaker + self.domains(domains)
        features = torch.cat([features, relative.mel.to(features.dtype)], dim=-1)
        with in_precision(self.precision, features.device):
            memories = tuple(attention.remember(features, relative) for attention in self.attention.values())
        return Voice(embedding, mean_mel, memories)

    def encode(self, ids: Tensor, languages: Tensor, voice: Voice, mask: Tensor) -> Tensor:
        """ids, languages: (batch, phones); mask: (batch, phones, 1).  Returns (batch, phones, dim)."""
        x = self.phones(ids) + self.languages(languages)
        for block in self.encoder:
            x = block(x, mask, voice.embedding)
        return self.encoder_norm(x)

    def decode(
        self, ids: Tensor, encoded: Tensor, durations: Tensor, pitch: Tensor, energy: Tensor, voice: Voice
    ) -> Tensor:
        """Mels of phones said as asked: the voice's mean mel, and what the network adds to it.

        The mean need not be learned, so that a stranger's voice has its own.
        ids: (batch, phones); encoded: (batch, phones, dim); durations: (batch, phones) whole frames; pitch, energy:
        (batch, phones).  Returns (batch, frames, 80), frames of the longest.
        """
        x = encoded + self.pitch(pitch[:, None]).transpose(1, 2) + self.energy(energy[:, None]).transpose(1, 2)
        x, mask, place = regulate_length(x, durations)
        x = self.widen(x)
        phones = ids.gather(1, place)
        with in_precision(self.precision, x.device):
            memories = dict(zip(self.attention, voice.memories, strict=True))
            for i, block in enumerate(self.decoder):
                if memory := memories.get(str(i)):
                    x = x + self.attention[str(i)](x, phones, memory)
                x = block(x, mask, voice.embedding)
        return self.head(self.decoder_norm(x)).float() + voice.mean_mel[:, None]

    def forward(
        self,
        ids: Tensor,
        languages: Tensor,
        voice: Voice,
        durations: Tensor,
        pitch: Tensor,
        energy: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Prosody]:
        """For training: mels under the recording's own prosody, and the prosody that would have been predicted."""
        encoded = self.encode(ids, languages, voice, mask)
        return self.decode(ids, encoded, durations, pitch, energy, voice), self.prosody(encoded, mask, voice)

    def plan(
        self,
        encoded: Tensor,
        mask: Tensor,
        voice: Voice,
        length_scale: Tensor | float = 1.0,
        noise: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """How phones are going to be said: whole frames, pitch about the voice's own, and energy, each (batch, phones).

        encoded: (batch, phones, dim); mask: (batch, phones, 1); length_scale, noise: see speak; noise: (2, phones) or
        (2, batch, phones).
        """
        predicted, said = self.prosody(encoded, mask, voice), mask[..., 0]
        log_durations, pitch = predicted.log_durations, predicted.pitch
        if noise is not None:
            log_durations, pitch = log_durations + noise[0], pitch + noise[1]
        frames = torch.expm1(log_durations)
        edges = edges_of(said)
        frames = torch.where(edges, frames.clamp(max=MAX_EDGE_FRAMES), frames)
        durations = whole_frames((frames * length_scale).clamp(0, MAX_FRAMES_PER_PHONE)) * said.long()
        return durations, centred(pitch, durations.masked_fill(edges, 0)), predicted.energy

    @torch.inference_mode()
    def speak(
        self,
        ids: Tensor,
        languages: Tensor,
        voice: Voice,
        length_scale: Tensor | float = 1.0,
        semitones: float = 0.0,
        noise: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The mel of one sentence, and how many frames of it each phone lasts.

        ids, languages: (phones,); voice: a batch of one; length_scale: how many times as long as usual, for all phones
        or each, (phones,); semitones: how much higher than usual; noise: (2, phones), added to the predicted log
        durations and pitch.  Returns (80, frames) within [-4, 4] and (phones,).
        """
        mask = torch.ones(1, len(ids), 1, device=ids.device)
        encoded = self.encode(ids[None], languages[None], voice, mask)
        durations, pitch, energy = self.plan(encoded, mask, voice, length_scale, noise)
        pitch = pitch + semitones * SEMITONE / PITCH_UNIT
        mel = self.decode(ids[None], encoded, durations, pitch, energy, voice)[0].T.clamp(-4, 4)
        return mel, durations[0]


def centred(pitch: Tensor, durations: Tensor) -> Tensor:
    """The melody moved so that its mean is nearly the voice's own: a stranger's pitch is known, not to be guessed.

    pitch, durations: (batch, phones), pitch relative to the voice's median, durations 0 of what does not count.
    """
    mean = (pitch * durations).sum(1, keepdim=True) / durations.sum(1, keepdim=True).clamp(min=1)
    return pitch - CENTRING * mean


def edges_of(said: Tensor) -> Tensor:
    """Which phones are the silence at a sentence's ends, (batch, phones).  said: 0 where padded."""
    place = torch.arange(said.shape[1], device=said.device)
    return (place == 0) | (place == said.sum(1, keepdim=True) - 1)


def whole_frames(frames: Tensor) -> Tensor:
    """Durations rounded so that their running sum stays right, each at least 1.  (batch, phones)."""
    ends = (frames.clamp(min=1).cumsum(1) + 0.5).floor()  # round() takes halves to even
    return torch.diff(ends, dim=1, prepend=torch.zeros_like(ends[:, :1])).long()


def regulate_length(x: Tensor, durations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Repeat each phone for its frames, and tell each frame where in its phone it is.

    x: (batch, phones, dim); durations: (batch, phones).  Returns (batch, frames, dim + 2), its mask, and the place of
    each frame's phone, (batch, frames).
    """
    ends = durations.cumsum(1)  # (batch, phones)
    frame = torch.arange(int(ends[:, -1].max()), device=x.device).expand(len(x), -1).contiguous()
    phone = torch.searchsorted(ends, frame, right=True).clamp(max=x.shape[1] - 1)
    length = durations.gather(1, phone).clamp(min=1)
    place = (frame - ends.gather(1, phone) + length + 0.5) / length
    mask = (frame < ends[:, -1:])[..., None]
    frames = x.gather(1, phone[..., None].expand(-1, -1, x.shape[2]))
    frames = torch.cat([frames, place[..., None].to(x.dtype), (length[..., None] / 10).log1p().to(x.dtype)], dim=-1)
    return frames * mask, mask.to(x.dtype), phone
