"""What was said before: found, heard, deleted, and kept as long as the settings say."""

import os
import re
import time
from datetime import timedelta

import numpy as np
import pytest

from app import storage
from app.db import MadeFile, Speech, db, now
from app.history import retention
from models import VoiceProfile

HOURS = 3600  # seconds


def _payload(text, **changes):
    """A speech of that text, as it is kept."""
    given = {"text": text, "voice_name": "Anna", "seed": 0, "format": "mp3", "seconds": 5.0}
    return Speech(**given | {"sha256": text, "size": 1_500_000} | changes)


@pytest.fixture
def say(app):
    """Keeps speeches with their files, the first said first; returns their ids."""

    def keep(*texts, app=app, **changes):
        with app.app_context():
            speeches = [_payload(text, **changes) for text in texts]
            for speech in speeches:
                storage.keep(speech, b"ID3 speech", "mp3")
            return [speech.id for speech in speeches]

    return keep


def _texts(page):
    return re.findall(r"<blockquote>(.*?)</blockquote>", page)


def _kept(app):
    with app.app_context():
        return list(db.session.scalars(db.select(Speech.text).order_by(Speech.id)))


def _paths(app):
    return sorted((app.config["INSTANCE"] / "speeches").iterdir())


def _age(path, hours):
    os.utime(path, (time.time() - hours * HOURS,) * 2)


def test_page_shows_the_last_first_and_what_all_take(client, say):
    say("First", "Second", "Third", seconds=1800.0)
    page = client.get("/speeches").text
    assert _texts(page) == ["Third", "Second", "First"]
    assert "3 speeches · 1:30:00 · 4.5 MB" in page


def test_one_speech_is_counted_in_the_singular(client, say):
    say("Only one")
    assert "1 speech · 0:05 · 1.5 MB" in client.get("/speeches").text


def test_pages_follow_each_other_and_beyond_the_last_is_the_last(make_app, say):
    app = make_app(SPEECHES_PER_PAGE=2)
    say("First", "Second", "Third", app=app)
    client = app.test_client()
    assert _texts(client.get("/speeches").text) == ["Third", "Second"]
    assert _texts(client.get("/speeches?page=2").text) == ["First"]
    for beyond in ("99", "9" * 30):
        assert _texts(client.get(f"/speeches?page={beyond}").text) == ["First"]
    for before in ("0", "-1", "x"):
        assert _texts(client.get(f"/speeches?page={before}").text) == ["Third", "Second"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ЕЩЁ", ["Ещё раз, Замо\u0301к"]),
        ("еще замок", ["Ещё раз, Замо\u0301к"]),
        ("замок еще", ["Ещё раз, Замо\u0301к"]),
        ("ПЁТР", ["100% sure"]),
        ("петр sure", ["100% sure"]),
        ("100%", ["100% sure"]),
        ("0_ s", []),
        ("%", ["100% sure"]),
        ("HELLO", ["Hello again"]),
        ("nobody said this", []),
    ],
)
def test_search_finds_all_words_in_text_and_voice_in_any_case(client, say, query, found):
    say("Ещё раз, Замо\u0301к", "Hello again")
    say("100% sure", voice_name="Пётр")
    page = client.get("/speeches", query_string={"q": query}).text
    assert _texts(page) == found
    assert ("Found: 1" if found else "No speech holds “") in page
    assert "3 speeches" in page


def test_pages_of_what_is_found_keep_the_search(make_app, say):
    app = make_app(SPEECHES_PER_PAGE=1)
    say("red cat", "dog", "black cat", app=app)
    page = app.test_client().get("/speeches?q=cat").text
    assert _texts(page) == ["black cat"] and "Page 1 of 2" in page
    assert 'href="/speeches?page=2&amp;q=cat"' in page
    assert _texts(app.test_client().get("/speeches?page=2&q=cat").text) == ["red cat"]


def test_what_is_searched_for_is_shown_as_text(client, say):
    say("Hello")
    page = client.get("/speeches", query_string={"q": "<script>x"}).text
    assert "<script>x" not in page and "&lt;script&gt;x" in page


def test_speech_is_said_again_only_while_its_voice_is_there(client, say, bank):
    (voice_id,) = bank("Anna")
    profile = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)
    kept, recorded, lost = *say("of the bank", voice_id=voice_id), *say("recorded", profile=profile), *say("lost")
    page = client.get("/speeches").text
    assert f'action="/speeches/{kept}/again"' in page and f'action="/speeches/{recorded}/again"' in page
    assert f"/speeches/{lost}/again" not in page


