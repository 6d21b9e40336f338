"""What a voice adds to the synthesizer: it changes what it names, and nothing of what ships."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from models import checkpoint
from models.adapter import MAX_ADAPTER_BYTES, Adapter, InvalidAdapter, adapted, changes_of, learnable
from tests.tiny_networks import tiny_synthesizer


@pytest.fixture(scope="module")
def network():
    return tiny_synthesizer()


def _moved(network) -> Adapter:
    """An adapter in which everything that can be learned was moved."""
    _, learned = learnable(network, rank=2)
    with torch.no_grad():
        for weight in learned.values():
            weight += 0.1
    return Adapter(changes_of(network, learned), checkpoint.fingerprint(network))


def test_a_learnable_copy_begins_as_the_network_is(network):
    changed, learned = learnable(network)
    frames = torch.randn(1, 9, network.config.decoder_dim)
    assert torch.equal(changed.head(frames), network.head(frames))
    trained = {id(weight) for weight in learned.values()}
    assert {id(weight) for weight in changed.parameters() if weight.requires_grad} == trained


def test_learning_leaves_every_weight_of_the_network_as_it_was(network):
    before = checkpoint.fingerprint(network)
    changed, learned = learnable(network)
    changed.head(changed.decoder_norm(torch.randn(1, 9, network.config.decoder_dim))).square().sum().backward()
    torch.optim.SGD(learned.values(), lr=0.1).step()
    assert checkpoint.fingerprint(network) == before
    assert all(weight.grad is None for weight in network.parameters())


def test_an_adapted_network_is_the_one_that_learned(network):
    changed, learned = learnable(network, rank=2)
    with torch.no_grad():
        for weight in learned.values():
            weight += 0.1
    result = adapted(network, Adapter(changes_of(network, learned)))
    frames = torch.randn(1, 9, network.config.decoder_dim)
    for block, same in zip(changed.decoder, result.decoder, strict=True):
        condition = torch.randn(1, network.config.voice_dim)
        torch.testing.assert_close(
            block(frames, condition=condition), same(frames, condition=condition), atol=2e-3, rtol=1e-2
        )


def test_a_scaled_adapter_goes_a_share_of_the_way(network):
    whole = _moved(network)
    frames = torch.randn(1, 9, network.config.decoder_dim)
    with torch.no_grad():
        said = [adapted(network, whole.scaled(share)).head(frames) for share in (0.0, 0.25, 1.0)]
    torch.testing.assert_close(said[0], network.head(frames))
    torch.testing.assert_close(said[1], said[0] + 0.25 * (said[2] - said[0]), atol=2e-2, rtol=1e-2)


def test_adapting_leaves_the_network_bit_for_bit_as_it_was(network):
    before = checkpoint.fingerprint(network)
    result = adapted(network, _moved(network))
    assert checkpoint.fingerprint(network) == before != checkpoint.fingerprint(result)
    assert result.phones.weight.data_ptr() == network.phones.weight.data_ptr()  # it is shared


def test_an_adapter_comes_back_from_its_bytes(network):
    adapter = _moved(network)
    again = Adapter.from_bytes(adapter.to_bytes(), adapter.made_on)
    assert again.key == adapter.key
    assert all(np.array_equal(again.changes[name], change) for name, change in adapter.changes.items())


def test_an_adapter_of_the_shipped_synthesizer_is_small():
    from models.cloning import WEIGHTS
    from models.synthesizer import Synthesizer, SynthesizerConfig

    shipped = checkpoint.load(WEIGHTS / "synthesizer.safetensors", Synthesizer, SynthesizerConfig)
    _, learned = learnable(shipped)
    assert len(Adapter(changes_of(shipped, learned)).to_bytes()) < MAX_ADAPTER_BYTES


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"no adapter",
        save({"head.bias": np.zeros(80, dtype=np.float32)}),
        save({"head.bias": np.full(80, np.nan, dtype=np.float16)}),
        save({"head.bias": np.zeros(MAX_ADAPTER_BYTES // 2, dtype=np.float16)}),
    ],
    ids=["empty", "not safetensors", "other kind of numbers", "not finite", "too large"],
)
def test_bytes_that_are_no_adapter_are_refused(stored):
    with pytest.raises(InvalidAdapter):
        Adapter.from_bytes(stored, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"head.bias": np.zeros(3)},
        {"phones.weight": np.zeros((3, 3))},
        {"nowhere": np.zeros(3)},
        {"head.weight.down": np.zeros((2, 32))},
        {"head.weight.down": np.zeros((2, 32)), "head.weight.up": np.zeros((80, 3))},
        {"head.weight.down": np.zeros((17, 32)), "head.weight.up": np.zeros((80, 17))},
    ],
    ids=["shape", "not to be changed", "unknown", "half", "ranks", "more than an adapter has"],
)
def test_changes_that_do_not_fit_the_network_are_refused(network, changes):
    with pytest.raises(InvalidAdapter, match="does not fit"):
        adapted(network, Adapter(changes))
