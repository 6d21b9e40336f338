"""The site's way through the queue: what a script is told, what a browser without scripts is shown, and cancel."""

import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app import storage
from app.db import Speech, db
from app.speak import progress
from config import Config
from tests.fakes import read

TEXT = "One. Two. Three. Four."
SCRIPT = {"Accept": "application/json"}


def _payload(**changes):
    return {"voice": "1", "text": TEXT, "format": "mp3"} | changes


def _sentences(text, language=None, dictionary=None):
    """A reader that parts sentences."""
    return [replace(read(part)[0], words=part) for part in text.split(". ")]


def _speeches(app):
    with app.app_context():
        return list(db.session.scalars(db.select(Speech).order_by(Speech.id)))


def _files(app):
    return sorted(path.name for path in (app.config["INSTANCE"] / "speeches").iterdir())


def _until(happened):
    deadline = time.monotonic() + 20
    while not (found := happened()):
        assert time.monotonic() < deadline, "it did not happen in 20 s"
        time.sleep(0.02)
    return found


@pytest.fixture
def voice(bank):
    return bank("Anna")[0]


@pytest.fixture
def stop(cloner):
    """The networks wait before each sentence until they may go on: stop.may is a semaphore."""
    may = threading.Semaphore(0)
    cloner.reader = _sentences
    cloner.between = may.acquire
    yield may
    may.release(1000)


@pytest.fixture
def queue(app, stop):
    """The app's queue, emptied at the end."""
    yield app.extensions["speaking"]
    stop.release(1000)
    app.extensions["speaking"].close(20)


def _told(client, job, state):
    """What the job's status says once it has that state."""
    return _until(lambda: (told := client.get(job["status"]).json)["state"] == state and told)


def _ask(client, **changes):
    answer = client.post("/", data=_payload(**changes), headers=SCRIPT)
    assert answer.status_code == 202
    return answer.json


def test_script_gets_a_job_at_once_and_its_speech_at_the_end(app, client, voice, queue, stop):
    job = _ask(client)
    assert job["state"] in ("waiting", "speaking")
    assert "Anna is speaking" in job["panel"] and TEXT in job["panel"]
    stop.release(2)
    seen = _until(lambda: (told := client.get(job["status"]).json)["words"].startswith("Sentence 3 of 4") and told)
    assert seen["state"] == "speaking" and 0.5 <= seen["fraction"] < 0.75
    assert seen["words"].startswith("Sentence 3 of 4 · about 0:")
    stop.release(2)
    done = _told(client, job, "done")
    assert (done["page"], done["fraction"]) == ("/speeches/1", 1.0)
    assert client.get("/speeches/1").status_code == 200


def test_second_text_is_told_its_place(client, voice, queue, stop):
    first, second = _ask(client), _ask(client, text="Five.")
    _told(client, first, "speaking")
    told = client.get(second["status"]).json
    assert (told["state"], told["words"]) == ("waiting", "Waiting: 1 text ahead")


def test_cancel_leaves_no_row_no_file_and_no_thread(app, client, voice, queue, stop):
    job = _ask(client)
    stop.release(1)
    _until(lambda: client.get(job["status"]).json["words"].startswith("Sentence 2 of 4"))
    assert [name.startswith(storage.DRAFT) for name in _files(app)] == [True]
    answer = client.post(job["status"].replace("status", "cancel"), headers=SCRIPT)
    assert answer.json["state"] == "cancelled"
    stop.release(1)
    _until(lambda: not _files(app))
    assert _speeches(app) == []
    _until(lambda: not [thread for thread in threading.enumerate() if thread.name == "speaking"])


def test_cancelled_job_shows_its_form_again_with_text_and_choices(client, voice, queue, stop):
    job = _ask(client, speed="1.5", best="y", pauses="2")
    page = client.post(job["status"].replace("status", "cancel"), follow_redirects=True).text
    assert "Cancelled. Nothing was saved." in page and TEXT + "</textarea>" in page
    assert 'name="speed" min="0.5" max="2" step="0.05" value="1.5"' in page
    assert 'checked id="best"' in page and 'name="voice" value="1" checked' in page


