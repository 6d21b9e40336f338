"""Hard Russian readings, sounds and homographs, written from reference grammars and dictionaries.

readings_ru.tsv    written -> words in full; where educated readers differ, " | " parts the readings that hold
sounds_ru.tsv      stressed spelling -> phones
homographs_ru.tsv  sentences, with the stress of the one word that could be stressed otherwise

What fails stands in a list of known limits: a row there that starts to hold fails the test until it leaves the list.
"""

import re
from pathlib import Path

import pytest

from models.text import read
from models.text.russian import accent, phones

TABLES = Path(__file__).parent / "data"
STRESS = "\u0301"
_LETTER_NAMES = "а бэ вэ гэ дэ е жэ зэ и ка эль эм эн о пэ эр эс тэ у эф ха цэ че ша ща э ю я ги".split()
_LETTER_NAME = "|".join(f"{name[:-1]}{name[-1]}{STRESS}?|{name[0]}{STRESS}?{name[1:]}" for name in _LETTER_NAMES)

READINGS_NOT_YET_RIGHT = frozenset(
    (
        "98 °F",  # taken for English, having no other letter
        "Курс вырос до 95,5 ₽.",  # said in kopecks
        "ст. 105 УК РФ",  # said in full, not by letters
        "У ст. м. «Сокол»",  # the model's соко́л
    )
)
SOUNDS_NOT_YET_RIGHT = frozenset[str](())
HOMOGRAPHS_NOT_YET_RIGHT = frozenset[str](())


def _rows(table: str, known_limits: frozenset[str]) -> list:
    """The rows of a table; those whose text is a known limit must fail."""
    rows = [line.split("\t") for line in (TABLES / table).read_text(encoding="utf-8").splitlines()[1:]]
    text = 1 if table.startswith("readings") else 0
    assert {row[text] for row in rows} >= known_limits
    return [
        pytest.param(*row, marks=pytest.mark.xfail(strict=True) if row[text] in known_limits else (), id=row[text])
        for row in rows
    ]


def _words(text: str) -> str:
    """Words with their stress: without punctuation, capitals, the stress of ё and of an initialism's first letters."""
    text = re.sub(r"[^\w\s\u0301-]", " ", text.lower()).replace("ё" + STRESS, "ё")
    text = re.sub(rf"\b(?:{_LETTER_NAME})-(?=\w)", lambda name: name[0].replace(STRESS, ""), text)
    return " ".join(re.sub(r"(?<!\w)-|-(?!\w)", " ", text.replace("-", " ")).split())


@pytest.mark.parametrize(("kind", "written", "expected"), _rows("readings_ru.tsv", READINGS_NOT_YET_RIGHT))
def test_text_is_read_as_an_educated_person_reads_it(kind, written, expected):
    said = _words(" ".join(sentence.words for sentence in read(written, "ru")))
    assert said in [_words(reading) for reading in expected.split(" | ")]


@pytest.mark.parametrize(("spelling", "sounds"), _rows("sounds_ru.tsv", SOUNDS_NOT_YET_RIGHT))
def test_rare_word_sounds_as_in_the_dictionary(spelling, sounds):
    assert phones(spelling) == sounds.split()


@pytest.mark.parametrize("sentence", _rows("homographs_ru.tsv", HOMOGRAPHS_NOT_YET_RIGHT))
def test_homograph_is_stressed_by_its_sentence(sentence):
    place = sentence.index(STRESS) - 1  # of the stressed vowel
    found = accent(sentence.replace(STRESS, ""))
    start = len(re.search(r"\w*$", sentence[: place + 1])[0]) - 1
    word = re.findall(r"[\w+]+", found)[len(re.findall(r"\w+", sentence[: place - start]))]
    assert word.find("+") == start, word