def test_speech_without_its_file_can_be_deleted_and_is_not_offered_to_hear(app, client, say):
    (speech_id,) = say("Lost")
    _paths(app)[0].unlink()
    page = client.get("/speeches").text
    assert "The audio file is no longer on the disk." in page and f"/speeches/{speech_id}/audio" not in page
    assert client.post(f"/speeches/{speech_id}/delete").status_code == 303
    assert _kept(app) == []


def test_deleted_speech_is_gone_with_its_file_and_the_search_stays(app, client, say):
    first, _second = say("red cat", "black cat")
    answer = client.post(f"/speeches/{first}/delete?q=cat&page=2")
    assert (answer.status_code, answer.location) == (303, "/speeches?q=cat&page=2")
    assert "The speech was deleted." in client.get(answer.location).text
    assert _kept(app) == ["black cat"] and len(_paths(app)) == 1


def test_second_press_of_delete_says_so_and_changes_nothing(app, client, say):
    first, _second = say("red cat", "black cat")
    client.post(f"/speeches/{first}/delete")
    page = client.post(f"/speeches/{first}/delete", follow_redirects=True).text
    assert "This speech was already deleted." in page and _kept(app) == ["black cat"]


def _press_delete_all(client, page):
    form = page.split('<details class="confirm all">')[1].split("</form>")[0]
    action = re.search(r'action="([^"]+)"', form)[1]
    return client.post(action, data={"last_id": re.search(r'name="last_id" value="(\d+)"', form)[1]})


def test_all_are_deleted_with_their_files(app, client, say):
    say("red cat", "black cat")
    page = client.get("/speeches").text
    assert "Delete 2 speeches for good" in page
    assert "2 speeches were deleted." in client.get(_press_delete_all(client, page).location).text
    assert _kept(app) == [] and _paths(app) == []


def test_what_was_said_since_the_page_was_shown_is_not_deleted_with_all(app, client, say):
    say("red cat", "black cat")
    page = client.get("/speeches").text
    say("white cat")
    _press_delete_all(client, page)
    assert _kept(app) == ["white cat"]


def test_all_that_are_found_are_deleted_and_no_other(app, client, say):
    say("red cat", "dog", "black cat")
    page = client.get("/speeches?q=cat").text
    assert "Delete all that are found" in page
    _press_delete_all(client, page)
    assert _kept(app) == ["dog"] and len(_paths(app)) == 1


@pytest.mark.parametrize("data", [{}, {"last_id": "x"}, {"last_id": "0"}])
def test_nothing_is_deleted_by_what_no_page_sends(app, client, say, data):
    say("red cat")
    client.post("/speeches/delete", data=data)
    assert _kept(app) == ["red cat"]


def test_numbers_and_words_beyond_all_measure_are_no_fault(app, client, say):
    say("red cat")
    assert client.get("/speeches", query_string={"q": "\0" + "cat " * 5_000}).status_code == 200
    assert client.post(f"/speeches/{'9' * 30}/delete").status_code == 404
    assert client.post("/speeches/delete?q=dog", data={"last_id": "9" * 30}).status_code == 303
    assert client.post("/speeches/delete", data={"last_id": "-" + "9" * 30}).status_code == 303
    assert _kept(app) == ["red cat"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["They are kept until you delete them."]),
        ({"KEEP_DAYS": 30.0}, ["Each is deleted 30 days after it was made."]),
        ({"KEEP_DAYS": 1.0}, ["Each is deleted 1 day after it was made."]),
        ({"KEEP_MEGABYTES": 500.0}, ["When all together take more than 500 MB, the oldest are deleted."]),
        ({"KEEP_DAYS": 7.0, "KEEP_MEGABYTES": 0.5}, ["7 days after", "more than 0.5 MB"]),
    ],
)
def test_page_says_how_long_speeches_are_kept(make_app, settings, words):
    page = make_app(**settings).test_client().get("/speeches").text
    assert all(part in page for part in words)


def test_speeches_older_than_the_settings_allow_are_deleted(make_app, say):
    app = make_app(KEEP_DAYS=30.0)
    say("old", app=app, created_at=now() - timedelta(days=30, minutes=1))
    say("not yet old", app=app, created_at=now() - timedelta(days=29, hours=23))
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["not yet old"] and len(_paths(app)) == 1


