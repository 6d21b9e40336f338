"""Learning a voice on the site: in the background, with progress, until it is done, cancelled or forgotten."""

import io
import re
import threading

import numpy as np
import pytest

from app.db import LearnedVoice, Lesson, Voice, db
from app.voices import learning
from app.voices.voice_file import VoiceFile
from models import Adapter, TextTooLong, UnreadableAudio

LACK = "To be learned, the voice needs at least 6 s of clear speech, and its recordings have 5.9 s: add another one."


@pytest.fixture
def anna(client, recording):
    """A voice with a recording of six seconds."""
    sent = {
        "name": "Anna",
        "language": "en",
        "consent": "y",
        "recording": (io.BytesIO(recording(seconds=6.0)), "a.wav"),
    }
    assert client.post("/voices", data=sent).status_code == 303
    return 1


def _learned(app) -> LearnedVoice | None:
    with app.app_context():
        row = db.session.get(LearnedVoice, 1)
        return row and (row.adapter and row)


def _lesson(app) -> Lesson | None:
    with app.app_context():
        return db.session.get(Lesson, 1)


def _wait(app):
    if thread := app.extensions["lessons"]._thread:
        thread.join(20)
        assert not thread.is_alive()


def _added(client, recording, seconds: float) -> str:
    """Add a voice of a recording of so many seconds; the page that is shown then."""
    sent = {"name": "Anna", "language": "en", "consent": "y", "recording": (io.BytesIO(recording(seconds)), "a.wav")}
    return client.post("/voices", data=sent, follow_redirects=True).text


def test_added_voice_is_learned_unasked(make_app, recording):
    app = make_app(LEARN=True)
    assert "In some minutes it will be learned" in _added(app.test_client(), recording, 6.5)
    _wait(app)
    assert _learned(app).is_used


def test_voice_that_is_too_short_to_be_learned_says_what_it_lacks_and_is_learned_once_that_is_there(
    make_app, recording
):
    app = make_app(LEARN=True)
    client = app.test_client()
    assert f"The voice speaks at once. {LACK}" in _added(client, recording, 5.97)
    page = client.get("/voices/1").text
    assert LACK in page and "Learn this voice" not in page and _lesson(app) is None
    sent = {"consent": "y", "recording": (io.BytesIO(recording(seconds=2.0)), "b.wav")}
    answer = client.post("/voices/1/recordings", data=sent, follow_redirects=True)
    assert "In some minutes it will be learned" in answer.text
    _wait(app)
    assert _learned(app).is_used
    sent["recording"] = io.BytesIO(recording(seconds=3.0)), "c.wav"
    assert "it will be learned" not in client.post("/voices/1/recordings", data=sent, follow_redirects=True).text


def test_recording_of_a_new_voice_says_what_it_lacks_before_it_is_sent(make_app, recording):
    client = make_app(LEARN=True).test_client()
    place = re.search('data-check="(.*?)"', client.get("/voices").text)[1]

    def checked(place, seconds):
        return client.post(place, data={"recording": (io.BytesIO(recording(seconds)), "a.wav")}).text

    assert LACK in checked(place, 5.97)
    assert "To be learned" not in checked(place, 6.0)
    assert "To be learned" not in checked("/recording/check", 5.97)  # used once, or another one of a voice


@pytest.mark.parametrize(
    ("lets", "can", "seconds"), [(False, True, 6.5), (True, False, 6.5), (True, True, 4.0)],
    ids=["the owner said no", "the networks are elsewhere", "it is too short"],
)  # fmt: skip
def test_added_voice_is_not_learned_where_it_cannot_be(make_app, cloner, recording, lets, can, seconds):
    cloner.can_learn = can
    app = make_app(LEARN=lets)
    page = _added(app.test_client(), recording, seconds)
    assert "it will be learned" not in page and ("To be learned" in page) == (lets and can)
    assert _lesson(app) is None and _learned(app) is None


def test_button_learns_the_voice_and_its_page_tells_how_it_compares(app, client, anna):
    assert "Learn this voice" in client.get("/voices/1").text
    assert client.post("/voices/1/learn").status_code == 303
    _wait(app)
    page = client.get("/voices/1").text
    assert "is used whenever it speaks" in page
    assert "not alike (0.60) before, somewhat alike (0.70) after" in page
    assert _lesson(app) is None and _learned(app).is_used
    assert list((app.config["INSTANCE"] / "lessons").glob("*.state")) == []


def test_learned_voice_speaks_with_its_adapter_and_others_without(app, client, cloner, anna, bank):
    (other,) = bank("Boris")
    client.post("/voices/1/learn")
    _wait(app)
    for voice in (1, other):
        client.post("/", data={"text": "Hello.", "voice": str(voice)})
    assert cloner.said[0]["adapter"].made_on == "fake"
    assert "adapter" not in cloner.said[1]


