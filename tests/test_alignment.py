"""The aligner's arithmetic, against all ways through a few states counted one by one."""

from itertools import pairwise, product

import numpy as np
import pytest

from models import alignment
from models.limits import MAX_TEXT_CHARACTERS
from models.phone_classifier import PhoneClassifier, PhoneClassifierConfig
from models.synthesizer import ENERGY_MIDDLE
from models.text.symbols import PAUSES, START, SYMBOLS, WORD_BORDER
from models.training import alignment as training
from models.training.alignment import posteriors, uniform_posteriors
from models.training.corpus import Clip, write_clips

OPTIONAL = np.array([False, True, False, True, False])


def ways(frames: int) -> list[tuple[int, ...]]:
    """Every way through the states: from the first to the last, passing over none but optional ones."""

    def allowed(before: int, after: int) -> bool:
        return after - before in (0, 1) or (after - before == 2 and OPTIONAL[before + 1])

    everything = product(range(len(OPTIONAL)), repeat=frames)
    return [w for w in everything if w[0] == 0 and w[-1] == 4 and all(allowed(*step) for step in pairwise(w))]


def random_likelihoods(frames: int = 7) -> np.ndarray:
    return np.random.default_rng(0).random((frames, len(OPTIONAL))) + 0.01


def chance_of(way: tuple[int, ...], likelihoods: np.ndarray) -> float:
    return float(np.prod([likelihoods[t, state] for t, state in enumerate(way)]))


def test_posteriors_are_those_of_all_ways_added_up():
    likelihoods = random_likelihoods()
    expected = np.zeros_like(likelihoods)
    for way in ways(len(likelihoods)):
        expected[np.arange(len(way)), way] += chance_of(way, likelihoods)
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(posteriors(likelihoods, OPTIONAL), expected, atol=1e-9)


def test_the_best_path_is_the_likeliest_of_all_ways():
    likelihoods = random_likelihoods()
    best = max(ways(len(likelihoods)), key=lambda way: chance_of(way, likelihoods))
    assert tuple(alignment.best_path(np.log(likelihoods), OPTIONAL)) == best


def test_posteriors_of_a_long_recording_do_not_underflow():
    likelihoods = np.full((1600, len(OPTIONAL)), 1e-9)
    shares = posteriors(likelihoods, OPTIONAL)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)


def test_states_follow_the_text_from_silence_to_silence():
    states = alignment.states_of("Glad to see you.", "en", frames=200)
    assert states.symbols[0] == START
    assert states.symbols[-1] == "."
    spoken = [symbol for symbol in states.symbols if symbol not in (START, WORD_BORDER, *PAUSES)]
    assert len(spoken) == len("glæd") + len("tu") + len("si") + len("ju")
    assert list(states.owners) == sorted(states.owners)
    assert set(states.owners) == set(range(len(states.symbols)))


def test_only_silence_between_words_may_be_left_out():
    states = alignment.states_of("Glad, to see you.", "en", frames=200)
    assert not states.optional[0]
    assert not states.optional[-1]
    for state in np.flatnonzero(states.optional):
        assert states.symbols[states.owners[state]] in (WORD_BORDER, *PAUSES)
    assert states.optional.sum() == 3


def test_a_text_that_hardly_fits_gets_one_state_a_phone():
    roomy = alignment.states_of("Glad to see you.", "en", frames=200)
    tight = alignment.states_of("Glad to see you.", "en", frames=len(roomy.symbols) + 1)
    assert tight.symbols == roomy.symbols
    assert len(tight.owners) == len(tight.symbols) < len(roomy.owners)


def test_equal_durations_leave_out_what_is_optional():
    shares = uniform_posteriors(9, OPTIONAL)
    np.testing.assert_allclose(shares.sum(1), 1)
    np.testing.assert_allclose(shares.sum(0), [3, 0, 3, 0, 3])


def test_a_loud_frame_is_no_silence():
    mel = np.full((30, 80), -3.5)
    mel[10:20] = 1.0
    silence = alignment.silence_likelihoods(mel)
    assert (silence[10:20] == alignment.LOUD_SILENCE).all()
    assert (silence[:10] == 1).all()
    assert (silence[20:] == 1).all()


def test_a_clip_whose_text_cannot_be_read_is_left_out():
    texts = ["Oh.", "!!!", "Oh. " * MAX_TEXT_CHARACTERS]
    clips = [Clip(f"{i}.opus", "anna", "en", text, "own", 1.0, mel=(0, 100)) for i, text in enumerate(texts)]
    assert [clip.path for clip, _ in training.readable(clips)] == ["0.opus"]


def test_a_cache_in_which_no_text_can_be_read_is_an_error_that_names_it(tmp_path):
    write_clips(tmp_path, [Clip("0.opus", "anna", "en", "!!!", "own", 1.0, mel=(0, 100))], {})
    with pytest.raises(training.NothingToAlign, match=str(tmp_path)):
        training.align_corpus(tmp_path, 1)


def test_batches_hold_clips_of_like_length():
    lengths = np.random.default_rng(0).permutation(100) + 10
    clips = [Clip("", "", "en", "", "", 1.0, mel=(0, int(length))) for length in lengths]
    for seed in range(5):
        picked = training.batches(clips, np.random.default_rng(seed), size=8)
        assert len(set(picked)) == 8
        assert np.ptp(lengths[picked]) == 7


def test_phones_are_heard_without_a_text(monkeypatch):
    said = [(START, 8), ("s", 6), ("ˈi", 9), (START, 7), ("s", 5), ("ˈoʊ", 9), (START, 10)]
    classes = np.repeat([SYMBOLS.index(symbol) for symbol, _ in said], [frames for _, frames in said])
    probabilities = np.full((len(classes), len(SYMBOLS)), 0.2 / len(SYMBOLS))
    probabilities[np.arange(len(classes)), classes] += 0.8
    mel = np.where(classes[:, None] == alignment.SILENCE, -3.5, 1.0) * np.ones(80)
    monkeypatch.setattr(alignment, "_probabilities", lambda network, mel: probabilities)
    network = PhoneClassifier(PhoneClassifierConfig(len(SYMBOLS), dim=8, hidden=8, layers=1))
    heard = alignment.hear(network, mel, ("ru", "en"))
    assert heard.phones == [START, "s", "ˈi", ",", "s", "ˈoʊ", "."]
    assert heard.durations == [frames for _, frames in said]
    assert set(heard.languages) == {"en"}


def test_pitch_of_a_phone_is_the_mean_over_its_voiced_frames():
    f0 = np.array([100, 0, 100, 0, 0, 400, 400], dtype=np.float32)
    pitch = alignment.phone_pitch(f0, np.array([3, 2, 2]))
    np.testing.assert_allclose(np.exp(pitch), [100, 200, 400], rtol=1e-5)  # the voiceless one lies between


def test_a_whisper_gets_the_middle_of_human_voices():
    pitch = alignment.phone_pitch(np.zeros(5, dtype=np.float32), np.array([3, 2]))
    np.testing.assert_allclose(np.exp(pitch), 150)


def test_energy_of_a_phone_is_its_mean_mel():
    mel = np.repeat([[-3.0], [-1.0], [1.0]], 80, axis=1)
    energy = alignment.phone_energy(mel, np.array([2, 0, 1]))
    np.testing.assert_allclose(energy, [-2, ENERGY_MIDDLE, 1])
