from pathlib import Path

import pytest

from models.text import english
from models.text.symbols import PAUSES, SYMBOLS, WORD_BORDER, phone_ids

PHONES = [
    ("Yes.", "jˈɛs."),
    ("This is a test.", "ðˌɪs ɪz ə tˈɛst."),
    ("I read it yesterday.", "ˌaɪ ɹˈɛd ɪt jˈɛstəɹdˌeɪ."),
    ("I will read it.", "ˌaɪ wɪl ɹˈid ɪt."),
    ("the FBI", "ði ˌɛfbˌiˈaɪ"),
    ("NASA", "nˈæsə"),
    ("church judge", "t͡ʃˈɜɹt͡ʃ d͡ʒˈʌd͡ʒ"),
    ("boy, now, go", "bˈɔɪ,nˈaʊ,ɡˌoʊ"),
    ("THIS IS THE END", "ðɪs ˈɪz ði ˈɛnd"),
    ("JSON", "d͡ʒˈeɪsən"),
]


@pytest.mark.parametrize(("written", "phones"), PHONES)
def test_words_sound_as_in_the_dictionary(written, phones):
    assert "".join(english.phones(written)) == phones


@pytest.mark.parametrize("word", ["Frobnicate", "Tembr", "Brzęczyszczykiewicz", "Łódź", "xkcd", "Ångström", "ROTFL"])
def test_unknown_words_have_phones_that_exist(word):
    phones = english.phones(word)
    assert len(phone_ids(phones)) >= 4
    assert any("ˈ" in phone for phone in phones)


@pytest.mark.parametrize(
    ("written", "phones"),
    [
        ("rec+ord", "ɹəkˈɔɹd"),
        ("r+ecord", "ɹˈɛkəɹd"),
        ("reco\u0301rd", "ɹəkˈɔɹd"),
        ("ban+ana", "bənˈænə"),
        ("banan+a", "bənænˈʌ"),
    ],
)
def test_stress_given_by_the_writer_wins(written, phones):
    assert "".join(english.phones(written)) == phones


@pytest.mark.parametrize("written", ["café", "cafe", "CAFÉ"])
def test_accents_do_not_hide_a_word_from_the_dictionary(written):
    assert "".join(english.phones(written)) == "kæfˈeɪ"


@pytest.mark.parametrize("marks", [",", ";", ":", " —", " - ", "...,", " (", "),", ",,,"])
def test_punctuation_is_one_pause(marks):
    phones = english.phones(f"well{marks} yes")
    assert sum(phone in PAUSES for phone in phones) == 1
    assert phones[phones.index("l") + 1] in PAUSES


def test_the_strongest_of_several_marks_is_kept():
    assert english.phones("What?!.. Yes")[3] == "?"


def test_no_pause_opens_a_reading_and_no_border_ends_it():
    phones = english.phones("— (yes) ")
    assert phones[0] not in PAUSES
    assert phones[-1] != WORD_BORDER


def test_words_are_parted_by_a_border():
    assert english.phones("go on").count(WORD_BORDER) == 1


def test_every_phone_of_a_page_is_a_symbol():
    page = Path(__file__).with_name("data").joinpath("readings_en.tsv").read_text(encoding="utf-8")
    assert set(english.phones(page)) <= {*SYMBOLS, WORD_BORDER}


def test_a_word_of_hyphens_is_read_at_once():
    assert len(english.phones("a-" * 2000)) >= 2000
