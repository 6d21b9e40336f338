"""The audio of a job while it is spoken: whole and in order for whoever follows, and cut by a fault."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from app.speak.jobs import Cancelled, Job
from app.speak.request import RequestedVoice, SpeechRequest
from app.speak.stream import UNKNOWN_SIZE, Stream, endless
from models import SpeechFile
from models.recording import load_recording
from tests.fakes import read

TEXT = "This sentence is about one number. And this one is about another one. And this is the last of them all."


@pytest.fixture
def growing(tmp_path):
    """A stream of a file, and what writes to it so that followers see it."""
    stream, path = Stream(), tmp_path / "draft"
    path.write_bytes(b"")
    stream.begin(path)

    def write(content):
        with path.open("ab") as file:
            file.write(content)
        stream.grow()

    yield stream, write
    stream.end()


def _everything(follower):
    try:
        return b"".join(follower)
    finally:
        follower.close()


def test_followers_of_any_moment_get_the_whole_file(growing):
    stream, write = growing
    with ThreadPoolExecutor() as pool:
        early = pool.submit(_everything, stream.follow())
        write(b"one ")
        late = pool.submit(_everything, stream.follow())
        write(b"two ")
        write(b"3" * 200_000)
        last = stream.follow()
        stream.end()
        assert early.result(10) == late.result(10) == _everything(last) == b"one two " + b"3" * 200_000


def test_a_part_is_sent_before_the_next_is_written(growing):
    stream, write = growing
    follower = stream.follow()
    assert not stream.is_audible
    write(b"one")
    assert stream.is_audible and next(follower) == b"one"
    write(b"two")
    assert next(follower) == b"two"
    stream.end()
    assert not stream.is_audible and list(follower) == []
    follower.close()


def test_a_fault_comes_after_what_was_written(growing):
    stream, write = growing
    follower = stream.follow()
    write(b"one")
    stream.end(OSError("disk"))
    assert next(follower) == b"one"
    with pytest.raises(OSError, match="disk"):
        next(follower)
    follower.close()


def test_a_file_is_closed_once_the_last_follower_has_left(growing):
    stream, write = growing
    follower = stream.follow()
    write(b"one")
    stream.end()
    file = stream._file
    assert not file.closed and list(follower) == [b"one"]
    follower.close()
    follower.close()
    assert file.closed and list(stream.follow()) == []


def test_a_job_that_never_began_ends_its_followers():
    job = Job(SpeechRequest("Hello.", RequestedVoice("Anna", None)))
    follower = job.stream.follow()
    job.end("cancelled")
    with pytest.raises(Cancelled):
        next(follower)


def test_a_wav_is_sent_without_a_size_even_if_its_title_says_data(tmp_path):
    path = tmp_path / "draft.wav"
    with SpeechFile(path, 16_000, "wav", {"title": "data and data"}) as file:
        file.write(np.full(16_000, 0.25, dtype=np.float32))
        start = endless(path.read_bytes())
        assert start.count(UNKNOWN_SIZE) == 2 and len(start) == path.stat().st_size
        assert len(load_recording(start, 60.0)) == 16_000


def test_an_mp3_is_sent_without_a_count_of_its_frames(tmp_path):
    path = tmp_path / "draft.mp3"
    with SpeechFile(path, 16_000, "mp3", {"title": "Info"}) as file:
        file.write(np.full(16_000, 0.25, dtype=np.float32))
        start = endless(path.read_bytes())
    place = start.rindex(b"Info")
    assert start[place : place + 8] == b"Info" + bytes(4) and start != path.read_bytes()[: len(start)]
    assert len(load_recording(start, 60.0)) == pytest.approx(16_000, abs=3_000)  # lame holds some back


@pytest.mark.parametrize("format", ["mp3", "wav", "flac", "ogg"])
def test_a_sentence_is_heard_while_the_next_is_not_spoken_yet(app, bank, cloner, format):
    bank("Anna")
    may = threading.Semaphore(1)
    cloner.reader = lambda text, *_: [replace(read(part)[0], words=part) for part in text.split(". ")]
    cloner.between = may.acquire
    with app.app_context():
        profile = cloner.listen(_recording())
        job = Job(SpeechRequest(TEXT, RequestedVoice("Anna", profile), format=format))
        follower = job.stream.follow()
        app.extensions["speaking"].add(job)
        first = next(follower)
        assert job.n_spoken <= 1 and not job.is_over
        assert len(load_recording(first, 60.0)) > 0.9 * 16_000
        may.release(10)
        whole = first + _everything(follower)
        assert job.wait(20) and not job.fault
    assert len(load_recording(whole, 60.0)) == pytest.approx(len(TEXT) * 0.06 * 16_000, rel=0.1)
    kept = next((app.config["INSTANCE"] / "speeches").iterdir()).read_bytes()
    assert len(whole) == len(kept) and whole[1000:] == kept[1000:]  # a header may tell the length only at the end


def test_the_best_of_several_takes_is_sent_once_it_is_known(app, bank, cloner):
    bank("Anna")
    with app.app_context():
        profile = cloner.listen(_recording())
        job = Job(SpeechRequest(TEXT, RequestedVoice("Anna", profile), takes=3, format="flac"))
        follower = job.stream.follow()
        app.extensions["speaking"].add(job)
        whole = _everything(follower)
        assert job.wait(20) and not job.fault
    assert whole == next((app.config["INSTANCE"] / "speeches").iterdir()).read_bytes()


def _recording():
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sign(np.sin(np.arange(48_000) * 0.05)), 16_000, format="wav")
    return file.getvalue()
