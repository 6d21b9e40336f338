"""The mels are those the published networks know; silence goes, speech stays."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from models.audio import (
    ENCODER_MEL,
    MAX_MEL,
    SAMPLE_RATE,
    SPEECH_LEVEL_DB,
    SPEECH_MEL,
    encoder_mel,
    level_db,
    levelled,
    mel_filters,
    speech_mask,
    speech_mel,
    trim,
)
from tests.speech import DATA, harmonic_tone, kathleen, silence


def mel_of(waveform: np.ndarray) -> np.ndarray:
    return speech_mel(torch.tensor(waveform)).numpy()


def test_speech_mel_has_the_figures_of_real_time_voice_cloning():
    stored = np.load(DATA / "rtvc_mel.npz", allow_pickle=False)
    np.testing.assert_allclose(mel_of(stored["wav"]), stored["mel"], atol=1e-3)


@pytest.mark.parametrize("samples", [1, 199, 200, 201, 16_000])
def test_a_speech_mel_frame_starts_every_200_samples(samples):
    assert mel_of(harmonic_tone(150)[:samples]).shape == (80, 1 + samples // 200)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 16_000])
def test_an_encoder_mel_frame_starts_every_10_ms(samples):
    assert encoder_mel(torch.tensor(harmonic_tone(150)[:samples])).shape == (1 + samples // 160, 40)


def test_frames_per_second_follow_from_the_hop():
    assert SPEECH_MEL.frames_per_second == 80
    assert ENCODER_MEL.frames_per_second == 100


def test_digital_silence_is_the_lowest_speech_mel():
    assert (mel_of(silence(0.5)) == -MAX_MEL).all()


def test_the_loudest_noise_stays_within_the_speech_mel_range():
    noise = np.random.default_rng(0).choice([-1.0, 1.0], 16_000).astype(np.float32) * 30
    mel = mel_of(noise)
    assert mel.max() == MAX_MEL
    assert mel.min() >= -MAX_MEL


def test_ten_times_the_amplitude_raises_the_speech_mel_by_20_db():
    quiet = mel_of(harmonic_tone(150, peak=0.05))
    loud = mel_of(harmonic_tone(150, peak=0.5))
    unclipped = (quiet > -3.9) & (loud < 3.9)
    assert unclipped.mean() > 0.5
    np.testing.assert_allclose((loud - quiet)[unclipped], 8 * 20 / 100, atol=1e-3)


def test_a_pure_tone_is_loudest_in_the_mel_band_around_it():
    tone = harmonic_tone(1000, partials=1)
    filters = mel_filters(SPEECH_MEL).numpy()
    band = filters[:, round(1000 * SPEECH_MEL.n_fft / SAMPLE_RATE)].argmax()
    assert mel_of(tone).mean(1).argmax() == band


@pytest.mark.parametrize("settings", [SPEECH_MEL, ENCODER_MEL], ids=["speech", "encoder"])
def test_mel_filters_are_those_of_librosa(settings):
    import librosa

    sizes = {"sr": settings.sample_rate, "n_fft": settings.n_fft, "n_mels": settings.n_mels}
    theirs = librosa.filters.mel(**sizes, fmin=settings.min_frequency, fmax=settings.max_frequency)
    np.testing.assert_array_equal(mel_filters(settings).numpy(), theirs)


def test_hearing_a_recording_loads_neither_librosa_nor_what_it_needs():
    heard = (
        "import sys; from pathlib import Path; from models import VoiceCloner;"
        f"VoiceCloner.load().hear(Path({str(DATA / 'kathleen.opus')!r})); print(*sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", heard], capture_output=True, text=True, check=True).stdout.split()
    assert "models.recording" in found
    assert not {"librosa", "numba", "scipy", "sklearn"} & set(found)


def test_a_batch_of_waveforms_gives_the_mels_of_each():
    tones = [harmonic_tone(110), harmonic_tone(220)]
    together = speech_mel(torch.tensor(np.stack(tones))).numpy()
    for one, tone in zip(together, tones, strict=True):
        np.testing.assert_allclose(one, mel_of(tone), atol=1e-5)


def test_encoder_mel_is_power_and_not_logarithmic():
    tone = torch.tensor(harmonic_tone(150))
    torch.testing.assert_close(encoder_mel(3 * tone), 9 * encoder_mel(tone))


def test_a_full_scale_sine_is_at_3_db_below_full_scale():
    assert level_db(harmonic_tone(440, partials=1, peak=1.0)) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("peak", [0.001, 0.05, 0.9])
def test_levelling_brings_speech_to_the_level_the_synthesizer_learned_from(peak):
    assert level_db(levelled(harmonic_tone(150, peak=peak))) == pytest.approx(SPEECH_LEVEL_DB, abs=0.01)


def test_levelling_never_clips():
    click = silence(1)
    click[8000] = 0.01
    assert np.abs(levelled(click, target_db=-10)).max() <= 1


def test_levelling_silence_leaves_silence():
    assert not levelled(silence(1)).any()
    assert len(levelled(silence(0))) == 0


def test_trimming_leaves_50_ms_on_both_sides_of_speech():
    tone = harmonic_tone(150, seconds=1)
    kept = trim(np.concatenate([silence(1), tone, silence(1)]))
    before = np.flatnonzero(kept)[0] / SAMPLE_RATE
    after = (len(kept) - 1 - np.flatnonzero(kept)[-1]) / SAMPLE_RATE
    assert before == pytest.approx(0.05, abs=0.011)
    assert after == pytest.approx(0.05, abs=0.011)
    np.testing.assert_array_equal(kept[kept != 0], tone[tone != 0])


def test_trimming_hears_speech_above_background_noise():
    noise = np.random.default_rng(0).normal(0, 0.0005, 3 * SAMPLE_RATE).astype(np.float32)
    noise[SAMPLE_RATE : 2 * SAMPLE_RATE] += harmonic_tone(150, seconds=1)
    assert len(trim(noise)) / SAMPLE_RATE == pytest.approx(1.1, abs=0.03)


def test_trimming_silence_leaves_nothing():
    assert len(trim(silence(0))) == 0
    assert len(trim(silence(1))) == 0
    assert len(trim(silence(1), max_pause_seconds=0.3)) == 0


def test_trimming_keeps_pauses_unless_told_otherwise():
    said = np.concatenate([harmonic_tone(150, 1), silence(2), harmonic_tone(150, 1)])
    assert len(trim(said)) / SAMPLE_RATE == pytest.approx(4, abs=0.03)


@pytest.mark.parametrize("pause", [0.6, 2.0, 10.0])
def test_long_pauses_are_cut_to_the_given_length(pause):
    said = np.concatenate([harmonic_tone(150, 1), silence(pause), harmonic_tone(150, 1)])
    assert len(trim(said, max_pause_seconds=0.3)) / SAMPLE_RATE == pytest.approx(2.3, abs=0.03)


def test_short_pauses_stay_whole():
    said = np.concatenate([harmonic_tone(150, 1), silence(0.2), harmonic_tone(150, 1)])
    assert len(trim(said, max_pause_seconds=0.3)) / SAMPLE_RATE == pytest.approx(2.2, abs=0.03)


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.25])
def test_cutting_pauses_keeps_the_whole_of_a_short_sound(seconds):
    tone = harmonic_tone(150, seconds)
    kept = trim(np.concatenate([silence(1), tone, silence(1)]), max_pause_seconds=0.3)
    assert np.count_nonzero(kept) == np.count_nonzero(tone)


def test_cutting_pauses_leaves_50_ms_on_both_sides_of_speech():
    kept = trim(np.concatenate([silence(1), harmonic_tone(150, 1), silence(1)]), max_pause_seconds=0.3)
    assert np.flatnonzero(kept)[0] / SAMPLE_RATE == pytest.approx(0.05, abs=0.011)
    assert (len(kept) - 1 - np.flatnonzero(kept)[-1]) / SAMPLE_RATE == pytest.approx(0.05, abs=0.011)


def test_real_speech_survives_the_cutting_of_pauses():
    kept = trim(kathleen(), max_pause_seconds=0.3)
    assert 0.85 * len(kathleen()) < len(kept) <= len(kathleen())


def test_speech_mask_has_a_frame_for_each_10_ms():
    assert len(speech_mask(silence(1))) == 100
    assert len(speech_mask(harmonic_tone(150, 0.995))) == 100
    assert speech_mask(harmonic_tone(150, 1)).all()
    assert not speech_mask(silence(1)).any()


def test_a_mel_first_asked_for_without_gradients_can_be_learned_through_afterwards():
    mel_filters.cache_clear()
    waveform = torch.randn(1600)
    with torch.inference_mode():
        speech_mel(waveform)
    learned = waveform.clone().requires_grad_()
    speech_mel(learned).sum().backward()
    assert learned.grad.abs().sum() > 0
