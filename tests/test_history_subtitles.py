"""Each speech keeps when its words are said, for subtitles and for the player; an old one has none and says nothing."""

import pytest

from app import storage
from app.db import Speech, db

TEXT = "Добрый день, <мир>! [pause 1] И C++.\nЕщё раз."


@pytest.fixture
def said(client, bank):
    bank("Anna")
    assert client.post("/", data={"voice": "1", "text": TEXT, "format": "wav"}).status_code == 303


@pytest.fixture
def old(app):
    """A speech that was kept before the times of words were."""
    with app.app_context():
        speech = Speech(text="Old", voice_name="Anna", seed=0, format="mp3", seconds=5.0, sha256="old")
        storage.keep(speech, b"ID3 speech", "mp3")
        return speech.id


def test_times_of_the_words_are_kept_with_the_speech(app, client, said):
    with app.app_context():
        speech = db.session.get(Speech, 1)
        assert [word.text for word in speech.words][:3] == ["Добрый", "день,", "<мир>!"]
        assert speech.words[0].start == 0.0
        assert speech.words[-1].end == pytest.approx(speech.seconds, abs=0.002)


@pytest.mark.parametrize(
    ("kind", "mimetype", "begins"),
    [
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:0"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:0"),
    ],
)
def test_subtitles_are_downloaded(client, said, kind, mimetype, begins):
    answer = client.get(f"/speeches/1/subtitles.{kind}")
    assert (answer.status_code, answer.mimetype) == (200, mimetype)
    assert "charset=utf-8" in answer.content_type
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Disposition"].endswith(f".{kind}")
    assert answer.text.startswith(begins)
    assert "[pause" not in answer.text and "И C++." in answer.text


def test_player_gets_the_whole_text_in_segments(client, said):
    segments = client.get("/speeches/1/words").json["segments"]
    assert "".join(part for segment in segments for part in segment[:2]) == TEXT
    assert segments[0][1:3] == ["Добрый", 0.0]


@pytest.mark.parametrize("page", ["/speeches", "/speeches/1"])
def test_pages_offer_subtitles_of_a_speech_that_has_them(client, said, page):
    shown = client.get(page).text
    assert 'href="/speeches/1/subtitles.srt"' in shown and 'href="/speeches/1/subtitles.vtt"' in shown


def test_an_old_speech_offers_nothing_of_them(client, old):
    for page in ("/speeches", f"/speeches/{old}"):
        shown = client.get(page).text
        assert "subtitles" not in shown and "Subtitles" not in shown and "data-segments" not in shown
    for path in ("subtitles.srt", "subtitles.vtt", "words"):
        assert client.get(f"/speeches/{old}/{path}").status_code == 404


def test_another_kind_of_subtitles_is_not_there(client, said):
    assert client.get("/speeches/1/subtitles.ass").status_code == 404


def test_another_take_has_its_own_times(app, client, said):
    client.post("/speeches/1/again")
    with app.app_context():
        first, second = db.session.get(Speech, 1), db.session.get(Speech, 2)
        assert second.times and second.seed == first.seed + 1
        assert second.words[-1].end == pytest.approx(second.seconds, abs=0.002)


def test_subtitles_go_with_their_speech(client, said):
    client.post("/speeches/1/delete")
    assert client.get("/speeches/1/subtitles.srt").status_code == 404
    assert client.get("/speeches/1/words").status_code == 404


def test_best_of_three_keeps_the_times_of_the_take_that_is_kept(app, client, cloner, bank, monkeypatch):
    bank("Anna")
    speed = iter([1.0, 2.0, 0.5])
    say = cloner.say
    monkeypatch.setattr(cloner, "say", lambda sentences, profile, *_: say(sentences, profile, speed=next(speed)))
    client.post("/", data={"voice": "1", "text": "Thirty letters are two seconds.", "format": "wav", "best": "y"})
    with app.app_context():
        speech = db.session.get(Speech, 1)
        assert speech.words[-1].end == pytest.approx(speech.seconds, abs=0.002)
