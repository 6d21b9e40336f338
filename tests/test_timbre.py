"""The timbre of a recording: speech that is like its pieces costs nothing, other speech does."""

import numpy as np
import pytest
import torch

from models import checkpoint
from models.audio import SPEECH_MEL, speech_mel
from models.cloning import WEIGHTS
from models.speaker_verifier import SpeakerVerifier, SpeakerVerifierConfig
from models.timbre import Timbre, statistics
from tests.speech import kathleen

FRAMES = 120


@pytest.fixture(scope="module")
def mel() -> torch.Tensor:
    return speech_mel(torch.tensor(kathleen()))[:, :600].T


@pytest.fixture(scope="module")
def verifier() -> SpeakerVerifier:
    return checkpoint.load(WEIGHTS / "speaker_verifier.safetensors", SpeakerVerifier, SpeakerVerifierConfig)


@pytest.fixture(scope="module")
def heard(verifier):
    """The verifier's features of a mel."""

    @torch.no_grad()
    def of(mel: torch.Tensor) -> list[torch.Tensor]:
        return verifier(mel[None])[1]

    return of


def test_speech_of_the_recording_costs_less_than_noise_and_other_spectra(mel, verifier, heard):
    timbre = Timbre.of(verifier, mel, FRAMES)
    own = float(timbre.loss(heard(mel[40 : 40 + FRAMES])))
    tilted = mel + torch.linspace(-2, 2, SPEECH_MEL.n_mels)
    noise = torch.randn(FRAMES, SPEECH_MEL.n_mels, generator=torch.Generator().manual_seed(0))
    assert own < float(timbre.loss(heard(tilted[40 : 40 + FRAMES])))
    assert own < float(timbre.loss(heard(noise))) / 2


def test_what_pieces_differ_by_themselves_costs_nothing(mel, verifier, heard):
    timbre = Timbre.of(verifier, mel, FRAMES)
    assert float(Timbre(timbre.usual, [spread + 1e6 for spread in timbre.spread]).loss(heard(mel[:FRAMES]))) == 0


@pytest.mark.parametrize("frames", [30, 50, 130, 599])
def test_a_short_recording_has_shorter_pieces(mel, verifier, heard, frames):
    timbre = Timbre.of(verifier, mel[:frames], FRAMES)
    assert all(torch.isfinite(part).all() for part in (*timbre.usual, *timbre.spread))
    assert float(timbre.loss(heard(mel[:frames]))) < 5


@pytest.mark.parametrize("frames", [1, 2, 25])
def test_a_recording_shorter_than_any_piece_is_heard_over_again(mel, verifier, heard, frames):
    timbre = Timbre.of(verifier, mel[:frames], FRAMES)
    assert all(torch.isfinite(part).all() for part in (*timbre.usual, *timbre.spread))
    assert torch.isfinite(timbre.loss(heard(mel[:FRAMES])))


def test_statistics_are_means_and_deviations_over_time():
    features = torch.tensor([[[1.0, 5.0], [3.0, 5.0]]])
    np.testing.assert_allclose(statistics(features)[0], [2.0, 5.0, np.sqrt(2), 0.0], atol=1e-6)
