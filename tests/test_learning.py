"""Learning a voice with small networks: it comes nearer, and a stopped lesson goes on as if it had not been stopped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models import checkpoint
from models.alignment import Alignment
from models.clips import Clip, clips_of, cut, pieces, rightly_read
from models.learning import Comparison, Learner, TooLittleSpeech, Tuning
from models.mel_discriminator import MelDiscriminator, MelDiscriminatorConfig
from models.practice import Teachers
from models.text import read
from models.text.prompts import HELD_BACK, PROMPTS
from models.text.symbols import SYMBOLS, spoken_in
from models.voice_profile import VoiceProfile
from tests.speech import kathleen
from tests.tiny_networks import tiny_classifier, tiny_synthesizer, tiny_verifier, tiny_vocoder

PROFILE = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 30.0)
SHORT = Tuning(steps=8, batch_frames=1200, peak_rate=1e-2, warmup=2)


@pytest.fixture(scope="module")
def teachers() -> Teachers:
    torch.manual_seed(0)
    speakers = tiny_verifier().requires_grad_(False)
    discriminator = MelDiscriminator(MelDiscriminatorConfig(speakers.config.embedding, channels=4))
    return Teachers(tiny_synthesizer(), tiny_classifier().requires_grad_(False), speakers, discriminator)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    rng = torch.Generator().manual_seed(0)
    durations = torch.full((12,), 50)
    some = [torch.randn(600, 80, generator=rng) for _ in range(5)]
    ids, zeros = torch.arange(12) + 2, torch.zeros(12)
    return [Clip(mel, ids, torch.ones(12, dtype=torch.long), durations, zeros, zeros, -1.0) for mel in some]


@pytest.fixture
def learner(teachers, clips, tmp_path):
    sentences = [*read("Мы рады вас видеть.", "ru"), *read("Glad to see you.", "en")]

    def make(tuning=SHORT, name="lesson"):
        return Learner(teachers, PROFILE, clips, sentences, tmp_path / f"{name}.state", tuning)

    return make


def test_a_voice_is_learned_and_the_networks_stay_as_they_are(learner, teachers):
    before = [checkpoint.fingerprint(network) for network in vars(teachers).values()]
    lesson = learner(Tuning(steps=30, batch_frames=3000, peak_rate=2e-2, warmup=2))
    losses = []
    while not lesson.is_done:
        losses.append(lesson.advance()["mel"])
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert [checkpoint.fingerprint(network) for network in vars(teachers).values()] == before
    assert lesson.adapter().made_on == before[0]


def test_a_stopped_lesson_goes_on_as_if_it_had_not_been_stopped(learner):
    whole = learner(name="whole")
    while not whole.is_done:
        whole.advance()
    for _ in range(2):
        broken = learner()
        for _ in range(3):
            broken.advance()
        broken.save()
    resumed = learner()
    assert resumed.step == 6
    while not resumed.is_done:
        resumed.advance()
    wanted = whole.adapter().changes
    for name, change in resumed.adapter().changes.items():
        np.testing.assert_allclose(change, wanted[name], atol=1e-3)


def test_a_state_that_cannot_be_read_is_begun_anew(learner):
    lesson = learner()
    lesson.path.write_bytes(b"damaged")
    assert learner().step == 0
    assert not lesson.path.exists()


def test_a_state_of_other_weights_is_begun_anew(learner, teachers, clips):
    lesson = learner()
    lesson.advance()
    lesson.save()
    other = replace(teachers, synthesizer=tiny_synthesizer(seed=1))
    assert Learner(other, PROFILE, clips, read("Hello.", "en"), lesson.path).step == 0


def test_a_few_seconds_are_too_little_to_learn_from(teachers, clips, tmp_path):
    short = [replace(clip, mel=clip.mel[:200]) for clip in clips[:2]]
    for too_little, seconds in ((short, 5), (clips[:1], 7)):  # one clip alone has nothing to be compared with
        with pytest.raises(TooLittleSpeech, match=rf"its recordings have {seconds}\.\d s"):
            Learner(teachers, PROFILE, too_little, read("Hello.", "en"), tmp_path / "state")


def test_little_speech_is_learned_in_fewer_steps(teachers, clips, tmp_path):
    tuning, sentences = Tuning(steps=100), read("Hello.", "en")
    few, many = (
        Learner(teachers, PROFILE, some, sentences, tmp_path / "state", tuning) for some in (clips[:4], clips * 2)
    )
    assert (few.steps, many.steps) == (75, 100)  # of half a minute and of more than a minute


def test_from_little_speech_less_is_learned_of_its_prosody(teachers, clips, tmp_path):
    sentences = read("Hello.", "en")
    few, many = (
        Learner(teachers, PROFILE, some, sentences, tmp_path / "state", SHORT) for some in (clips[:4], clips * 2)
    )
    assert few.advance()["duration"] == pytest.approx(0.5 * many.advance()["duration"], rel=0.5)


@pytest.mark.parametrize(
    ("similarity", "clarity", "is_better"),
    [
        ({"ru": (0.6, 0.7), "en": (0.7, 0.75)}, (-1.0, -1.0), True),
        ({"ru": (0.6, 0.5), "en": (0.7, 0.9)}, (-1.0, -1.0), False),
        ({"ru": (0.6, 0.6), "en": (0.7, 0.7)}, (-1.0, -1.0), False),
        ({"ru": (0.6, 0.7), "en": (0.7, 0.75)}, (-1.0, -1.5), False),
    ],
    ids=["nearer", "farther in one language", "no nearer", "less clear"],
)
def test_what_was_learned_is_used_only_if_it_is_better(similarity, clarity, is_better):
    assert Comparison(similarity, clarity).is_better == is_better


def test_a_recording_with_its_text_becomes_clips_with_its_phones():
    vocoder, classifier = tiny_vocoder(), tiny_classifier()
    waveform = np.tile(kathleen(), 1)
    found = list(clips_of(waveform, "The rain in Spain stays mainly.", "en", classifier, vocoder.pitch, 5.3))
    assert found
    for clip in found:
        assert int(clip.durations.sum()) == len(clip.mel)
        assert len(clip.ids) == len(clip.languages) == len(clip.durations) == len(clip.pitch) == len(clip.energy)


def test_a_recording_without_a_text_is_heard():
    (clip,) = list(clips_of(kathleen(), None, "en", tiny_classifier(), tiny_vocoder().pitch, 5.3))[:1]
    assert int(clip.durations.sum()) == len(clip.mel)


def test_an_alignment_is_cut_at_pauses_and_loses_no_frame():
    phones = ["^", *["s", "ˈi"] * 40, ",", *["s", "ˈi"] * 40, ".", *["s", "ˈi"] * 40, "."]
    durations = [10 if phone in "^,." else 6 for phone in phones]
    parts = list(cut(Alignment(phones, ["en"] * len(phones), durations, -1.0)))
    assert len(parts) == 3
    assert [frames.start for frames, _ in parts][1:] == [frames.stop for frames, _ in parts][:-1]
    assert parts[-1][0].stop == sum(durations)
    for frames, found in parts:
        assert sum(found.durations) == frames.stop - frames.start
        assert found.phones[0] == "^" and found.phones[-1] in ",."
        assert min(found.durations) > 0


def test_a_long_recording_is_cut_into_short_pieces():
    waveform = np.concatenate([kathleen(), np.zeros(8000, dtype=np.float32)] * 4)
    found = list(pieces(waveform))
    assert len(found) > 1
    assert all(16_000 <= len(piece) <= 9 * 16_000 for piece in found)


def test_a_clip_that_goes_badly_with_its_text_is_left_out(clips):
    wrong = replace(clips[0], likelihood=-3.0)
    assert rightly_read([*clips, wrong]) == clips


@pytest.mark.parametrize("language", PROMPTS)
def test_the_sentences_to_read_hold_every_sound_of_their_language(language):
    heard = {phone.strip("ˈˌ") for text in PROMPTS[language] for one in read(text, language) for phone in one.phones}
    assert {symbol.strip("ˈˌ") for symbol in SYMBOLS if language in spoken_in(symbol)} <= heard


def test_a_voice_is_not_compared_by_what_it_practised_on():
    assert not {text for texts in HELD_BACK.values() for text in texts} & {
        text for texts in PROMPTS.values() for text in texts
    }
