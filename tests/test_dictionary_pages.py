"""The dictionary's page: add, find, change and delete a word, and what bad input gets."""

import pytest
from sqlalchemy.exc import IntegrityError

from app.db import Pronunciation, db, dictionary_key


def _payload(**changes):
    return {"word": "замок", "respelling": "зам+ок"} | changes


def _dictionary(app):
    with app.app_context():
        return Pronunciation.dictionary()


def _said(page, field):
    """The message at a field."""
    return page.split(f'id="{field}-error" role="alert">')[1].split("</p>")[0]


def test_added_word_is_listed_as_it_is_read(app, client):
    page = client.post("/dictionary", data=_payload(), follow_redirects=True).text
    assert "Saved. “замок” is now read this way in every text." in page
    assert '<span class="name">замо́к</span>' in page and "Russian" in page
    assert _dictionary(app) == {"замок": "зам+ок"}


@pytest.mark.parametrize(
    ("word", "respelling", "kept"),
    [
        ("  GitHub ", " гитх+аб ", {"github": "гитх+аб"}),
        ("З+АМОК", "замо́к", {"замок": "зам+ок"}),
        ("New  York", "n+oo york", {"new york": "n+oo york"}),
        ("don’t", "dohnt", {"don't": "dohnt"}),
        ("США", "сэ-шэ-+а", {"сша": "сэ-шэ-+а"}),
        ("6G", "шесть джи", {"6g": "шесть джи"}),
        ("йод", "йо" + "\u0301" + "д", {"йод": "й+од"}),
        ("пит-стоп", "п+ит-ст+оп", {"пит-стоп": "п+ит-ст+оп"}),
    ],
)
def test_word_is_kept_without_case_and_with_a_plus_before_its_stress(app, client, word, respelling, kept):
    assert client.post("/dictionary", data=_payload(word=word, respelling=respelling)).status_code == 303
    assert _dictionary(app) == kept


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("word", "", "Enter a word of up to 60 characters."),
        ("word", "!!!", "Enter a word with at least one letter or digit."),
        ("word", "а" * 61, "The word is too long: 61 characters. The limit is 60."),
        ("word", "Йо+д", "“Йо+д” is already in the dictionary. Edit it in the list."),
        ("respelling", " ", "Enter how the word is read, in up to 60 characters."),
        ("respelling", "123", "Use Russian or English letters."),
        ("respelling", "λόγος", "Use Russian or English letters."),
        ("respelling", "гитhub", "Use letters of one alphabet, Russian or English."),
        ("respelling", "з+ам+ок", "“з+ам+ок” has 2 stresses. Mark one vowel per word."),
        ("respelling", "+замок", "Put the + before the stressed vowel, as in з+амок."),
        ("respelling", "замок+", "Put the + before the stressed vowel, as in з+амок."),
        ("respelling", "а" * 61, "This is too long: 61 characters. The limit is 60."),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_field(app, client, field, value, message):
    client.post("/dictionary", data=_payload(word="йод", respelling="й+од"))
    answer = client.post("/dictionary", data=_payload(**{field: value}))
    assert answer.status_code == 422
    assert _said(answer.text, field) == message
    assert _payload()["word" if field == "respelling" else "respelling"] in answer.text
    assert _dictionary(app) == {"йод": "й+од"}


def test_word_that_another_request_takes_meanwhile_is_said_at_its_field(app, client, monkeypatch):
    def taken():
        raise IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed"))

    monkeypatch.setattr(db.session, "commit", taken)
    answer = client.post("/dictionary", data=_payload())
    assert answer.status_code == 422 and "already in the dictionary" in _said(answer.text, "word")


def test_word_is_changed(app, client):
    client.post("/dictionary", data=_payload(respelling="з+амок"))
    page = client.post("/dictionary/1/change", data=_payload(), follow_redirects=True).text
    assert "“замок” is now read" in page and _dictionary(app) == {"замок": "зам+ок"}


def test_refused_change_is_said_at_its_entry_and_changes_nothing(app, client):
    for word in ("замок", "мука"):
        client.post("/dictionary", data=_payload(word=word))
    answer = client.post("/dictionary/2/change", data=_payload(respelling="!"))
    assert answer.status_code == 422
    assert "already in the dictionary" in _said(answer.text, "word-2")
    assert "Use Russian or English letters" in _said(answer.text, "respelling-2")
    assert _dictionary(app) == {"замок": "зам+ок", "мука": "зам+ок"}


def test_deleted_word_is_read_as_before(app, client):
    client.post("/dictionary", data=_payload())
    assert "“замок” was deleted" in client.post("/dictionary/1/delete", follow_redirects=True).text
    assert _dictionary(app) == {}


@pytest.mark.parametrize(
    ("query", "found"),
    [("ЗАМ", ["замок"]), ("гитхаб", ["github"]), ("%", []), ("", ["github", "замок"]), ("за́м", ["замок"])],
)
def test_words_are_found_by_a_part_of_themselves_or_of_their_reading(client, query, found):
    client.post("/dictionary", data=_payload())
    client.post("/dictionary", data=_payload(word="GitHub", respelling="гитх+аб"))
    client.get("/dictionary")  # takes the messages
    page = client.get("/dictionary", query_string={"q": query}).text
    assert [word for word in ("github", "замок") if f'<span class="name">{word}</span>' in page] == found


def test_long_dictionary_comes_in_pages(make_app):
    client = make_app(WORDS_PER_PAGE=2).test_client()
    for word in ("один", "два", "три"):
        client.post("/dictionary", data=_payload(word=word))
    assert "Page 1 of 2" in client.get("/dictionary").text
    assert '<span class="name">три</span>' in client.get("/dictionary?page=2").text


@pytest.mark.parametrize("address", ["/dictionary/7/change", "/dictionary/7/delete"])
def test_word_that_is_gone_is_said(client, address):
    answer = client.post(address, data=_payload())
    assert answer.status_code == 404 and "This word was not found" in answer.text


@pytest.mark.parametrize(
    ("word", "key"), [("Ёлка", "ёлка"), ("за́мок", "замок"), ("don’t", "don't"), (" a  B ", "a b"), (None, "")]
)
def test_key_of_a_word_has_neither_case_nor_stress(word, key):
    assert dictionary_key(word) == key
