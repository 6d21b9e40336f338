"""How high a voice speaks is found within 2 %, an octave never taken for another."""

import numpy as np
import pytest

from models.audio import SAMPLE_RATE
from models.pitch import MAX_F0, MIN_F0, pitch_statistics, voiced_f0
from tests.speech import harmonic_tone, kathleen, silence


def median_hertz(waveform: np.ndarray) -> float:
    return float(np.exp(pitch_statistics(waveform)[0]))


@pytest.mark.parametrize("hertz", [80, 110, 165, 220, 330])
def test_pitch_of_a_steady_voice_is_found(hertz):
    assert median_hertz(harmonic_tone(hertz)) == pytest.approx(hertz, rel=0.02)


@pytest.mark.parametrize("hertz", [110, 220])
def test_a_steady_voice_has_no_spread(hertz):
    assert pitch_statistics(harmonic_tone(hertz))[1] < 0.01


@pytest.mark.parametrize("hertz", [110, 220])
def test_every_frame_of_a_steady_voice_is_in_its_octave(hertz):
    f0 = voiced_f0(harmonic_tone(hertz))
    assert len(f0) > 150
    assert np.abs(np.log2(f0 / hertz)).max() < 0.1


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
    assert pitch_statistics(np.concatenate([low, high]))[1] == pytest.approx(np.log(2) / 2, rel=0.05)


def test_pitch_does_not_depend_on_level():
    np.testing.assert_allclose(pitch_statistics(kathleen() / 4), pitch_statistics(kathleen()), atol=0.02)


def test_a_real_woman_speaks_like_a_woman():
    assert 140 < median_hertz(kathleen()) < 260
    assert 0.02 < pitch_statistics(kathleen())[1] < 0.5
    assert MIN_F0 <= voiced_f0(kathleen()).min() <= voiced_f0(kathleen()).max() <= 1.05 * MAX_F0


@pytest.mark.parametrize(
    "waveform",
    [silence(0), silence(0.01), silence(2), np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)],
    ids=["empty", "short", "silent", "noise"],
)
def test_what_has_no_voice_gets_the_middle_of_human_voices(waveform):
    assert median_hertz(waveform) == pytest.approx(150)
    assert pitch_statistics(waveform)[1] > 0