def test_what_is_no_better_is_kept_but_not_used(app, client, cloner, anna):
    cloner.gain = -0.1
    client.post("/voices/1/learn")
    _wait(app)
    page = client.get("/voices/1").text
    assert "did not sound more like the person" in page
    assert "somewhat alike (0.70) before, not alike (0.60) after" in page
    client.post("/", data={"text": "Hello.", "voice": "1"})
    assert "adapter" not in cloner.said[0]


def test_after_other_weights_the_page_offers_to_learn_anew(app, client, cloner, anna):
    client.post("/voices/1/learn")
    _wait(app)
    cloner.fingerprint = "other"
    page = client.get("/voices/1").text
    assert "The networks have changed" in page and "Learn again" in page


def test_forgotten_voice_speaks_as_before(app, client, cloner, anna):
    client.post("/voices/1/learn")
    _wait(app)
    assert client.post("/voices/1/learn/forget").status_code == 303
    assert _learned(app) is None
    client.post("/", data={"text": "Hello.", "voice": "1"})
    assert "adapter" not in cloner.said[0]


def test_lesson_shows_its_progress_and_can_be_cancelled(app, client, cloner, anna):
    here, on = threading.Event(), threading.Event()

    def hold(learner):
        if learner.step == 2:
            here.set()
            assert on.wait(20)

    cloner.before_step = hold
    client.post("/voices/1/learn")
    assert here.wait(20)
    shown = client.get("/voices/1/learning")
    assert "Learning: 40 %." in shown.text and shown.headers["Cache-Control"] == "no-store"
    assert client.post("/voices/1/learn/cancel").status_code == 303
    on.set()
    _wait(app)
    assert _lesson(app) is None and _learned(app) is None
    assert list((app.config["INSTANCE"] / "lessons").glob("*.state")) == []


def test_progress_is_told_in_whole_percents_and_after_which_voices_it_comes(app, client, anna, bank):
    (boris,) = bank("Boris")
    with app.app_context():
        db.session.add_all([Lesson(voice_id=1, step=1, steps=7), Lesson(voice_id=boris)])
        db.session.commit()
    assert "Learning: 14 %." in client.get("/voices/1/learning").text
    assert "Other voices are learned first." in client.get(f"/voices/{boris}/learning").text
    client.post("/voices/1/learn/cancel")
    assert "Listening to the recordings" in client.get(f"/voices/{boris}/learning").text


def test_lesson_waits_while_a_text_is_spoken(app, client, cloner, anna):
    here, on, stepped = threading.Event(), threading.Event(), threading.Event()

    def hold():
        here.set()
        assert on.wait(20)

    cloner.between, cloner.before_step = hold, lambda learner: stepped.set()
    asked = client.post("/", data={"text": "Hello.", "voice": "1"}, headers={"Accept": "application/json"})
    assert asked.status_code == 202 and here.wait(20)
    client.post("/voices/1/learn")
    assert not stepped.wait(0.5)
    on.set()
    _wait(app)
    assert stepped.is_set() and _learned(app)


def test_broken_off_lesson_goes_on_at_the_next_start(app, client, cloner, anna):
    steps = []
    cloner.before_step = lambda learner: steps.append(learner.step)
    with app.app_context():
        learning.begin(db.session.get(Voice, 1))
        learning.state_path(1).parent.mkdir()
        learning.state_path(1).write_text("3")
        learning.resume_lessons(app)
    _wait(app)
    assert steps == [3, 4] and _learned(app)


def test_state_without_a_lesson_is_removed_at_the_start(app, anna):
    with app.app_context():
        path = learning.state_path(7)
        path.parent.mkdir()
        path.write_text("3")
        learning.resume_lessons(app)
    assert not path.exists()


def test_too_little_speech_is_told_with_what_is_needed(app, client, recording, anna):
    sent = {"consent": "y", "recording": (io.BytesIO(recording(seconds=3.0)), "b.wav")}
    client.post("/voices/1/recordings", data=sent)
    client.post("/voices/1/recordings/1/remove-audio")
    client.post("/voices/1/learn")
    _wait(app)
    page = client.get("/voices/1").text
    assert "its recordings have 3.0 s" in page and "Learn this voice" in page


def test_voice_without_audio_is_not_learned(client, anna):
    client.post("/voices/1/recordings/1/remove-audio")
    answer = client.post("/voices/1/learn", follow_redirects=True)
    assert "no recording of this voice on the disk" in answer.text


def test_failed_lesson_is_told_and_can_be_asked_for_again(app, client, cloner, anna):
    def fail(learner):
        raise RuntimeError("broken")

    cloner.before_step = fail
    client.post("/voices/1/learn")
    _wait(app)
    assert "Learning stopped by an error" in client.get("/voices/1").text
    cloner.before_step = lambda learner: None
    client.post("/voices/1/learn")
    _wait(app)
    assert _learned(app) and _lesson(app) is None


@pytest.mark.parametrize("fault", [UnreadableAudio("it is empty"), TextTooLong(20_001)], ids=["nested", "plural"])
def test_lesson_that_is_refused_says_so_in_the_words_of_the_error(app, client, cloner, anna, fault):
    def fail(learner):
        raise fault

    cloner.before_step = fail
    client.post("/voices/1/learn")
    _wait(app)
    shown = str(fault).replace("20001", "20,001").replace("20000", "20,000")
    assert shown in client.get("/voices/1").text


