"""Mels become waveforms of exactly their length."""

import math

import numpy as np
import pytest
import soxr
import torch

from models.training.train_high_band import with_high_band
from models.vocoder import MAX_LOG_MAGNITUDE, TOP_HARMONIC, UNVOICED, Vocoder, pulses
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
    torch.testing.assert_close(vocoder(mels())[:1], vocoder(mels()[:1]), atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def test_absurd_mels_and_weights_stay_finite():
    vocoder = tiny_vocoder()
    vocoder.head.weight.mul_(1000)
    waveform = vocoder(1000 * mels())
    assert waveform.isfinite().all()
    assert waveform.abs().max() <= 2 * math.exp(MAX_LOG_MAGNITUDE) * 802


@torch.inference_mode()
def test_a_sound_comes_where_its_frame_is():
    """What is well before frame 50 stays when frame 50 changes; after it, the pulses may come at another time.

    Two small blocks see 9 frames on each side, the estimator of pitch that they read from 14 more.
    """
    vocoder = tiny_vocoder()
    mel = mels(1, 100)
    changed = mel.clone()
    changed[:, :, 50] = 4
    difference = (vocoder(changed) - vocoder(mel))[0].abs()
    assert difference[9_000:11_000].max() > 1e-5
    assert difference[:4_500].max() < 1e-6


def test_gradients_reach_the_first_layer():
    vocoder = tiny_vocoder()
    vocoder(mels()).square().mean().backward()
    gradient = vocoder.embed.weight.grad
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("hertz", [80.0, 123.4, 300.0])
def test_pulses_are_the_sum_of_all_harmonics(hertz):
    f0 = torch.full((1, 21), hertz, dtype=torch.float64)
    turns = torch.arange(1, 4001, dtype=torch.float64) * hertz / 16_000
    harmonics = torch.arange(1, int(TOP_HARMONIC / hertz) + 1)
    wanted = torch.cos(2 * torch.pi * turns * harmonics[:, None]).sum(0)
    torch.testing.assert_close(pulses(f0, 200, 16_000)[0].double(), wanted, atol=0.1, rtol=0.01)


def test_pulses_follow_a_rising_pitch():
    """Their number in a second is the mean F0 of that second."""
    waveform = pulses(torch.linspace(100, 200, 81)[None], 200, 16_000)[0]
    peaks = (waveform[1:-1] > 20) & (waveform[1:-1] > waveform[:-2]) & (waveform[1:-1] >= waveform[2:])
    assert abs(int(peaks.sum()) - 150) <= 1


@torch.inference_mode()
def test_noise_is_as_loud_in_every_bin_and_another_only_in_training():
    vocoder, like = tiny_vocoder().eval(), torch.zeros(1, 40)
    noise = vocoder._noise(like)
    torch.testing.assert_close(noise.abs(), torch.ones_like(noise.abs()))
    torch.testing.assert_close(vocoder._noise(like), noise, atol=0, rtol=0)
    assert abs(noise.mean()) < 0.1  # phases on all sides
    assert not torch.equal(vocoder.train()._noise(like), noise)


@torch.inference_mode()
def test_pulses_are_nearly_silent_where_no_voice_is():
    vocoder = tiny_vocoder()
    stft = vocoder._pulses(torch.full((1, 40), 5.0), torch.zeros(1, 40))
    voiced = vocoder._pulses(torch.full((1, 40), 5.0), torch.ones(1, 40))
    torch.testing.assert_close(stft, UNVOICED * voiced)
    assert float(voiced.abs().max()) == pytest.approx(1, abs=0.3)


def wide_vocoder() -> tuple[Vocoder, Vocoder]:
    """A vocoder of 16 kHz, and the same one with levels above 8 kHz."""
    narrow = tiny_vocoder()
    wide = with_high_band(narrow)
    torch.nn.init.zeros_(wide.high[-1].weight)
    torch.nn.init.constant_(wide.high[-1].bias, -3.0)
    return narrow, wide


@torch.inference_mode()
def test_a_wide_vocoder_gives_300_samples_a_frame_and_the_same_sound_below_8_khz():
    narrow, wide = wide_vocoder()
    assert wide.config.sample_rate == 24_000
    waveform = wide(mels())
    assert waveform.shape == (2, 29 * 300)
    below = soxr.resample(narrow(mels())[0].numpy(), 16_000, 24_000)
    of_both = [np.fft.rfft(part[900:-900] * np.hanning(len(part) - 1_800)) for part in (below, waveform[0].numpy())]
    frequencies = np.fft.rfftfreq(len(below) - 1_800, 1 / 24_000)
    inside = frequencies < 7_000  # where the resampler lets all through
    assert np.abs(of_both[0] - of_both[1])[inside].max() < 0.02 * np.abs(of_both[0]).max()


@torch.inference_mode()
def test_the_high_band_has_the_levels_that_the_network_predicts():
    _, wide = wide_vocoder()
    quiet = rms_above_8_khz(wide(mels()))
    wide.high[-1].bias.add_(math.log(10))
    assert rms_above_8_khz(wide(mels())) == pytest.approx(10 * quiet, rel=0.05)


def rms_above_8_khz(waveforms: torch.Tensor) -> float:
    spectrum = np.fft.rfft(waveforms[0].numpy())
    spectrum[np.fft.rfftfreq(waveforms.shape[1], 1 / 24_000) < 8_200] = 0
    return float(np.fft.irfft(spectrum).std())