def test_browser_without_scripts_is_shown_a_page_that_asks_again(make_app, bank, cloner, stop):
    app = make_app(WAIT_SECONDS=0.1)
    client = app.test_client()
    bank("Anna")
    answer = client.post("/", data=_payload())
    assert answer.status_code == 303 and answer.location.startswith("/jobs/")
    page = _until(lambda: "Sentence 1 of 4" in (text := client.get(answer.location).text) and text)
    assert 'http-equiv="refresh"' in page and "/cancel" in page
    stop.release(4)
    _until(lambda: client.get(answer.location).location == "/speeches/1")


def test_browsers_without_scripts_leave_threads_to_everybody_else(make_app, bank, stop):
    app = make_app(WAIT_SECONDS=Config.WAIT_SECONDS)
    bank("Anna")
    with ThreadPoolExecutor(2) as threads:
        posts = [threads.submit(app.test_client().post, "/", data=_payload(text=f"{n}.")) for n in range(6)]
        assert threads.submit(app.test_client().get, "/").result(timeout=20).status_code == 200
        assert {post.result().location[:6] for post in posts} == {"/jobs/"}
    stop.release(100)
    app.extensions["speaking"].close(20)


def test_page_that_is_opened_again_shows_what_its_browser_waits_for(app, client, voice, queue, stop):
    job = _ask(client)
    assert f'data-job="{job["status"]}"' in client.get("/").text
    assert "data-job=" not in app.test_client().get("/").text
    stop.release(4)
    _told(client, job, "done")
    assert "data-job=" not in client.get("/").text


def test_closed_tab_finds_its_speech_in_the_history(app, client, voice, queue, stop):
    _ask(client)
    stop.release(4)
    _until(lambda: _speeches(app))
    assert TEXT in client.get("/speeches").text


def test_double_click_speaks_once_and_two_tabs_speak_twice(app, client, voice, queue, stop):
    client.get("/")
    _ask(client, text="Busy.")
    assert _ask(client)["status"] == _ask(client)["status"] != _ask(client, text="Other.")["status"]
    stop.release(100)
    _until(lambda: len(_speeches(app)) == 3)
    assert sorted(speech.text for speech in _speeches(app)) == ["Busy.", TEXT, "Other."]


def test_voice_deleted_while_its_job_waits_is_said_at_the_voice(app, client, voice, queue, stop):
    first, second = _ask(client, text="First."), _ask(client)
    _told(client, first, "speaking")
    client.post("/voices/1/delete")
    stop.release(100)
    failed = _told(client, second, "failed")
    assert failed["words"] == "This voice cannot be used: it was deleted while the text was waiting."
    page = client.get(failed["page"])
    assert 'id="voice-error" role="alert">This voice cannot be used' in page.text
    assert TEXT + "</textarea>" in page.text
    assert [speech.text for speech in _speeches(app)] == ["First."] and len(_files(app)) == 1


def test_fault_is_shown_at_the_form_that_comes_back(app, client, voice, queue, stop, cloner):
    cloner.fault = MemoryError()
    job = _ask(client)
    stop.release(1)
    failed = _told(client, job, "failed")
    assert "There was not enough memory" in failed["words"]
    assert "There was not enough memory" in client.get(failed["page"]).text
    assert _files(app) == []


def test_fault_that_nobody_foresaw_is_not_shown_with_its_insides(client, voice, queue, stop, cloner):
    cloner.fault = KeyError("the insides")
    job = _ask(client)
    stop.release(1)
    failed = _told(client, job, "failed")
    assert failed["words"] == "Something went wrong in Tembr. The error is in the server log."


