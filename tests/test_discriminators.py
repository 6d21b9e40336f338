"""The vocoder's discriminators tell speech from what is not quite speech, some of them at a time."""

import numpy as np
import torch

from models.training.discriminators import Discriminators, feature_loss
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
