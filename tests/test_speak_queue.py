"""The queue for speaking: order, place, time left from measured rates, cancel, and what is left of it all: nothing."""

import gc
import threading
import time
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from app.speak import jobs
from app.speak import queue as queue_module
from app.speak.jobs import PHONES_PER_CHARACTER, Cancelled, Interrupted, Job, OwnPlacesFull, QueueFull, Rate
from app.speak.journal import Journal
from app.speak.queue import Queue
from app.speak.request import RequestedVoice, SpeechRequest
from models import VoiceProfile


class Speaker:
    """Speaks in a queue's thread; one sentence each time it may.  said: the texts it has begun, in order."""

    def __init__(self):
        self.said, self.fault = [], None
        self._may = threading.Semaphore(0)
        self._has = threading.Semaphore(0)

    def __call__(self, queue, job):
        self.said.append(job.request.text)
        for _ in range(job.n_sentences):
            self._may.acquire()
            if self.fault:
                raise self.fault
            try:
                queue.note_sentence(job)
            finally:
                self._has.release()
        return len(self.said)

    def say(self, n_sentences=1):
        """Returns once so many sentences are spoken."""
        for _ in range(n_sentences):
            self._may.release()
            assert self._has.acquire(timeout=10)

    def free(self):
        """From now on it speaks without asking."""
        self._may.release(1000)


def _job(text="Hello.", n_sentences=1, takes=1, owner="", n_phones=10, speed=1.0):
    """A job whose text is read already."""
    job = Job(_request(text, takes=takes, speed=speed), owner)
    job.note_reading([SimpleNamespace(phones=("a",) * n_phones)] * n_sentences)
    return job


def _request(text="Hello.", **changes):
    profile = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)
    return SpeechRequest(text, RequestedVoice("Anna", profile, id=1), **changes)


def _threads():
    return [thread for thread in threading.enumerate() if thread.name == "speaking"]


def _until(happened):
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in 10 s"
        time.sleep(0.01)


@pytest.fixture
def speaker():
    return Speaker()


@pytest.fixture
def queue(speaker):
    queue = Queue(speaker, max_waiting=4)
    yield queue
    speaker.free()
    queue.close(10)
    _until(lambda: not _threads())


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
    asked = [queue.add(_job(text)) for text in texts]
    speaker.free()
    assert all(job.wait(10) for job in asked)
    assert speaker.said == texts
    assert [(job.state, job.speech_id) for job in asked] == [("done", 1), ("done", 2), ("done", 3)]


def test_thread_begins_with_the_first_job_and_ends_with_the_last(queue, speaker):
    assert not _threads()
    first, second = queue.add(_job("One.")), queue.add(_job("Two."))
    assert len(_threads()) == 1
    speaker.free()
    assert first.wait(10) and second.wait(10)
    _until(lambda: not _threads())
    assert queue.add(_job("Three.")).wait(10)


def test_place_is_the_number_of_jobs_before(queue, speaker):
    asked = [queue.add(_job(f"{n}.")) for n in range(3)]
    _until(lambda: speaker.said)
    assert [queue.place(job) for job in asked] == [0, 1, 2]
    assert [job.state for job in asked] == ["speaking", "waiting", "waiting"]
    queue.cancel(asked[1])
    assert queue.place(asked[2]) == 1


def test_progress_counts_the_sentences_of_all_takes(queue, speaker):
    job = queue.add(_job(n_sentences=2, takes=3))
    assert (job.n_sentences, job.n_spoken) == (6, 0)
    speaker.say(4)
    assert job.n_spoken == 4
    assert 4 / 6 <= queue.fraction(job) < 5 / 6


def test_time_left_is_unknown_until_a_sentence_was_measured(queue, speaker, clock):
    job, next_job = queue.add(_job(n_sentences=3, n_phones=20)), queue.add(_job("Next.", n_phones=20))
    assert queue.seconds_left(job) is None and queue.seconds_left(next_job) is None
    _until(lambda: speaker.said)
    clock.now += 3.0
    speaker.say()
    assert queue.seconds_left(job) == pytest.approx(6.0)  # two sentences more
    assert queue.seconds_left(next_job) == pytest.approx(9.0)


def test_time_left_shrinks_while_a_sentence_is_spoken_and_is_never_over(queue, speaker, clock):
    job = queue.add(_job(n_sentences=2))
    _until(lambda: speaker.said)
    clock.now += 10.0
    speaker.say()
    left = []
    for seconds in (0.0, 4.0, 4.0, 100.0):
        clock.now += seconds
        left.append(queue.seconds_left(job))
    assert left == pytest.approx([10.0, 6.0, 2.0, 0.5])


def test_rate_follows_what_was_measured_last():
    rate = Rate()
    assert rate.seconds(100) is None
    rate.measured(100, 10.0)
    assert rate.seconds(50) == pytest.approx(5.0)
    for _ in range(60):
        rate.measured(100, 1.0)
    assert rate.seconds(100) == pytest.approx(1.0, rel=0.05)


