"""Weights come back as they were saved, or are refused by name."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from models import checkpoint
from models.checkpoint import UnreadableWeights
from tests.trap import Trap


@dataclass(frozen=True)
class ScaleConfig:
    size: int = 3
    layers: int = 1


class Scale(nn.Module):
    """A network as small as one can be."""

    def __init__(self, config: ScaleConfig):
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(nn.Linear(config.size, config.size) for _ in range(config.layers))
        self.dropout = nn.Dropout()
        self.register_buffer("steps", torch.tensor(7))
        self.register_buffer("window", torch.hann_window(8), persistent=False)


class Other(Scale):
    """Another network with the same tensors."""


def saved(folder: Path, config: ScaleConfig | None = None, **provenance) -> tuple[Path, Scale]:
    network = Scale(config or ScaleConfig(size=5, layers=2))
    path = folder / "new" / "scale.safetensors"
    checkpoint.save(path, network, **provenance)
    return path, network


def load(path: Path) -> Scale:
    return checkpoint.load(path, Scale, ScaleConfig)


def test_a_saved_network_comes_back_with_its_config(tmp_path):
    path, network = saved(tmp_path)
    loaded = load(path)
    assert loaded.config == ScaleConfig(size=5, layers=2)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name].float(), value.half().float(), rtol=0, atol=0)


def test_weights_are_readable_by_whoever_runs_the_site(tmp_path):
    path, _ = saved(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o644


def test_full_precision_is_kept_when_asked_for(tmp_path):
    network = Scale(ScaleConfig())
    checkpoint.save(tmp_path / "scale.safetensors", network, dtype=torch.float32)
    assert torch.equal(load(tmp_path / "scale.safetensors").layers[0].weight, network.layers[0].weight)


def test_a_loaded_network_is_in_float32_and_in_evaluation_mode(tmp_path):
    path, network = saved(tmp_path)
    assert network.training
    loaded = load(path)
    assert not loaded.training
    assert not loaded.dropout.training
    assert loaded.layers[0].weight.dtype == torch.float32


def test_loading_draws_no_random_numbers(tmp_path):
    path, _ = saved(tmp_path)
    before = torch.get_rng_state()
    load(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_a_network_computes_for_itself_is_there_after_loading(tmp_path):
    path, _ = saved(tmp_path)
    assert torch.equal(load(path).window, torch.hann_window(8))


def test_a_loaded_network_does_not_change_with_its_file(tmp_path):
    path = tmp_path / "scale.safetensors"
    checkpoint.save(path, Scale(ScaleConfig()), dtype=torch.float32)
    loaded = load(path)
    before = loaded.layers[0].weight.clone()
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(loaded.layers[0].weight, before)


def test_a_loaded_network_can_be_trained(tmp_path):
    path, _ = saved(tmp_path)
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in load(path).parameters())


def test_saving_does_not_change_the_network(tmp_path):
    _, network = saved(tmp_path)
    assert network.layers[0].weight.dtype == torch.float32


def test_provenance_is_kept(tmp_path):
    path, _ = saved(tmp_path, steps=300, licence="CC0")
    assert checkpoint.provenance(path) == {"steps": 300, "licence": "CC0"}


def test_saving_leaves_one_file(tmp_path):
    path, _ = saved(tmp_path)
    assert list(path.parent.iterdir()) == [path]


def test_saving_again_replaces_the_file(tmp_path):
    saved(tmp_path, ScaleConfig(size=9))
    path, _ = saved(tmp_path, ScaleConfig(size=2))
    assert load(path).config.size == 2
    assert list(path.parent.iterdir()) == [path]


def test_a_save_that_fails_leaves_the_old_file_alone(tmp_path):
    path, _ = saved(tmp_path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        checkpoint.save(path, Scale(ScaleConfig()), licence=object())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_save_that_is_broken_off_leaves_no_partial_file(tmp_path, monkeypatch):
    path, _ = saved(tmp_path)
    before = path.read_bytes()

    def breaks_off(tensors, destination, metadata):
        Path(destination).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", breaks_off)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, Scale(ScaleConfig()))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_missing_weights_are_refused_with_their_path(tmp_path):
    with pytest.raises(UnreadableWeights, match="nowhere.safetensors"):
        load(tmp_path / "nowhere.safetensors")


def test_a_folder_is_no_weights_file(tmp_path):
    with pytest.raises(UnreadableWeights):
        load(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 100, 500, -1])
def test_truncated_weights_are_refused(tmp_path, keep):
    path, _ = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnreadableWeights):
        load(path)


def test_random_bytes_are_refused(tmp_path):
    path = tmp_path / "scale.safetensors"
    path.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(UnreadableWeights):
        load(path)


def test_a_pickle_is_refused_and_never_opened(tmp_path):
    (tmp_path / "plain").write_bytes(pickle.dumps(Trap()))
    torch.save({"model_state": Trap()}, tmp_path / "torch")
    for name in ("plain", "torch"):
        with pytest.raises(UnreadableWeights):
            load(tmp_path / name)
    assert not Trap.sprung


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    path, _ = saved(tmp_path)
    with pytest.raises(UnreadableWeights, match="holds Scale, not Other"):
        checkpoint.load(path, Other, ScaleConfig)


def rewritten(folder: Path, **changes) -> Path:
    """A weights file of Scale with other metadata; None leaves an entry out."""
    metadata = {"network": "Scale", "config": json.dumps({"size": 3, "layers": 1})} | changes
    path = folder / "scale.safetensors"
    tensors = {name: value.contiguous() for name, value in Scale(ScaleConfig()).state_dict().items()}
    save_file(tensors, path, {key: value for key, value in metadata.items() if value is not None})
    return path


def test_rewritten_metadata_alone_does_no_harm(tmp_path):
    assert load(rewritten(tmp_path)).config == ScaleConfig()


@pytest.mark.parametrize(
    "changes",
    [
        {"network": None},
        {"config": None},
        {"config": "{"},
        {"config": "null"},
        {"config": "[3, 1]"},
        {"config": '{"size": "3"}'},
        {"config": '{"size": -3}'},
        {"config": '{"size": 4}'},
        {"config": '{"layers": 2}'},
        {"config": '{"colour": 3}'},
    ],
    ids=str,
)
def test_weights_that_do_not_go_with_their_config_are_refused(tmp_path, changes):
    with pytest.raises(UnreadableWeights):
        load(rewritten(tmp_path, **changes))


def test_weights_of_another_version_are_refused_with_what_to_do(tmp_path):
    path = rewritten(tmp_path, config='{"layers": 2}')  # as of a version in which it had one
    with pytest.raises(UnreadableWeights) as refusal:
        load(path)
    assert str(refusal.value) == (
        f"{path} holds a Scale of another version of Tembr, with other layers (layers.1.bias). Take the file away to"
        " use the weights that ship, or train it again: docs/training.md."
    )


def folders_with(folder: Path, **names: str) -> list[Path]:
    """Folders of that name, each holding an empty file of each name in its list."""
    for place, held in names.items():
        (folder / place).mkdir()
        for name in held.split():
            (folder / place / name).touch()
    return [folder / place for place in names]


def test_an_owners_weights_come_before_the_shipped_ones_file_by_file(tmp_path):
    own, shipped = folders = folders_with(tmp_path, own="vocoder", shipped="vocoder synthesizer")
    assert checkpoint.find("vocoder", folders) == own / "vocoder"
    assert checkpoint.find("synthesizer", folders) == shipped / "synthesizer"


def test_an_owners_folder_need_not_exist(tmp_path):
    (shipped,) = folders_with(tmp_path, shipped="vocoder")
    assert checkpoint.find("vocoder", [tmp_path / "instance" / "weights", shipped]) == shipped / "vocoder"


def test_weights_that_are_nowhere_are_missed_by_name_and_folders(tmp_path):
    with pytest.raises(UnreadableWeights, match=r"no vocoder in any of: .*own, .*shipped"):
        checkpoint.find("vocoder", folders_with(tmp_path, own="", shipped="synthesizer"))


def test_a_damaged_file_of_the_owner_is_an_error_and_not_passed_over(tmp_path):
    own, shipped = folders = folders_with(tmp_path, own="scale", shipped="scale")
    checkpoint.save(shipped / "scale", Scale(ScaleConfig()))
    with pytest.raises(UnreadableWeights, match=str(own / "scale")):
        load(checkpoint.find("scale", folders))


def test_a_file_of_another_network_is_an_error_that_names_both(tmp_path):
    checkpoint.save(tmp_path / "scale.safetensors", Other(ScaleConfig()))
    with pytest.raises(UnreadableWeights, match=r"scale\.safetensors holds Other, not Scale"):
        load(tmp_path / "scale.safetensors")


def test_a_link_that_leads_nowhere_is_an_error_and_not_passed_over(tmp_path):
    own, shipped = folders = folders_with(tmp_path, own="", shipped="scale")
    (own / "scale").symlink_to(tmp_path / "moved-away")
    with pytest.raises(UnreadableWeights, match=str(own / "scale")):
        load(checkpoint.find("scale", folders))
