"""The vocoder's discriminators tell speech from what is not quite speech, some of them at a time."""

import numpy as np
import torch

from models.losses import feature_loss
from models.mel_discriminator import MelDiscriminator, MelDiscriminatorConfig
from models.training.discriminators import Discriminators
from tests.speech import kathleen


def test_discriminators_know_their_features_again():
    speech = torch.from_numpy(kathleen()[None, 16_000:32_000].copy())
    judges = Discriminators()
    of_speech, of_noisy = judges(speech), judges(speech + 0.05 * torch.randn_like(speech))
    assert feature_loss(of_speech, of_speech) == 0
    assert feature_loss(of_speech, of_noisy) > 0.001


def test_drawn_discriminators_are_some_of_all_and_share_their_weights():
    judges = Discriminators()
    some = judges.drawn(4, np.random.default_rng(0))
    assert len(some.all) == len({id(one) for one in some.all}) == 4
    assert all(any(one is other for other in judges.all) for one in some.all)
    drawn = {frozenset(map(id, judges.drawn(4, np.random.default_rng(seed)).all)) for seed in range(8)}
    assert len(drawn) > 1


def test_conditional_head_depends_on_the_voice_and_the_other_does_not():
    generator = torch.Generator().manual_seed(0)
    mels, voices = torch.randn(2, 40, 80, generator=generator), torch.randn(2, 6, generator=generator)
    discriminator = MelDiscriminator(MelDiscriminatorConfig(6))
    (plain, _), (told, _) = discriminator(mels, voices)
    (same, _), (other, _) = discriminator(mels, voices.roll(1, 0))
    assert torch.equal(plain, same)
    assert (told - other).abs().max() > 1e-4


def test_mismatch_loss_counts_less_the_more_two_voices_are_alike():
    generator = torch.Generator().manual_seed(0)
    mels = torch.randn(2, 40, 80, generator=generator)
    opposite, unknown = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]), torch.zeros(2, 2)
    discriminator = MelDiscriminator(MelDiscriminatorConfig(2))
    _, (mistaken, _) = discriminator(mels, opposite.roll(1, 0))
    torch.testing.assert_close(
        discriminator.mismatch_loss(discriminator(mels, opposite), opposite), mistaken.square().mean()
    )
    alike = torch.ones(2, 2)
    assert discriminator.mismatch_loss(discriminator(mels, alike), alike) < 1e-6
    assert discriminator.mismatch_loss(discriminator(mels, unknown), unknown) == 0
