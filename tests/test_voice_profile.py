"""A voice is kept in a kilobyte or two, and nothing else can be taken for one."""

import io
import pickle
import struct
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from models import checkpoint
from models.cloning import WEIGHTS
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.voice_profile import (
    MAX_PROFILE_BYTES,
    MAX_REFERENCE_FRAMES,
    InvalidVoiceProfile,
    VoiceProfile,
    mean_mel,
    merged,
    profile_of,
)
from tests.speech import kathleen
from tests.trap import Trap

F0 = np.full(100, 200.0, dtype=np.float32)  # Hz


def parts(**changes) -> dict[str, np.ndarray]:
    """The parts of a good profile, but for the changes; None leaves a part out."""
    chance = np.random.default_rng(0)
    embedding = chance.random(256, dtype=np.float32)
    good = {
        "embedding": embedding / np.linalg.norm(embedding),
        "pitch": np.array([5.0, 0.2], dtype=np.float32),
        "mean_mel": chance.normal(-2, 1, 80).astype(np.float32),
        "seconds": np.array([4.5], dtype=np.float32),
    }
    return {name: part for name, part in (good | changes).items() if part is not None}


def profile() -> VoiceProfile:
    good = parts()
    return VoiceProfile(good["embedding"], good["pitch"], good["mean_mel"], 4.5)


def assert_same(one: VoiceProfile, other: VoiceProfile) -> None:
    np.testing.assert_array_equal(one.embedding, other.embedding)
    np.testing.assert_array_equal(one.pitch, other.pitch)
    np.testing.assert_array_equal(one.mean_mel, other.mean_mel)
    np.testing.assert_array_equal(one.reference, other.reference)
    assert one.seconds == pytest.approx(other.seconds)


def test_a_stored_profile_comes_back_whole():
    assert_same(VoiceProfile.from_bytes(profile().to_bytes()), profile())


def test_whether_the_synthesizer_knows_a_voice_is_kept():
    known = replace(profile(), is_known=True)
    assert VoiceProfile.from_bytes(known.to_bytes()).is_known
    assert len({VoiceProfile.from_bytes(known.to_bytes()).key for _ in range(20)}) == 1
    assert not VoiceProfile.from_bytes(profile().to_bytes()).is_known
    assert not merged([known, profile()]).is_known  # it is no voice of the corpus any more


def test_the_profile_of_a_real_voice_comes_back_whole():
    encoder = checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)
    heard = profile_of(kathleen(), F0, encoder)
    assert_same(VoiceProfile.from_bytes(heard.to_bytes()), heard)
    assert heard.seconds == pytest.approx(len(kathleen()) / 16_000)
    assert len(heard.reference) == len(kathleen()) // 200 + 1
    assert -4 < heard.mean_mel.min() < heard.mean_mel.max() < 4


def test_the_mean_mel_is_that_of_voiced_frames_and_of_a_whisper_that_of_all():
    mel = np.repeat([[0.0, 2.0]], 10, axis=1).repeat(80, axis=0)  # ten quiet frames, ten loud
    voiced = np.repeat([0.0, 150.0], 10)
    np.testing.assert_array_equal(mean_mel(mel, voiced), np.full(80, 2.0))
    np.testing.assert_array_equal(mean_mel(mel, voiced[:-1]), np.full(80, 2.0))  # a frame less
    np.testing.assert_array_equal(mean_mel(mel, np.append(voiced, 150.0)), np.full(80, 2.0))
    np.testing.assert_array_equal(mean_mel(mel, np.zeros(20)), np.full(80, 1.0))


def test_a_profile_without_a_reference_is_small_and_one_of_15_seconds_is_the_largest():
    assert len(profile().to_bytes()) < 2000
    largest = replace(profile(), reference=np.zeros((MAX_REFERENCE_FRAMES, 80), dtype=np.float16))
    assert 192_000 < len(largest.to_bytes()) < MAX_PROFILE_BYTES < 400_000
    assert_same(VoiceProfile.from_bytes(largest.to_bytes()), largest)


def test_a_reference_of_other_shape_or_with_infinite_numbers_is_refused():
    for wrong in (np.zeros((3, 79), np.float16), np.zeros((3, 80), np.float32), np.full((3, 80), np.inf, np.float16)):
        with pytest.raises(InvalidVoiceProfile):
            VoiceProfile.from_bytes(save(parts(reference=wrong), {"hearing": "3"}))


def test_a_merged_reference_has_a_part_of_each_recording():
    first, second = (replace(profile(), reference=np.full((1000, 80), n, dtype=np.float16)) for n in (1, 2))
    joined = merged([first, second]).reference
    assert [int((joined[:, 0] == n).sum()) for n in (1, 2)] == [600, 600]


def test_features_are_embedding_then_pitch_then_mean_mel():
    features = profile().features()
    assert features.shape == (338,)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features[256:258], profile().pitch)


def saved(**changes) -> bytes:
    return save(parts(**changes))


def hostile_header(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("voices/*.safetensors")), ids=lambda path: path.stem)
def test_a_ready_voice_can_be_read(path):
    ready = VoiceProfile.from_bytes(path.read_bytes())
    assert np.linalg.norm(ready.embedding) == pytest.approx(1, abs=1e-3)
    assert 60 < np.exp(ready.pitch[0]) < 480
    assert ready.seconds >= 1.6


