"""How high a voice speaks is found within 2 %, an octave never taken for another."""

from functools import lru_cache

import numpy as np
import pytest
import torch

from models import checkpoint
from models.audio import SAMPLE_RATE, levelled, speech_mel
from models.cloning import WEIGHTS
from models.pitch import MAX_F0, MIN_F0, PitchEstimator, pitch_statistics
from models.vocoder import Vocoder, VocoderConfig
from tests.speech import harmonic_tone, kathleen, silence


@lru_cache(maxsize=1)
def estimator() -> PitchEstimator:
    return checkpoint.load(WEIGHTS / "vocoder.safetensors", Vocoder, VocoderConfig).pitch


def f0_of(waveform: np.ndarray) -> np.ndarray:
    """F0 of each frame in Hz, 0 where unvoiced."""
    return estimator().f0(speech_mel(torch.from_numpy(levelled(waveform).astype(np.float32))))


def statistics(waveform: np.ndarray) -> np.ndarray:
    return pitch_statistics(f0_of(waveform))


def median_hertz(waveform: np.ndarray) -> float:
    return float(np.exp(statistics(waveform)[0]))


@pytest.mark.parametrize("hertz", [80, 110, 165, 220, 330])
def test_pitch_of_a_steady_voice_is_found(hertz):
    assert median_hertz(harmonic_tone(hertz)) == pytest.approx(hertz, rel=0.02)


@pytest.mark.parametrize("hertz", [110, 220])
def test_a_steady_voice_has_no_spread(hertz):
    assert statistics(harmonic_tone(hertz))[1] < 0.01


@pytest.mark.parametrize("hertz", [110, 220])
def test_every_frame_of_a_steady_voice_is_in_its_octave(hertz):
    f0 = f0_of(harmonic_tone(hertz))
    voiced = f0[f0 > 0]
    assert len(voiced) > 150
    assert np.abs(np.log2(voiced / hertz)).max() < 0.1


@pytest.mark.parametrize("hertz", [110, 220])
def test_a_missing_fundamental_does_not_raise_the_pitch_by_an_octave(hertz):
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    fundamental = np.sin(2 * np.pi * hertz * time + 1)
    tone = harmonic_tone(hertz)
    without = tone - np.dot(tone, fundamental) / np.dot(fundamental, fundamental) * fundamental
    assert median_hertz(without.astype(np.float32)) == pytest.approx(hertz, rel=0.02)


def test_noise_20_db_below_the_voice_does_not_move_the_pitch():
    tone = harmonic_tone(110)
    noise = np.random.default_rng(0).normal(0, 0.1 * tone.std(), len(tone)).astype(np.float32)
    assert median_hertz(tone + noise) == pytest.approx(110, rel=0.02)


def test_spread_is_that_of_log_f0():
    low, high = harmonic_tone(110, 2.0), harmonic_tone(220, 2.0)
    assert statistics(np.concatenate([low, high]))[1] == pytest.approx(np.log(2) / 2, rel=0.05)


def test_pitch_does_not_depend_on_level():
    np.testing.assert_allclose(statistics(kathleen() / 4), statistics(kathleen()), atol=0.02)


def test_a_real_woman_speaks_like_a_woman():
    assert 140 < median_hertz(kathleen()) < 260
    assert 0.02 < statistics(kathleen())[1] < 0.5
    f0 = f0_of(kathleen())
    assert MIN_F0 <= f0[f0 > 0].min() <= f0.max() <= MAX_F0


@pytest.mark.parametrize(
    "waveform",
    [silence(0), silence(0.01), silence(2), np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)],
    ids=["empty", "short", "silent", "noise"],
)
def test_what_has_no_voice_gets_the_middle_of_human_voices(waveform):
    assert median_hertz(waveform) == pytest.approx(150)
    assert statistics(waveform)[1] > 0
