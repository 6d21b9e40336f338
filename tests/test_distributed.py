"""Two processes that torchrun started train one network, and one of them can go on with it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.training import distributed, run, train_vocoder
from models.training.corpus import Clip
from models.vocoder import Vocoder, VocoderConfig
from tests.tiny_networks import TINY_VOCODER
from tests.two_processes import RECIPE, STEPS

ROOT = Path(__file__).parents[1]
FRAMES = 60  # of each clip


def made_cache(folder: Path) -> Path:
    """Three clips of noise, as models.training.corpus would leave them."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    words = ("Yes.", "No.", "Well.")
    clips = [
        Clip(f"{i}.wav", "anna", "en", text, "noise", 1.0, (i * FRAMES, FRAMES), (i * FRAMES * 200, FRAMES * 200))
        for i, text in enumerate(words)
    ]
    np.save(folder / "mels.npy", chance.normal(size=(FRAMES * len(words), 80)).astype(np.float16))
    np.save(folder / "pitch.npy", np.full(FRAMES * len(words), 150.0, dtype=np.float16))
    np.save(folder / "waveforms.npy", chance.integers(-3000, 3000, FRAMES * len(words) * 200).astype(np.int16))
    index = {"clips": [asdict(clip) for clip in clips], "profiles": {"anna": [0, 0]}}
    (folder / "clips.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return made_cache(tmp_path_factory.mktemp("two") / "cache")


@pytest.fixture(scope="module")
def out(cache) -> Path:
    """The folder of a run of two processes; log.txt is what they printed."""
    folder = cache.parent / "run"
    folder.mkdir()
    launcher = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "tests.two_processes", str(cache), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "log.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def found(out) -> list[dict]:
    """What each process noted."""
    return [json.loads((out / f"found{rank}.json").read_text()) for rank in range(2)]


def test_two_processes_end_with_the_same_network(out):
    one, other = (torch.load(out / f"vocoder{rank}.pt") for rank in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one | other)
    begun = Vocoder(TINY_VOCODER).state_dict()
    assert not torch.equal(one["head.weight"], begun["head.weight"])


def test_half_the_batch_in_each_gives_the_gradient_of_the_whole(found):
    torch.manual_seed(0)
    layer, rows = torch.nn.Linear(3, 1), torch.randn(8, 3)
    layer(rows).square().mean().backward()
    for of_process in found:
        np.testing.assert_allclose(of_process["half"], layer.weight.grad[0], rtol=1e-5)


def test_a_gradient_is_the_mean_over_the_processes_that_have_one(found):
    assert [of_process["unshared"] for of_process in found] == [[4.0, 0.5, None]] * 2


def test_each_process_draws_its_own_chance(found):
    one, other = found
    assert one["chance"] != other["chance"]
    assert one["noise"] != other["noise"]
    assert one["mel"] != other["mel"]


def test_the_first_process_draws_what_a_single_one_would(found, tmp_path):
    alone = [int(chance.integers(1 << 40)) for _, chance in run.Run(tmp_path / "nothing.state", {}).steps(2)]
    assert found[0]["chance"] == alone


def test_only_the_first_process_prints_and_it_prints_the_mean_over_both(out, found):
    lines = [line for line in (out / "log.txt").read_text().splitlines() if line.startswith(f"step {STEPS} ")]
    assert len(lines) == 1
    printed = float(re.search(r"mel ([\d.]+)", lines[0])[1])
    assert printed == pytest.approx(np.mean([of_process["mel"] for of_process in found]), abs=1e-4)


def test_what_each_has_is_gathered_for_all(found):
    assert [of_process["own"] for of_process in found] == [{"0": 0, "1": 1}] * 2
    assert [of_process["count"] for of_process in found] == [2, 2]


def test_the_clips_are_shared_out_to_be_aligned(cache, out):
    alignments = json.loads((cache / "alignments.json").read_text())
    assert alignments.keys() == {"0.wav", "1.wav", "2.wav"}
    assert all(sum(alignment["durations"]) == FRAMES for alignment in alignments.values())


def test_weights_of_a_run_of_two_are_read_as_any_others(out):
    assert checkpoint.load(out / "vocoder.safetensors", Vocoder, VocoderConfig).config == TINY_VOCODER
    assert checkpoint.provenance(out / "vocoder.safetensors")["steps"] == STEPS
    assert not list(out.glob("*.partial"))


def test_one_process_goes_on_where_two_stopped(cache, out, monkeypatch):
    seen = []
    monkeypatch.setattr(run.Meter, "add", lambda self, step, **losses: seen.append(step))
    before = torch.load(out / "vocoder0.pt")
    unmoved = train_vocoder.train(cache, out, STEPS, RECIPE, config=TINY_VOCODER).state_dict()
    assert all(torch.equal(before[name], unmoved[name]) for name in before)
    train_vocoder.train(cache, out, STEPS + 2, RECIPE, config=TINY_VOCODER)
    assert seen == [STEPS, STEPS + 1]


# Alone, and what a run begins from


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    with distributed.together():
        assert (distributed.rank(), distributed.count(), distributed.is_first()) == (0, 1, True)
        assert distributed.gathered({1: 2}) == {1: 2}


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="at most 2 here, not 3"), distributed.together():
        pass


def unmoving(cache: Path, folder: Path, start: Path, config: VocoderConfig = TINY_VOCODER) -> Vocoder:
    """A run that begins from start and learns nothing."""
    return train_vocoder.train(cache, folder, 1, replace(RECIPE, peak_rate=0.0), start, config)


def test_a_run_begins_from_weights(cache, tmp_path):
    weights = tmp_path / "vocoder.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        checkpoint.save(weights, Vocoder(TINY_VOCODER), dtype=torch.float32)
    wanted = checkpoint.load(weights, Vocoder, VocoderConfig).state_dict()
    begun = unmoving(cache, tmp_path / "run", weights).state_dict()
    assert all(torch.equal(wanted[name], begun[name]) for name in wanted)


def test_weights_of_another_size_are_refused_by_name(cache, tmp_path):
    weights = tmp_path / "vocoder.safetensors"
    checkpoint.save(weights, Vocoder(replace(TINY_VOCODER, layers=1)))
    with pytest.raises(ValueError, match=r"vocoder\.safetensors is of a network of another size"):
        unmoving(cache, tmp_path / "run", weights)