OF_ANOTHER_KIND = {
    "nothing": b"",
    "text": b"This is not a voice.",
    "zeros": bytes(1500),
    "random": np.random.default_rng(1).bytes(1500),
    "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(100),
    "a header of 16 exabytes": b"\xff" * 8 + b"{}",
    "a header that is no object": hostile_header("[1, 2]"),
    "a header of nested lists": hostile_header("[" * 3000),
    "data beyond the end": hostile_header('{"embedding":{"dtype":"F32","shape":[256],"data_offsets":[0,1024]}}'),
    "an unknown type": hostile_header('{"embedding":{"dtype":"F4","shape":[0],"data_offsets":[0,0]}}'),
    "an enormous shape": hostile_header(
        '{"embedding":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}'
    ),
    "no parts": save({}),
    "one part missing": saved(pitch=None),
    "one part too many": saved(other=np.zeros(1, dtype=np.float32)),
    "a longer embedding": saved(embedding=np.zeros(257, dtype=np.float32)),
    "another shape": saved(mean_mel=np.zeros((80, 1), dtype=np.float32)),
    "doubles": saved(pitch=np.zeros(2)),
    "whole numbers": saved(pitch=np.zeros(2, dtype=np.int32)),
    "not a number": saved(mean_mel=np.full(80, np.nan, dtype=np.float32)),
    "infinite": saved(pitch=np.array([np.inf, 0], dtype=np.float32)),
    "infinite seconds": saved(seconds=np.array([np.inf], dtype=np.float32)),
}


@pytest.mark.parametrize("stored", OF_ANOTHER_KIND.values(), ids=OF_ANOTHER_KIND)
def test_what_is_no_voice_profile_is_refused(stored):
    with pytest.raises(InvalidVoiceProfile):
        VoiceProfile.from_bytes(stored)


def test_a_truncated_profile_is_refused():
    stored = profile().to_bytes()
    for length in range(0, len(stored), 7):
        with pytest.raises(InvalidVoiceProfile):
            VoiceProfile.from_bytes(stored[:length])


def test_a_damaged_profile_is_refused_or_is_another_finite_one():
    stored = profile().to_bytes()
    chance = np.random.default_rng(0)
    for place in chance.integers(len(stored), size=500):
        damaged = bytearray(stored)
        damaged[place] ^= 1 << chance.integers(8)
        try:
            assert np.isfinite(VoiceProfile.from_bytes(bytes(damaged)).features()).all()
        except InvalidVoiceProfile:
            continue


def test_a_profile_that_is_too_large_is_refused_with_the_limit():
    with pytest.raises(InvalidVoiceProfile, match=f"at most {MAX_PROFILE_BYTES} bytes; this has 10000000"):
        VoiceProfile.from_bytes(bytes(10_000_000))


def test_a_pickle_is_refused_and_never_opened():
    numpy_file = io.BytesIO()
    np.save(numpy_file, np.array([Trap()], dtype=object), allow_pickle=True)
    for stored in (pickle.dumps(Trap()), numpy_file.getvalue()):
        with pytest.raises(InvalidVoiceProfile):
            VoiceProfile.from_bytes(stored)
    assert not Trap.sprung


def heard(place: int, seconds: float, **changes) -> VoiceProfile:
    """A profile whose embedding is the unit vector of that place."""
    parts = {"pitch": np.array([5.0, 0.2]), "mean_mel": np.zeros(80)} | changes
    return VoiceProfile(np.eye(256, dtype=np.float32)[place], parts["pitch"], parts["mean_mel"], seconds)


def test_merged_embedding_leans_to_the_longer_recording_and_has_unit_norm():
    embedding = merged([heard(0, 9.0), heard(1, 3.0)]).embedding
    assert np.linalg.norm(embedding) == pytest.approx(1)
    assert embedding[0] == pytest.approx(3 * embedding[1])
    assert np.count_nonzero(embedding) == 2


def test_merged_pitch_and_mel_are_weighted_by_seconds_and_the_seconds_add_up():
    low = heard(0, 9.0, pitch=np.array([4.0, 0.1]), mean_mel=np.full(80, -2.0))
    high = heard(0, 3.0, pitch=np.array([6.0, 0.3]), mean_mel=np.full(80, 2.0))
    both = merged([low, high])
    np.testing.assert_allclose(both.pitch, [4.5, 0.15], rtol=1e-6)
    np.testing.assert_allclose(both.mean_mel, np.full(80, -1.0), rtol=1e-6)
    assert both.seconds == 12.0


def test_order_of_merged_recordings_does_not_matter():
    assert_same(merged([heard(0, 9.0), heard(1, 3.0)]), merged([heard(1, 3.0), heard(0, 9.0)]))


def test_one_recording_merges_to_itself():
    assert_same(merged([profile()]), profile())


def test_merged_profile_can_be_stored():
    both = merged([profile(), heard(3, 2.0)])
    assert_same(VoiceProfile.from_bytes(both.to_bytes()), both)


def test_parts_of_a_real_voice_merge_to_what_is_closer_to_each_than_they_are_to_each_other():
    encoder = checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)
    middle = len(kathleen()) // 2
    first, second = (profile_of(part, F0, encoder) for part in (kathleen()[:middle], kathleen()[middle:]))
    both = merged([first, second]).embedding
    apart = first.embedding @ second.embedding
    assert both @ first.embedding > apart < both @ second.embedding


def test_nothing_is_no_voice():
    with pytest.raises(InvalidVoiceProfile, match="at least 1 recording; 0 were given"):
        merged([])


def test_opposite_embeddings_are_refused():
    opposite = VoiceProfile(-heard(0, 3.0).embedding, np.zeros(2), np.zeros(80), 3.0)
    with pytest.raises(InvalidVoiceProfile, match="nothing in common"):
        merged([heard(0, 3.0), opposite])
