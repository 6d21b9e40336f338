"""The synthesizer's recipe: mels, durations, pitch and energy by regression, and a discriminator against smooth mels.

    python -m models.training.train_synthesizer CACHE RUN [--steps 8000] [--adversary-from 4000] [--from FILE]

RUN/synthesizer.state is what a stopped run goes on from, RUN/synthesizer.safetensors what VoiceCloner loads.
With --from a run begins from the state of another, or from weights, with a lower --peak-rate.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from models import checkpoint
from models.limits import LANGUAGES
from models.losses import envelope_loss, feature_loss, prosody_losses, words_loss
from models.mel_discriminator import MelDiscriminator, MelDiscriminatorConfig, adversarial_losses
from models.phone_classifier import PhoneClassifier, PhoneClassifierConfig
from models.reference import Reference
from models.speaker_verifier import SpeakerVerifier, SpeakerVerifierConfig, pieces
from models.synthesizer import Prosody, Synthesizer, SynthesizerConfig, Voice
from models.text.symbols import PHONE_CLASSES, SYMBOLS
from models.training.run import Meter, Run, averaged, descend, device, learning_rate, set_learning_rate
from models.training.utterances import MEAN_MEL, REAL_DOMAINS, Batch, Sampling, Utterances
from models.voice_profile import PROFILE_SIZE

REFERENCE_PARTS = ("reference", "attention", "domains", "speaker")  # of the network: what looks at the reference
HEARD_FRAMES = (100, 200)  # of a reference: from which on its speaker can be told, and all that is heard
VERIFIED_FRAMES = 160  # of a mel, by which its speaker is told
VERIFIED_CLIPS = 8  # of a batch
FEW_SPEAKERS, FEW_SPEAKERS_ODDS = "ru", 3.0  # the language whose texts are said oftener in other voices
FOREIGN_ODDS = 20  # of a voice of the other language, against one of the same


@dataclass(frozen=True)
class SynthesizerRecipe:
    """How to train.  A loss NAME counts NAME_weight."""

    sampling: Sampling = field(default_factory=Sampling)
    peak_rate: float = 1e-3
    reference_rate: float = 4.0  # times the rate, of REFERENCE_PARTS
    betas: tuple[float, float] = (0.9, 0.98)
    profile_noise: float = 0.25  # of the spread of each feature; one voice's recordings differ by as much
    speaker_noise: float = 0.03  # of each of 192 numbers: a cosine of 0.92
    mel_weight: float = 1.0
    envelope_weight: float = 1.0
    duration_weight: float = 0.2
    pitch_weight: float = 0.1
    energy_weight: float = 0.1
    speaker_weight: float = 0.5
    speaker_features_weight: float = 1.0
    strangers_from: int = 2_000  # step
    stranger_share: float = 0.5  # of a batch's texts, said once more in other voices
    stranger_weight: float = 0.5
    words_weight: float = 0.4
    noise_scales: tuple[float, float] = (0.06, 0.2)  # of log durations and pitch, of what strangers say
    adversary_from: int = 4_000  # step
    adversary_alone: int = 0  # steps, the first, in which only the discriminator learns
    adversary_rate: float = 2e-4
    generator_weight: float = 0.15
    features_weight: float = 0.5


@dataclass(frozen=True)
class Critics:
    """Frozen networks that say what is heard in a mel."""

    phones: PhoneClassifier
    speakers: SpeakerVerifier

    @classmethod
    def load(cls, cache: Path, on: torch.device) -> "Critics":
        phones = checkpoint.load(cache / "phone_classifier.safetensors", PhoneClassifier, PhoneClassifierConfig)
        speakers = checkpoint.load(cache / "speaker_verifier.safetensors", SpeakerVerifier, SpeakerVerifierConfig)
        speakers.head.to(memory_format=torch.channels_last)  # 2-D convolutions are faster so
        return cls(*(network.to(on).requires_grad_(False) for network in (phones, speakers)))


def lengths_of(mask: Tensor) -> Tensor:
    """Frames of each mel of a batch, (batch,).  mask: (batch, frames, 1)."""
    return mask.sum((1, 2)).long()


def starts_of(lengths: Tensor) -> Tensor:
    """Where pieces begin, by chance, (batch,)."""
    return (torch.rand_like(lengths, dtype=torch.float) * (lengths - VERIFIED_FRAMES + 1).clamp(min=1)).long()


@torch.no_grad()
def heard_speakers(critics: Critics, batch: Batch) -> Tensor:
    """Embeddings of the speakers of the references, (batch, embedding), 0 where too short to tell."""
    lengths = lengths_of(batch.reference_mask)
    embeddings, _ = critics.speakers(pieces(batch.reference, lengths, HEARD_FRAMES[1]))
    return embeddings * (lengths > HEARD_FRAMES[0])[:, None]


def voices_of(network: Synthesizer, critics: Critics, batch: Batch, heard: Tensor, recipe: SynthesizerRecipe) -> Voice:
    """The voices of a batch, what is known of them blurred, so that no single number is relied on."""
    noise = torch.randn_like(batch.profiles) * network.profile_spread * recipe.profile_noise
    noise[:, MEAN_MEL:] = 0  # it is part of the mel
    speaker = F.normalize(heard + recipe.speaker_noise * torch.randn_like(heard), dim=1) * heard.any(1, keepdim=True)
    mask = batch.reference_mask
    with torch.no_grad():
        content = critics.phones(batch.reference, mask + (mask.sum(1, keepdim=True) == 0))
    return network.condition(batch.profiles + noise, Reference(batch.reference, content, mask, speaker), batch.domains)


def regression(
    network: Synthesizer, critics: Critics, batch: Batch, voice: Voice, heard: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mels of a batch under its own prosody, (batch, frames, 80), and losses by name."""
    mels, prosody = network(batch.ids, batch.languages, voice, batch.durations, batch.pitch, batch.energy, batch.mask)
    wanted = Prosody(torch.log1p(batch.durations.float()), batch.pitch, batch.energy)
    rows = torch.randperm(len(mels), device=mels.device)[:VERIFIED_CLIPS]
    lengths = lengths_of(batch.frame_mask[rows])
    starts = starts_of(lengths)
    with torch.no_grad():
        of_real, real_features = critics.speakers(pieces(batch.mels[rows], lengths, VERIFIED_FRAMES, starts))
    of_fake, fake_features = critics.speakers(pieces(mels[rows], lengths, VERIFIED_FRAMES, starts))
    distance = ((mels - batch.mels).abs() * batch.frame_mask).sum() / batch.frame_mask.sum() / mels.shape[-1]
    losses = {
        "mel": distance,
        "envelope": envelope_loss(mels, batch.mels, batch.durations, batch.mask),
        "speaker": (1 - (of_fake * of_real).sum(1)).mean() + strangeness(of_fake, heard[rows]),
        "speaker_features": feature_loss([(of_real, real_features)], [(of_fake, fake_features)]),
    }
    return mels, losses | prosody_losses(prosody, wanted, batch.mask[..., 0])


