"""Files of Real-Time-Voice-Cloning are known by their tensors; every other file is refused, and none is executed."""

import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.legacy.published import UnusableModelFile, read_published
from models.legacy.tacotron import Tacotron
from models.legacy.wavernn import WaveRNN
from models.speaker_encoder import SpeakerEncoder
from tests.rtvc import TINY_TACOTRON, TINY_WAVERNN, checkpoint_file, published, weights
from tests.trap import Trap


def refusal(path: Path) -> str:
    """What is said of a file that is refused, without its path."""
    with pytest.raises(UnusableModelFile) as fault:
        read_published(path)
    said = str(fault.value)
    assert said.startswith(f"{path} cannot be imported: ")
    assert said.endswith(".")
    assert not Trap.sprung
    return said.removeprefix(f"{path} cannot be imported: ")


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "old format"])
@pytest.mark.parametrize(
    ("kind", "network_class", "steps"),
    [("encoder", SpeakerEncoder, 1564501), ("synthesizer", Tacotron, None), ("vocoder", WaveRNN, 1)],
)
def test_each_kind_is_known_by_its_tensors(tmp_path, kind, network_class, steps, is_zip):
    path = checkpoint_file(tmp_path / "any.pt", kind, _use_new_zipfile_serialization=is_zip)
    read = read_published(path)
    assert (read.kind, type(read.network), read.steps) == (kind, network_class, steps)
    assert not read.network.training


def test_sizes_come_from_the_tensors(tmp_path):
    synthesizer = read_published(checkpoint_file(tmp_path / "synthesizer.pt", "synthesizer")).network
    assert replace(synthesizer.config, dropout=0.0, silence=-3.4) == TINY_TACOTRON
    assert synthesizer.config.silence == pytest.approx(-3.4)
    assert synthesizer.config.dropout == 0.5
    assert read_published(checkpoint_file(tmp_path / "vocoder.pt", "vocoder")).network.config == TINY_WAVERNN


def test_weights_are_those_of_the_file_and_stay_when_it_goes(tmp_path):
    path = checkpoint_file(tmp_path / "vocoder.pt", "vocoder")
    network = read_published(path).network
    path.write_bytes(b"")
    for name, value in weights("vocoder").items():
        assert torch.equal(network.state_dict()[name], value)


def test_a_reduction_factor_is_read_from_the_file(tmp_path):
    path = checkpoint_file(tmp_path / "s.pt", "synthesizer", {"decoder.r": torch.tensor(7, dtype=torch.int32)})
    assert read_published(path).network.config.reduction == 7


def test_tensors_without_a_name_around_them_are_read_too(tmp_path):
    torch.save(published("vocoder"), tmp_path / "vocoder.pt")
    assert read_published(tmp_path / "vocoder.pt").kind == "vocoder"


def test_half_precision_becomes_float32(tmp_path):
    halves = {name: value.half() for name, value in weights("vocoder").items() if value.is_floating_point()}
    network = read_published(checkpoint_file(tmp_path / "vocoder.pt", "vocoder", halves)).network
    assert network.fc3.weight.dtype == torch.float32


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "file.pt"
    for content in (b"", b"PK", b"no checkpoint " * 100, pickle.dumps(Trap()), pickle.dumps([1], protocol=2)):
        path.write_bytes(content)
        assert refusal(path) == "it is no checkpoint of PyTorch."


def test_what_is_no_file_is_refused(tmp_path):
    assert "cannot be read (Is a directory)" in refusal(tmp_path)
    assert "cannot be read (No such file or directory)" in refusal(tmp_path / "nowhere.pt")


def test_a_zip_of_anything_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.pt", "w") as archive:
        archive.writestr("photos/1.jpg", b"no tensor")
    assert refusal(tmp_path / "photos.pt") == "it is damaged or not whole."


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "old format"])
@pytest.mark.parametrize("part", [0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, part, is_zip):
    path = checkpoint_file(tmp_path / "vocoder.pt", "vocoder", _use_new_zipfile_serialization=is_zip)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert refusal(path) == "it is damaged or not whole."


def test_a_pickle_with_an_instruction_that_is_none_is_damaged(tmp_path):
    path = checkpoint_file(tmp_path / "vocoder.pt", "vocoder", _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"model_state", b"model_state\xff\xff", 1))
    assert refusal(path) == "it is damaged or not whole."


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "old format"])
def test_code_in_a_file_is_named_and_not_run(tmp_path, is_zip):
    torch.save({"model_state": {"a": Trap()}}, tmp_path / "trap.pt", _use_new_zipfile_serialization=is_zip)
    said = refusal(tmp_path / "trap.pt")
    assert said == "it holds more than tensors (tests.trap._spring), which could run code; nothing of it was run."


