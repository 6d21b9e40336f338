"""Stages of Tembr and of Real-Time-Voice-Cloning in one request: the mel between them is the same."""

from pathlib import Path

import numpy as np
import pytest

from models import PitchIsFixed, UnknownModel, UnreadableWeights, VoiceCloner, VoiceProfile, checkpoint
from models.cloning import WEIGHTS
from models.legacy import IMPORTED, speech
from models.legacy.library import ModelLibrary
from models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from tests.rtvc import checkpoint_file
from tests.speech import KATHLEEN
from tests.tiny_networks import tiny_classifier, tiny_synthesizer, tiny_verifier, tiny_vocoder

ENGLISH = "Yes."
RUSSIAN = "Мы рады."
STAGES = [("rtvc", "tembr"), ("tembr", "rtvc"), ("rtvc", "rtvc")]


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return checkpoint.load(WEIGHTS / "speaker_encoder.safetensors", SpeakerEncoder, SpeakerEncoderConfig)


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """An owner's folder with one imported network of each kind, named rtvc, all of them tiny."""
    folder = tmp_path_factory.mktemp("own")
    library = ModelLibrary(folder / IMPORTED)
    for kind in ("encoder", "synthesizer", "vocoder"):
        library.add(checkpoint_file(folder / f"{kind}.pt", kind))
    return folder


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Untrained attention never ends: let it babble for a short while, and once."""
    monkeypatch.setattr(speech, "MAX_FRAMES", (4, 3))
    monkeypatch.setattr(speech, "MAX_ATTEMPTS", 1)


@pytest.fixture
def cloner(encoder, own) -> VoiceCloner:
    made = VoiceCloner(encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), "cpu")
    made.use_imported(ModelLibrary(own / IMPORTED), {"synthesizer": "", "vocoder": ""})
    return made


@pytest.fixture(scope="module")
def voice(encoder) -> VoiceProfile:
    cloner = VoiceCloner(encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), "cpu")
    return cloner.listen(KATHLEEN)


@pytest.fixture
def used(monkeypatch):
    """What each imported stage was given: {"mels": sentences of each call, "waveforms": mels of each call}."""
    given = {"mels": [], "waveforms": []}
    mels_of, waveforms = speech.mels_of, speech.ImportedNetworks.waveforms

    def counted_mels(network, sentences, *arguments):
        given["mels"].append([sentence.words for sentence in sentences])
        return mels_of(network, sentences, *arguments)

    def counted_waveforms(self, name, mels, *arguments):
        given["waveforms"].append(len(mels))
        return waveforms(self, name, mels, *arguments)

    monkeypatch.setattr(speech, "mels_of", counted_mels)
    monkeypatch.setattr(speech.ImportedNetworks, "waveforms", counted_waveforms)
    return given


@pytest.mark.parametrize(("synthesizer", "vocoder"), STAGES)
def test_stages_of_both_speak_together(cloner, voice, used, synthesizer, vocoder):
    said = cloner.speak(ENGLISH, voice, synthesizer=synthesizer, vocoder=vocoder)
    assert said.dtype == np.float32
    assert len(said) > 1000
    assert 0.01 < np.abs(said).max() <= 1
    assert used == {"mels": [[ENGLISH]] * (synthesizer == "rtvc"), "waveforms": [1] * (vocoder == "rtvc")}


@pytest.mark.parametrize(("synthesizer", "vocoder"), STAGES)
def test_a_seed_gives_the_same_take_and_another_another(cloner, voice, synthesizer, vocoder):
    named = {"synthesizer": synthesizer, "vocoder": vocoder}
    first, again, other = (cloner.speak(ENGLISH, voice, speed=2.0, seed=seed, **named) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or not np.array_equal(first, other)


def test_russian_is_said_by_tembr_whatever_synthesizer_is_asked_for(cloner, voice, used):
    said = list(cloner.say(cloner.read(f"{ENGLISH} {RUSSIAN}"), voice, synthesizer="rtvc"))
    assert len(said) == 2
    assert used["mels"] == [[ENGLISH]]
    np.testing.assert_array_equal(
        cloner.speak(RUSSIAN, voice, synthesizer="rtvc"), cloner.speak(RUSSIAN, voice, synthesizer="tembr")
    )


def test_sentences_of_a_request_go_side_by_side_and_come_out_in_order(cloner, voice, used, monkeypatch):
    monkeypatch.setattr("models.cloning.MAX_TOGETHER", 30)
    sentences = cloner.read("We are. They are not. Who knows why? It rains.")
    said = list(cloner.say(sentences, voice, synthesizer="rtvc", vocoder="rtvc"))
    assert used["mels"] == [["We are.", "They are not."], ["Who knows why?", "It rains."]]
    assert used["waveforms"] == [2, 2]
    assert len(said) == 4


def test_a_request_that_names_nothing_is_said_by_what_is_in_use(encoder, own, voice, used):
    library = ModelLibrary(own / IMPORTED)
    made = VoiceCloner(encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), "cpu")
    library.use("rtvc", "synthesizer")
    made.use_imported(library, {"synthesizer": "", "vocoder": ""})
    made.speak(ENGLISH, voice)
    assert (used["mels"], used["waveforms"]) == ([[ENGLISH]], [])
    made.speak(ENGLISH, voice, synthesizer="tembr")
    assert len(used["mels"]) == 1
    made.use_imported(library, {"synthesizer": "tembr", "vocoder": "rtvc"})
    assert made.in_use == {"synthesizer": "tembr", "vocoder": "rtvc"}
    library.use("tembr")


def test_a_setting_that_names_nothing_imported_is_refused_when_networks_are_loaded(own):
    with pytest.raises(UnknownModel, match=r"no imported network nobody\. There are: tembr, rtvc"):
        VoiceCloner.load(device="cpu", own=own, vocoder="nobody")


@pytest.mark.parametrize("stage", ["synthesizer", "vocoder"])
def test_an_unknown_name_is_refused(cloner, voice, stage):
    with pytest.raises(UnknownModel, match="nobody"):
        cloner.speak(ENGLISH, voice, **{stage: "nobody"})


def test_a_pitch_is_refused_by_a_synthesizer_that_cannot_change_it(cloner, voice):
    with pytest.raises(PitchIsFixed, match="rtvc cannot speak higher or lower"):
        cloner.speak(ENGLISH, voice, pitch=2.0, synthesizer="rtvc")
    assert len(cloner.speak(RUSSIAN, voice, pitch=2.0, synthesizer="rtvc"))


def test_their_encoder_hears_voices_as_ours_does_when_its_weights_are_the_same(own, voice):
    library = ModelLibrary(own / IMPORTED)
    library.use("rtvc", "encoder")
    theirs = VoiceCloner.load(device="cpu", own=own)
    library.use("tembr")
    assert theirs.files[0] == library.path("encoder", "rtvc")
    np.testing.assert_allclose(theirs.listen(KATHLEEN).embedding, voice.embedding, atol=1e-3)


def test_another_rate_of_samples_is_brought_to_tembrs(cloner, voice):
    usual = cloner.speak(ENGLISH, voice, synthesizer="rtvc", vocoder="rtvc")
    cloner.sample_rate = 24_000
    assert len(cloner.speak(ENGLISH, voice, synthesizer="rtvc", vocoder="rtvc")) == pytest.approx(
        1.5 * len(usual), abs=9
    )


def test_own_networks_say_what_they_said_without_any_imported(cloner, encoder, voice):
    plain = VoiceCloner(encoder, tiny_classifier(), tiny_verifier(), tiny_synthesizer(), tiny_vocoder(), "cpu")
    np.testing.assert_array_equal(plain.speak(ENGLISH, voice, seed=3), cloner.speak(ENGLISH, voice, seed=3))


def test_a_damaged_network_is_named_and_the_next_request_works(cloner, own, voice, tmp_path):
    library = ModelLibrary(tmp_path)
    library.add(own / "vocoder.pt", "broken")
    (tmp_path / "vocoder" / "broken.safetensors").write_bytes(b"damaged")
    cloner.use_imported(library, {"synthesizer": "", "vocoder": ""})
    with pytest.raises(UnreadableWeights, match="broken.safetensors"):
        cloner.speak(ENGLISH, voice, vocoder="broken")
    assert len(cloner.speak(ENGLISH, voice))
