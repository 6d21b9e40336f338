"""Imported networks are kept whole or not at all, under a name, and one of each kind is in use."""

import numpy as np
import pytest
import torch

from models import UnreadableWeights, checkpoint
from models.legacy import library
from models.legacy.library import InvalidModelName, ModelLibrary, UnknownModel
from models.legacy.published import UnusableModelFile
from tests.rtvc import EXPECTED, checkpoint_file, tiny_tacotron, weights


@pytest.fixture
def kept(tmp_path) -> ModelLibrary:
    return ModelLibrary(tmp_path / "imported")


@pytest.fixture
def files(tmp_path):
    """Files as published, by kind."""
    return {kind: checkpoint_file(tmp_path / f"{kind}.pt", kind) for kind in ("encoder", "synthesizer", "vocoder")}


def files_of(kept: ModelLibrary) -> list[str]:
    return sorted(str(path.relative_to(kept.folder)) for path in kept.folder.rglob("*") if path.is_file())


def test_an_imported_network_comes_back_as_it_was(kept, files):
    kept.add(files["vocoder"])
    network = kept.load("vocoder", "rtvc")
    for name, value in weights("vocoder").items():
        assert torch.equal(network.state_dict()[name], value)
    with torch.inference_mode():
        answered = network(torch.tensor(EXPECTED["voc_x"])[None], torch.tensor(EXPECTED["voc_mel"])[None])
    np.testing.assert_allclose(answered[0, ::50], EXPECTED["voc_logits"], atol=1e-4)


def test_a_file_is_kept_with_a_card_and_without_its_optimizer(kept, files):
    model = kept.add(files["synthesizer"])
    assert files_of(kept) == ["synthesizer/rtvc.md", "synthesizer/rtvc.safetensors"]
    card = (kept.folder / "synthesizer" / "rtvc.md").read_text()
    assert model.sha256 in card
    assert "`synthesizer.pt`" in card
    assert (model.kind, model.name, model.source, model.is_in_use) == ("synthesizer", "rtvc", "synthesizer.pt", False)
    assert model.parameters == sum(part.numel() for part in tiny_tacotron().parameters())


@pytest.mark.parametrize(
    ("stem", "name"), [("vocoder", "rtvc"), ("My voice (2)", "my-voice-2"), ("Мой", "rtvc"), ("x" * 99, "x" * 40)]
)
def test_a_name_comes_from_the_file(kept, files, tmp_path, stem, name):
    assert kept.add(files["vocoder"].rename(tmp_path / f"{stem}.pt")).name == name


@pytest.mark.parametrize("name", ["tembr", "", "../up", "a/b", ".hidden", "Big", "x" * 41, "-o"])
def test_a_name_that_could_mean_something_else_is_refused(kept, files, name):
    with pytest.raises(InvalidModelName):
        kept.add(files["vocoder"], name)
    assert not kept.folder.exists()


def test_a_name_is_given_once_a_kind(kept, files):
    kept.add(files["vocoder"])
    with pytest.raises(InvalidModelName, match="vocoder named rtvc already"):
        kept.add(files["vocoder"])
    kept.add(files["synthesizer"])
    assert [(model.kind, model.name) for model in kept.models()] == [("synthesizer", "rtvc"), ("vocoder", "rtvc")]


def test_a_refused_file_leaves_nothing(kept, tmp_path):
    with pytest.raises(UnusableModelFile):
        kept.add(checkpoint_file(tmp_path / "vocoder.pt", "vocoder", {"fc2.bias": None}))
    assert not kept.folder.exists()


@pytest.mark.parametrize("breaking", ["save_file", "_card"])
def test_an_import_that_is_broken_off_leaves_nothing(kept, files, monkeypatch, breaking):
    def breaks_off(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint if breaking == "save_file" else library, breaking, breaks_off)
    with pytest.raises(OSError, match="No space"):
        kept.add(files["vocoder"])
    assert files_of(kept) == []
    assert kept.models() == []


def test_what_is_used_is_remembered_for_each_kind(kept, files):
    for path in files.values():
        kept.add(path)
    assert {kept.in_use(kind) for kind in ("encoder", "synthesizer", "vocoder")} == {"tembr"}
    assert kept.use("rtvc", "synthesizer") == ["synthesizer"]
    assert [kept.in_use(kind) for kind in ("encoder", "synthesizer", "vocoder")] == ["tembr", "rtvc", "tembr"]
    assert kept.use("rtvc") == ["encoder", "synthesizer", "vocoder"]
    assert all(model.is_in_use for model in ModelLibrary(kept.folder).models())
    assert kept.use("tembr", "vocoder") == ["vocoder"]
    assert kept.in_use("vocoder") == "tembr"


def test_a_network_that_is_removed_is_no_longer_used(kept, files):
    kept.add(files["vocoder"])
    kept.add(files["synthesizer"])
    kept.use("rtvc")
    assert kept.remove("rtvc", "vocoder") == ["vocoder"]
    assert kept.in_use("vocoder") == "tembr"
    assert kept.in_use("synthesizer") == "rtvc"
    assert files_of(kept) == ["in_use.json", "synthesizer/rtvc.md", "synthesizer/rtvc.safetensors"]


@pytest.mark.parametrize("name", ["nobody", "../synthesizer/rtvc", ""])
def test_an_unknown_name_is_refused_with_those_there_are(kept, files, name):
    kept.add(files["vocoder"])
    for asking in (lambda: kept.load("vocoder", name), lambda: kept.use(name), lambda: kept.remove(name)):
        with pytest.raises(UnknownModel, match="tembr, rtvc"):
            asking()


def test_the_networks_that_ship_cannot_be_removed(kept):
    with pytest.raises(UnknownModel):
        kept.remove("tembr")


def test_a_damaged_file_is_refused_by_its_path(kept, files):
    kept.add(files["vocoder"])
    (kept.folder / "vocoder" / "rtvc.safetensors").write_bytes(b"damaged")
    with pytest.raises(UnreadableWeights, match="rtvc.safetensors"):
        kept.load("vocoder", "rtvc")
