"""Each recipe learns from a few real recordings, and a stopped run goes on as if it had not been stopped."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.alignment import phone_energy, phone_pitch
from models.audio import SPEECH_LEVEL_DB, level_db, speech_mel
from models.phone_classifier import PhoneClassifier, PhoneClassifierConfig
from models.pitch import pitch_statistics
from models.synthesizer import ENERGY_MIDDLE, Synthesizer, SynthesizerConfig
from models.text.symbols import START
from models.training import (
    alignment,
    corpus,
    run,
    speaker_classifier,
    train_synthesizer,
    train_vocoder,
    utterances,
)
from models.vocoder import Vocoder, VocoderConfig
from tests.speech import DATA
from tests.tiny_networks import TINY_SYNTHESIZER, TINY_VOCODER

MANIFEST = DATA / "corpus" / "metadata.csv"
STEPS = 24
SYNTHESIZER_RECIPE = train_synthesizer.SynthesizerRecipe(
    utterances.Sampling(batch_frames=600, buckets=2, warp_share=0.0), peak_rate=3e-2
)
VOCODER_RECIPE = train_vocoder.VocoderRecipe(
    batch=2, segment_frames=32, peak_rate=2e-2, pitch_until=0, adversaries_from=10_000
)


class Stopped(Exception):
    """A run was broken off."""


class Losses:
    """Takes the place of a Meter: keeps every loss, and may break the run off at a step."""

    def __init__(self, stop_at: int | None = None):
        self.kept: dict[str, list[float]] = {}
        self.stop_at = stop_at

    def __call__(self) -> "Losses":
        return self

    def add(self, step: int, **of_step: torch.Tensor) -> None:
        if step == self.stop_at:
            raise Stopped
        for name, loss in of_step.items():
            self.kept.setdefault(name, []).append(float(loss.detach()))

    def remaining(self, name: str) -> float:
        """The mean of the last quarter of the steps over that of the first."""
        quarter = max(1, len(self.kept[name]) // 4)
        return np.mean(self.kept[name][-quarter:]) / np.mean(self.kept[name][:quarter])


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two networks are alike to the last bit."""
    states = one.state_dict(), other.state_dict()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0] | states[1])