def strangeness(of_fake: Tensor, heard: Tensor) -> Tensor:
    """How far embeddings are from those of references, where those are known.  Both (batch, embedding)."""
    return (heard.square().sum(1) - (of_fake * heard).sum(1)).mean()


def strangers(
    network: Synthesizer, critics: Critics, batch: Batch, voice: Voice, heard: Tensor, recipe: SynthesizerRecipe
) -> tuple[tuple[Tensor, Tensor], dict[str, Tensor]]:
    """Some of a batch's texts in other voices of the batch, of the other language where there are such.

    Nothing recorded says how they sound, but whose voice and which words they are can be heard (Meta-StyleSpeech,
    arXiv:2106.03153).  They are said as the network plans it, as when it speaks.  heard: (batch, embedding), of
    heard_speakers.  Returns mels, (texts, frames, 80), 0 where padded, with the embeddings of their voices, and losses
    by name.
    """
    language = batch.languages[:, 0]
    odds = torch.where(language == LANGUAGES.index(FEW_SPEAKERS), FEW_SPEAKERS_ODDS, 1.0)
    texts = torch.multinomial(odds, max(1, round(recipe.stranger_share * len(language))))
    is_foreign = language != language[texts][:, None]  # (texts, batch)
    is_other = torch.arange(len(batch.mels), device=texts.device) != texts[:, None]
    is_heard = heard.any(1)
    rows = torch.multinomial((FOREIGN_ODDS * is_foreign + is_other) * is_heard + 1e-6, 1)[:, 0]
    other = voice.rows(rows)
    ids, mask = batch.ids[texts], batch.mask[texts]
    encoded = network.encode(ids, batch.languages[texts], other, mask)
    noise = torch.stack([scale * torch.randn_like(mask[..., 0]) for scale in recipe.noise_scales])
    with torch.no_grad():
        durations, pitch, energy = network.plan(encoded, mask, other, noise=noise)
    mels = network.decode(ids, encoded, durations, pitch, energy, other)
    frame = torch.arange(mels.shape[1], device=ids.device)
    mask = (frame < durations.sum(1, keepdim=True))[..., None].float()
    mels = mels * mask
    classes = torch.tensor(PHONE_CLASSES, device=ids.device)[ids]
    lengths = lengths_of(mask)
    of_mels, _ = critics.speakers(pieces(mels, lengths, VERIFIED_FRAMES, starts_of(lengths)))
    losses = {
        "stranger": strangeness(of_mels, heard[rows]),
        "words": words_loss(critics.phones(mels, mask), mask, classes, durations),
    }
    return (mels, heard[rows]), losses