def test_code_beside_good_tensors_is_not_run_either(tmp_path):
    content = {"model_state": published("vocoder"), "optimizer_state": Trap()}
    torch.save(content, tmp_path / "trap.pt")
    assert "nothing of it was run" in refusal(tmp_path / "trap.pt")


def test_a_whole_module_is_refused_with_its_class(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    assert "torch.nn.modules.linear.Linear" in refusal(tmp_path / "module.pt")


def test_what_holds_no_tensors_by_name_is_refused_with_what_it_holds(tmp_path):
    path = tmp_path / "other.pt"
    for content, said in [
        ([torch.ones(2)], "it holds a list and no tensors by name."),
        (torch.ones(2), "it holds a Tensor and no tensors by name."),
        ({"epoch": 3, "lr": 0.1}, "it holds no tensors by name, but: epoch, lr."),
        ({"model_state": {}}, "it holds no tensors by name, but: model_state."),
    ]:
        torch.save(content, path)
        assert refusal(path) == said


def test_a_network_of_another_project_is_refused_with_what_it_has(tmp_path):
    torch.save({"model_state": torch.nn.LSTM(3, 4).state_dict()}, tmp_path / "other.pt")
    said = refusal(tmp_path / "other.pt")
    assert said.startswith("its 4 tensors (bias_hh_l0, bias_ih_l0, weight_hh_l0, ...) are of no network of Real-Time")


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("vocoder", {"fc2.bias": None}, "it has no tensor fc2.bias."),
        ("vocoder", {"fc4.bias": torch.ones(2)}, "it has a tensor too many, fc4.bias."),
        ("vocoder", {"fc2.bias": torch.ones(31)}, "its tensor fc2.bias has the shape (31,), not (32,)."),
        ("vocoder", {"rnn1.weight_hh_l0": torch.ones(3)}, "its tensor rnn1.weight_hh_l0 has the shape (3,)."),
        ("vocoder", {"I.weight": torch.ones(32, 85, 2)}, "its tensor I.weight has the shape (32, 85, 2), not"),
        ("vocoder", {"fc3.weight": torch.ones(30, 32)}, "its samples are a mixture of logistics"),
        ("vocoder", {"fc3.weight": torch.ones(500, 32)}, "its tensor fc3.weight has the shape (500, 32), not"),
        ("vocoder", {"upsample.up_layers.5.weight": torch.ones(1, 1, 1, 9)}, "it has 100 samples a mel frame; 200"),
        ("vocoder", {"fc2.bias": torch.full((32,), torch.nan)}, "its tensor fc2.bias holds numbers that are not"),
        ("vocoder", {"fc2.bias": torch.ones(0)}, "its tensor fc2.bias is of a kind that Tembr does not read."),
        ("vocoder", {"fc2.bias": torch.ones(32).to_sparse()}, "its tensor fc2.bias is of a kind"),
        ("vocoder", {"fc2.bias": torch.ones(32, device="meta")}, "its tensor fc2.bias is of a kind"),
        ("vocoder", {"fc2.bias": torch.ones(1).expand(10**9)}, "its tensors are larger than the file."),
        ("synthesizer", {"decoder.r": torch.tensor(0)}, "its reduction factor is 0; it can be 1 to 20."),
        ("synthesizer", {"decoder.r": None}, "its reduction factor is 0; it can be 1 to 20."),
        ("synthesizer", {"decoder.attn_net.conv.weight": torch.ones(32, 1, 30)}, "its tensor decoder.attn_net"),
        ("synthesizer", {"encoder.embedding.weight": torch.ones(75, 24)}, "it has 75 characters in its alphabet; 66 "),
        ("synthesizer", {"encoder_proj.weight": torch.ones(16, 144)}, "it has 128 numbers in a speaker embedding; 256"),
        ("synthesizer", {"post_proj.weight": torch.ones(513, 32)}, "it has 513 mel bands; 80 are needed."),
        ("encoder", {"lstm.weight_ih_l2": None}, "it has a tensor too many, lstm.bias_hh_l2."),
        ("encoder", {"linear.weight": torch.ones(64, 256)}, "it has 64 numbers in a speaker embedding; 256"),
    ],
)  # fmt: skip
def test_right_names_with_wrong_tensors_are_refused_with_what_is_wrong(tmp_path, kind, changes, said):
    assert said in refusal(checkpoint_file(tmp_path / "file.pt", kind, changes))


def test_a_file_beyond_all_measure_is_not_opened(tmp_path):
    path = checkpoint_file(tmp_path / "large.pt", "vocoder")
    with path.open("r+b") as file:
        file.truncate(3_000_000_000)
    assert refusal(path) == "it has more than 2000000000 bytes."
