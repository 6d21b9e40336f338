import inspect
import random
import subprocess
import sys
import time
import unicodedata

import pytest
import ru_normalizr

from benchmarks.fuzz_text import random_text
from models.limits import LANGUAGES, MAX_TEXT_CHARACTERS
from models.text import NothingToSay, TextTooLong, read
from models.text.russian.morphology import PARSES_KEPT, morphology
from models.text.symbols import PAUSES, SYMBOLS, WORD_BORDER, phone_ids


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
    assert read("да " * (MAX_TEXT_CHARACTERS // 3))
    with pytest.raises(TextTooLong, match=f"{MAX_TEXT_CHARACTERS + 1} characters. The limit is {MAX_TEXT_CHARACTERS}"):
        read("a" * (MAX_TEXT_CHARACTERS + 1))


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
    rng = random.Random(3)
    n_read = 0
    for _ in range(300):
        try:
            found = read(random_text(rng, rng.choice([1, 5, 30, 150])), rng.choice([None, "ru", "en", "xx"]))
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


def test_no_cache_of_words_grows_without_bound():
    read("раз one")  # loads every module
    modules = [module for name, module in sys.modules.items() if name.startswith("models.text")]
    caches = [value for module in modules for value in vars(module).values() if hasattr(value, "cache_parameters")]
    assert len(caches) >= 5
    for cached in caches:
        assert cached.cache_parameters()["maxsize"] is not None or not inspect.signature(cached).parameters, cached
    assert morphology() is ru_normalizr._morph.get_morph()
    assert ru_normalizr._morph._parse_word_lower.cache_parameters()["maxsize"] == PARSES_KEPT


def test_reading_loads_no_scipy_and_no_synthesizer():
    loaded = "import sys; from models.text import read; read('раз, one'); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert "hibari.g2p" in found
    assert not {"scipy", "sklearn", "hibari.tts"} & set(found)
