"""What the queue notes of jobs that are not over, so that a restart can name them."""

import pytest

from app.speak.jobs import Job
from app.speak.journal import Journal
from app.speak.queue import Queue
from tests.speaker import Speaker, make_job, make_request, speaking_threads, until


@pytest.fixture
def speaker():
    return Speaker()


def test_journal_holds_what_is_not_over(speaker, tmp_path):
    queue = Queue(speaker, journal=Journal(tmp_path / "queue"))
    spoken, cancelled, waiting = (queue.add(make_job(text, owner="a")) for text in ("One.", "Two.", "Three."))
    assert _noted(tmp_path) == {spoken.token, cancelled.token, waiting.token}
    queue.cancel(cancelled)
    speaker.say()
    assert spoken.wait(10)
    until(lambda: _noted(tmp_path) == {waiting.token})
    queue.close(0.0, 0.1)
    assert _noted(tmp_path) == {waiting.token}
    speaker.free()
    until(lambda: not speaking_threads())


def _noted(folder):
    return {path.stem for path in (folder / "queue").iterdir()}


def test_job_of_the_journal_comes_back_as_it_was_asked_for(app, tmp_path):
    journal = Journal(tmp_path / "queue")
    job = Job(make_request("Text.", speed=1.5, seed=7, takes=3), owner="a")
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
        queue.add(make_job())
    assert queue.n_waiting == 0 and not speaker.said
