"""Learning one voice: an adapter is tuned on its recordings, a step at a time, beside the weights that ship.

Each step hears some clips of the voice, which say how it sounds, and a sentence of either language that was never
recorded (models.practice), so that the voice speaks every language.  A discriminator, which came to know speech with
the synthesizer, keeps mels sharp.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from models.adapter import Adapter, changes_of, learnable
from models.checkpoint import fingerprint
from models.clips import Clip
from models.device import CPU, has_bf16_products
from models.errors import N_, TembrError
from models.limits import MIN_LEARNED_SECONDS
from models.losses import envelope_loss, feature_loss, prosody_losses
from models.mel_discriminator import MelDiscriminator, adversarial_losses
from models.practice import Lines, Teachers, practise
from models.reference import Reference
from models.speaker_verifier import pieces
from models.synthesizer import RECORDED, Prosody, Voice
from models.text import Sentence
from models.voice_profile import VoiceProfile

PIECE_FRAMES = 200  # at most of a clip in a reference
MIN_CLIPS = 2
MUCH_SECONDS = 60.0  # of clear speech; from less, less is learned of its tempo and melody, in fewer steps
SIMILARITY_LOSS = 0.01  # within which two cosines are the same
CLARITY_LOSS = 0.15  # of a log-likelihood, as above


@dataclass(frozen=True)
class Tuning:
    """How a voice is learned.  A loss NAME counts NAME_weight."""

    steps: int = 120
    batch_frames: int = 900
    peak_rate: float = 1e-3
    warmup: int = 20
    average_decay: float = 0.98  # of the running mean of what is learned, a step
    reference_frames: tuple[int, int] = (300, 900)
    mel_weight: float = 1.0
    envelope_weight: float = 1.0
    duration_weight: float = 0.2
    pitch_weight: float = 0.1
    energy_weight: float = 0.1
    speaker_weight: float = 0.5
    speaker_features_weight: float = 1.0
    unheard_weight: float = 0.5
    words_weight: float = 0.6
    adversary_rate: float = 2e-4
    generator_weight: float = 0.15
    features_weight: float = 0.5


class TooLittleSpeech(TembrError):
    """There is not enough speech to learn from."""

    def __init__(self, seconds: float):
        template = N_(
            "To be learned, the voice needs at least %(least).0f s of clear speech, and its recordings have"
            " %(seconds).1f s: add another one."
        )
        if seconds < MIN_LEARNED_SECONDS:
            seconds = min(seconds, MIN_LEARNED_SECONDS - 0.1)  # 5.97 is not yet 6.0
        super().__init__(template, least=MIN_LEARNED_SECONDS, seconds=seconds)


@dataclass(frozen=True)
class Comparison:
    """How a voice is said without and with what it learned.

    similarity: by language, before and after: the mean cosine of the voice's embedding and that of sentences which are
    none of those it practised on.  clarity: before and after, the mean log-likelihood of their phones.
    """

    similarity: dict[str, tuple[float, float]]
    clarity: tuple[float, float]

    @property
    def is_better(self) -> bool:
        """Whether what was learned is to be used: more alike on the whole, in no language less, and as clear."""
        gains = [after - before for before, after in self.similarity.values()]
        is_clear = self.clarity[1] >= self.clarity[0] - CLARITY_LOSS
        return is_clear and float(np.mean(gains)) > 0 and min(gains) > -SIMILARITY_LOSS


class Learner:
    """Tunes the adapter of one voice.  advance() does a step; the state at path is what a stopped one goes on from.

    sentences: read, of both languages, to practise on.  Raises TooLittleSpeech.
    """

    def __init__(
        self,
        teachers: Teachers,
        profile: VoiceProfile,
        clips: Sequence[Clip],
        sentences: Sequence[Sentence],
        path: Path,
        tuning: Tuning | None = None,
    ):
        seconds = sum(clip.seconds for clip in clips)
        if len(clips) < MIN_CLIPS or seconds < MIN_LEARNED_SECONDS:
            raise TooLittleSpeech(seconds)
        self.teachers, self.path, self.tuning = teachers, path, tuning or Tuning()
        share = min(1.0, seconds / MUCH_SECONDS)
        self._prosody_share, self.steps = share, round(self.tuning.steps * (1 + share) / 2)
        self.step, self.made_on = 0, fingerprint(teachers.synthesizer)
        self._device = next(teachers.synthesizer.parameters()).device
        self._clips = [_moved(clip, self._device) for clip in clips]
        self._lines = [Lines.of([sentence], self._device) for sentence in sentences]
        self._profile = torch.from_numpy(profile.features()).to(self._device)
        self._network, self._learned = learnable(teachers.synthesizer)
        self._mean = {name: weight.detach().clone() for name, weight in self._learned.items()}
        self._optimizer = torch.optim.AdamW(self._learned.values(), betas=(0.9, 0.98), weight_decay=0.0)
        self._discriminator = MelDiscriminator(teachers.discriminator.config).to(self._device)
        self._discriminator.load_state_dict(teachers.discriminator.state_dict())
        self._adversary = torch.optim.AdamW(self._discriminator.parameters(), betas=(0.5, 0.9))
        with torch.no_grad():
            masks = [torch.ones(1, len(clip.mel), 1, device=self._device) for clip in self._clips]
            mels = [clip.mel[None] for clip in self._clips]
            self._content = [teachers.phones(mel, mask)[0] for mel, mask in zip(mels, masks, strict=True)]
            heard = torch.cat([teachers.speakers.heard(mel) for mel in mels])
            self._speaker = F.normalize(heard.mean(0, keepdim=True), dim=1)  # (1, embedding)
        if path.exists():
            self._resume()

    @property
    def is_done(self) -> bool:
        return self.step >= self.steps

    def adapter(self) -> Adapter:
        """What is learned by now."""
        return Adapter(changes_of(self.teachers.synthesizer, self._mean), self.made_on)

    def save(self) -> None:
        """Keep the state at path, whole or not at all."""
        partial = self.path.with_suffix(".partial")
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save(
            {"step": self.step, "made_on": self.made_on, "learned": self._learned, "mean": self._mean, **parts}, partial
        )
        partial.replace(self.path)

    def _parts(self) -> dict:
        return {"optimizer": self._optimizer, "discriminator": self._discriminator, "adversary": self._adversary}

    @torch.no_grad()
    def _resume(self) -> None:
        """Take up the state at path; one that is damaged, or of other networks, is removed."""
        try:
            state = torch.load(self.path, map_location=self._device, weights_only=True)
            if state["made_on"] != self.made_on:
                raise ValueError("It is of other networks.")
        except Exception:  # torch raises what it likes of a damaged file
            self.path.unlink(missing_ok=True)
            return
        for name, weight in state["learned"].items():
            self._learned[name].copy_(weight)
            self._mean[name].copy_(state["mean"][name])
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step = state["step"]

    def advance(self) -> dict[str, float]:
        """Do a step; return the losses by name.  The same step is the same again after a resume."""
        rng, generator = np.random.default_rng((0, self.step)), torch.Generator().manual_seed(self.step)
        tuning = self.tuning
        progress = self.step / self.steps
        rate = min(1.0, (self.step + 1) / tuning.warmup) * (0.02 + 0.98 * (1 + np.cos(np.pi * progress)) / 2)
        for optimizer, peak in ((self._optimizer, tuning.peak_rate), (self._adversary, tuning.adversary_rate)):
            for group in optimizer.param_groups:
                group["lr"] = float(rate * peak)
        picked, reference = self._draw(rng)
        is_fast = self._device.type != CPU or has_bf16_products()  # a CPU that only imitates it is slower
        with torch.autocast(self._device.type, torch.bfloat16, enabled=is_fast):
            of_one = self._network.condition(
                self._profile[None], reference, torch.tensor([RECORDED], device=self._device)
            )
            losses, mels, real, mask = self._recorded(picked, of_one)
            line = self._lines[rng.integers(len(self._lines))]
            unheard, of_unheard = practise(self._network, self.teachers, line, of_one, self._speaker, generator)
        losses |= of_unheard
        told = self._speaker.expand(len(real), -1)
        losses |= adversarial_losses(
            self._discriminator, self._adversary, real, mels * mask, told, (unheard, self._speaker)
        )
        loss = sum(getattr(tuning, f"{name}_weight") * loss for name, loss in losses.items() if name != "discriminator")
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._learned.values(), 1.0)
        self._optimizer.step()
        self.step += 1
        decay = min(tuning.average_decay, self.step / (9 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self._mean.values()), list(self._learned.values()), 1 - decay)
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _draw(self, rng: np.random.Generator) -> tuple[list[Clip], Reference]:
        """Clips to hear, and a reference from the others."""
        picked, pieces, frames = [], [], 0
        wanted = int(rng.integers(*self.tuning.reference_frames))
        for i in rng.permutation(len(self._clips)):
            length = len(self._clips[i].mel)
            is_spare = len(picked) < len(self._clips) - 1  # one is left to refer to
            if not picked or (is_spare and not pieces and frames + length <= self.tuning.batch_frames):
                picked.append(self._clips[i])
                frames += length
            elif wanted > 0:
                taken = min(length, wanted, PIECE_FRAMES)
                first = int(rng.integers(length - taken + 1))
                part = slice(first, first + taken)
                pieces.append((self._clips[i].mel[part], self._content[i][part]))
                wanted -= taken
        mel, content = (torch.cat(parts)[None] for parts in zip(*pieces, strict=True))
        return picked, Reference(mel, content, torch.ones_like(mel[..., :1]), self._speaker)

    def _recorded(self, clips: list[Clip], of_one: Voice) -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor]:
        """Losses by name of clips under their own prosody, their mels as said and as recorded, and the frame mask."""
        ids, languages, durations, pitch, energy, real = (
            pad_sequence([getattr(clip, part) for clip in clips], batch_first=True)
            for part in ("ids", "languages", "durations", "pitch", "energy", "mel")
        )
        mask, frame_mask = (
            pad_sequence([torch.ones(len(getattr(clip, part)), 1) for clip in clips], batch_first=True).to(ids.device)
            for part in ("ids", "mel")
        )
        voice = of_one.rows(torch.zeros(len(clips), dtype=torch.long, device=ids.device))
        mels, prosody = self._network(ids, languages, voice, durations, pitch, energy, mask)
        lengths = durations.sum(1)
        with torch.no_grad():
            of_real, real_features = self.teachers.speakers(pieces(real, lengths, real.shape[1]))
        of_fake, fake_features = self.teachers.speakers(pieces(mels, lengths, real.shape[1]))
        losses = {
            "mel": ((mels - real).abs() * frame_mask).sum() / frame_mask.sum() / mels.shape[-1],
            "envelope": envelope_loss(mels, real, durations, mask),
            "speaker": (2 - (of_fake * of_real).sum(1) - (of_fake * self._speaker).sum(1)).mean(),
            "speaker_features": feature_loss([(of_real, real_features)], [(of_fake, fake_features)]),
        }
        wanted = Prosody(torch.log1p(durations.float()), pitch, energy)
        for name, loss in prosody_losses(prosody, wanted, mask[..., 0]).items():
            losses[name] = self._prosody_share * loss
        return losses, mels, real, frame_mask


def _moved(clip: Clip, device: torch.device) -> Clip:
    parts = ("mel", "ids", "languages", "durations", "pitch", "energy")
    return replace(clip, **{part: getattr(clip, part).to(device) for part in parts})
