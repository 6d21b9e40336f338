"""The aligner's arithmetic, against all ways through a few states counted one by one."""

from itertools import pairwise, product

import numpy as np
import pytest

from models.limits import MAX_TEXT_CHARACTERS
from models.text.symbols import PAUSES, START, WORD_BORDER
from models.training import alignment
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
    np.testing.assert_allclose(alignment.posteriors(likelihoods, OPTIONAL), expected, atol=1e-9)


def test_the_best_path_is_the_likeliest_of_all_ways():
    likelihoods = random_likelihoods()
    best = max(ways(len(likelihoods)), key=lambda way: chance_of(way, likelihoods))
    assert tuple(alignment.best_path(np.log(likelihoods), OPTIONAL)) == best


def test_posteriors_of_a_long_recording_do_not_underflow():
    likelihoods = np.full((1600, len(OPTIONAL)), 1e-9)
    shares = alignment.posteriors(likelihoods, OPTIONAL)
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
    shares = alignment.uniform_posteriors(9, OPTIONAL)
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
    assert [clip.path for clip, _ in alignment.readable(clips)] == ["0.opus"]


def test_a_cache_in_which_no_text_can_be_read_is_an_error_that_names_it(tmp_path):
    write_clips(tmp_path, [Clip("0.opus", "anna", "en", "!!!", "own", 1.0, mel=(0, 100))], {})
    with pytest.raises(alignment.NothingToAlign, match=str(tmp_path)):
        alignment.align_corpus(tmp_path, 1)


def test_batches_hold_clips_of_like_length():
    lengths = np.random.default_rng(0).permutation(100) + 10
    clips = [alignment.Clip("", "", "en", "", "", 1.0, mel=(0, int(length))) for length in lengths]
    for seed in range(5):
        picked = alignment.batches(clips, np.random.default_rng(seed), size=8)
        assert len(set(picked)) == 8
        assert np.ptp(lengths[picked]) == 7
