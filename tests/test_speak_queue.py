"""The queue for speaking: order, place, time left from measured rates, cancel, and what is left of it all: nothing."""

import gc
import threading
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from app.speak import jobs
from app.speak import queue as queue_module
from app.speak.jobs import Interrupted, OwnPlacesFull, QueueFull
from app.speak.queue import Queue
from tests.speaker import Speaker, make_job, speaking_threads, until


@pytest.fixture
def speaker():
    return Speaker()


@pytest.fixture
def queue(speaker):
    queue = Queue(speaker, max_waiting=4)
    yield queue
    speaker.free()
    queue.close(10)
    until(lambda: not speaking_threads())


@pytest.fixture
def clock(monkeypatch):
    """The clock of the jobs; it goes on only as a test moves its `now`, in seconds."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    for module in (queue_module, jobs):
        monkeypatch.setattr(module, "time", clock)
    return clock


def test_jobs_are_spoken_in_the_order_they_came(queue, speaker):
    texts = ["One.", "Two.", "Three."]
    asked = [queue.add(make_job(text)) for text in texts]
    speaker.free()
    assert all(job.wait(10) for job in asked)
    assert speaker.said == texts
    assert [(job.state, job.speech_id) for job in asked] == [("done", 1), ("done", 2), ("done", 3)]


def test_thread_begins_with_the_first_job_and_ends_with_the_last(queue, speaker):
    assert not speaking_threads()
    first, second = queue.add(make_job("One.")), queue.add(make_job("Two."))
    assert len(speaking_threads()) == 1
    speaker.free()
    assert first.wait(10) and second.wait(10)
    until(lambda: not speaking_threads())
    assert queue.add(make_job("Three.")).wait(10)


def test_place_is_the_number_of_jobs_before(queue, speaker):
    asked = [queue.add(make_job(f"{n}.")) for n in range(3)]
    until(lambda: speaker.said)
    assert [queue.place(job) for job in asked] == [0, 1, 2]
    assert [job.state for job in asked] == ["speaking", "waiting", "waiting"]
    queue.cancel(asked[1])
    assert queue.place(asked[2]) == 1


def test_progress_counts_the_sentences_of_all_takes(queue, speaker):
    job = queue.add(make_job(n_sentences=2, takes=3))
    assert (job.n_sentences, job.n_spoken) == (6, 0)
    speaker.say(4)
    assert job.n_spoken == 4
    assert 4 / 6 <= queue.fraction(job) < 5 / 6


def test_time_left_is_unknown_until_a_sentence_was_measured(queue, speaker, clock):
    job, next_job = queue.add(make_job(n_sentences=3, n_phones=20)), queue.add(make_job("Next.", n_phones=20))
    assert queue.seconds_left(job) is None and queue.seconds_left(next_job) is None
    until(lambda: speaker.said)
    clock.now += 3.0
    speaker.say()
    assert queue.seconds_left(job) == pytest.approx(6.0)  # two sentences more
    assert queue.seconds_left(next_job) == pytest.approx(9.0)


def test_time_left_shrinks_while_a_sentence_is_spoken_and_is_never_over(queue, speaker, clock):
    job = queue.add(make_job(n_sentences=2))
    until(lambda: speaker.said)
    clock.now += 10.0
    speaker.say()
    left = []
    for seconds in (0.0, 4.0, 4.0, 100.0):
        clock.now += seconds
        left.append(queue.seconds_left(job))
    assert left == pytest.approx([10.0, 6.0, 2.0, 0.5])


def test_cancel_takes_effect_after_the_sentence_and_the_next_job_begins(queue, speaker):
    job, next_job = queue.add(make_job("Long.", n_sentences=100)), queue.add(make_job("Next."))
    speaker.say(2)
    queue.cancel(job)
    assert job.state == "speaking"
    speaker.say()
    assert job.wait(10) and (job.state, job.speech_id, job.n_spoken) == ("cancelled", None, 3)
    speaker.say()
    assert next_job.wait(10) and next_job.state == "done"


def test_job_cancelled_while_it_waits_is_over_at_once_and_never_spoken(queue, speaker):
    queue.add(make_job("One."))
    job = queue.add(make_job("Two."))
    queue.cancel(job)
    assert job.is_over and job.state == "cancelled"
    speaker.free()
    assert queue.add(make_job("Three.")).wait(10)
    assert speaker.said == ["One.", "Three."]


def test_cancel_of_what_is_over_changes_nothing(queue, speaker):
    speaker.free()
    job = queue.add(make_job())
    assert job.wait(10)
    queue.cancel(job)
    assert (job.state, job.speech_id) == ("done", 1)


def test_fault_is_kept_and_the_next_job_is_spoken(queue, speaker):
    speaker.fault = OSError(28, "No space left on device")
    job = queue.add(make_job())
    speaker.free()
    assert job.wait(10)
    assert job.state == "failed" and job.fault.strerror == "No space left on device"
    speaker.fault = None
    assert queue.add(make_job("Next.")).wait(10)


def test_job_that_is_over_holds_nothing_of_what_it_needed():
    class Waveform(np.ndarray):
        pass

    made = []

    def speak(queue, job):
        waveform = np.zeros(1000).view(Waveform)
        made.append(weakref.ref(waveform))
        raise MemoryError

    job = Queue(speak).add(make_job(n_sentences=1000))
    assert job.wait(10)
    gc.collect()
    assert made[0]() is None
    assert (job.n_sentences, job.state) == (1000, "failed")


def test_queue_that_is_full_says_how_many_wait(queue, speaker):
    queue.add(make_job("Spoken."))
    until(lambda: speaker.said)
    for n in range(4):
        queue.add(make_job(f"{n}."))
    with pytest.raises(QueueFull, match="4 texts are waiting"):
        queue.add(make_job("One too many."))


def test_full_queue_says_when_to_try_again(queue, speaker, clock):
    queue.add(make_job("Spoken.", n_sentences=40, n_phones=10))
    until(lambda: speaker.said)
    clock.now += 2.0
    speaker.say()  # 10 phones took 2 s: 39 more sentences take 78 s
    for n in range(4):
        queue.add(make_job(f"{n}."))
    with pytest.raises(QueueFull) as refused:
        queue.add(make_job("One too many."))
    assert 70 <= refused.value.seconds <= 78


def test_owners_take_turns(queue, speaker):
    queue.add(make_job("A1.", owner="a"))
    until(lambda: speaker.said)
    asked = [queue.add(make_job(text, owner=text[0].lower())) for text in ("A2.", "A3.", "B1.", "B2.")]
    assert [queue.place(job) for job in asked] == [2, 4, 1, 3]
    speaker.free()
    assert all(job.wait(10) for job in asked)
    assert speaker.said == ["A1.", "B1.", "A2.", "B2.", "A3."]


def test_who_comes_late_waits_for_no_more_than_one_job_of_each_other(speaker):
    queue = Queue(speaker, max_waiting=100)
    queue.add(make_job("A0.", owner="a"))
    until(lambda: speaker.said)
    for n in range(1, 20):
        queue.add(make_job(f"A{n}.", owner="a"))
        queue.add(make_job(f"B{n}.", owner="b"))
    late = queue.add(make_job("C.", owner="c"))
    assert queue.place(late) <= 3
    speaker.free()
    queue.close(10)


def test_one_owner_leaves_places_for_others(queue, speaker):
    queue.add(make_job("Spoken.", owner="a"))
    until(lambda: speaker.said)
    for n in range(3):
        queue.add(make_job(f"{n}.", owner="a"))
    with pytest.raises(OwnPlacesFull, match="3 of your texts are waiting already"):
        queue.add(make_job("One too many.", owner="a"))
    queue.add(make_job("Of another.", owner="b"))
    with pytest.raises(QueueFull, match="4 texts are waiting"):
        queue.add(make_job("Of a third.", owner="c"))


def test_job_that_takes_too_long_is_stopped_and_the_next_one_is_spoken(speaker, clock):
    queue = Queue(speaker, max_seconds=90.0)
    slow, next_job = queue.add(make_job("Slow.", n_sentences=100)), queue.add(make_job("Next."))
    until(lambda: speaker.said)
    speaker.say()
    clock.now += 91.0
    speaker.say()
    assert slow.wait(10) and slow.state == "failed"
    assert str(slow.fault) == "It took longer than 1.5 min and was stopped: try a shorter text."
    speaker.free()
    assert next_job.wait(10) and next_job.state == "done"


def test_job_asked_for_twice_at_once_by_one_browser_is_one_job(queue, speaker):
    job = queue.add(make_job("Same.", owner="a"))
    assert queue.add(make_job("Same.", owner="a")) is job
    assert queue.add(make_job("Other.", owner="a")) is not job
    assert queue.add(make_job("Same.", owner="b")) is not job
    queue.cancel(job)
    assert queue.add(make_job("Same.", owner="a")) is not job


def test_browser_is_shown_its_own_jobs_until_they_are_over(queue, speaker):
    mine, other, done = (queue.add(make_job(text, owner=text[0])) for text in ("a 1", "b 1", "a 2"))
    assert queue.of("a") == [mine, done] and queue.of("b") == [other] and queue.of("c") == []
    speaker.free()
    assert done.wait(10)
    assert queue.of("a") == []


def test_jobs_that_are_over_are_forgotten_after_a_while(queue, speaker, monkeypatch):
    speaker.free()
    monkeypatch.setattr(queue_module, "MAX_KEPT", 2)
    asked = [queue.add(make_job(f"{n}.")) for n in range(4)]
    assert asked[-1].wait(10)
    assert [queue.find(job.token) for job in asked] == [None, None, *asked[2:]]
    monkeypatch.setattr(queue_module, "KEPT_SECONDS", 0.0)
    assert queue.find(asked[3].token) is None


def test_close_lets_the_present_job_finish_and_interrupts_the_others(queue, speaker):
    spoken, waiting = queue.add(make_job("One.", n_sentences=3)), queue.add(make_job("Two."))
    speaker.say()
    closing = threading.Thread(target=queue.close)
    closing.start()
    until(lambda: waiting.is_over)
    assert closing.is_alive() and not spoken.is_over
    speaker.say(2)
    closing.join(10)
    assert (spoken.state, waiting.state) == ("done", "failed") and not closing.is_alive()
    assert isinstance(waiting.fault, Interrupted) and speaker.said == ["One."]


def test_close_interrupts_what_takes_longer_than_the_grace(queue, speaker):
    job = queue.add(make_job("One.", n_sentences=100))
    speaker.say()
    closing = threading.Thread(target=queue.close, args=(0.1,))
    closing.start()
    until(lambda: job.fault)
    speaker.say()
    closing.join(10)
    assert job.state == "failed" and isinstance(job.fault, Interrupted)
