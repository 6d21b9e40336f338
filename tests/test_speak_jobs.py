"""A job of the queue: how much of it is left, how long that takes, and what stops it."""

import pytest

from app.speak.jobs import PHONES_PER_CHARACTER, Cancelled, Job, Rate
from tests.speaker import make_job, make_request


def test_rate_follows_what_was_measured_last():
    rate = Rate()
    assert rate.seconds(100) is None
    rate.measured(100, 10.0)
    assert rate.seconds(50) == pytest.approx(5.0)
    for _ in range(60):
        rate.measured(100, 1.0)
    assert rate.seconds(100) == pytest.approx(1.0, rel=0.05)


def test_slow_speech_is_more_to_make():
    assert (
        make_job(speed=0.5).phones_left()
        == 2 * make_job(speed=1.0).phones_left()
        == 4 * make_job(speed=2.0).phones_left()
    )


def test_time_of_a_text_that_is_not_read_yet_is_told_by_its_length():
    job = Job(make_request("A text of 25 characters..", takes=2, speed=0.5))
    assert (job.n_sentences, job.phones_left()) == (0, pytest.approx(2 * 25 * PHONES_PER_CHARACTER / 0.5))


def test_tokens_cannot_be_guessed():
    tokens = {make_job().token for _ in range(100)}
    assert len(tokens) == 100 and min(map(len, tokens)) >= 20


def test_stop_is_raised_where_the_job_asks():
    job = make_job()
    job.check()
    job.is_cancelled = True
    with pytest.raises(Cancelled):
        job.check()
