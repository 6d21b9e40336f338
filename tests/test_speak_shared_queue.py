"""The queue of several site processes, on a real PostgreSQL: as the queue of one, and nothing lost with a process."""

import io
import threading
import time

import numpy as np
import pytest
import sqlalchemy as sa

from app import startup, storage
from app.db import QueuedJob, Speech, Voice, db
from app.speak import shared_job, shared_queue
from app.speak.jobs import Interrupted, Job, OwnPlacesFull, QueueFull, TookTooLong
from app.speak.request import RequestedVoice, SpeechRequest
from app.speak.shared_job import packed, unpacked
from app.speak.shared_queue import LEASE_SECONDS, SharedQueue
from models import InvalidVoiceProfile, Sentence, VoiceProfile
from tests.fakes import FakeCloner
from tests.postgresql import new_database, server

__all__ = ["new_database", "server"]

PROFILE = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)


@pytest.fixture
def make_process(make_app, new_database, monkeypatch):
    """Makes a site process; all of them share a database and an instance."""
    monkeypatch.setattr(shared_queue, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(shared_job, "FOLLOW_SECONDS", 0.02)
    url, made = new_database(), []

    def make(**changes):
        app = make_app(SQLALCHEMY_DATABASE_URI=url, QUEUE="database", WORKERS=1, **changes)
        app.extensions["cloner"] = FakeCloner()
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["speaking"].close(0.0, 10.0)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def app(make_process):
    """In place of conftest's, so that `client` and `bank` are of it."""
    return make_process()


def queue_of(app) -> SharedQueue:
    return app.extensions["speaking"]


def request(text="Раз.", **changes) -> SpeechRequest:
    return SpeechRequest(text, RequestedVoice("Anna", PROFILE, choice="1"), **changes)


def until(happened, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s"
        time.sleep(0.02)
    return result


def asleep(app) -> SharedQueue:
    """Its queue, which takes jobs in and speaks none."""
    queue = queue_of(app)
    queue.start = lambda: None
    return queue


def three_sentences(text, *_):
    return [Sentence("ru", f"{text} {n}", ("ˈa", "."), ("ru", "ru")) for n in range(3)]


def texts(app) -> list[str]:
    with app.app_context():
        found = list(db.session.scalars(sa.select(Speech.text).order_by(Speech.id)))
        assert all(storage.path_of(one).is_file() for one in db.session.scalars(sa.select(Speech)))
        db.session.rollback()
        return found


def test_text_taken_in_by_one_process_is_spoken_and_shown_by_any(make_process):
    taking, speaking, showing = make_process(), make_process(), make_process()
    job = asleep(taking).add(Job(request(), "a"))
    assert (job.state, queue_of(showing).find(job.token).state) == ("waiting", "waiting")
    assert queue_of(showing).n_waiting == 1 and queue_of(showing).of("a")[0].token == job.token
    queue_of(speaking).start()
    assert job.wait(20) and job.state == "done"
    found = queue_of(showing).find(job.token)
    assert (found.is_over, found.speech_id, queue_of(showing).of("a")) == (True, job.speech_id, [])
    assert texts(showing) == ["Раз."]


def test_page_speaks_and_shows_as_with_a_queue_of_its_own(client, bank, app):
    bank("Anna")
    assert client.post("/", data={"voice": "1", "text": "Раз."}).location == "/speeches/1"
    assert client.get("/speeches/1/audio").status_code == 200
    refused = client.post("/", data={"voice": "1", "text": "!!!"})
    assert refused.status_code == 422
    script = client.post("/", data={"voice": "1", "text": "Два."}, headers={"Accept": "application/json"}).json
    until(lambda: client.get(script["status"]).json["state"] == "done")
    assert client.get(client.get(script["status"]).json["page"]).status_code == 200


def test_voice_of_the_bank_is_the_one_it_is_when_it_is_spoken(client, bank, app):
    bank("Anna")
    queue = asleep(app)
    with app.app_context():
        voice = RequestedVoice("Anna", db.session.get(Voice, 1).profile, 1, choice="1")
    first, again = (queue.add(Job(SpeechRequest("Раз.", voice), "a")) for _ in range(2))
    assert first.token == again.token
    with app.app_context():
        assert db.session.scalar(sa.select(QueuedJob.profile)) is None  # 200 kB a row, otherwise
    client.post("/voices/1/delete")
    SharedQueue.start(queue)
    assert first.wait(20) and isinstance(first.fault, InvalidVoiceProfile) and texts(app) == []


def test_each_job_is_spoken_once_by_several_processes(make_process):
    processes = [make_process() for _ in range(3)]
    jobs = [asleep(processes[0]).add(Job(request(f"Текст {n}."), f"owner {n % 5}")) for n in range(20)]
    for app in processes[1:]:
        app.extensions["cloner"].between = lambda: time.sleep(0.02)
        queue_of(app).start()
    assert all(job.wait(60) for job in jobs)
    assert sorted(texts(processes[0])) == sorted(f"Текст {n}." for n in range(20))
    spoken = [len(app.extensions["cloner"].said) for app in processes]
    assert spoken[0] == 0 and min(spoken[1:]) > 0 and sum(spoken) == 20


def test_owners_take_turns_whoever_takes_their_texts_in(make_process):
    first, second = asleep(make_process()), asleep(make_process())
    added = [(first, "A1"), (second, "A2"), (first, "A3"), (second, "B1"), (first, "B2"), (second, "C1")]
    jobs = {text: queue.add(Job(request(text), text[0])) for queue, text in added}
    assert sorted(jobs, key=lambda text: first.place(jobs[text])) == ["A1", "B1", "C1", "A2", "B2", "A3"]


def test_places_are_those_of_all_processes(make_process):
    first, second = asleep(make_process(QUEUE_PLACES=4)), asleep(make_process(QUEUE_PLACES=4))
    for n in range(3):
        (first, second)[n % 2].add(Job(request(f"{n}."), "a"))
    with pytest.raises(OwnPlacesFull, match="3 of your texts"):
        second.add(Job(request("4."), "a"))
    second.add(Job(request("4."), "b"))
    with pytest.raises(QueueFull, match="4 texts are waiting"):
        first.add(Job(request("5."), "c"))


def test_same_request_twice_at_once_is_one_job(make_process):
    first, second = asleep(make_process()), asleep(make_process())
    jobs = []
    threads = [
        threading.Thread(target=lambda queue=queue: jobs.append(queue.add(Job(request(), "a"))))
        for queue in (first, second, first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job.token for job in jobs}) == 1 and first.n_waiting == 1


def test_job_of_a_process_that_died_is_spoken_by_another(make_process):
    died, other = make_process(), make_process()
    stuck, said = threading.Event(), []
    died.extensions["cloner"].reader = three_sentences
    other.extensions["cloner"].reader = three_sentences
    died.extensions["cloner"].between = lambda: said.append(0) or len(said) > 2 and stuck.wait(30)
    job = queue_of(died).add(Job(request(), "a"))
    until(lambda: queue_of(other).find(job.token).n_spoken == 2)
    queue_of(other).start()
    time.sleep(0.2)
    assert queue_of(other).find(job.token).state == "speaking"  # its process is taken to be alive
    with other.app_context():
        past = shared_queue.NOW - LEASE_SECONDS - 1
        db.session.execute(sa.update(QueuedJob).values(beat_at=past))
        db.session.commit()
    assert until(lambda: texts(other)) == ["Раз."]
    assert queue_of(other).find(job.token).n_spoken == 3
    stuck.set()  # the dead one was only slow, and speaks on
    until(lambda: len(died.extensions["cloner"].said) >= 1)
    queue_of(died).close(10.0, 10.0)
    assert texts(other) == ["Раз."]
    assert [path for path in (other.config["INSTANCE"] / "speeches").iterdir() if "draft" in path.name] == []


def test_job_that_ends_each_process_is_given_up(make_process):
    app = make_process()
    job = asleep(app).add(Job(request(), "a"))
    with app.app_context():
        lost = {"state": "speaking", "beat_at": 0.0, "attempts": shared_queue.MAX_ATTEMPTS}
        db.session.execute(sa.update(QueuedJob).values(**lost))
        db.session.commit()
    SharedQueue.start(queue_of(app))
    assert job.wait(20) and isinstance(job.fault, Interrupted)
    assert [one.token for one in queue_of(app).interrupted("a")] == [job.token]
    queue_of(app).see(job)
    assert queue_of(app).interrupted("a") == []


def test_process_that_stops_gives_its_text_to_the_others(make_process):
    stopping, other = make_process(), make_process()
    may = threading.Event()
    stopping.extensions["cloner"].reader = three_sentences
    stopping.extensions["cloner"].between = lambda: may.wait(30)
    job = queue_of(stopping).add(Job(request(), "a"))
    until(lambda: queue_of(other).find(job.token).state == "speaking")
    closing = threading.Thread(target=queue_of(stopping).close, args=(0.1, 20.0))
    closing.start()
    until(lambda: queue_of(other).find(job.token).state == "waiting")
    queue_of(other).start()
    assert job.wait(20) and job.state == "done"
    may.set()
    closing.join(20)
    assert texts(other) == ["Раз."]


def test_cancel_from_another_process_takes_effect(make_process):
    taking, speaking = make_process(), make_process()
    waiting = asleep(taking).add(Job(request("Ждёт."), "a"))
    queue_of(taking).cancel(waiting)
    assert waiting.state == "cancelled" and waiting.is_over
    may = threading.Event()
    speaking.extensions["cloner"].reader = three_sentences
    speaking.extensions["cloner"].between = lambda: may.wait(20)
    job = queue_of(taking).add(Job(request(), "a"))
    queue_of(speaking).start()
    until(lambda: queue_of(taking).find(job.token).n_sentences == 3)
    queue_of(taking).cancel(job)
    may.set()
    assert job.wait(20) and job.state == "cancelled" and job.fault is None
    assert texts(taking) == []


def test_progress_is_seen_from_another_process(make_process):
    speaking, showing = make_process(), make_process()
    may = threading.Semaphore(0)
    speaking.extensions["cloner"].reader = three_sentences
    speaking.extensions["cloner"].between = may.acquire
    job = queue_of(speaking).add(Job(request(), "a"))
    may.release(2)
    found = until(lambda: (one := queue_of(showing).find(job.token)).n_spoken == 2 and one)
    assert (found.n_sentences, found.state) == (3, "speaking")
    assert queue_of(showing).fraction(found) == pytest.approx(2 / 3)
    assert queue_of(speaking).seconds_left(found) > 0 and queue_of(showing).place(found) == 0
    may.release(9)
    assert job.wait(20)
    assert queue_of(showing).fraction(queue_of(showing).find(job.token)) == 1.0


@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_audio_is_followed_from_another_process_while_it_is_spoken(make_process, format):
    speaking, sending = make_process(), make_process()
    may = threading.Semaphore(0)
    speaking.extensions["cloner"].reader = three_sentences
    speaking.extensions["cloner"].between = may.acquire
    job = queue_of(speaking).add(Job(request(format=format), "a"))
    may.release(2)
    found = until(lambda: (one := queue_of(sending).find(job.token)).stream.is_audible and one)
    follower = found.stream.follow()
    sent = [next(follower)]
    assert not queue_of(sending).find(job.token).is_over
    may.release(9)
    sent += follower
    follower.close()
    assert job.wait(20)
    with sending.app_context():
        whole = storage.path_of(db.session.get(Speech, job.speech_id)).read_bytes()
    got = b"".join(sent)
    assert len(got) == len(whole) and got[1000:] == whole[1000:]  # the header of a wav tells its size
    late = b"".join(queue_of(sending).find(job.token).stream.follow())
    assert late == whole


def test_follower_is_told_when_the_text_fails(make_process):
    app = make_process()
    app.extensions["cloner"].reader = three_sentences
    may = threading.Semaphore(2)
    app.extensions["cloner"].between = may.acquire
    job = queue_of(app).add(Job(request(), "a"))
    follower = job.stream.follow()
    next(follower)
    app.extensions["cloner"].fault = InvalidVoiceProfile("It was %(what)s.", what="lost")
    may.release(9)
    with pytest.raises(InvalidVoiceProfile, match="It was lost."):
        list(follower)
    follower.close()


def test_text_of_a_program_waits_its_turn_and_is_spoken_at_home(make_process):
    home, other = make_process(), make_process()
    kept = asleep(home).add(Job(request("Первый."), "a"))
    job = Job(request("Для программы."), "p", is_kept=False)
    follower = job.stream.follow()
    assert queue_of(home).add(job) is job and queue_of(other).n_waiting == 2
    queue_of(other).start()
    assert kept.wait(20)
    time.sleep(0.2)
    assert job.state == "waiting" and queue_of(other).find(job.token) is None and queue_of(other).of("p") == []
    SharedQueue.start(queue_of(home))
    assert b"".join(follower)[:3] == b"ID3" and job.wait(20)
    follower.close()
    assert (job.state, job.said.seconds > 0, texts(home)) == ("done", True, ["Первый."])


def test_text_of_a_program_that_left_is_spoken_no_more(make_process):
    app = make_process()
    waiting = Job(request(), "p", is_kept=False)
    asleep(app).add(waiting)
    queue_of(app).cancel(waiting)
    assert waiting.is_over and waiting.state == "cancelled" and queue_of(app).n_waiting == 0
    may = threading.Event()
    app.extensions["cloner"].reader = three_sentences
    app.extensions["cloner"].between = lambda: may.wait(20)
    job = Job(request(), "p", is_kept=False)
    SharedQueue.start(queue_of(app))
    queue_of(app).add(job)
    until(lambda: job.n_sentences == 3)
    queue_of(app).cancel(job)
    may.set()
    assert job.wait(20) and job.state == "cancelled"


def test_text_of_a_program_holds_no_place_when_its_process_died(make_process):
    died, other = asleep(make_process(QUEUE_PLACES=1)), asleep(make_process(QUEUE_PLACES=1))
    died.add(Job(request(), "p", is_kept=False))
    with pytest.raises(QueueFull):
        other.add(Job(request(), "a"))
    with other._transaction() as session:
        session.execute(sa.update(QueuedJob).values(beat_at=0.0))
    assert other.add(Job(request(), "a")).state == "waiting"


def test_text_that_takes_too_long_is_stopped(make_process):
    app = make_process(MAX_SPEAKING_MINUTES=0.001)
    app.extensions["cloner"].between = lambda: time.sleep(0.1)
    job = queue_of(app).add(Job(request(), "a"))
    assert job.wait(20) and isinstance(job.fault, TookTooLong)


@pytest.mark.parametrize(
    "fault",
    [TookTooLong(2.0), Interrupted(), InvalidVoiceProfile("%(count)d parts", count=3), OSError(28, "No space left"),
     MemoryError("no room"), RuntimeError("broken")],
)  # fmt: skip
def test_fault_comes_out_of_the_database_as_it_went_in(fault):
    again = unpacked(packed(fault))
    assert (
        type(again) is type(fault)
        and str(again) == str(fault)
        and getattr(again, "errno", 0) == getattr(fault, "errno", 0)
    )


def test_recording_used_once_is_spoken_with_its_consent(client, app, recording):
    form = {"voice": "recording", "text": "Раз.", "consent": "y"}
    assert client.post("/", data=form | {"recording": (io.BytesIO(recording(5.0)), "a.wav")}).status_code == 303
    with app.app_context():
        speech = db.session.get(Speech, 1)
        assert speech.profile and speech.consent_at
    with app.app_context():
        assert db.session.scalar(sa.select(QueuedJob.profile)) is None


def test_processes_share_an_instance_only_with_a_shared_queue(make_process, make_app, tmp_path):
    first, second = make_process(), make_process()
    for app in (first, second):
        startup.start(app)
    alone = make_app(INSTANCE=first.config["INSTANCE"])
    with pytest.raises(startup.AlreadyServing):
        startup.hold(alone.config["INSTANCE"], 0.0)
    for app in (first, second):
        app.extensions["serving"].close()


@pytest.mark.parametrize(
    ("queue", "said"), [("database", "TEMBR_DATABASE=postgresql"), ("redis", "memory or database")]
)
def test_queue_that_cannot_be_is_refused_in_words(make_app, queue, said):
    app = make_app()
    app.config["QUEUE"] = queue
    with pytest.raises(startup.UnknownQueue, match=said):
        startup.start(app)