def test_ready_voice_is_not_learned(app, client, anna):
    with app.app_context():
        db.session.get(Voice, 1).origin = "Ours"
        db.session.commit()
    assert client.post("/voices/1/learn").status_code == 400
    assert "Learn this voice" not in client.get("/voices/1").text


def test_removing_a_recording_forgets_what_was_learned_from_it(app, client, recording, anna):
    sent = {"consent": "y", "recording": (io.BytesIO(recording(seconds=7.0)), "b.wav")}
    client.post("/voices/1/recordings", data=sent)
    client.post("/voices/1/learn")
    _wait(app)
    client.post("/voices/1/recordings/2/remove")
    assert _learned(app) is None


def test_deleting_the_voice_ends_its_lesson(app, client, cloner, anna):
    here, on = threading.Event(), threading.Event()

    def hold(learner):
        here.set()
        assert on.wait(20)

    cloner.before_step = hold
    client.post("/voices/1/learn")
    assert here.wait(20)
    client.post("/voices/1/delete")
    on.set()
    _wait(app)
    assert _lesson(app) is None and _learned(app) is None


def test_text_that_was_read_is_kept_and_learned_with(app, client, cloner, recording, anna):
    sent = {"consent": "y", "recording": (io.BytesIO(recording(seconds=7.0)), "b.wav")}
    client.post("/voices/1/recordings", data=sent | {"text": "Мы  рады.", "text_language": "ru"})
    assert "text known" in client.get("/voices/1").text
    client.post("/voices/1/learn")
    _wait(app)
    assert cloner.heard_clips == [(None, "en"), ("Мы рады.", "ru")]


def test_text_of_no_language_is_not_taken_for_what_was_read(app, client, recording, anna):
    sent = {"consent": "y", "recording": (io.BytesIO(recording(seconds=7.0)), "b.wav")}
    client.post("/voices/1/recordings", data=sent | {"text": "Hej.", "text_language": "sv"})
    assert "text known" not in client.get("/voices/1").text


def test_text_that_is_too_long_is_refused(client, recording, anna):
    sent = {"consent": "y", "recording": (io.BytesIO(recording(seconds=7.0)), "b.wav"), "text": "a" * 5001}
    answer = client.post("/voices/1/recordings", data=sent)
    assert answer.status_code == 422 and "The limit is 5,000" in answer.text


def test_page_offers_sentences_to_read_in_both_languages(client, anna):
    page = client.get("/voices/1").text
    assert "Ёжик фыркнул" in page and "The morning mist" in page


def test_voice_file_carries_what_the_voice_learned(app, client, anna):
    client.post("/voices/1/learn")
    _wait(app)
    exported = client.get("/voices/1/export").data
    sent = {"voice_file": (io.BytesIO(exported), "a.tembr-voice"), "consent": "y", "name": "Again"}
    assert client.post("/voices/import", data=sent).status_code == 303
    with app.app_context():
        adapter = learning.adapter_of(2)
        assert np.array_equal(adapter.changes["head.bias"], np.ones(80)) and adapter.made_on == "fake"
        assert VoiceFile.from_bytes(exported).learned.similarity["ru"] == pytest.approx([0.6, 0.7])


@pytest.mark.parametrize("was_learned", [True, False])
def test_imported_voice_is_learned_unasked_unless_it_was(make_app, client, app, recording, anna, was_learned):
    if was_learned:
        client.post("/voices/1/learn")
        _wait(app)
    exported = client.get("/voices/1/export").data
    other = make_app(LEARN=True)
    sent = {"voice_file": (io.BytesIO(exported), "a.tembr-voice"), "consent": "y", "name": "Again"}
    page = other.test_client().post("/voices/import", data=sent, follow_redirects=True).text
    assert ("In some minutes it will be learned" in page) != was_learned
    _wait(other)
    with other.app_context():
        assert learning.adapter_of(2).made_on == "fake"


@pytest.mark.parametrize(
    "changes",
    [{"adapter": b"no adapter"}, {"adapter": Adapter({"x": np.full(3, np.nan)}).to_bytes()}, {"made_on": None}],
    ids=["not safetensors", "not finite", "not said on what"],
)
def test_damaged_learning_in_a_voice_file_is_refused(app, client, anna, changes):
    client.post("/voices/1/learn")
    _wait(app)
    with app.app_context():
        row = db.session.get(LearnedVoice, 1)
        row.adapter = changes.get("adapter", row.adapter)
        if "made_on" in changes:
            row.similarity = {"xx": [0.1, 0.2]}
        db.session.commit()
    exported = client.get("/voices/1/export").data
    sent = {"voice_file": (io.BytesIO(exported), "a.tembr-voice"), "consent": "y", "name": "Again"}
    assert client.post("/voices/import", data=sent).status_code == 422