def assert_resuming_changes_nothing(train, module, folder: Path, monkeypatch) -> None:
    """train(folder) as a whole, and broken off in its fourth step, then taken up from what was kept before."""
    monkeypatch.setattr(run, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(module, "Meter", Losses())
    unbroken = train(folder / "unbroken")
    monkeypatch.setattr(module, "Meter", Losses(stop_at=3))
    with pytest.raises(Stopped):
        train(folder / "stopped")
    afterwards = Losses()
    monkeypatch.setattr(module, "Meter", afterwards)
    resumed = train(folder / "stopped")
    assert {len(kept) for kept in afterwards.kept.values()} == {3}  # steps 3, 4 and 5, not all six again
    assert same(resumed, unbroken)
    assert not list(folder.rglob("*.partial"))


# The corpus


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Six real recordings, prepared as the documentation says."""
    folder = tmp_path_factory.mktemp("corpus") / "cache"
    command = [sys.executable, "-W", "ignore", "-m", "models.training.corpus", str(MANIFEST), str(folder)]
    subprocess.run(command, cwd=DATA.parents[1], check=True, timeout=600)
    return folder


@pytest.fixture(scope="module")
def clips(cache):
    return corpus.load_clips(cache)[0]


def test_prepared_clips_fill_the_arrays_without_gaps(cache, clips):
    assert len(clips) == 6
    for name, array in (("mel", "mels"), ("mel", "pitch"), ("waveform", "waveforms")):
        places = [getattr(clip, name) for clip in clips]
        assert places[0][0] == 0
        assert all(first + length == following for (first, length), (following, _) in pairwise(places))
        assert sum(places[-1]) == len(np.load(cache / f"{array}.npy"))


def test_stored_mels_are_those_of_the_stored_waveforms(cache, clips):
    mels, waveforms = np.load(cache / "mels.npy"), np.load(cache / "waveforms.npy")
    for clip in clips:
        waveform = waveforms[clip.waveform[0] :][: clip.waveform[1]].astype(np.float32) / 32767
        stored = mels[clip.mel[0] :][: clip.mel[1]]
        assert np.abs(speech_mel(torch.from_numpy(waveform)).numpy().T - stored).mean() < 0.02
        assert level_db(waveform) == pytest.approx(SPEECH_LEVEL_DB, abs=0.1)


def test_stored_pitch_is_that_of_the_woman_who_speaks(cache, clips):
    pitch = np.load(cache / "pitch.npy")
    for clip in clips:
        f0 = pitch[clip.mel[0] :][: clip.mel[1]].astype(np.float32)
        assert 0.3 < (f0 > 0).mean() < 0.95
        assert 130 < np.median(f0[f0 > 0]) < 260


def test_each_speaker_has_profiles(cache):
    profiles = np.load(cache / "profiles.npy")
    _, places = corpus.load_clips(cache)
    assert profiles.shape[1] == 338
    assert places == {"kathleen": [0, len(profiles)]}
    np.testing.assert_allclose(np.linalg.norm(profiles[:, :256], axis=1), 1, atol=1e-3)


def clip_of(**changes) -> corpus.Clip:
    return replace(corpus.Clip("kathleen.opus", "kathleen", "en", "", "kathleen", 1.0), **changes)


def test_only_the_language_of_few_speakers_is_perturbed():
    copies = corpus.perturbations([clip_of(), clip_of(language="ru", speaker="anna")])
    assert len(copies) == 2
    assert copies[0].speaker != copies[1].speaker
    for copy in copies:
        assert copy.speaker == f"anna@{copy.factor}"
        assert copy.factor != 1.0


@pytest.mark.parametrize("factor", [0.84, 1.2])
def test_a_perturbed_copy_is_shorter_and_higher_by_its_factor(factor):
    recorded, played = (corpus.load_clip(DATA, clip_of(factor=f)) for f in (1.0, factor))
    assert len(recorded) / len(played) == pytest.approx(factor, rel=0.03)
    heard = [np.exp(pitch_statistics(corpus.pitch_of(waveform))[0]) for waveform in (recorded, played)]
    assert heard[1] / heard[0] == pytest.approx(factor, rel=0.08)


def test_recordings_too_short_or_too_long_to_learn_from_are_left_out(tmp_path):
    rows = [f"{seconds}.opus|anna|ru|Да.|{seconds}|anna" for seconds in (0.2, 0.3, 19.9, 20.1)]
    manifest = tmp_path / "metadata.csv"
    manifest.write_text("\n".join(["path|speaker|language|text|seconds|source", *rows]), encoding="utf-8")
    assert [clip.path for clip in corpus.read_manifest(manifest)] == ["0.3.opus", "19.9.opus"]


# The aligner


@pytest.fixture(scope="module")
def aligner_losses(cache) -> Losses:
    """Aligns the cache after a short training; the losses of its steps."""
    found = Losses()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "Meter", found)
        patch.setattr(alignment, "UNIFORM_STEPS", STEPS // 2)
        patch.setattr(alignment, "PEAK_RATE", 1e-2)
        alignment.align_corpus(cache, STEPS)
    return found


@pytest.fixture(scope="module")
def speaker_losses() -> Losses:
    return Losses()


@pytest.fixture(scope="module")
def aligned(cache, aligner_losses, speaker_losses) -> Path:
    """The cache with its alignments, and with the networks that criticise the synthesizer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speaker_classifier, "Meter", speaker_losses)
        patch.setattr(speaker_classifier, "BATCH", 4)
        speaker_classifier.train(cache, 2)
    return cache


