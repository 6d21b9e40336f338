"""The reading that is shown before a text is spoken: its words, the stress that is moved in it, what is remembered."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.db import Pronunciation, db
from app.speak import reading
from models.text import Sentence

ACUTE = "\u0301"


def _tied(words, text):
    """The reading as one string, each vowel that can be moved followed by its place in the text."""
    (sentence,) = reading.tied([Sentence("ru", words, (), ())], text)
    return "".join(
        part if isinstance(part, str) else "".join(f"{x.text}{'' if x.at is None else x.at}" for x in part)
        for part in sentence.parts
    )


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Замок стоит.", "За́мок стои́т.", "За́1мо3к сто8и́9т."),
        ("з+амок", "за́мок", "за́2мо4к"),
        ("замо́к", "замо́к", "за1мо́3к"),
        ("елка", "ё́лка", "ё́0лка3"),
        ("5 елок", "пя́ть ё́лок", "пя́ть ё́2ло4к"),
        ("1 кот, один пёс", "оди́н ко́т, оди́н пёс", "оди́н ко́3т, о7ди́9н пё13с"),
        ("5 и 6 и 7", "пять и шесть и семь", "пять и2 шесть и6 семь"),
        ("в 1995 г. в Омске", "в ты́сяча пя́том году́ в О́мске", "в ты́сяча пя́том году́ в О́12мске16"),
        ("на [pause 1] на", "на на", "на1 на14"),
        ("No 5, don't", "No five, don't", "No1 five, do7n't"),
        ("GPU и", "джи-пи-ю́ и", "джи-пи-ю́ и4"),
        ("2+2", "два́ плю́с два́", "два́ плю́с два́"),
        ("cafe" + ACUTE, "café", f"ca1fe{ACUTE}3"),
        ("и" + "\u0306" + "о", "йо", "йо2"),
    ],
)
def test_vowels_are_tied_to_their_places_in_the_text(text, words, expected):
    assert _tied(words, text) == expected


def test_parts_of_a_sentence_are_the_sentence():
    words = "Э́то  «за́мок» — не́т?! 5…"
    (sentence,) = reading.tied([Sentence("ru", words, (), ())], "Это")
    assert "".join(p if isinstance(p, str) else "".join(x.text for x in p) for p in sentence.parts) == words


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("Вот замок.", 7, "Вот замо́к."),
        ("Вот з+амок.", 8, "Вот замо́к."),
        ("Вот за́мок.", 8, "Вот замо́к."),
        ("Вот замо́к.", 7, "Вот замок."),
        ("Вот зам+ок.", 8, "Вот замок."),
        ("record", 3, "reco\u0301rd"),
        ("замок и замок", 9, "замок и за́мок"),
        ("кот", 0, "кот"),
        ("кот", 99, "кот"),
        ("кот", -1, "кот"),
        ("2+2", 1, "2+2"),
    ],
)
def test_stress_moves_within_its_word_and_goes_when_it_is_pressed_again(text, at, expected):
    assert reading.moved_stress(text, at) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("За́мок, з+амок и замо́к", ["з+амок", "зам+ок"]),
        ("кое-ка́к", ["кое-к+ак"]),
        ("a café, 2+2, C++ и а+б", []),
        ("Rec+ord", ["rec+ord"]),
    ],
)
def test_words_that_the_text_stresses_can_be_remembered(text, expected):
    assert reading.respellings(text) == expected


# ---- The part of the front page


def _ask(client, text, **more):
    return client.post("/reading", data={"text": text, "language": "", **more})


def _words(answer):
    return re.findall(r'data-words="([^"]*)"', answer.text)


def test_reading_is_made_by_what_speaks(client, cloner):
    cloner.reader = lambda text, language, dictionary: [Sentence("en", f"{text} in {language}", (), ())]
    assert _words(_ask(client, "Hi", language="en")) == ["Hi in en"]


def test_numbers_are_shown_in_words_and_cannot_be_pressed(client):
    answer = _ask(client, "25 котов")
    assert _words(answer) == ["мно́го чи́сел ко́тов"]
    assert re.findall(r'name="stress" value="(\d+)"', answer.text) == ["4", "6"]
    assert 'aria-label="о, letter 2 of котов"' in answer.text


def test_pressed_vowel_takes_the_stress_in_text_and_reading(client):
    answer = _ask(client, "Вот замок.", stress="7")
    assert 'data-text="Вот замо́к."' in answer.text
    assert _words(answer) == ["Во́т замо́к."]
    assert len(re.findall('aria-pressed="true"', answer.text)) == 2


@pytest.mark.parametrize("stress", ["99", "-1", "x", "1" * 30])
def test_place_that_is_no_vowel_changes_nothing(client, stress):
    answer = _ask(client, "Кот", stress=stress)
    assert answer.status_code == 200 and "data-text" not in answer.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!!", "There is nothing to say in this text"),
        ("a" * 20_001, "The text is too long: 20,001 characters"),
        ("", "Your text appears here with numbers spelled out and stresses marked"),
    ],
)
def test_text_without_a_reading_says_why(client, text, message):
    answer = _ask(client, text)
    assert answer.status_code == 200
    assert message in answer.text and _words(answer) == []


def test_reading_is_shown_as_text(client):
    assert "<b>" not in _ask(client, 'а<b>"').text


def test_reading_needs_the_token_of_the_page(make_app):
    answer = make_app(WTF_CSRF_ENABLED=True).test_client().post("/reading", data={"text": "Кот"})
    assert answer.status_code == 400 and "data-message" in answer.text


def test_silence_that_was_asked_for_is_shown(client, cloner):
    cloner.reader = lambda *_: [Sentence("ru", "Ко́т.", (), (), 0.5)]
    assert "0.5 s pause" in _ask(client, "Кот. [pause 0.5]").text


# ---- Remembering


def test_word_is_remembered_and_wins_from_then_on(app, client, cloner, bank):
    bank("Anna")
    assert 'name="remember" value="зам+ок"' in _ask(client, "Замо́к").text
    answer = _ask(client, "Замо́к", remember="зам+ок")
    assert "замо́к was added to" in answer.text and 'name="remember"' not in answer.text
    with app.app_context():
        (entry,) = db.session.scalars(db.select(Pronunciation))
        assert (entry.word, entry.respelling, entry.language) == ("замок", "зам+ок", "ru")
    assert _words(_ask(client, "замок")) == ["замо́к"]
    client.post("/", data={"voice": "1", "text": "замок"})
    assert cloner.dictionary == {"замок": "зам+ок"}
    client.post("/speeches/1/again")
    assert cloner.dictionary == {"замок": "зам+ок"}


def test_word_remembered_otherwise_changes_its_entry(app, client):
    _ask(client, "з+амок", remember="з+амок")
    _ask(client, "зам+ок", remember="зам+ок")
    with app.app_context():
        assert Pronunciation.dictionary() == {"замок": "зам+ок"}


@pytest.mark.parametrize("word", ["", "!!!", "з+ам+ок", "а" * 61])
def test_what_is_no_word_is_not_remembered(app, client, word):
    answer = _ask(client, "Замок", remember=word)
    assert 'class="error"' in answer.text and "was added to" not in answer.text
    with app.app_context():
        assert Pronunciation.dictionary() == {}


# ---- Without scripts: the same buttons send the whole form


def test_button_shows_the_reading_and_keeps_what_was_filled_in(client, cloner, bank):
    bank("Anna", "Boris")
    filled = {"voice": "1", "text": "Замок", "speed": "1.5", "format": "wav", "language": "ru"}
    answer = client.post("/", data=filled | {"read": "1"})
    assert answer.status_code == 200 and _words(answer) == ["За́мок"]
    assert 'value="1" checked' in answer.text and 'value="1.5"' in answer.text and "Замок</textarea>" in answer.text
    assert 'checked id="format-1"' in answer.text and 'selected value="ru"' in answer.text
    assert cloner.said == []


def test_vowel_and_remember_work_as_buttons_of_the_form(client, bank):
    bank("Anna")
    page = client.post("/", data={"voice": "1", "text": "Замок", "stress": "3"}).text
    assert "Замо́к</textarea>" in page and 'name="remember" value="зам+ок"' in page
    assert "was added to" in client.post("/", data={"voice": "1", "text": "Замо́к", "remember": "зам+ок"}).text


def test_text_that_cannot_be_read_is_said_at_its_field(client):
    answer = client.post("/", data={"voice": "speech-9", "text": "!!!", "read": "1"})
    assert answer.status_code == 422 and 'id="text-error" role="alert">There is nothing to say' in answer.text


def test_enter_in_a_field_speaks_and_moves_no_stress(client):
    buttons = re.findall(r"<button[^>]*>", client.get("/").text.split('id="speak"')[1])
    assert "name=" not in buttons[0]


@pytest.fixture
def slow(cloner):
    """Every reading waits until slow.set(); slow.began is set once one has begun."""
    may, read = threading.Event(), cloner.reader
    may.began = threading.Event()
    cloner.reader = lambda *given: (may.began.set(), may.wait(20), read(*given))[2]
    yield may
    may.set()


def test_second_preview_is_told_to_ask_again_and_every_other_page_answers(app, slow):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(_ask, app.test_client(), "Кот")
        assert slow.began.wait(10)
        busy = _ask(app.test_client(), "Пёс")
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")
        assert busy.json == {"message": "Busy with another text. Try again in a moment."}
        form = app.test_client().post("/", data={"text": "Пёс", "read": "1"})
        assert 'id="text-error" role="alert">Busy with another text' in form.text and "Пёс</textarea>" in form.text
        assert app.test_client().get("/").status_code == 200
        slow.set()
        assert first.result().status_code == 200
    assert _ask(app.test_client(), "Пёс").status_code == 200


def test_preview_whose_text_cannot_be_read_frees_the_place(client):
    assert "There is nothing to say" in _ask(client, "!!!").text
    assert _ask(client, "Кот").status_code == 200


def test_of_a_long_text_the_first_words_are_shown(client, cloner):
    read = cloner.reader
    lengths = []
    cloner.reader = lambda text, *given: lengths.append(len(text)) or read(text, *given)
    page = _ask(client, "кот " * 2000).text
    assert reading.PREVIEW_CHARACTERS - 10 < lengths[0] <= reading.PREVIEW_CHARACTERS
    assert "The rest of this long text is not shown here." in page
    assert "The rest of the text" not in _ask(client, "кот " * 1000).text
    assert reading.shown("о" * 6000) == "о" * reading.PREVIEW_CHARACTERS
