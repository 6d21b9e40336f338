import random
import time
import unicodedata

import pytest

from benchmarks.fuzz_text import random_text
from models.text import MAX_CHARACTERS, NothingToSay, TextTooLong, read
from models.text.sentences import MAX_SENTENCE, PARAGRAPH_PAUSE, clean, cut, language_of, sentences
from models.text.symbols import LANGUAGES, PAUSES, SYMBOLS, WORD_BORDER, phone_ids


def written(text):
    """The sentences a text is cut into."""
    return [sentence for sentence, _ in sentences(clean(text))]


def sound(text, **options):
    return " | ".join("".join(sentence.phones) for sentence in read(text, **options))


@pytest.mark.parametrize("text", ["Да.", "Yes", "Нет!", "Why?", "A", "я"])
def test_short_text_is_one_sentence_that_ends(text):
    (sentence,) = read(text)
    assert sentence.phones[-1] == (text[-1] if text[-1] in ".?!" else ".")
    assert len(sentence.phones) == len(sentence.languages)
    assert phone_ids(sentence.phones)


@pytest.mark.parametrize("text", ["", " \n", "!!!", "…", "😀👍🏽", "漢字", "\u200b\x00", "- - -", "[pause 1]"])
def test_text_without_words_says_nothing(text):
    with pytest.raises(NothingToSay, match="nothing to say"):
        read(text)


def test_the_longest_text_is_read_and_a_longer_one_refused():
    assert read("да " * (MAX_CHARACTERS // 3))
    with pytest.raises(TextTooLong, match=f"{MAX_CHARACTERS + 1} characters; at most {MAX_CHARACTERS}"):
        read("a" * (MAX_CHARACTERS + 1))


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_is_read_in_the_language_given(language):
    (sentence,) = read("5", language)
    assert sentence.language == language
    assert "".join(sentence.phones) == {"ru": "pʲˈatʲ.", "en": "fˈaɪv."}[language]


def test_words_of_the_other_alphabet_are_read_in_their_language():
    (sentence,) = read("Я люблю Windows, да.")
    assert sentence.language == "ru"
    assert "wˈɪndoʊz" in "".join(sentence.phones)
    english = "".join(p for p, lang in zip(sentence.phones, sentence.languages, strict=True) if lang == "en")
    assert english.strip() == "wˈɪndoʊz"


def test_russian_words_in_english_text_are_stressed():
    (sentence,) = read("I say спасибо to you all.")
    assert sentence.language == "en"
    assert "spɐsʲˈibə" in "".join(sentence.phones)


def test_a_comma_between_languages_is_a_pause():
    assert sound("Он сказал тихо: hello, друг мой.").count(",") == 2


def test_signs_after_a_foreign_letter_are_read_with_it():
    assert "sˈi plˈʌs plˈʌs" in sound("Он пишет на C++ каждый день.")


def test_the_number_of_a_standard_follows_its_letter_without_a_pause():
    assert sound("Протокол H.323 готов.").count(".") == 1


def test_look_alike_letters_do_not_part_a_word():
    latin_m = "M"
    assert sound(f"{latin_m}осква") == sound("Москва")


@pytest.mark.parametrize("mark", ["зам+ок", "замо\u0301к"])
def test_given_stress_is_shown_in_russian_words(mark):
    (sentence,) = read(f"Вот {mark}.")
    assert "замо\u0301к" in sentence.words
    assert "zɐmˈok" in "".join(sentence.phones)


@pytest.mark.parametrize("mark", ["rec+ord", "reco\u0301rd"])
def test_given_stress_is_shown_and_heard_in_english_words(mark):
    (sentence,) = read(f"Please {mark} it in 2 takes.")
    assert unicodedata.normalize("NFC", sentence.words) == "Please recórd it in two takes."
    assert "ɹəkˈɔɹd" in "".join(sentence.phones)


def test_pause_asked_for_follows_its_sentence():
    first, second = read("One [pause 0.5] two.")
    assert (first.pause_after, second.pause_after) == (0.5, 0.0)


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
    (_, pause), _ = sentences(clean(f"One.{between}Two."))
    assert pause == seconds


@pytest.mark.parametrize("marks", [",", " —", " –", " - ", ";", ":", " (", ") ", "]", "…,"])
@pytest.mark.parametrize("words", [("да", "нет"), ("yes", "no")])
def test_every_mark_inside_a_sentence_is_one_pause(words, marks):
    (sentence,) = read(f"{words[0]}{marks} {words[1]}")
    assert sum(phone in PAUSES for phone in sentence.phones) == 2


@pytest.mark.parametrize(
    ("text", "n_pauses"),
    [("да (нет) да", 2), ("yes (no) yes", 2), ("да, — нет", 1), ("«да», нет", 1), ("кто-то да", 0), ("well-known", 0)],
)
def test_only_marks_that_part_words_are_pauses(text, n_pauses):
    (sentence,) = read(text)
    assert sum(phone in PAUSES for phone in sentence.phones[:-1]) == n_pauses


def test_an_empty_line_is_a_longer_pause_than_a_line_break():
    line, paragraph, _ = read("One.\nTwo.\n\nThree.")
    assert line.pause_after < paragraph.pause_after


def test_pictures_are_passed_over():
    assert sound("Hello 😀 world 👍🏽!") == sound("Hello world!")


@pytest.mark.parametrize("text", ["Ｈｅｌｌｏ", "𝐇𝐞𝐥𝐥𝐨", "He\u00adllo", "Hel\u200blo", "\ufeffHello\x00"])
def test_disguised_letters_are_read(text):
    assert sound(text) == sound("Hello")


def test_a_number_of_many_digits_becomes_several_sentences():
    found = read("9" * 300, "en")
    assert sum("".join(sentence.phones).count("nˈaɪn") for sentence in found) == 300


def test_no_text_raises_anything_but_its_two_errors():
    dice = random.Random(3)
    n_read = 0
    for _ in range(300):
        try:
            found = read(random_text(dice, dice.choice([1, 5, 30, 150])), dice.choice([None, "ru", "en", "xx"]))
        except NothingToSay:
            continue
        n_read += 1
        for sentence in found:
            phones = sentence.phones
            assert set(phones) <= {*SYMBOLS, WORD_BORDER}
            assert phones[-1] in ".?!"
            assert phones[0] not in (*PAUSES, WORD_BORDER)
            assert not any({a, b} <= {*PAUSES, WORD_BORDER} for a, b in zip(phones, phones[1:], strict=False))
            assert len(phones) == len(sentence.languages)
            assert set(sentence.languages) <= set(LANGUAGES)
    assert n_read > 150


@pytest.mark.parametrize("pattern", ["1", "1,", "да1", "IV ", "$1", "a@"])
def test_the_worst_texts_are_read_in_two_seconds_a_thousand_characters(pattern):
    read("раз one")  # what is loaded once does not count
    text = pattern * (1000 // len(pattern))
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "pattern", ["word ", "a", ".", "a.", "1/2 ", "$1.", "(", "a@", "http://a.", "A. ", "[pause 1]"]
)
def test_time_grows_no_faster_than_text(pattern):
    def seconds(n_characters):
        start = time.process_time()
        list(sentences(clean((pattern * n_characters)[: n_characters - 1] + "a")))
        return time.process_time() - start

    assert seconds(MAX_CHARACTERS) < max(0.5, 40 * seconds(MAX_CHARACTERS // 10))
