"""The published vocoder answers as it did in its own code, and cutting a mel into folds is not heard."""

import numpy as np
import pytest
import torch

from models.audio import PREEMPHASIS
from models.legacy import wavernn
from models.legacy.wavernn import WaveRNN, de_emphasised, expand_mu_law, fast_dtype, seams_of
from tests.rtvc import EXPECTED, tiny_wavernn


@pytest.fixture(scope="module")
def network() -> WaveRNN:
    return tiny_wavernn()


@pytest.fixture
def exact(monkeypatch):
    """Products of matrices in float32 on every processor."""
    monkeypatch.setattr(wavernn, "fast_dtype", lambda device: torch.float32)


def mel(n_frames: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.randn(80, n_frames, generator=torch.Generator().manual_seed(seed)).clamp(-2, 2)


@torch.inference_mode()
def logits(network: WaveRNN, samples: torch.Tensor, mel: torch.Tensor) -> torch.Tensor:
    return network(samples[None], mel[None])[0]


def test_logits_are_those_of_the_published_code(network):
    answered = logits(network, torch.tensor(EXPECTED["voc_x"]), torch.tensor(EXPECTED["voc_mel"]))
    assert answered.shape == (1000, 512)
    np.testing.assert_allclose(answered[::50], EXPECTED["voc_logits"], atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 61])
def test_a_waveform_is_as_long_as_its_mel_says(network, frames):
    (spoken,) = network.speak([mel(frames)], 0)
    assert spoken.shape == ((frames - 1) * 200,)
    assert spoken.dtype == np.float32


def test_samples_are_drawn_from_the_distribution_that_the_samples_before_them_give(network, exact):
    """Teacher-forced with what was spoken, each sample is the one that the same draw takes."""
    asked, seed = mel(12), 7
    compressed = sampled(network, asked, seed)
    before = torch.cat([torch.zeros(1), compressed[:-1]])
    padded = torch.nn.functional.pad(asked / 4, (2, 2))
    likely = logits(network, before, padded).softmax(-1).cumsum(-1)
    draws = torch.rand(2400, 1, 1, generator=torch.Generator().manual_seed(seed))[:, 0]
    labels = torch.searchsorted(likely, draws).clamp(max=511)[:, 0]
    np.testing.assert_allclose(compressed, 2 * labels / 511 - 1, atol=1e-5)


def sampled(network: WaveRNN, asked: torch.Tensor, seed: int) -> torch.Tensor:
    """The mu-law samples of one fold, (frames * 200,) within [-1, 1]."""
    with torch.inference_mode():
        (samples,) = network._sample(network._folds(asked, []), torch.Generator().manual_seed(seed))
    samples = torch.tensor(samples)
    return (samples.sign() * (1 + 511 * samples.abs()).log() / np.log(512)).float()


def test_mels_side_by_side_are_each_as_long_as_alone_and_pay_for_themselves_alone(network, monkeypatch):
    rows = []
    cell = wavernn.Cell.__call__
    monkeypatch.setattr(wavernn.Cell, "__call__", lambda self, x, h: rows.append(len(x)) or cell(self, x, h))
    spoken = network.speak([mel(50), mel(4), mel(12)], 0)
    assert [len(one) for one in spoken] == [9800, 600, 2200]
    assert sum(rows) / 2 == (50 + 4 + 12) * 200


def test_the_same_seed_gives_the_same_waveform_and_another_another(network):
    first, again, other = (network.speak([mel(6)], seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_folds_are_joined_where_they_belong_at_equal_power(network, monkeypatch):
    """Folds of noise make noise of the same power everywhere: no dip at a seam."""
    noise = np.random.default_rng(0)
    monkeypatch.setattr(
        WaveRNN,
        "_sample",
        lambda self, folds, generator: [noise.standard_normal((fold.shape[1] - 4) * 200) for fold in folds],
    )
    spoken = network.speak([mel(400)], 0)[0].astype(np.float64)
    joined = spoken - PREEMPHASIS * np.append(0, spoken[:-1])
    power = np.square(joined[: 399 * 200]).reshape(399, 200).mean(1)
    assert power.min() > 0.6
    assert power.max() < 1.5
    assert len(seams_of(mel(400))) >= 8


def test_de_emphasis_undoes_pre_emphasis():
    waveform = np.random.default_rng(0).standard_normal(5000)
    emphasised = waveform - PREEMPHASIS * np.append(0, waveform[:-1])
    assert np.abs(de_emphasised(emphasised) - waveform).max() < 1e-12
    assert len(de_emphasised(waveform[:7])) == 7


def test_a_fold_hears_what_the_whole_mel_says_there(network):
    """What a fold is conditioned on is what the uncut mel gives at that place."""
    asked, seams = mel(100), [40, 70]
    with torch.inference_mode():
        whole, said = network.upsample(torch.nn.functional.pad(asked / 4, (2, 2))[None])
        starts = [0, *(seam - wavernn.WARM_UP_FRAMES - wavernn.FADE_FRAMES // 2 for seam in seams)]
        for start, fold in zip(starts, network._folds(asked, seams), strict=True):
            upsampled, heard = network.upsample(fold[None])
            frames = heard.shape[1]
            np.testing.assert_allclose(upsampled[0], whole[0, start * 200 : (start + frames) * 200], atol=1e-5)
            np.testing.assert_allclose(heard[0], said[0, start : start + frames], atol=1e-5)


def test_seams_lie_in_the_quietest_frames_near():
    quiet = torch.zeros(80, 100)
    quiet[:, 44] = -3.0
    assert seams_of(quiet)[0] == 44
    assert seams_of(torch.zeros(80, 45)) == []


def test_mu_law_expands_to_the_whole_range():
    expanded = expand_mu_law(torch.tensor([-1.0, 0.0, 0.5, 1.0]), 512)
    np.testing.assert_allclose(expanded, [-1, 0, (512**0.5 - 1) / 511, 1], atol=1e-6)


def test_fast_products_change_probabilities_by_little(network):
    """In bfloat16 the next sample's distribution stays what it was, within a hundredth."""
    gru1, _, fc1, _, _ = network._layers(torch.bfloat16)
    exact1, _, exact_fc1, _, _ = network._layers(torch.float32)
    x, hidden = torch.randn(6, 32), torch.randn(6, 32).tanh()
    with torch.inference_mode():
        np.testing.assert_allclose(gru1(x, hidden), exact1(x, hidden), atol=0.02)
        cell = torch.gru_cell(x, hidden, *network.rnn1.all_weights[0])
        np.testing.assert_allclose(exact1(x, hidden), cell, atol=1e-5)
    assert fast_dtype(torch.device("cuda")) == torch.float32
