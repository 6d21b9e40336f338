import time

import pytest

from models.limits import MAX_TEXT_CHARACTERS
from models.text.sentences import MAX_SENTENCE, PARAGRAPH_PAUSE, clean, cut, language_of, sentences


def written(text):
    """The sentences a text is cut into."""
    return [sentence for sentence, *_ in sentences(clean(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Привет. Как дела? Хорошо!", ["Привет.", "Как дела?", "Хорошо!"]),
        ("one\ntwo\r\nthree\u2028four", ["one", "two", "three", "four"]),
        ("Mr. Smith met Dr. Brown. They left.", ["Mr. Smith met Dr. Brown.", "They left."]),
        ("А. С. Пушкин и Л. Н. Толстой. Да.", ["А. С. Пушкин и Л. Н. Толстой.", "Да."]),
        ("J. K. Rowling wrote. I read.", ["J. K. Rowling wrote.", "I read."]),
        ("It is 3.14 or 1,000.50. Yes.", ["It is 3.14 or 1,000.50.", "Yes."]),
        ("Живёт на ул. Ленина, д. 5, кв. 7. Да.", ["Живёт на ул. Ленина, д. 5, кв. 7.", "Да."]),
        ("Хлеб, сыр и т. д. Потом ушёл.", ["Хлеб, сыр и т. д.", "Потом ушёл."]),
        ("Это т. е. так. Вот.", ["Это т. е. так.", "Вот."]),
        ("г. Москва. Да.", ["г. Москва.", "Да."]),
        ("Родился в 1995 г. Жил в Омске.", ["Родился в 1995 г.", "Жил в Омске."]),
        ("Apples, pears, etc. They are good.", ["Apples, pears, etc.", "They are good."]),
        ("I live in the U.S. It is big.", ["I live in the U.S.", "It is big."]),
        ("The U.S. Army came.", ["The U.S. Army came."]),
        ("«Ты где?» — спросил он.", ["«Ты где?» — спросил он."]),
        ("«Ты где?» Он молчал.", ["«Ты где?»", "Он молчал."]),
        ("Well... maybe. No...", ["Well... maybe.", "No..."]),
        ("Привет.Как дела?Хорошо", ["Привет.", "Как дела?", "Хорошо"]),
        ("- one\n• two\n3. three\n4) four", ["one", "two", "3, three", "4, four"]),
        ("Wow!!! Really?!", ["Wow!!!", "Really?!"]),
        ("В. В. Путин приехал. Да.", ["В. В. Путин приехал.", "Да."]),
        ("Их встретил И. В. Петров. Да.", ["Их встретил И. В. Петров.", "Да."]),
        ("Дом на пр. Невский, 5. Да.", ["Дом на пр. Невский, 5.", "Да."]),
        ("Хлеб, сыр и пр. Потом ушёл.", ["Хлеб, сыр и пр.", "Потом ушёл."]),
        ("Было ок. 100 чел. из села. Да.", ["Было ок. 100 чел. из села.", "Да."]),
        ("Пришло 20 чел. Потом ушли.", ["Пришло 20 чел.", "Потом ушли."]),
        ("Мой тел. 12-34, доб. 5. Звони!", ["Мой тел. 12-34, доб. 5.", "Звони!"]),
        ("Хлеб стоит 100 руб. 50 коп. Дорого.", ["Хлеб стоит 100 руб. 50 коп.", "Дорого."]),
        ("В 1995 г. Москва росла. Да.", ["В 1995 г. Москва росла.", "Да."]),
        ("12 мая 1995 г. Москва росла.", ["12 мая 1995 г. Москва росла."]),
        ("В нач. XX в. Петербург рос.", ["В нач. XX в. Петербург рос."]),
        ("Он умер в XX в. Потом забыли.", ["Он умер в XX в.", "Потом забыли."]),
        ("A house built c. 1850. Yes.", ["A house built c. 1850.", "Yes."]),
        ("It is plan B. We go. T. A. Smith stays.", ["It is plan B.", "We go.", "T. A. Smith stays."]),
        ("At 5 p.m. Monday we left at 6 p.m. They stayed.", ["At 5 p.m. Monday we left at 6 p.m.", "They stayed."]),
        ("1) первый; 2) второй", ["1, первый; 2, второй"]),
        ("Это: а) раз; б) два (см. в, 2) тут.", ["Это: а, раз; б, два (см. в, 2) тут."]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, expected):
    assert written(text) == expected


def test_long_sentence_is_cut_at_clause_borders():
    clauses = [f"this is clause number {n} of many in one sentence" for n in "abcdefghij"]
    pieces = cut(", ".join(clauses), MAX_SENTENCE)
    assert all(len(piece) <= MAX_SENTENCE for piece in pieces)
    assert all(piece.endswith(",") for piece in pieces[:-1])
    assert " ".join(pieces) == ", ".join(clauses)


def test_long_sentence_without_clauses_is_cut_between_words():
    sentence = "слово " * 100
    pieces = cut(sentence.strip(), MAX_SENTENCE)
    assert " ".join(pieces) == sentence.strip()
    assert min(map(len, pieces)) > MAX_SENTENCE / 2


def test_a_word_longer_than_a_sentence_is_cut():
    pieces = cut("a" * 1000, MAX_SENTENCE)
    assert "".join(pieces) == "a" * 1000
    assert max(map(len, pieces)) <= MAX_SENTENCE


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Привет, мир", "ru"),
        ("Hello", "en"),
        ("Он любит Windows", "ru"),
        ("I like my борщ", "en"),
        ("12", "?"),
    ],
)
def test_language_is_that_of_most_words(text, language):
    assert language_of(text, "?") == language


@pytest.mark.parametrize(
    ("between", "seconds"),
    [
        ("[pause 0.5]", 0.5),
        ("[ Pause 1,25 s ]", 1.25),
        ("[пауза 2]", 2.0),
        ("\n\n[pause 0.5]\n\n", 0.5),
        ("[pause 1] [pause 0.5]", 1.5),
        ("[pause 99]", 10.0),
        ("\n" * 20, PARAGRAPH_PAUSE),
    ],
)
def test_a_pause_is_as_long_as_asked(between, seconds):
    (_, pause, _), _ = sentences(clean(f"One.{between}Two."))
    assert pause == seconds


@pytest.mark.parametrize(
    "pattern", ["word ", "a", ".", "a.", "1/2 ", "$1.", "(", "a@", "http://a.", "A. ", "[pause 1]"]
)
def test_time_grows_no_faster_than_text(pattern):
    def seconds(n_characters):
        start = time.process_time()
        list(sentences(clean((pattern * n_characters)[: n_characters - 1] + "a")))
        return time.process_time() - start

    assert seconds(MAX_TEXT_CHARACTERS) < max(0.5, 40 * seconds(MAX_TEXT_CHARACTERS // 10))
