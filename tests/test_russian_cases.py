"""The one table of which case follows a word, and what is put into that case."""

import pytest

from models.text.russian.cases import case_of_amount, case_of_period, case_of_thing, cases_after, inflected
from models.text.russian.counting import cardinal, counted, ordinal


@pytest.mark.parametrize(
    ("before", "case"),
    [("за", "accs"), ("в", "accs"), ("по", "accs"), ("с", "gent"), ("к", "datv"), ("между", "ablt"), ("видит", "nomn")],
)
def test_an_amount_is_in_the_accusative_where_the_preposition_has_one(before, case):
    assert case_of_amount(before) == case


def test_a_part_of_a_year_is_in_the_prepositional_after_v_alone():
    assert [case_of_period(before) for before in ("в", "за", "с", "")] == ["loct", "accs", "gent", "nomn"]


@pytest.mark.parametrize(
    ("before", "gender", "case"),
    [
        ("по", "masc", "datv"),
        ("в Ленинградской", "femn", "loct"),
        ("к контактному", "masc", "datv"),
        ("наш новый", "masc", "nomn"),
        ("номер", "masc", "gent"),
        ("", "masc", "nomn"),
    ],
)
def test_a_thing_is_in_the_case_that_the_two_words_before_it_ask_for(before, gender, case):
    assert case_of_thing(before.split(), gender) == case


def test_cases_are_of_words_in_any_spelling():
    assert cases_after(" Согласно ") == ["datv"]
    assert cases_after("слово") == []


def test_numbers_and_what_they_count_agree():
    assert counted(21, "рубль", "gent") == "двадцати одного рубля"
    assert counted(2, "минута", "accs") == "две минуты"
    assert counted(5, "минута", "loct") == "пяти минутах"
    assert cardinal(21, "accs") == "двадцать один"
    assert ordinal(3, "accs") == "третий"
    assert inflected("исполняющий", "datv", "sing", "masc") == "исполняющему"
