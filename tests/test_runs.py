"""What every recipe stands on: distances that grow, a rate that falls, states that are only numbers."""

import zipfile
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
import torch

from models import checkpoint
from models.audio import SAMPLE_RATE
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.training import losses, run
from models.training.convert_encoder import convert
from tests.speech import harmonic_tone, kathleen
from tests.trap import Trap


def speech_pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Speech, and the same with noise in it; (1, samples) each."""
    speech = torch.tensor(kathleen()[None, : 2 * SAMPLE_RATE])
    return speech, speech + 0.02 * torch.randn(speech.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("loss", [losses.mel_loss, losses.stft_loss])
def test_spectral_losses_grow_with_the_distance(loss):
    speech, noisy = speech_pair()
    tone = torch.tensor(harmonic_tone(110)[None])
    assert loss(speech, speech) == 0
    assert 0.01 < loss(noisy, speech) < loss(tone, speech)


def test_the_rate_rises_to_its_peak_and_falls_to_a_hundredth():
    rates = [run.learning_rate(step, last=1000, peak=1e-3, warmup=100) for step in range(1001)]
    assert rates[0] == pytest.approx(1e-5)
    assert np.argmax(rates) in (99, 100)
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-5)
    assert all(later <= earlier for earlier, later in pairwise(rates[100:]))


def mean_after(weights: Iterable[float]) -> float:
    """The running mean of a single weight that had these values."""
    network = torch.nn.Linear(1, 1, bias=False)
    mean = run.averaged(network)
    for value in weights:
        torch.nn.init.constant_(network.weight, value)
        mean.update_parameters(network)
    return mean.module.weight.item()


def test_the_mean_of_the_weights_follows_them_slowly():
    settled = [1.0] * 10_000
    assert mean_after(settled) == pytest.approx(1, abs=1e-5)
    assert mean_after([*settled, 2.0]) == pytest.approx(2 - run.AVERAGE_DECAY, abs=1e-5)


def test_the_mean_of_a_short_run_has_forgotten_where_it_began():
    assert mean_after([0.0] + [1.0] * 300) > 0.999


def test_a_run_from_anothers_state_has_a_mean_of_its_own(tmp_path):
    def parts(weight: float) -> dict:
        network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(network.weight, weight)
        return {"network": network, "averaged": run.averaged(network)}

    other = run.Run(tmp_path / "other.state", parts(3.0), step=7)
    other.parts["averaged"].update_parameters(other.parts["network"])
    other.save()
    own = run.Run(tmp_path / "own.state", parts(5.0))
    own.resume(other.path)
    assert own.step == 0
    assert own.parts["network"].weight.item() == 3
    assert own.parts["averaged"].n_averaged == 0
    assert own.parts["averaged"].module.weight.item() == 3  # should no step follow
    again = run.Run(tmp_path / "other.state", parts(5.0))
    again.resume()
    assert again.step == 7
    assert again.parts["averaged"].n_averaged == 1


def test_a_state_that_holds_more_than_numbers_is_never_opened(tmp_path):
    torch.save({"step": 3, "network": Trap()}, tmp_path / "x.state")
    with pytest.raises(Exception, match="[Ww]eights.only"):
        run.Run(tmp_path / "x.state", {"network": torch.nn.Linear(1, 1)}).resume()
    assert not Trap.sprung


def test_the_encoder_is_converted_without_what_only_training_needed(tmp_path):
    network = SpeakerEncoder(SpeakerEncoderConfig())
    state = network.state_dict() | {"similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
    torch.save({"model_state": state}, tmp_path / "pretrained.pt")
    with zipfile.ZipFile(tmp_path / "wheel.whl", "w") as wheel:
        wheel.write(tmp_path / "pretrained.pt", "resemblyzer/pretrained.pt")
    convert(tmp_path / "wheel.whl", tmp_path / "encoder.safetensors")
    loaded = checkpoint.load(tmp_path / "encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)
    mels = torch.rand(1, 160, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(loaded(mels), network(mels), atol=5e-3, rtol=0)
    assert checkpoint.provenance(tmp_path / "encoder.safetensors")["licence"] == "Apache-2.0"