def test_text_is_read_by_the_worker_and_not_in_the_request(client, voice, queue, stop, cloner):
    readers, reader = [], cloner.reader
    cloner.reader = lambda *given: readers.append(threading.current_thread().name) or reader(*given)
    job = _ask(client)
    stop.release(4)
    _told(client, job, "done")
    assert readers == ["speaking"]


def test_text_with_nothing_to_say_is_told_at_its_field_once_it_is_read(app, client, voice, queue, stop):
    cloner = app.extensions["cloner"]
    cloner.reader = read
    failed = _told(client, _ask(client, text="!!!"), "failed")
    assert failed["words"].startswith("There is nothing to say in this text")
    page = client.get(failed["page"]).text
    assert 'id="text-error" role="alert">There is nothing to say in this text' in page
    assert _speeches(app) == [] and _files(app) == []


def test_no_row_is_made_before_the_speech_is_kept(app, client, voice, queue, stop, monkeypatch):
    made, make = [], Speech.__init__

    def note(row, **given):
        made.append(threading.current_thread().name)
        make(row, **given)

    monkeypatch.setattr(Speech, "__init__", note)
    job = _ask(client)
    stop.release(3)
    _until(lambda: client.get(job["status"]).json["words"].startswith("Sentence 4 of 4"))
    assert made == []
    stop.release(1)
    _told(client, job, "done")
    assert made == ["speaking"]


def test_refusal_of_the_form_comes_as_the_form(client, voice):
    answer = client.post("/", data=_payload(text=""), headers=SCRIPT)
    assert answer.status_code == 422 and 'id="text-error"' in answer.text


def test_full_queue_says_so_and_keeps_the_text(app, client, voice, queue, stop):
    first = _ask(client, text="0.")
    _told(client, first, "speaking")
    for n in range(15):
        _ask(client, text=f"Text {n}.")
    answer = client.post("/", data=_payload(), headers=SCRIPT)
    assert "15 of your texts are waiting already" in answer.text and TEXT + "</textarea>" in answer.text
    assert answer.status_code == 503 and 5 <= int(answer.headers["Retry-After"]) <= 300
    for n in range(5):
        _ask(app.test_client(), text=f"Text {n}.")
    answer = app.test_client().post("/", data=_payload())
    assert answer.status_code == 503 and "20 texts are waiting" in answer.text


def test_full_queue_refuses_another_take(app, client, voice, queue, stop):
    stop.release(4)
    assert client.post("/", data=_payload()).location == "/speeches/1"
    for n in range(21):
        _ask(app.test_client(), text=f"Text {n}.")
    answer = client.post("/speeches/1/again", headers=SCRIPT)
    assert answer.status_code == 503 and "20 texts are waiting" in answer.json["message"]
    page = client.post("/speeches/1/again", follow_redirects=True)
    assert page.status_code == 200 and "20 texts are waiting" in page.text


def test_text_that_takes_too_long_is_told_above_its_form(make_app, bank, cloner):
    client = make_app(MAX_SPEAKING_MINUTES=0.0).test_client()
    bank("Anna")
    answer = client.post("/", data=_payload(), follow_redirects=True)
    assert "It took longer than 0 min and was stopped" in answer.text and TEXT + "</textarea>" in answer.text


def test_job_that_nobody_knows_is_said(client):
    for path in ("/jobs/x", "/jobs/x/status"):
        answer = client.get(path)
        assert answer.status_code == 404 and "This has already finished." in answer.text
    assert client.get("/?job=x").status_code == 200


def test_another_take_goes_through_the_queue(client, voice, queue, stop, cloner):
    stop.release(100)
    assert client.post("/", data=_payload()).location == "/speeches/1"
    job = client.post("/speeches/1/again", headers=SCRIPT).json
    done = _told(client, job, "done")
    assert done["page"] == "/speeches/2" and cloner.said[-1]["seed"] == 1


