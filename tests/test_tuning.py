"""The synthesizer is tuned on one voice from a folder of its recordings, by the command of docs/training.md."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from models import VoiceProfile, checkpoint
from models.synthesizer import Synthesizer, SynthesizerConfig
from models.training import tune
from models.training.corpus import Clip, load_clips, write_clips
from models.vocoder import Vocoder, VocoderConfig
from tests.speech import DATA
from tests.tiny_networks import tiny_synthesizer, tiny_vocoder

ROOT = DATA.parents[1]
GENERAL_FRAMES = 90  # of each clip of the general corpus


def recordings(folder: Path) -> Path:
    """Six short recordings of a woman, each with its text beside it."""
    folder.mkdir()
    with (DATA / "corpus" / "metadata.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="|"):
            shutil.copy(DATA / "corpus" / row["path"], folder)
            (folder / row["path"]).with_suffix(".txt").write_text(row["text"], encoding="utf-8")
    return folder


def general(folder: Path) -> Path:
    """The cache of a larger corpus: 40 aligned clips of two speakers with three profiles each."""
    folder.mkdir()
    chance, count = np.random.default_rng(0), 40
    np.save(folder / "mels.npy", chance.normal(size=(count * GENERAL_FRAMES, 80)).astype(np.float16))
    np.save(folder / "pitch.npy", np.full(count * GENERAL_FRAMES, 120, dtype=np.float16))
    np.save(folder / "waveforms.npy", chance.integers(-999, 999, count * GENERAL_FRAMES * 200).astype(np.int16))
    np.save(folder / "profiles.npy", np.arange(6, dtype=np.float32)[:, None].repeat(338, axis=1))
    places = {"boris": (0, 3), "anna": (3, 3)}
    clips = [Clip(f"arctic_a{i:04}.opus", list(places)[i % 2], "en", "Oh.", "general", 1.0) for i in range(count)]
    for i, clip in enumerate(clips):
        clip.mel = (i * GENERAL_FRAMES, GENERAL_FRAMES)
        clip.waveform = (i * GENERAL_FRAMES * 200, GENERAL_FRAMES * 200)
    write_clips(folder, clips, places)
    aligned = {"phones": ["^", "."], "languages": ["en", "en"], "durations": [60, 30], "likelihood": -1.0}
    (folder / "alignments.json").write_text(json.dumps({clip.path: aligned for clip in clips}))
    return folder


def command(*arguments: object) -> subprocess.CompletedProcess:
    """python -m models.training.tune, in English."""
    line = [sys.executable, "-W", "ignore", "-m", "models.training.tune", *map(str, arguments), "--language", "en"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A folder with recordings of kathleen and what two steps of tuning tiny networks on them left in out."""
    folder = tmp_path_factory.mktemp("tuning")
    checkpoint.save(folder / "synthesizer.safetensors", tiny_synthesizer(seed=7))  # unlike one that begins anew
    checkpoint.save(folder / "vocoder.safetensors", tiny_vocoder(seed=7))
    starts = ["--start", folder / "synthesizer.safetensors", "--vocoder-start", folder / "vocoder.safetensors"]
    steps = ["--steps", 2, "--vocoder-steps", 1, "--aligner-steps", 2]
    done = command(recordings(folder / "kathleen"), folder / "out", *starts, *steps)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "6 clips of 1 speakers" in done.stdout
    return folder


def moved(one: torch.nn.Module, other: torch.nn.Module) -> float:
    return float((one.weight - other.weight).abs().max().detach())


def test_the_weights_are_where_the_owner_is_told_and_differ_from_what_they_began_from(work):
    tuned = checkpoint.load(work / "out" / "synthesizer.safetensors", Synthesizer, SynthesizerConfig)
    begun = checkpoint.load(work / "synthesizer.safetensors", Synthesizer, SynthesizerConfig)
    assert 0 < moved(tuned.head, begun.head) < 1e-3  # two steps of a rate that is still rising
    assert torch.equal(tuned.profile_mean, begun.profile_mean)
    tuned, begun = (
        checkpoint.load(folder / "vocoder.safetensors", Vocoder, VocoderConfig) for folder in (work / "out", work)
    )
    assert 0 < moved(tuned.embed, begun.embed) < 1e-3


