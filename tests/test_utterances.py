"""What the synthesizer learns from: other speech of the speaker beside each clip, and voices that nobody has."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.training.corpus import Clip, write_clips
from models.training.utterances import (
    CHANGED,
    MEAN_MEL,
    PITCH_FEATURE,
    Sampling,
    Utterances,
    equalizers,
    rescaled,
    rightly_transcribed,
    warp,
)

FRAMES = 100  # of each clip
PLAIN = {"embedding_dropout": 0.0, "reference_dropout": 0.0, "warp_share": 0.0, "equalizer_share": 0.0}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Three clips of one speaker and one of another, whose mels are all of one number: 0, 1, 2 and 3 tenths."""
    folder = tmp_path_factory.mktemp("cache")
    clips = [Clip(f"{i}.opus", "anna" if i < 3 else "boris", "en", "Oh.", "real", 1.0) for i in range(4)]
    for i, clip in enumerate(clips):
        clip.mel = (i * FRAMES, FRAMES)
    np.save(folder / "mels.npy", np.repeat(np.arange(4) / 10, FRAMES)[:, None].repeat(80, 1).astype(np.float16))
    np.save(folder / "pitch.npy", np.full(4 * FRAMES, 120, dtype=np.float16))
    np.save(folder / "profiles.npy", np.ones((2, 338), dtype=np.float32))
    aligned = {"phones": ["^", "ˈoʊ", "."], "languages": ["en"] * 3, "durations": [10, 60, 30], "likelihood": -1.0}
    (folder / "alignments.json").write_text(json.dumps({clip.path: aligned for clip in clips}))
    write_clips(folder, clips, {"anna": (0, 1), "boris": (1, 1)})
    return folder


def batch_of(cache: Path, *rows: int, **changes):
    utterances = Utterances(cache, Sampling(**PLAIN | {"reference_frames": (50, 80)} | changes))
    by_path = {utterance.clip.path: utterance for utterance in utterances.all}
    chosen = [by_path[f"{row}.opus"] for row in rows]
    return utterances.batch(chosen, np.random.default_rng(0), torch.device("cpu"))


def test_reference_is_other_clips_of_the_speaker(cache):
    batch = batch_of(cache, 0, 1)
    speech = zip(batch.reference, batch.reference_mask[..., 0] > 0, strict=True)
    values = [{round(value, 1) for value in mels[mask].unique().tolist()} for mels, mask in speech]
    assert values[0] <= {0.1, 0.2} and values[1] <= {0.0, 0.2}
    assert all(50 <= mask.sum() < 80 for mask in batch.reference_mask)


def test_only_clip_of_a_speaker_is_divided_into_what_is_said_and_its_reference(cache):
    batch = batch_of(cache, 3)
    said, shown = int(batch.frame_mask.sum()), int(batch.reference_mask.sum())
    assert said == int(batch.durations.sum()) < FRAMES
    assert 0 < shown <= FRAMES - said


def test_mean_mel_is_that_of_the_reference(cache):
    batch = batch_of(cache, 0)
    heard = batch.reference[0][batch.reference_mask[0, :, 0] > 0].mean(0)
    torch.testing.assert_close(batch.profiles[0, MEAN_MEL:], heard)


def test_clip_without_a_reference_keeps_the_profiles_mean_mel_and_a_mask_of_zeros(cache):
    batch = batch_of(cache, 0, reference_dropout=1.0)
    assert batch.reference_mask.sum() == 0 and batch.reference_mask.shape[1] > 0
    torch.testing.assert_close(batch.profiles[0, MEAN_MEL:], torch.ones(80))


def test_changed_voice_changes_clip_reference_and_pitch_together_and_hides_the_embedding(cache):
    plain, changed = batch_of(cache, 0), batch_of(cache, 0, warp_share=1.0, equalizer_share=1.0)
    assert plain.domains.tolist() == [0] and changed.domains.tolist() == [CHANGED]
    added = [getattr(changed, name)[0, 0] - getattr(plain, name)[0, 0] for name in ("mels", "reference")]
    assert added[0].abs().max() > 0.01
    assert added[0].diff().sub(added[1].diff()).abs().max() < 1e-3
    assert changed.profiles[0, PITCH_FEATURE] != plain.profiles[0, PITCH_FEATURE]


def test_unknown_embedding_is_the_mean_of_all(cache):
    utterances = Utterances(cache, Sampling(**PLAIN | {"embedding_dropout": 1.0}))
    utterances.profiles[0, :PITCH_FEATURE] = 3.0
    batch = utterances.batch([utterances.all[0]], np.random.default_rng(0), torch.device("cpu"))
    torch.testing.assert_close(batch.profiles[0, :PITCH_FEATURE], torch.full((PITCH_FEATURE,), 2.0))


@pytest.mark.parametrize("factor", [0.87, 1.0, 1.15])
def test_warp_moves_a_peak_by_its_factor(factor):
    centres = np.linspace(0, 1, 80)
    mel = np.exp(-((centres - 0.5) ** 2) / 0.002)[None]
    moved = warp(mel, factor)[0].argmax() - 40
    assert np.sign(moved) == np.sign(factor - 1) or (factor == 1 and abs(moved) <= 1)


def test_equalizers_are_smooth_and_some_are_flat():
    curves = equalizers(400, 0.5, 0.2, np.random.default_rng(0))
    is_flat = np.abs(curves).max(1) == 0
    assert 0.4 < is_flat.mean() < 0.6
    assert 0.1 < curves[~is_flat].std() < 0.3
    assert np.abs(np.diff(curves, axis=1)).max() < 0.25


def test_least_likely_of_the_long_clips_are_left_out():
    def found(phones: int, likelihood: float) -> dict:
        return {"phones": ["ˈoʊ"] * phones, "likelihood": likelihood}

    long = {f"{i}.opus": found(20, -float(i)) for i in range(10)}
    kept = rightly_transcribed(long | {"short.opus": found(3, -99.0)}, 0.1)
    assert kept == {*long, "short.opus"} - {"9.opus"}


def test_durations_of_a_copy_of_another_length_add_up_to_it():
    durations = rescaled([3, 10, 1, 6], 17)
    assert durations.sum() == 17
    np.testing.assert_allclose(durations, np.array([3, 10, 1, 6]) * 17 / 20, atol=1)
