"""The cloner's files of weights, and the errors that it raises."""

import pytest

from models import (
    InvalidVoiceProfile,
    NothingToSay,
    RecordingSilent,
    RecordingTooLong,
    RecordingTooShort,
    TextTooLong,
    UnreadableAudio,
    UnreadableWeights,
    VoiceCloner,
    checkpoint,
)
from models.cloning import WEIGHTS
from tests.tiny_networks import TINY_VOCODER, tiny_vocoder


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(UnreadableWeights, match="speaker_encoder"):
        VoiceCloner.load(tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        InvalidVoiceProfile,
        NothingToSay,
        RecordingSilent,
        RecordingTooLong,
        RecordingTooShort,
        TextTooLong,
        UnreadableAudio,
        UnreadableWeights,
    ],
)
def test_every_refusal_is_a_value_error(error):
    assert issubclass(error, ValueError)


def test_an_owners_weights_come_before_the_shipped_ones(tmp_path):
    checkpoint.save(tmp_path / "vocoder.safetensors", tiny_vocoder())
    cloner = VoiceCloner.load(own=tmp_path)
    assert cloner.vocoder.config == TINY_VOCODER
    assert [file.name for file in cloner.files if file.parent == tmp_path] == ["vocoder.safetensors"]
    assert {file.parent for file in cloner.files} == {WEIGHTS, tmp_path}


def test_damaged_weights_of_an_owner_are_named(tmp_path):
    (tmp_path / "vocoder.safetensors").write_bytes(b"no weights")
    with pytest.raises(UnreadableWeights, match=str(tmp_path)):
        VoiceCloner.load(own=tmp_path)
