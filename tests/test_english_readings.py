"""Hard English readings, as reference grammars and style guides say them.

readings_en.tsv    written -> words in full; " | " parts the readings that hold
heteronyms_en.tsv  (sentence, one of its words, how it sounds): whole without stress, or a part with its stressed vowel

What fails stands in a list of known limits: a row there that starts to hold fails the test until it leaves the list.
"""

from pathlib import Path

import pytest

from models.text import english, read
from models.text.symbols import PAUSES, WORD_BORDER

TABLES = Path(__file__).parent / "data"

READINGS_NOT_YET_RIGHT = frozenset(("He weighs 12 st.",))
HETERONYMS_NOT_YET_RIGHT = frozenset[str](())

INITIALISMS = [
    ("the FBI", "ði ˌɛfbˌiˈaɪ"),
    ("the USA", "ðə jˌuˌɛsˈeɪ"),
    ("a PhD", "ə pˌiˌeɪt͡ʃdˈi"),
    ("NASA", "nˈæsə"),
    ("UNESCO", "junˈɛskoʊ"),
    ("GPU", "d͡ʒˌipˌijˈu"),
    ("CEOs", "sˌiˌiˈoʊz"),
    ("Ms. Jones", "mˈɪz d͡ʒˈoʊnz"),
    ("James's", "d͡ʒˈeɪmzɪz"),
    ("the dogs' bowls", "ðə dˈɔɡz bˈoʊlz"),
    ("They're", "ðˌɛɹ"),
    ("AT&T", "ˌeɪtˈi ænd tˈi"),
]


def _rows(table: str, text: int, known_limits: frozenset[str]) -> list:
    """The rows of a table; those whose text, of that column, is a known limit must fail."""
    rows = [line.split("\t") for line in (TABLES / table).read_text(encoding="utf-8").splitlines()[1:]]
    assert {row[text] for row in rows} >= known_limits
    return [
        pytest.param(*row, marks=pytest.mark.xfail(strict=True) if row[text] in known_limits else (), id=row[text])
        for row in rows
    ]


@pytest.mark.parametrize(("kind", "written", "expected"), _rows("readings_en.tsv", 1, READINGS_NOT_YET_RIGHT))
def test_text_is_read_as_an_educated_person_reads_it(kind, written, expected):
    said = " ".join(sentence.words for sentence in read(written, "en"))
    assert said.casefold() in expected.casefold().split(" | ")


@pytest.mark.parametrize(("sentence", "word", "expected"), _rows("heteronyms_en.tsv", 0, HETERONYMS_NOT_YET_RIGHT))
def test_heteronym_sounds_as_its_part_of_speech(sentence, word, expected):
    words = "".join(WORD_BORDER if phone in PAUSES else phone for phone in english.phones(sentence)).split(WORD_BORDER)
    said = words[sentence.rstrip("?.!").split().index(word)]
    assert expected in said if "ˈ" in expected else expected == said.replace("ˈ", "").replace("ˌ", "")


@pytest.mark.parametrize(("text", "expected"), INITIALISMS)
def test_initialisms_and_possessives_sound_right(text, expected):
    assert "".join(english.phones(text)) == expected