def test_the_speaker_classifier_is_left_where_the_synthesizer_finds_it(aligned, speaker_losses):
    config = speaker_classifier.SpeakerClassifierConfig
    loaded = checkpoint.load(aligned / "speaker_classifier.safetensors", speaker_classifier.SpeakerClassifier, config)
    mels = torch.randn(2, 150, 80, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 150, 1)
    mask[1, 100:] = 0
    together, alone = loaded(mels, mask)[0], loaded(mels[1:, :100], mask[1:, :100])[0]
    torch.testing.assert_close(together.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(together[1:], alone, atol=1e-4, rtol=1e-4)  # padding changes nothing
    assert speaker_losses.kept["right"] == [1.0, 1.0]  # there is one speaker


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


def test_a_stopped_aligner_goes_on_where_it_was(cache, clips, tmp_path, monkeypatch):
    readable, states = map(list, zip(*alignment.readable(clips), strict=True))
    monkeypatch.setattr(alignment, "UNIFORM_STEPS", 2)

    def train(folder: Path) -> PhoneClassifier:
        folder.mkdir(exist_ok=True)
        if not (folder / "mels.npy").exists():
            (folder / "mels.npy").symlink_to(cache / "mels.npy")
        return alignment.train(folder, readable, states, 6)

    assert_resuming_changes_nothing(train, alignment, tmp_path, monkeypatch)


# The synthesizer


@pytest.fixture
def synthesizer_losses(monkeypatch) -> Losses:
    found = Losses()
    monkeypatch.setattr(train_synthesizer, "Meter", found)
    return found


def test_the_synthesizer_learns(aligned, tmp_path, synthesizer_losses):
    train_synthesizer.train(aligned, tmp_path, STEPS, SYNTHESIZER_RECIPE, TINY_SYNTHESIZER)
    assert len(synthesizer_losses.kept["mel"]) == STEPS
    assert synthesizer_losses.remaining("mel") < 0.85  # it begins at the mean mel, not at nothing
    assert synthesizer_losses.remaining("duration") < 0.6
    assert synthesizer_losses.remaining("pitch") < 1
    assert synthesizer_losses.remaining("energy") < 1


def test_a_trained_synthesizer_is_left_where_the_cloner_finds_it(aligned, tmp_path, synthesizer_losses):
    trained = train_synthesizer.train(aligned, tmp_path, 2, SYNTHESIZER_RECIPE, TINY_SYNTHESIZER)
    path = tmp_path / "synthesizer.safetensors"
    loaded = checkpoint.load(path, Synthesizer, SynthesizerConfig)
    assert loaded.config == TINY_SYNTHESIZER
    assert checkpoint.provenance(path)["steps"] == 2
    torch.testing.assert_close(loaded.head.weight, trained.head.weight, atol=1e-3, rtol=1e-3)


def test_texts_are_said_in_other_voices_too(aligned, tmp_path, synthesizer_losses):
    recipe = replace(SYNTHESIZER_RECIPE, strangers_from=1, adversary_from=2)
    train_synthesizer.train(aligned, tmp_path, 4, recipe, TINY_SYNTHESIZER)
    given = [synthesizer_losses.kept[name] for name in ("stranger", "words")]
    assert np.isfinite(given).all() and np.shape(given) == (2, 3)
    assert all(0 < loss <= 8 for loss in synthesizer_losses.kept["words"])


def test_its_adversary_learns_to_tell_its_mels_from_recorded_ones(aligned, tmp_path, synthesizer_losses):
    recipe = replace(SYNTHESIZER_RECIPE, adversary_from=2)
    train_synthesizer.train(aligned, tmp_path, 24, recipe, TINY_SYNTHESIZER)
    assert len(synthesizer_losses.kept["discriminator"]) == 22
    assert synthesizer_losses.remaining("discriminator") < 0.8
    given = [synthesizer_losses.kept[name] for name in ("generator", "features")]
    assert np.isfinite(given).all() and np.shape(given) == (2, 22)


def test_while_its_adversary_learns_alone_the_synthesizer_stays_as_it_was(aligned, tmp_path, synthesizer_losses):
    recipe = replace(SYNTHESIZER_RECIPE, adversary_from=0, adversary_alone=24)
    begun = train_synthesizer.train(aligned, tmp_path / "begun", 0, recipe, TINY_SYNTHESIZER)
    waited = train_synthesizer.train(aligned, tmp_path / "waited", 24, recipe, TINY_SYNTHESIZER)
    assert same(begun, waited)
    assert synthesizer_losses.remaining("discriminator") < 0.8
    learned = train_synthesizer.train(aligned, tmp_path / "waited", 25, recipe, TINY_SYNTHESIZER)
    assert not same(begun, learned)


def test_a_stopped_synthesizer_goes_on_where_it_was(aligned, tmp_path, monkeypatch):
    recipe = replace(SYNTHESIZER_RECIPE, adversary_from=2)

    def train(folder: Path) -> Synthesizer:
        return train_synthesizer.train(aligned, folder, 6, recipe, TINY_SYNTHESIZER)

    assert_resuming_changes_nothing(train, train_synthesizer, tmp_path, monkeypatch)


def test_durations_of_a_copy_of_another_length_add_up_to_it():
    durations = utterances.rescaled([3, 10, 1, 6], 17)
    assert durations.sum() == 17
    np.testing.assert_allclose(durations, np.array([3, 10, 1, 6]) * 17 / 20, atol=1)


def test_pitch_of_a_phone_is_the_mean_over_its_voiced_frames():
    f0 = np.array([100, 0, 100, 0, 0, 400, 400], dtype=np.float32)
    pitch = phone_pitch(f0, np.array([3, 2, 2]))
    np.testing.assert_allclose(np.exp(pitch), [100, 200, 400], rtol=1e-5)  # the voiceless one lies between


def test_a_whisper_gets_the_middle_of_human_voices():
    pitch = phone_pitch(np.zeros(5, dtype=np.float32), np.array([3, 2]))
    np.testing.assert_allclose(np.exp(pitch), 150)


def test_energy_of_a_phone_is_its_mean_mel():
    mel = np.repeat([[-3.0], [-1.0], [1.0]], 80, axis=1)
    energy = phone_energy(mel, np.array([2, 0, 1]))
    np.testing.assert_allclose(energy, [-2, ENERGY_MIDDLE, 1])


# The vocoder


@pytest.fixture
def vocoder_losses(monkeypatch) -> Losses:
    found = Losses()
    monkeypatch.setattr(train_vocoder, "Meter", found)
    return found


def test_the_vocoder_learns(cache, tmp_path, vocoder_losses):
    train_vocoder.train(cache, tmp_path, STEPS, VOCODER_RECIPE, config=TINY_VOCODER)
    assert len(vocoder_losses.kept["mel"]) == STEPS
    assert vocoder_losses.remaining("mel") < 0.8
    assert vocoder_losses.remaining("stft") < 0.85


def test_at_first_only_the_pitch_estimator_learns(cache, tmp_path, vocoder_losses):
    recipe = replace(VOCODER_RECIPE, pitch_until=STEPS)
    begun = train_vocoder.train(cache, tmp_path, 1, recipe, config=TINY_VOCODER)
    trained = train_vocoder.train(cache, tmp_path, STEPS, recipe, config=TINY_VOCODER)
    assert set(vocoder_losses.kept) == {"pitch"}
    assert vocoder_losses.remaining("pitch") < 0.93
    assert torch.equal(trained.head.weight, begun.head.weight)
    assert not torch.equal(trained.pitch.head.weight, begun.pitch.head.weight)


def test_its_adversaries_learn_to_tell_it_from_speech(cache, tmp_path, vocoder_losses):
    recipe = replace(VOCODER_RECIPE, adversaries_from=2)
    train_vocoder.train(cache, tmp_path, 10, recipe, config=TINY_VOCODER)
    assert len(vocoder_losses.kept["discriminator"]) == 8
    assert vocoder_losses.remaining("discriminator") < 0.8
    assert np.isfinite(vocoder_losses.kept["generator"] + vocoder_losses.kept["features"]).all()


def test_a_trained_vocoder_is_left_where_the_cloner_finds_it(cache, tmp_path, vocoder_losses):
    trained = train_vocoder.train(cache, tmp_path, 2, VOCODER_RECIPE, config=TINY_VOCODER)
    loaded = checkpoint.load(tmp_path / "vocoder.safetensors", Vocoder, VocoderConfig)
    assert loaded.config == TINY_VOCODER
    torch.testing.assert_close(loaded.head.weight, trained.head.weight, atol=1e-3, rtol=1e-3)


def test_a_stopped_vocoder_and_its_adversaries_go_on_where_they_were(cache, tmp_path, monkeypatch):
    recipe = replace(VOCODER_RECIPE, adversaries_from=0)

    def train(folder: Path) -> Vocoder:
        return train_vocoder.train(cache, folder, 6, recipe, config=TINY_VOCODER)

    assert_resuming_changes_nothing(train, train_vocoder, tmp_path, monkeypatch)


def test_tuning_starts_from_the_weights_of_another_run(cache, tmp_path, vocoder_losses):
    first = train_vocoder.train(cache, tmp_path / "first", 1, VOCODER_RECIPE, config=TINY_VOCODER)
    start = tmp_path / "first" / "vocoder.state"
    gently = replace(VOCODER_RECIPE, peak_rate=0.0)
    tuned = train_vocoder.train(cache, tmp_path / "tuned", 1, gently, start, TINY_VOCODER)
    assert same(tuned, first)
    assert len(vocoder_losses.kept["mel"]) == 2


def test_drawn_segments_are_mels_of_their_waveforms(cache):
    segments = train_vocoder.Segments(cache, VOCODER_RECIPE)
    mels, waveforms, f0 = segments.draw(np.random.default_rng(0), torch.device("cpu"))
    assert mels.shape == (2, 80, 32)
    assert waveforms.shape == (2, 31 * 200)
    assert f0.shape == (2, 32)
    assert 130 < f0[f0 > 0].median() < 260  # a woman's
    inner = slice(3, -3)  # frames that see nothing beyond the segment's ends
    assert (speech_mel(waveforms)[..., inner] - mels[..., inner]).abs().mean() < 0.02
