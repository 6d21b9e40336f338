"""What the synthesizer is told of voices it was never heard in: are they alike, and is it still what was written."""

import numpy as np
import pytest
import torch

from models import checkpoint
from models.audio import levelled, speech_mel
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.training.alignment import Aligner
from models.training.content_loss import ContentLoss
from models.training.convert_encoder import WEIGHTS
from models.training.discriminators import Discriminators, feature_loss
from models.training.voice_loss import NEAR_ENOUGH, VoiceLoss
from models.voice_profile import profile_of
from tests.speech import harmonic_tone, kathleen


@pytest.fixture(scope="module")
def voice_loss():
    return VoiceLoss(checkpoint.load(WEIGHTS, SpeakerEncoder, SpeakerEncoderConfig))


@pytest.fixture(scope="module")
def embedding(voice_loss):
    return torch.from_numpy(profile_of(kathleen(), np.zeros(0), voice_loss.encoder).embedding)[None]


def mel_of(waveform: np.ndarray) -> torch.Tensor:
    """(1, frames, 80)."""
    return speech_mel(torch.from_numpy(levelled(waveform).astype(np.float32))).T[None]


def test_a_speech_mel_is_heard_by_the_encoder_as_the_recording_is(voice_loss, embedding):
    heard = voice_loss.encoder.embed(voice_loss.encoder_mels(mel_of(kathleen()))[0])
    assert float(heard @ embedding[0]) > 0.85  # two strangers: 0.59


def test_a_voice_is_near_itself_and_far_from_a_hum(voice_loss, embedding):
    torch.manual_seed(0)
    own, hum = (
        float(voice_loss(mel, torch.tensor([mel.shape[1]]), embedding))
        for mel in (mel_of(kathleen()), mel_of(harmonic_tone(110, 4.0)))
    )
    assert own < 0.2 < hum
    assert own >= 0 and hum <= 2 - NEAR_ENOUGH


def test_what_is_shorter_than_a_piece_is_repeated_and_padding_is_not_heard(voice_loss, embedding):
    mel = mel_of(kathleen())[:, :60]
    padded = torch.cat([mel, torch.zeros(1, 200, 80)], dim=1)
    alone, with_padding = (float(voice_loss(m, torch.tensor([60]), embedding)) for m in (mel, padded))
    assert with_padding == pytest.approx(alone, abs=1e-4)


def test_a_mel_learns_to_be_nearer_and_the_encoder_stays_as_it_was(voice_loss, embedding):
    before = [parameter.clone() for parameter in voice_loss.encoder.parameters()]
    mel = mel_of(harmonic_tone(200, 2.0)).requires_grad_()
    losses = []
    for _ in range(15):
        torch.manual_seed(0)
        loss = voice_loss(mel, torch.tensor([mel.shape[1]]), embedding)
        (gradient,) = torch.autograd.grad(loss, mel)
        mel = (mel - 0.2 * gradient.sign()).detach().requires_grad_()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert all(map(torch.equal, before, voice_loss.encoder.parameters()))


def test_the_same_words_have_no_distance_and_babble_has():
    torch.manual_seed(0)
    content = ContentLoss(Aligner())
    real = mel_of(kathleen())
    mask = torch.ones(1, real.shape[1], 1)
    assert float(content(real, real, mask)) == pytest.approx(0, abs=1e-6)
    assert float(content(real.flip(1), real, mask)) > 1e-3


def test_content_is_not_asked_of_padding():
    torch.manual_seed(0)
    content = ContentLoss(Aligner())
    real = mel_of(kathleen())[:, :100]
    made = real + 0.5 * torch.randn_like(real)
    mask = torch.ones(1, 100, 1)

    def padded(part: torch.Tensor) -> torch.Tensor:
        return torch.cat([part, torch.zeros(1, 50, part.shape[2])], dim=1)

    alone, with_padding = content(made, real, mask), content(padded(made), padded(real), padded(mask))
    assert float(with_padding) == pytest.approx(float(alone), rel=0.05)


def test_discriminators_know_their_features_again():
    speech = torch.from_numpy(kathleen()[None, 16_000:32_000].copy())
    judges = Discriminators()
    of_speech, of_noisy = judges(speech), judges(speech + 0.05 * torch.randn_like(speech))
    assert feature_loss(of_speech, of_speech) == 0
    assert feature_loss(of_speech, of_noisy) > 0.001


def test_drawn_discriminators_are_some_of_all_and_share_their_weights():
    judges = Discriminators()
    some = judges.drawn(4, np.random.default_rng(0))
    assert len(some.all) == len({id(one) for one in some.all}) == 4
    assert all(any(one is other for other in judges.all) for one in some.all)
    drawn = {frozenset(map(id, judges.drawn(4, np.random.default_rng(seed)).all)) for seed in range(8)}
    assert len(drawn) > 1