def test_oldest_are_deleted_when_all_take_more_than_the_settings_allow(make_app, say):
    app = make_app(KEEP_MEGABYTES=3.0)
    say("first", "second", "third", app=app)
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["second", "third"] and len(_paths(app)) == 2


def test_last_speech_stays_however_large_it_is(make_app, say):
    app = make_app(KEEP_MEGABYTES=1.0)
    say("first", "second", app=app, size=5_000_000)
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["second"]


@pytest.mark.parametrize("nothing", [0.0, -1.0, float("nan")])
def test_everything_is_kept_when_the_settings_say_nothing(make_app, say, nothing):
    app = make_app(KEEP_DAYS=nothing, KEEP_MEGABYTES=nothing)
    say("old", app=app, created_at=now() - timedelta(days=9_999))
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["old"]


def test_endless_age_is_no_fault(make_app, say):
    app = make_app(KEEP_DAYS=float("inf"))
    say("old", app=app)
    with app.app_context():
        retention.enforce()
    assert _kept(app) == ["old"]


def test_settings_are_applied_after_each_speech(make_app, say, bank):
    app = make_app(KEEP_MEGABYTES=1.0)
    bank("Anna")
    say("old", app=app)
    app.test_client().post("/", data={"voice": "1", "text": "New and small."})
    assert _kept(app) == ["New and small."]


def test_settings_are_applied_at_the_start(make_app, say):
    say("old", app=make_app(), created_at=now() - timedelta(days=2))
    assert _kept(make_app(KEEP_DAYS=1.0)) == []


def test_settings_are_applied_hourly_when_somebody_asks(make_app, say):
    app = make_app(KEEP_DAYS=1.0)
    say("old", app=app, created_at=now() - timedelta(days=2))
    app.test_client().get("/speeches")
    assert _kept(app) == ["old"]
    app.extensions["retention"].applied_at -= HOURS
    app.test_client().get("/speeches")
    assert _kept(app) == []


def test_page_is_shown_when_old_speeches_cannot_be_deleted(make_app, say, monkeypatch):
    def refuse(*_arguments):
        raise OSError(30, "Read-only file system")

    app = make_app(KEEP_DAYS=1.0)
    say("old", app=app, created_at=now() - timedelta(days=2))
    app.extensions["retention"].applied_at -= HOURS
    monkeypatch.setattr(storage, "discard_where", refuse)
    assert _texts(app.test_client().get("/speeches").text) == ["old"]


def test_file_without_a_row_is_deleted_at_the_start_once_it_is_an_hour_old(app, make_app, say):
    say("kept")
    folder = app.config["INSTANCE"] / "speeches"
    old, young, foreign = (folder / name for name in (f"{'a' * 32}.mp3", f"{'b' * 32}.wav", "my own.mp3"))
    for path in (old, young, foreign):
        path.write_bytes(b"ID3")
    for path in _paths(app):
        _age(path, hours=2)
    _age(young, hours=0.9)
    with app.app_context(), storage.Draft("mp3") as draft:
        _age(draft.path, hours=2)
        make_app()
        assert draft.path.exists()
    assert not old.exists() and young.exists() and foreign.exists()
    assert len(_paths(app)) == 3


def test_files_stay_when_the_database_is_another_one(app, make_app, tmp_path, say):
    say("kept", "kept too")
    for path in _paths(app):
        _age(path, hours=2)
    other = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'other.sqlite'}"}
    say("of the other", app=make_app(**other))
    make_app(**other)
    assert len(_paths(app)) == 3


def test_sizes_that_were_never_measured_are_at_the_start(app, make_app, say):
    say("there", "lost", size=None)
    with app.app_context():
        storage.path_of(db.session.get(Speech, 2)).unlink()
    make_app()
    with app.app_context():
        assert list(db.session.scalars(db.select(Speech.size).order_by(Speech.id))) == [len(b"ID3 speech"), 0]


def test_hashes_outlive_their_speeches(app, client, say):
    (speech_id,) = say("Hello")
    client.post(f"/speeches/{speech_id}/delete")
    with app.app_context():
        assert list(db.session.scalars(db.select(MadeFile.sha256))) == ["Hello"]
