"""The history: speeches are listed, searched, played, downloaded and deleted."""

import re

import numpy as np
import pytest

from app import storage
from app.db import Speech, db
from models import VoiceProfile


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
    assert ("Found: 1" if found else "No speeches match “") in page
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
    assert "The audio file is missing from the disk." in page and f"/speeches/{speech_id}/audio" not in page
    assert client.post(f"/speeches/{speech_id}/delete").status_code == 303
    assert _kept(app) == []


def test_deleted_speech_is_gone_with_its_file_and_the_search_stays(app, client, say):
    first, _second = say("red cat", "black cat")
    answer = client.post(f"/speeches/{first}/delete?q=cat&page=2")
    assert (answer.status_code, answer.location) == (303, "/speeches?q=cat&page=2")
    assert "Speech deleted." in client.get(answer.location).text
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
    assert "Delete 2 speeches permanently" in page
    assert "2 speeches deleted." in client.get(_press_delete_all(client, page).location).text
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
    assert "Delete all results" in page
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


TEXT = "Добрый день, мир!"


def _asked(**changes):
    return {"voice": "1", "text": TEXT, "language": "", "speed": "1", "format": "mp3", "seed": "0"} | changes


def _files(app, folder="speeches"):
    return sorted(path.name for path in (app.config["INSTANCE"] / folder).iterdir())


@pytest.fixture
def voice(bank):
    """One voice in the bank; its id is 1."""
    return bank("Anna")[0]


def test_download_is_named_after_voice_and_text(client, bank):
    bank("Аня / ../x")
    client.post("/", data=_asked(text="Где ты? За́мок, да."))
    header = client.get("/speeches/1/audio?download=1").headers["Content-Disposition"]
    assert header.startswith("attachment")
    expected = "%D0%90%D0%BD%D1%8F%20x%20-%20%D0%93%D0%B4%D0%B5%20%D1%82%D1%8B"
    assert f"filename*=UTF-8''{expected}" in header and header.endswith(".mp3")


def test_audio_is_sent_in_ranges_and_only_when_changed(client, voice):
    client.post("/", data=_asked(format="wav"))
    whole = client.get("/speeches/1/audio")
    part = client.get("/speeches/1/audio", headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.data) == (206, whole.data[4:12])
    assert client.get("/speeches/1/audio", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert "private" in whole.headers["Cache-Control"]


def test_file_missing_behind_a_row_is_said(app, client, voice):
    client.post("/", data=_asked())
    (app.config["INSTANCE"] / "speeches" / _files(app)[0]).unlink()
    answer = client.get("/speeches/1/audio")
    assert answer.status_code == 404 and "missing from the disk" in answer.text
    assert client.get("/speeches").status_code == 200
    assert client.post("/speeches/1/delete").status_code == 303


def test_history_shows_the_last_first_in_pages(make_app, bank, cloner):
    client = make_app(SPEECHES_PER_PAGE=2).test_client()
    bank("Anna")
    for text in ("First one", "Second one", "Third one"):
        client.post("/", data=_asked(text=text))
    page = client.get("/speeches").text
    assert page.index("Third one") < page.index("Second one") and "First one" not in page
    assert "First one" in client.get("/speeches?page=2").text
    assert client.get("/speeches?page=99").status_code == 200


def test_deleted_speech_is_gone_with_its_file(app, client, voice):
    client.post("/", data=_asked())
    page = client.post("/speeches/1/delete", follow_redirects=True).text
    assert "Speech deleted." in page and "There are no speeches yet" in page
    assert _files(app) == [] and client.get("/speeches/1/audio").status_code == 404


def test_address_of_a_deleted_speech_never_means_another(client, voice):
    client.post("/", data=_asked())
    client.post("/speeches/1/delete")
    assert client.post("/", data=_asked()).location == "/speeches/2"