def default_config() -> SynthesizerConfig:
    return SynthesizerConfig(len(SYMBOLS), len(LANGUAGES), PROFILE_SIZE)


def new_network(utterances: Utterances, config: SynthesizerConfig) -> Synthesizer:
    """An untrained synthesizer that knows the spread of the corpus's voices."""
    torch.manual_seed(0)
    network = Synthesizer(config)
    network.profile_mean.copy_(torch.from_numpy(utterances.profiles.mean(0)))
    network.profile_spread.copy_(torch.from_numpy(utterances.profiles.std(0) + 1e-2))
    return network


def parameter_groups(network: Synthesizer) -> list[dict]:
    """The parts that look at the reference apart from the others."""
    groups = ([], [])
    for name, parameter in network.named_parameters():
        groups[name.split(".")[0] in REFERENCE_PARTS].append(parameter)
    return [{"params": group} for group in groups]


def train(
    cache: Path,
    run_path: Path,
    last: int,
    recipe: SynthesizerRecipe,
    config: SynthesizerConfig | None = None,
    start: Path | None = None,
) -> Synthesizer:
    """Run the recipe up to step last, from start if it has no state of its own."""
    on = device()
    utterances = Utterances(cache, recipe.sampling)
    critics = Critics.load(cache, on)
    network = new_network(utterances, config or default_config()).to(on)
    discriminator = MelDiscriminator(MelDiscriminatorConfig(critics.speakers.config.embedding)).to(on)
    optimizer = torch.optim.AdamW(parameter_groups(network), betas=recipe.betas, weight_decay=0.01)
    adversary = torch.optim.AdamW(discriminator.parameters(), recipe.adversary_rate, betas=(0.5, 0.9))
    mean = averaged(network)
    learning = {"network": network, "discriminator": discriminator, "averaged": mean}
    run = Run(run_path / "synthesizer.state", learning | {"optimizer": optimizer, "adversary": adversary})
    run.resume(start)
    meter = Meter()
    for step, rng in run.steps(last):
        alone = recipe.adversary_alone
        is_alone = step < alone
        rate = 0.0 if is_alone else learning_rate(step - alone, last - alone, recipe.peak_rate)
        set_learning_rate(optimizer, rate, rate * recipe.reference_rate)
        # as fast as the network, or it wins as the network's rate falls
        set_learning_rate(adversary, recipe.adversary_rate if is_alone else min(rate, recipe.adversary_rate))
        batch = utterances.draw(rng, on)
        with torch.autocast(on.type, torch.bfloat16), torch.set_grad_enabled(not is_alone):
            speakers = heard_speakers(critics, batch)
            voice = voices_of(network, critics, batch, speakers, recipe)
            mels, losses = regression(network, critics, batch, voice, speakers)
            other = None
            if step >= recipe.strangers_from and len(mels) > 1:
                other, asked = strangers(network, critics, batch, voice, speakers, recipe)
                losses |= asked
        is_real = torch.isin(batch.domains, torch.tensor(REAL_DOMAINS, device=on))
        if step >= recipe.adversary_from and is_real.any():
            real, fake = ((part * batch.frame_mask)[is_real] for part in (batch.mels, mels))
            losses |= adversarial_losses(discriminator, adversary, real, fake, speakers[is_real], other)
        loss = sum(getattr(recipe, f"{name}_weight") * loss for name, loss in losses.items() if name != "discriminator")
        if not is_alone:
            descend(loss, optimizer, network, max_norm=1.0)
            mean.update_parameters(network)
        meter.add(step, **losses)
        if (step + 1) % 500 == 0:
            checkpoint.save(run_path / "synthesizer.safetensors", mean.module, steps=step + 1)
    checkpoint.save(run_path / "synthesizer.safetensors", mean.module, steps=run.step)
    return mean.module


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--adversary-from", type=int, default=SynthesizerRecipe.adversary_from)
    parser.add_argument("--peak-rate", type=float, default=SynthesizerRecipe.peak_rate)
    parser.add_argument("--from", type=Path, dest="start")
    arguments = parser.parse_args()
    recipe = SynthesizerRecipe(peak_rate=arguments.peak_rate, adversary_from=arguments.adversary_from)
    train(arguments.cache, arguments.run, arguments.steps, recipe, start=arguments.start)
