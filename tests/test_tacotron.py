"""The published synthesizer answers as it did in its own code, and each text of a batch as if it were alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.legacy.tacotron import MIN_STOP_FRAME, Tacotron
from tests.rtvc import EXPECTED, TINY_TACOTRON, tiny_tacotron

EMBEDDING = torch.tensor(EXPECTED["syn_embed"])
TEXT = torch.tensor(EXPECTED["syn_chars"])


@pytest.fixture(scope="module")
def network() -> Tacotron:
    return tiny_tacotron()


def with_dropout(network: Tacotron) -> Tacotron:
    lively = Tacotron(replace(TINY_TACOTRON, dropout=0.5)).eval()
    lively.load_state_dict(network.state_dict())
    return lively


def one_that_stops(network: Tacotron) -> Tacotron:
    """A network whose rows stop at once, as soon as they may."""
    eager = tiny_tacotron()
    torch.nn.init.constant_(eager.decoder.stop_proj.bias, 100.0)
    return eager


def test_mel_and_attention_are_those_of_the_published_code(network):
    spoken = network([TEXT], EMBEDDING, [0], [60])[0]
    np.testing.assert_allclose(spoken.mel, EXPECTED["syn_linear"], atol=1e-4)
    np.testing.assert_allclose(spoken.attention, EXPECTED["syn_attention"], atol=1e-4)
    assert not spoken.has_stopped


@pytest.mark.parametrize("dropout", [False, True])
def test_a_text_in_a_batch_is_spoken_as_it_is_alone(network, dropout):
    network = with_dropout(network) if dropout else network
    texts, seeds, limits = [TEXT, TEXT[:5], TEXT[3:14]], [1, 2, 3], [40, 60, 20]
    together = network(texts, EMBEDDING, seeds, limits)
    for spoken, *alone in zip(together, texts, seeds, limits, strict=True):
        text, seed, limit = alone
        expected = network([text], EMBEDDING, [seed], [limit])[0]
        assert spoken.mel.shape == (80, limit)
        np.testing.assert_allclose(spoken.mel, expected.mel, atol=1e-4)
        np.testing.assert_allclose(spoken.attention, expected.attention, atol=1e-4)


def test_nothing_attends_to_padding(network):
    short = network([TEXT, TEXT[:5]], EMBEDDING, [0, 0], [20, 20])[1]
    assert short.attention.shape == (10, 5)
    np.testing.assert_allclose(short.attention.sum(1), 1, atol=1e-5)


def test_a_text_stops_by_itself_once_it_may(network):
    spoken = one_that_stops(network)([TEXT], EMBEDDING, [0], [400])[0]
    assert spoken.has_stopped
    assert spoken.mel.shape[1] == MIN_STOP_FRAME + 2 * TINY_TACOTRON.reduction


def test_the_same_seed_gives_the_same_mel_and_another_another(network):
    lively = with_dropout(network)
    first, again, other = (lively([TEXT], EMBEDDING, [seed], [40])[0].mel for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
