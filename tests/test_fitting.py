"""Fitting a voice with small networks: what is said comes nearer to it, and the weights that ship stay as they are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models import checkpoint
from models.adapter import Adapter, adapted, merge, read_adapter, write_adapter
from models.cloning import WEIGHTS, VoiceCloner
from models.fitting import Fitting, fit
from models.practice import Lines, practise
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from models.text import read
from models.timbre import Timbre
from models.training.mean_fit import mean_of
from tests.speech import KATHLEEN
from tests.tiny_networks import tiny_classifier, tiny_discriminator, tiny_synthesizer, tiny_verifier, tiny_vocoder

RUSSIAN = "Мы рады вас видеть."
LINES = [Lines.of([*read(RUSSIAN, "ru"), *read("We are glad to see you.", "en")], "cpu")]
MADE_ON = "these weights"


@pytest.fixture(scope="module")
def cloner() -> VoiceCloner:
    encoder = checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)
    networks = (encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder())
    return VoiceCloner(*networks, "cpu", discriminator=tiny_discriminator())


@pytest.fixture(scope="module")
def profile(cloner):
    return cloner.listen(KATHLEEN)


def fitted(cloner, profile, fitting=Fitting()) -> Adapter:  # noqa: B008 (frozen)
    return fit(cloner.teachers, cloner.voice(profile), cloner.reference(profile), LINES, MADE_ON, fitting)


def heard(cloner, profile, adapter=None, timbre=None) -> dict[str, float]:
    """How far a sentence is from a voice, by name of what is heard."""
    network = adapted(cloner.synthesizer, adapter) if adapter else cloner.synthesizer
    speaker, generator = cloner.reference(profile).speaker, torch.Generator().manual_seed(7)
    with torch.no_grad():
        _, losses = practise(
            network, cloner.teachers, LINES[0], cloner.voice(profile), speaker, generator, timbre=timbre
        )
    return {name: float(loss) for name, loss in losses.items()}


def test_a_fitted_voice_is_nearer_and_the_networks_stay_as_they_are(cloner, profile):
    before = [checkpoint.fingerprint(network) for network in vars(cloner.teachers).values()]
    alone = Fitting(steps=12, enough=1.0, share=1.0, words_weight=0.0, timbre_weight=0.0, generator_weight=0.0)
    adapter = fitted(cloner, profile, alone)
    assert heard(cloner, profile, adapter)["unheard"] < heard(cloner, profile)["unheard"] / 2
    assert [checkpoint.fingerprint(network) for network in vars(cloner.teachers).values()] == before
    assert adapter.made_on == MADE_ON


def test_a_fitted_voice_has_the_timbre_of_its_recording(cloner, profile):
    timbre = Timbre.of(cloner.verifier, cloner.reference(profile).mel[0], 160)
    alone = Fitting(steps=12, share=1.0, words_weight=0.0, unheard_weight=0.0, generator_weight=0.0)
    adapter = fitted(cloner, profile, alone)
    assert heard(cloner, profile, adapter, timbre)["timbre"] < 0.8 * heard(cloner, profile, timbre=timbre)["timbre"]


def test_a_voice_of_a_single_frame_is_fitted_by_finite_numbers(cloner, profile):
    adapter = cloner.fitted(replace(profile, reference=profile.reference[:1]), Fitting(steps=2))
    assert all(np.isfinite(change).all() for change in adapter.changes.values())


def test_the_same_voice_is_fitted_in_the_same_way(cloner, profile):
    assert fitted(cloner, profile).key == fitted(cloner, profile).key


def test_a_piece_has_the_frames_that_were_asked_for(cloner, profile):
    said = []
    for frames in (0, 60, 10_000):
        generator = torch.Generator().manual_seed(1)
        speaker = cloner.reference(profile).speaker
        mel, _ = practise(
            cloner.synthesizer, cloner.teachers, LINES[0], cloner.voice(profile), speaker, generator, frames
        )
        said.append(mel.shape[1])
    assert said[1] == 60
    assert said[0] == said[2] > 60


def test_a_voice_is_fitted_once(cloner, profile, monkeypatch):
    monkeypatch.setattr(cloner, "_fitted", {})
    adapter = cloner.chosen(profile, None)
    assert adapter.made_on == cloner.fingerprint
    assert cloner.chosen(profile, None) is adapter


def test_what_a_voice_learned_comes_before_what_it_was_fitted_by(cloner, profile):
    learned = Adapter({"head.bias": np.zeros(80, dtype=np.float16)}, cloner.fingerprint)
    assert cloner.chosen(profile, learned) is learned
    of_others = Adapter(learned.changes, "other weights")
    assert cloner.chosen(profile, of_others) is cloner.chosen(profile, None)


def test_a_voice_that_the_synthesizer_knows_is_not_fitted(cloner, profile):
    assert cloner.chosen(replace(profile, is_known=True), None) is None


def test_what_fits_have_in_common_is_added_to_the_weights_it_was_made_of(cloner, tmp_path):
    like = VoiceCloner(cloner.encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), "cpu")
    before = like.synthesizer.head.bias.clone()
    common = mean_of([Adapter({"head.bias": np.full(80, value, np.float16)}, "") for value in (1.0, 2.0)])
    for made_on, added in (("other weights", 0.0), (checkpoint.fingerprint(like.synthesizer.head), 1.5)):
        write_adapter(tmp_path / "mean.safetensors", replace(common, made_on=made_on))
        like.add_mean_fit(tmp_path / "mean.safetensors")
        assert torch.allclose(like.synthesizer.head.bias, before + added)
        assert (tmp_path / "mean.safetensors" in like.files) == bool(added)


def test_merged_changes_say_what_an_adapted_network_says(cloner, profile):
    adapter = fitted(cloner, profile, Fitting(steps=2, rank=2))
    merged = tiny_synthesizer()
    merge(merged, adapter)
    changed, speaker, said = adapted(cloner.synthesizer, adapter), cloner.reference(profile).speaker, []
    for network in (merged, changed):
        generator = torch.Generator().manual_seed(0)
        said.append(practise(network, cloner.teachers, LINES[0], cloner.voice(profile), speaker, generator)[0])
    torch.testing.assert_close(*said, atol=1e-4, rtol=1e-4)


def test_a_file_that_is_no_adapter_is_named(tmp_path):
    for content in (b"", b"nothing"):
        (tmp_path / "mean.safetensors").write_bytes(content)
        with pytest.raises(checkpoint.UnreadableWeights, match="mean.safetensors"):
            read_adapter(tmp_path / "mean.safetensors")


def test_a_voice_without_a_reference_speaks_as_the_weights_are(cloner, profile):
    assert cloner.chosen(replace(profile, reference=profile.reference[:0]), None) is None


def test_a_cloner_without_a_discriminator_fits_no_voice(cloner, profile, monkeypatch):
    with_fit = cloner.speak(RUSSIAN, profile, "ru")
    monkeypatch.setattr(cloner, "discriminator", None)
    assert cloner.chosen(profile, None) is None
    without = cloner.speak(RUSSIAN, profile, "ru")
    assert len(with_fit) and (len(with_fit) != len(without) or np.abs(with_fit - without).max() > 1e-3)
    monkeypatch.undo()
    assert np.array_equal(cloner.speak(RUSSIAN, profile, "ru"), with_fit)
