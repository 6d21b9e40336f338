"""Mels become waveforms of exactly their length."""

import pytest
import torch

from models.vocoder import MAX_MAGNITUDE
from tests.tiny_networks import tiny_vocoder


@pytest.fixture(scope="module")
def vocoder():
    return tiny_vocoder()


def mels(batch: int = 2, frames: int = 30) -> torch.Tensor:
    return 8 * torch.rand(batch, 80, frames, generator=torch.Generator().manual_seed(0)) - 4


@pytest.mark.parametrize("frames", [2, 3, 30, 81])
@torch.inference_mode()
def test_a_waveform_has_200_samples_from_frame_to_frame(vocoder, frames):
    waveforms = vocoder(mels(frames=frames))
    assert waveforms.shape == (2, (frames - 1) * 200)
    assert waveforms.isfinite().all()


@torch.inference_mode()
def test_the_same_mel_gives_the_same_waveform(vocoder):
    assert torch.equal(vocoder(mels()), vocoder(mels()))


@torch.inference_mode()
def test_another_mel_gives_another_waveform(vocoder):
    assert (vocoder(mels()) - vocoder(-mels())).abs().max() > 1e-3


@torch.inference_mode()
def test_items_of_a_batch_do_not_touch(vocoder):
    torch.testing.assert_close(vocoder(mels())[:1], vocoder(mels()[:1]), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_absurd_mels_and_weights_stay_finite():
    vocoder = tiny_vocoder()
    vocoder.head.weight.mul_(1000)
    waveform = vocoder(1000 * mels())
    assert waveform.isfinite().all()
    assert waveform.abs().max() <= MAX_MAGNITUDE * 802


@torch.inference_mode()
def test_a_sound_comes_where_its_frame_is():
    """What is far from frame 50 stays when frame 50 changes: two small blocks see 9 frames on each side."""
    vocoder = tiny_vocoder()
    mel = mels(1, 100)
    changed = mel.clone()
    changed[:, :, 50] = 4
    difference = (vocoder(changed) - vocoder(mel))[0].abs()
    assert difference[9_000:11_000].max() > 1e-5
    assert difference[:5_000].max() < 1e-6
    assert difference[15_000:].max() < 1e-6


def test_gradients_reach_the_first_layer():
    vocoder = tiny_vocoder()
    vocoder(mels()).square().mean().backward()
    gradient = vocoder.embed.weight.grad
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
