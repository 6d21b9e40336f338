"""The speaker encoder is the published one, and knows too little when it hears too little."""

import numpy as np
import pytest
import torch

from models import checkpoint
from models.audio import SAMPLE_RATE, encoder_mel, levelled
from models.cloning import WEIGHTS
from models.speaker_encoder import (
    PARTIAL_FRAMES,
    PARTIAL_STEP,
    RecordingTooShort,
    SpeakerEncoder,
    SpeakerEncoderConfig,
)
from models.voice_profile import profile_of
from tests.speech import DATA, harmonic_tone, kathleen

UNVOICED = np.zeros(0, dtype=np.float32)  # F0: the embedding does not ask for it


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)


def mel_of(waveform: np.ndarray) -> torch.Tensor:
    return encoder_mel(torch.tensor(levelled(waveform)))


@torch.inference_mode()
def test_a_real_voice_gets_the_embedding_of_the_original_network(encoder):
    original = np.load(DATA / "kathleen_embedding.npy", allow_pickle=False)
    embedding = encoder.embed(mel_of(kathleen())).numpy()
    assert original @ embedding > 0.999
    np.testing.assert_allclose(embedding, original, atol=5e-3)


def test_a_voice_profile_holds_the_embedding_of_the_original_network(encoder):
    original = np.load(DATA / "kathleen_embedding.npy", allow_pickle=False)
    assert original @ profile_of(kathleen(), UNVOICED, encoder).embedding > 0.999


@torch.inference_mode()
def test_embeddings_have_unit_norm(encoder):
    assert encoder.embed(mel_of(kathleen())).norm() == pytest.approx(1, abs=1e-5)
    partials = encoder(torch.rand(3, PARTIAL_FRAMES, 40))
    torch.testing.assert_close(partials.norm(dim=1), torch.ones(3))


@torch.inference_mode()
def test_two_halves_of_a_recording_are_closer_than_a_voice_and_a_tone(encoder):
    middle = len(kathleen()) // 2
    first, second = (encoder.embed(mel_of(half)) for half in (kathleen()[:middle], kathleen()[middle:]))
    tone = encoder.embed(mel_of(harmonic_tone(110, 3)))
    assert first @ second > 0.6
    assert first @ second > first @ tone + 0.2


@torch.inference_mode()
def test_an_utterance_of_one_partial_is_that_partial(encoder):
    mel = mel_of(kathleen())[: PARTIAL_FRAMES + PARTIAL_STEP - 1]
    torch.testing.assert_close(encoder.embed(mel), encoder(mel[None, :PARTIAL_FRAMES])[0])


@torch.inference_mode()
def test_an_utterance_is_the_mean_of_its_partials(encoder):
    mel = mel_of(kathleen())[: PARTIAL_FRAMES + PARTIAL_STEP]
    mean = (encoder(mel[None, :PARTIAL_FRAMES]) + encoder(mel[None, PARTIAL_STEP:]))[0]
    torch.testing.assert_close(encoder.embed(mel), mean / mean.norm())


@pytest.mark.parametrize("seconds", [0.1, 1.0, 1.5])
def test_short_recording_is_refused_with_its_seconds(encoder, seconds):
    with pytest.raises(RecordingTooShort, match=rf"has {seconds} s of speech; at least 1\.6 s"):
        profile_of(kathleen()[: round(seconds * SAMPLE_RATE)], UNVOICED, encoder)


def test_a_recording_just_short_of_the_limit_is_not_said_to_reach_it(encoder):
    with pytest.raises(RecordingTooShort) as refusal:
        profile_of(kathleen()[: round(1.58 * SAMPLE_RATE)], UNVOICED, encoder)
    assert "has 1.6 s" not in str(refusal.value)


def test_recording_of_1_6_s_is_enough(encoder):
    profile_of(kathleen()[: round(1.6 * SAMPLE_RATE)], UNVOICED, encoder)


def test_nothing_at_all_is_refused_with_0_seconds(encoder):
    with pytest.raises(RecordingTooShort, match=r"has 0\.0 s of speech"):
        profile_of(kathleen()[:0], UNVOICED, encoder)
