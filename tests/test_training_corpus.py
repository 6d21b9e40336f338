"""A few real recordings, prepared as the documentation says, are what the recipes expect to find."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from models.audio import SPEECH_LEVEL_DB, level_db, speech_mel
from models.pitch import pitch_statistics
from models.training import corpus
from tests.speech import DATA


@pytest.fixture(scope="module")
def clips(prepared_corpus):
    return corpus.load_clips(prepared_corpus)[0]


def test_prepared_clips_fill_the_arrays_without_gaps(prepared_corpus, clips):
    assert len(clips) == 6
    for name, array in (("mel", "mels"), ("mel", "pitch"), ("waveform", "waveforms")):
        places = [getattr(clip, name) for clip in clips]
        assert places[0][0] == 0
        assert all(first + length == following for (first, length), (following, _) in pairwise(places))
        assert sum(places[-1]) == len(np.load(prepared_corpus / f"{array}.npy"))


def test_stored_mels_are_those_of_the_stored_waveforms(prepared_corpus, clips):
    mels, waveforms = np.load(prepared_corpus / "mels.npy"), np.load(prepared_corpus / "waveforms.npy")
    for clip in clips:
        waveform = waveforms[clip.waveform[0] :][: clip.waveform[1]].astype(np.float32) / 32767
        stored = mels[clip.mel[0] :][: clip.mel[1]]
        assert np.abs(speech_mel(torch.from_numpy(waveform)).numpy().T - stored).mean() < 0.02
        assert level_db(waveform) == pytest.approx(SPEECH_LEVEL_DB, abs=0.1)


def test_stored_pitch_is_that_of_the_woman_who_speaks(prepared_corpus, clips):
    pitch = np.load(prepared_corpus / "pitch.npy")
    for clip in clips:
        f0 = pitch[clip.mel[0] :][: clip.mel[1]].astype(np.float32)
        assert 0.3 < (f0 > 0).mean() < 0.95
        assert 130 < np.median(f0[f0 > 0]) < 260


def test_each_speaker_has_profiles(prepared_corpus):
    profiles = np.load(prepared_corpus / "profiles.npy")
    _, places = corpus.load_clips(prepared_corpus)
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
