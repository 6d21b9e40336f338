import pytest

from models.text import NothingToSay, read
from models.text.dictionary import respeller


def words(text, dictionary, language=None):
    return " ".join(sentence.words for sentence in read(text, language, dictionary))


def sound(text, dictionary=None):
    return " | ".join("".join(sentence.phones) for sentence in read(text, None, dictionary))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Вот замок.", "Вот зам+ок."),
        ("Замок, ЗАМОК!", "Зам+ок, зам+ок!"),
        ("Замка и замочка нет.", "Замка и замочка нет."),
        ("Вот з+амок и за\u0301мок.", "Вот з+амок и за\u0301мок."),
        ("A Tembr, tembr's and TEMBR", "A T+ember, t+ember's and t+ember"),
        ("pretembr tembrs", "pretembr tembrs"),
        ("don't", "don't"),
        ("me@tembr.ru, https://a.org/tembr", "me@tembr.ru, https://a.org/tembr"),
        ("in H.323 over New  York", "in eitch three over N+oo York"),
        ("Github-проект", "Гитх+аб-проект"),
    ],
)
def test_whole_words_in_any_case_are_respelled(text, expected):
    dictionary = {
        "замок": "зам+ок", "Tembr": "t+ember", "don": "dawn", "H.323": "eitch three", "new york": "n+oo York",
        "github": "гитх+аб",
    }  # fmt: skip
    assert respeller(dictionary)(text) == expected


def test_the_longer_of_two_entries_wins():
    assert respeller({"new": "old", "New York": "there"})("New York, new") == "There, old"


@pytest.mark.parametrize("dictionary", [None, {}, {"": "a"}, {"one": ""}, {"!": "a"}, {"one": "…"}])
def test_entries_without_letters_change_nothing(dictionary):
    assert words("One, two!", dictionary) == "One, two!"


def test_a_russian_word_is_stressed_as_the_dictionary_says():
    assert "zɐmˈok" in sound("Старинный замок на горе.", {"замок": "зам+ок"})
    assert "zˈamək" in sound("Ключ сломал замок.", {"замок": "з+амок"})


def test_the_writer_wins_over_the_dictionary():
    assert "zˈamək" in sound("Вот з+амок.", {"замок": "зам+ок"})


def test_an_english_word_may_be_respelled_with_english_letters():
    assert sound("Please record it.", {"record": "r+ecord"}) == "plˈiz ɹˈɛkəɹd ɪt."
    assert sound("I use SQL.", {"sql": "sequel"}) == sound("I use sequel.")


def test_an_english_word_may_be_respelled_with_cyrillic():
    (sentence,) = read("Go to GitHub.", None, {"github": "гитх+аб"})
    assert sentence.language == "en"
    assert "ɡʲɪtxˈap" in "".join(sentence.phones)
    assert sentence.words == "Go to Гитха\u0301б."


def test_an_english_word_in_russian_text_is_respelled():
    assert "ɡʲɪtxˈap" in sound("Код лежит на GitHub.", {"github": "гитх+аб"})


def test_a_respelling_is_cleaned_as_text_is():
    assert words("One two.", {"one": "th\u00adree\n\x00four"}) == "Three four two."


def test_the_dictionary_gives_no_words_to_a_text_without_them():
    with pytest.raises(NothingToSay):
        read("!!!", None, {"!": "wow"})