def test_slow_speech_is_more_to_make():
    assert _job(speed=0.5).phones_left() == 2 * _job(speed=1.0).phones_left() == 4 * _job(speed=2.0).phones_left()


def test_time_of_a_text_that_is_not_read_yet_is_told_by_its_length():
    job = Job(_request("A text of 25 characters..", takes=2, speed=0.5))
    assert (job.n_sentences, job.phones_left()) == (0, pytest.approx(2 * 25 * PHONES_PER_CHARACTER / 0.5))


def test_cancel_takes_effect_after_the_sentence_and_the_next_job_begins(queue, speaker):
    job, next_job = queue.add(_job("Long.", n_sentences=100)), queue.add(_job("Next."))
    speaker.say(2)
    queue.cancel(job)
    assert job.state == "speaking"
    speaker.say()
    assert job.wait(10) and (job.state, job.speech_id, job.n_spoken) == ("cancelled", None, 3)
    speaker.say()
    assert next_job.wait(10) and next_job.state == "done"


def test_job_cancelled_while_it_waits_is_over_at_once_and_never_spoken(queue, speaker):
    queue.add(_job("One."))
    job = queue.add(_job("Two."))
    queue.cancel(job)
    assert job.is_over and job.state == "cancelled"
    speaker.free()
    assert queue.add(_job("Three.")).wait(10)
    assert speaker.said == ["One.", "Three."]


def test_cancel_of_what_is_over_changes_nothing(queue, speaker):
    speaker.free()
    job = queue.add(_job())
    assert job.wait(10)
    queue.cancel(job)
    assert (job.state, job.speech_id) == ("done", 1)


def test_fault_is_kept_and_the_next_job_is_spoken(queue, speaker):
    speaker.fault = OSError(28, "No space left on device")
    job = queue.add(_job())
    speaker.free()
    assert job.wait(10)
    assert job.state == "failed" and job.fault.strerror == "No space left on device"
    speaker.fault = None
    assert queue.add(_job("Next.")).wait(10)


def test_job_that_is_over_holds_nothing_of_what_it_needed():
    class Waveform(np.ndarray):
        pass

    made = []

    def speak(queue, job):
        waveform = np.zeros(1000).view(Waveform)
        made.append(weakref.ref(waveform))
        raise MemoryError

    job = Queue(speak).add(_job(n_sentences=1000))
    assert job.wait(10)
    gc.collect()
    assert made[0]() is None
    assert (job.n_sentences, job.state) == (1000, "failed")


def test_queue_that_is_full_says_how_many_wait(queue, speaker):
    queue.add(_job("Spoken."))
    _until(lambda: speaker.said)
    for n in range(4):
        queue.add(_job(f"{n}."))
    with pytest.raises(QueueFull, match="4 texts are waiting"):
        queue.add(_job("One too many."))


def test_full_queue_says_when_to_try_again(queue, speaker, clock):
    queue.add(_job("Spoken.", n_sentences=40, n_phones=10))
    _until(lambda: speaker.said)
    clock.now += 2.0
    speaker.say()  # 10 phones took 2 s: 39 more sentences take 78 s
    for n in range(4):
        queue.add(_job(f"{n}."))
    with pytest.raises(QueueFull) as refused:
        queue.add(_job("One too many."))
    assert 70 <= refused.value.seconds <= 78


def test_owners_take_turns(queue, speaker):
    queue.add(_job("A1.", owner="a"))
    _until(lambda: speaker.said)
    asked = [queue.add(_job(text, owner=text[0].lower())) for text in ("A2.", "A3.", "B1.", "B2.")]
    assert [queue.place(job) for job in asked] == [2, 4, 1, 3]
    speaker.free()
    assert all(job.wait(10) for job in asked)
    assert speaker.said == ["A1.", "B1.", "A2.", "B2.", "A3."]


def test_who_comes_late_waits_for_no_more_than_one_job_of_each_other(speaker):
    queue = Queue(speaker, max_waiting=100)
    queue.add(_job("A0.", owner="a"))
    _until(lambda: speaker.said)
    for n in range(1, 20):
        queue.add(_job(f"A{n}.", owner="a"))
        queue.add(_job(f"B{n}.", owner="b"))
    late = queue.add(_job("C.", owner="c"))
    assert queue.place(late) <= 3
    speaker.free()
    queue.close(10)


def test_one_owner_leaves_places_for_others(queue, speaker):
    queue.add(_job("Spoken.", owner="a"))
    _until(lambda: speaker.said)
    for n in range(3):
        queue.add(_job(f"{n}.", owner="a"))
    with pytest.raises(OwnPlacesFull, match="3 of your texts are waiting already"):
        queue.add(_job("One too many.", owner="a"))
    queue.add(_job("Of another.", owner="b"))
    with pytest.raises(QueueFull, match="4 texts are waiting"):
        queue.add(_job("Of a third.", owner="c"))