def test_a_network_that_is_not_tuned_is_not_delivered(work, tmp_path):
    (tmp_path / "out").mkdir()
    shutil.copytree(work / "out" / "work" / "cache", tmp_path / "out" / "work" / "cache")
    (tmp_path / "out" / "work" / "prepared").touch()
    starts = {"start": work / "synthesizer.safetensors", "vocoder_start": work / "vocoder.safetensors"}
    tune.tune(tune.Tuning(work / "kathleen", tmp_path / "out", "en", None, steps=0, vocoder_steps=1, **starts))
    assert not (tmp_path / "out" / "synthesizer.safetensors").exists()
    assert (tmp_path / "out" / "vocoder.safetensors").exists()


def test_every_clip_has_the_mean_profile_of_the_voice(work):
    profiles = np.load(work / "out" / "work" / "cache" / "profiles.npy")
    clips, places = load_clips(work / "out" / "work" / "cache")
    assert places == {"kathleen": [0, 1]}
    assert len(clips) == 6
    kept = VoiceProfile.from_bytes((work / "out" / "voices" / "voice.safetensors").read_bytes())
    np.testing.assert_array_equal(profiles, kept.features()[None])
    assert np.linalg.norm(kept.embedding) == pytest.approx(1, abs=1e-3)
    assert kept.seconds > 5


def test_the_bank_takes_the_voice_in(work, make_app):
    from app.db import Voice

    app = make_app(READY_VOICES=work / "out" / "voices")
    with app.app_context():
        assert Voice.named("kathleen").language == "en"


def test_the_same_command_goes_on_and_prepares_nothing_again(work):
    index = work / "out" / "work" / "cache" / "clips.json"
    before = index.stat().st_mtime_ns
    done = command(work / "kathleen", work / "out", "--start", work / "synthesizer.safetensors", "--steps", 3)
    assert done.returncode == 0, done.stderr[-3000:]
    assert checkpoint.provenance(work / "out" / "synthesizer.safetensors")["steps"] == 3
    assert index.stat().st_mtime_ns == before


def test_clips_of_a_general_corpus_are_mixed_in_until_they_are_that_share(work, tmp_path):
    cache = shutil.copytree(work / "out" / "work" / "cache", tmp_path / "cache")
    own = load_clips(cache)[0]
    tune.mix(cache, general(tmp_path / "general"), 0.5)
    clips, places = load_clips(cache)
    added = clips[len(own) :]
    seconds = [sum(clip.mel[1] for clip in some) for some in (own, added)]
    assert 0 <= seconds[1] - seconds[0] < GENERAL_FRAMES
    assert {clip.speaker for clip in added} == {"boris", "anna"}
    alignments = json.loads((cache / "alignments.json").read_text())
    assert {clip.path for clip in clips} == alignments.keys()
    assert len(alignments) == len(clips)  # paths that both corpora have do not collide


def test_mixed_clips_keep_their_sound_and_their_profiles(work, tmp_path):
    cache = shutil.copytree(work / "out" / "work" / "cache", tmp_path / "cache")
    count = len(load_clips(cache)[0])
    source = general(tmp_path / "general")
    tune.mix(cache, source, 0.6)
    clips, places = load_clips(cache)
    originals = {f"general/{clip.path}": clip for clip in load_clips(source)[0]}
    for name, place in tune.ARRAYS.items():
        mixed, stored = np.load(cache / f"{name}.npy"), np.load(source / f"{name}.npy")
        assert sum(getattr(clips[-1], place)) == len(mixed)
        for clip in clips[count:]:
            first, length = getattr(clip, place)
            there, _ = getattr(originals[clip.path], place)
            np.testing.assert_array_equal(mixed[first:][:length], stored[there:][:length])
    profiles = np.load(cache / "profiles.npy")
    for speaker, first in (("boris", 0), ("anna", 3)):
        place, length = places[speaker]
        np.testing.assert_array_equal(profiles[place:][:length, 0], [first, first + 1, first + 2])


@pytest.mark.parametrize(("share", "said"), [(1.0, "--share"), (-0.1, "--share")])
def test_a_share_that_leaves_nothing_of_the_voice_is_refused(tmp_path, capsys, share, said):
    with pytest.raises(SystemExit):
        tune.main([str(tmp_path), str(tmp_path / "out"), "--language", "en", "--share", str(share)])
    assert said in capsys.readouterr().err


def test_a_folder_without_recordings_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        tune.main([str(tmp_path), str(tmp_path / "out"), "--language", "en"])
    assert "holds nothing like this" in capsys.readouterr().err
