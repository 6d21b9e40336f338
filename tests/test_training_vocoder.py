"""The vocoder learns from a few real recordings; a stopped run goes on as if it had not been stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.audio import speech_mel
from models.training import train_vocoder
from models.vocoder import Vocoder, VocoderConfig
from tests.recipes import Losses, assert_resuming_changes_nothing, same
from tests.tiny_networks import TINY_VOCODER

STEPS = 24
RECIPE = train_vocoder.VocoderRecipe(batch=2, segment_frames=32, peak_rate=2e-2, pitch_until=0, adversaries_from=10_000)


@pytest.fixture
def losses(monkeypatch) -> Losses:
    found = Losses()
    monkeypatch.setattr(train_vocoder, "Meter", found)
    return found


def test_the_vocoder_learns(prepared_corpus, tmp_path, losses):
    train_vocoder.train(prepared_corpus, tmp_path, STEPS, RECIPE, config=TINY_VOCODER)
    assert len(losses.kept["mel"]) == STEPS
    assert losses.remaining("mel") < 0.8
    assert losses.remaining("stft") < 0.85


def test_at_first_only_the_pitch_estimator_learns(prepared_corpus, tmp_path, losses):
    recipe = replace(RECIPE, pitch_until=STEPS)
    begun = train_vocoder.train(prepared_corpus, tmp_path, 1, recipe, config=TINY_VOCODER)
    trained = train_vocoder.train(prepared_corpus, tmp_path, STEPS, recipe, config=TINY_VOCODER)
    assert set(losses.kept) == {"pitch"}
    assert losses.remaining("pitch") < 0.93
    assert torch.equal(trained.head.weight, begun.head.weight)
    assert not torch.equal(trained.pitch.head.weight, begun.pitch.head.weight)


def test_its_adversaries_learn_to_tell_it_from_speech(prepared_corpus, tmp_path, losses):
    recipe = replace(RECIPE, adversaries_from=2)
    train_vocoder.train(prepared_corpus, tmp_path, 10, recipe, config=TINY_VOCODER)
    assert len(losses.kept["discriminator"]) == 8
    assert losses.remaining("discriminator") < 0.8
    assert np.isfinite(losses.kept["generator"] + losses.kept["features"]).all()


def test_a_trained_vocoder_is_left_where_the_cloner_finds_it(prepared_corpus, tmp_path, losses):
    trained = train_vocoder.train(prepared_corpus, tmp_path, 2, RECIPE, config=TINY_VOCODER)
    loaded = checkpoint.load(tmp_path / "vocoder.safetensors", Vocoder, VocoderConfig)
    assert loaded.config == TINY_VOCODER
    torch.testing.assert_close(loaded.head.weight, trained.head.weight, atol=1e-3, rtol=1e-3)


def test_a_stopped_vocoder_and_its_adversaries_go_on_where_they_were(prepared_corpus, tmp_path, monkeypatch):
    recipe = replace(RECIPE, adversaries_from=0)

    def train(folder: Path) -> Vocoder:
        return train_vocoder.train(prepared_corpus, folder, 6, recipe, config=TINY_VOCODER)

    assert_resuming_changes_nothing(train, train_vocoder, tmp_path, monkeypatch)


def test_tuning_starts_from_the_weights_of_another_run(prepared_corpus, tmp_path, losses):
    first = train_vocoder.train(prepared_corpus, tmp_path / "first", 1, RECIPE, config=TINY_VOCODER)
    start = tmp_path / "first" / "vocoder.state"
    gently = replace(RECIPE, peak_rate=0.0)
    tuned = train_vocoder.train(prepared_corpus, tmp_path / "tuned", 1, gently, start, TINY_VOCODER)
    assert same(tuned, first)
    assert len(losses.kept["mel"]) == 2


def test_drawn_segments_are_mels_of_their_waveforms(prepared_corpus):
    segments = train_vocoder.Segments(prepared_corpus, RECIPE)
    mels, waveforms, f0 = segments.draw(np.random.default_rng(0), torch.device("cpu"))
    assert mels.shape == (2, 80, 32)
    assert waveforms.shape == (2, 31 * 200)
    assert f0.shape == (2, 32)
    assert 130 < f0[f0 > 0].median() < 260  # a woman's
    inner = slice(3, -3)  # frames that see nothing beyond the segment's ends
    assert (speech_mel(waveforms)[..., inner] - mels[..., inner]).abs().mean() < 0.02