def test_job_that_takes_too_long_is_stopped_and_the_next_one_is_spoken(speaker, clock):
    queue = Queue(speaker, max_seconds=90.0)
    slow, next_job = queue.add(_job("Slow.", n_sentences=100)), queue.add(_job("Next."))
    _until(lambda: speaker.said)
    speaker.say()
    clock.now += 91.0
    speaker.say()
    assert slow.wait(10) and slow.state == "failed"
    assert str(slow.fault) == "It took longer than 1.5 min and was stopped: try a shorter text."
    speaker.free()
    assert next_job.wait(10) and next_job.state == "done"


def test_job_asked_for_twice_at_once_by_one_browser_is_one_job(queue, speaker):
    job = queue.add(_job("Same.", owner="a"))
    assert queue.add(_job("Same.", owner="a")) is job
    assert queue.add(_job("Other.", owner="a")) is not job
    assert queue.add(_job("Same.", owner="b")) is not job
    queue.cancel(job)
    assert queue.add(_job("Same.", owner="a")) is not job


def test_browser_is_shown_its_own_jobs_until_they_are_over(queue, speaker):
    mine, other, done = (queue.add(_job(text, owner=text[0])) for text in ("a 1", "b 1", "a 2"))
    assert queue.of("a") == [mine, done] and queue.of("b") == [other] and queue.of("c") == []
    speaker.free()
    assert done.wait(10)
    assert queue.of("a") == []


def test_tokens_cannot_be_guessed():
    tokens = {_job().token for _ in range(100)}
    assert len(tokens) == 100 and min(map(len, tokens)) >= 20


def test_jobs_that_are_over_are_forgotten_after_a_while(queue, speaker, monkeypatch):
    speaker.free()
    monkeypatch.setattr(queue_module, "MAX_KEPT", 2)
    asked = [queue.add(_job(f"{n}.")) for n in range(4)]
    assert asked[-1].wait(10)
    assert [queue.find(job.token) for job in asked] == [None, None, *asked[2:]]
    monkeypatch.setattr(queue_module, "KEPT_SECONDS", 0.0)
    assert queue.find(asked[3].token) is None


def test_close_lets_the_present_job_finish_and_interrupts_the_others(queue, speaker):
    spoken, waiting = queue.add(_job("One.", n_sentences=3)), queue.add(_job("Two."))
    speaker.say()
    closing = threading.Thread(target=queue.close)
    closing.start()
    _until(lambda: waiting.is_over)
    assert closing.is_alive() and not spoken.is_over
    speaker.say(2)
    closing.join(10)
    assert (spoken.state, waiting.state) == ("done", "failed") and not closing.is_alive()
    assert isinstance(waiting.fault, Interrupted) and speaker.said == ["One."]


def test_close_interrupts_what_takes_longer_than_the_grace(queue, speaker):
    job = queue.add(_job("One.", n_sentences=100))
    speaker.say()
    closing = threading.Thread(target=queue.close, args=(0.1,))
    closing.start()
    _until(lambda: job.fault)
    speaker.say()
    closing.join(10)
    assert job.state == "failed" and isinstance(job.fault, Interrupted)


def test_journal_holds_what_is_not_over(speaker, tmp_path):
    queue = Queue(speaker, journal=Journal(tmp_path / "queue"))
    spoken, cancelled, waiting = (queue.add(_job(text, owner="a")) for text in ("One.", "Two.", "Three."))
    assert _noted(tmp_path) == {spoken.token, cancelled.token, waiting.token}
    queue.cancel(cancelled)
    speaker.say()
    assert spoken.wait(10)
    _until(lambda: _noted(tmp_path) == {waiting.token})
    queue.close(0.0, 0.1)
    assert _noted(tmp_path) == {waiting.token}
    speaker.free()
    _until(lambda: not _threads())


def _noted(folder):
    return {path.stem for path in (folder / "queue").iterdir()}


def test_job_of_the_journal_comes_back_as_it_was_asked_for(app, tmp_path):
    journal = Journal(tmp_path / "queue")
    job = Job(_request("Text.", speed=1.5, seed=7, takes=3), owner="a")
    journal.note(job)
    (tmp_path / "queue" / "half.draft").write_text("{")
    (tmp_path / "queue" / "damaged.json").write_text('{"token": 1}')
    with app.app_context():
        (back,) = journal.take()
    assert (back.token, back.owner, back.state) == (job.token, "a", "failed")
    assert back.request.knobs() == job.request.knobs() and back.request.voice.name == "Anna"
    assert _noted(tmp_path) == set()


def test_job_that_cannot_be_noted_is_refused(speaker, tmp_path):
    (tmp_path / "queue").write_text("no folder")
    queue = Queue(speaker, journal=Journal(tmp_path / "queue"))
    with pytest.raises(OSError):
        queue.add(_job())
    assert queue.n_waiting == 0 and not speaker.said


def test_stop_is_raised_where_the_job_asks(speaker):
    job = _job()
    job.check()
    job.is_cancelled = True
    with pytest.raises(Cancelled):
        job.check()