def test_drafts_of_a_crash_are_removed_at_the_start_and_no_others(app, make_app, client, voice, queue, stop):
    folder = app.config["INSTANCE"] / "speeches"
    (folder / f"{storage.DRAFT}0123.mp3").write_bytes(b"half a speech")
    (folder / "kept.mp3").write_bytes(b"a speech")
    _ask(client)
    (mine,) = _until(lambda: [name for name in _files(app) if name.startswith(storage.DRAFT) and "0123" not in name])
    make_app()  # a second start, while the site speaks
    assert _files(app) == sorted([mine, "kept.mp3"])
    stop.release(4)
    _until(lambda: _speeches(app))


def test_shutdown_leaves_no_draft(app, client, voice, queue, stop):
    job = _ask(client)
    stop.release(1)
    _until(lambda: _files(app))
    closing = threading.Thread(target=queue.close, args=(0.0,))
    closing.start()
    _until(lambda: queue.find(job["status"].split("/")[2]).fault)
    stop.release(1)
    closing.join(10)
    assert "Tembr was restarted before this text was spoken" in _told(client, job, "failed")["words"]
    assert _files(app) == [] and _speeches(app) == []


def test_memory_stays_that_of_a_sentence_however_long_the_text(make_app, bank, cloner):
    client = make_app(MAX_TEXT_CHARACTERS=20_000).test_client()
    bank("Anna")
    cloner.reader = _sentences
    client.post("/", data=_payload(format="wav"))  # what is loaded once is loaded
    text = " ".join(f"This is sentence number {n} of a long text." for n in range(440))
    assert 18_000 < len(text) < 20_000
    tracemalloc.start()
    assert client.post("/", data=_payload(text=text, format="wav")).location == "/speeches/2"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    speech_bytes = len(client.get("/speeches/2/audio").data)
    assert speech_bytes > 30e6
    assert peak < 12e6  # 20 s are kept to be compared with the voice


def _heard(client, job):
    """The status of a job once some of it can be heard."""
    return _until(lambda: (told := client.get(job["status"]).json)["audio"] and told)


def test_audio_is_sent_while_it_is_spoken_and_afterwards_from_the_speech(app, client, voice, queue, stop):
    job = _ask(client, text="This is the first sentence. And this is the second one.")
    assert job["audio"] is None
    address = job["status"].replace("status", "audio")
    assert client.get(address).status_code == 404
    stop.release(1)
    assert _heard(client, job)["audio"] == address
    answer = client.get(address, buffered=False)
    assert (answer.mimetype, answer.status_code, answer.content_length) == ("audio/mpeg", 200, None)
    first = next(answer.response)
    assert client.get(job["status"]).json["state"] == "speaking"
    stop.release(1)
    whole = first + b"".join(answer.response)
    answer.close()
    done = _told(client, job, "done")
    assert done["audio"] is None and client.get(address).location == "/speeches/1/audio"
    kept = client.get("/speeches/1/audio").data
    assert len(kept) == len(whole) and kept[1000:] == whole[1000:]  # only at the end its header tells the length


def test_listeners_never_hold_all_threads(app, client, voice, queue, stop):
    job = _ask(client)
    stop.release(1)
    address = _heard(client, job)["audio"]
    listening = [client.get(address, buffered=False) for _ in range(progress.MAX_LISTENERS)]
    refused = client.get(address)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    for answer in listening:
        answer.close()
    last = client.get(address, buffered=False)
    assert last.status_code == 200
    last.close()


def test_listening_ends_with_a_job_that_is_cancelled(client, voice, queue, stop):
    job = _ask(client)
    stop.release(1)
    answer = client.get(_heard(client, job)["audio"], buffered=False)
    client.post(job["status"].replace("status", "cancel"), headers=SCRIPT)
    stop.release(1)
    assert len(b"".join(answer.response)) > 100
    answer.close()
    _told(client, job, "cancelled")
