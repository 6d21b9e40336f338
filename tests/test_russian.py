"""Russian text: expectations are from reference grammars and dictionaries, not from the program's output."""

import threading
import time

import pytest
import torch

from models.text.russian import accent, normalise, phones, stress
from models.text.symbols import PAUSES, WORD_BORDER, phone_ids

SOUNDS = [
    # reduction
    ("молок+о", "m ə l ɐ k ˈo"),
    ("г+ород", "ɡ ˈo r ə t"),
    ("окн+о", "ɐ k n ˈo"),
    ("наобор+от", "n ɐ ɐ b ɐ r ˈo t"),
    ("рек+а", "rʲ ɪ k ˈa"),
    ("пят+и", "pʲ ɪ tʲ ˈi"),
    ("час+ы", "t͡ɕ ɪ s ˈɨ"),
    ("жен+а", "ʐ ɨ n ˈa"),
    ("цен+а", "t͡s ɨ n ˈa"),
    ("лошад+ей", "l ə ʂ ɨ dʲ ˈe j"),
    ("н+яня", "nʲ ˈa nʲ ə"),
    ("этаж+и", "ɪ t ɐ ʐ ˈɨ"),
    # j and softness
    ("яз+ык", "j ɪ z ˈɨ k"),
    ("семь+я", "sʲ ɪ mʲ j ˈa"),
    ("подъ+езд", "p ɐ d j ˈe s t"),
    ("буль+он", "b u lʲ j ˈo n"),
    ("н+овая", "n ˈo v ə j ə"),
    ("чь+и", "t͡ɕ j ˈi"),
    ("м+ышь", "m ˈɨ ʂ"),
    ("ц+ирк", "t͡s ˈɨ r k"),
    ("щен+ок", "ɕː ɪ n ˈo k"),
    ("г+ений", "ɡʲ ˈe nʲ ɪ j"),
    # voicing
    ("д+уб", "d ˈu p"),
    ("кр+овь", "k r ˈo fʲ"),
    ("в+одка", "v ˈo t k ə"),
    ("вокз+ал", "v ɐ ɡ z ˈa l"),
    ("пр+осьба", "p r ˈo zʲ b ə"),
    ("св+ой", "s v ˈo j"),
    ("д+ождь", "d ˈo ʂ tʲ"),
    ("+отзыв", "ˈo d z ɨ f"),
    # softness before a soft consonant
    ("г+ости", "ɡ ˈo sʲ tʲ ɪ"),
    ("зд+есь", "zʲ dʲ ˈe sʲ"),
    ("ж+енщина", "ʐ ˈe nʲ ɕː ɪ n ə"),
    ("п+енсия", "pʲ ˈe nʲ sʲ ɪ j ə"),
    # spellings that mislead
    ("ег+о", "j ɪ v ˈo"),
    ("больш+ого", "b ɐ lʲ ʂ ˈo v ə"),
    ("мн+ого", "m n ˈo ɡ ə"),
    ("стр+ого", "s t r ˈo ɡ ə"),
    ("сег+одня", "sʲ ɪ v ˈo d nʲ ə"),
    ("чт+о", "ʂ t ˈo"),
    ("кон+ечно", "k ɐ nʲ ˈe ʂ n ə"),
    ("ск+учно", "s k ˈu ʂ n ə"),
    ("нар+очно", "n ɐ r ˈo ʂ n ə"),
    ("сме+ётся", "s mʲ ɪ j ˈo t͡s ə"),
    ("уч+иться", "u t͡ɕ ˈi t͡s ə"),
    ("с+олнце", "s ˈo n t͡s ɨ"),
    ("с+ердце", "sʲ ˈe r t͡s ɨ"),
    ("л+естница", "lʲ ˈe sʲ nʲ ɪ t͡s ə"),
    ("п+оздно", "p ˈo z n ə"),
    ("ч+увство", "t͡ɕ ˈu s t v ə"),
    ("здр+авствуй", "z d r ˈa s t v u j"),
    ("счастл+ивый", "ɕː ɪ sʲ lʲ ˈi v ɨ j"),
    ("мужч+ина", "m u ɕː ˈi n ə"),
    ("расч+ёт", "r ɐ ɕː ˈo t"),
    ("сш+ить", "ʂ ˈɨ tʲ"),
    ("изж+ить", "ɪ ʐ ˈɨ tʲ"),
    ("в+анна", "v ˈa n ə"),
    ("л+ёгкий", "lʲ ˈo x kʲ ɪ j"),
    ("дв+адцать", "d v ˈa t͡s ə tʲ"),
    ("сов+етский", "s ɐ vʲ ˈe t͡s kʲ ɪ j"),
    ("пом+ощник", "p ɐ m ˈo ʂ nʲ ɪ k"),
    # loan words
    ("т+ест", "t ˈe s t"),
    ("т+есто", "tʲ ˈe s t ə"),
    ("интерн+ет", "ɪ n t ɨ r n ˈe t"),
    ("интер+ес", "ɪ nʲ tʲ ɪ rʲ ˈe s"),
    ("м+енеджер", "m ˈe n ɨ d ʐ ɨ r"),
    ("каф+е", "k ɐ f ˈe"),
    ("шосс+е", "ʂ ɐ s ˈe"),
    ("мод+ель", "m ɐ d ˈe lʲ"),
]

PHRASES = [
    ("в д+оме", "v   d ˈo mʲ ɪ"),
    ("в шк+оле", "f   ʂ k ˈo lʲ ɪ"),
    ("к д+ому", "ɡ   d ˈo m u"),
    ("с друзь+ями", "z   d r u zʲ j ˈa mʲ ɪ"),
    ("к вдов+е", "ɡ   v d ɐ vʲ ˈe"),
    ("под окн+ом", "p ə d   ɐ k n ˈo m"),
    ("под гор+ой", "p ə d   ɡ ɐ r ˈo j"),
    ("без огн+я", "bʲ ɪ z   ɐ ɡ nʲ ˈa"),
    ("в инстит+уте", "v   ɨ nʲ sʲ tʲ ɪ t ˈu tʲ ɪ"),
    ("г+од наз+ад", "ɡ ˈo t   n ɐ z ˈa t"),
    ("л+ес гор+ит", "lʲ ˈe z   ɡ ɐ rʲ ˈi t"),
    ("гл+аз в+идит", "ɡ l ˈa s   vʲ ˈi dʲ ɪ t"),
    ("м+ог бы", "m ˈo ɡ   b ɨ"),
    ("на стол+е", "n ə   s t ɐ lʲ ˈe"),
    ("не зн+аю", "nʲ ɪ   z n ˈa j u"),
]

READINGS = [
    ("В 1995 году", "В тысяча девятьсот девяносто пятом году"),
    ("У меня 21 письмо и 5 книг", "У меня двадцать одно письмо и пять книг"),
    ("22 июня", "двадцать второго июня"),
    ("1 мая 2005 года", "первого мая две тысячи пятого года"),
    ("12.05.2024", "двенадцатого мая две тысячи двадцать четвёртого года"),
    ("21-го числа", "двадцать первого числа"),
    ("21-я серия", "двадцать первая серия"),
    ("на 2-м этаже", "на втором этаже"),
    ("80-х годов", "восьмидесятых годов"),
    ("XX век", "двадцатый век"),
    ("Пётр I и Екатерина II", "Пётр первый и Екатерина вторая"),
    ("цена $100, 50%", "цена сто долларов, пятьдесят процентов"),
    ("около 50%", "около пятидесяти процентов"),
    ("до 5 долларов", "до пяти долларов"),
    ("к 2 процентам", "к двум процентам"),
    ("$2,5 млрд", "два с половиной миллиарда долларов"),
    ("1 рубль, 3 ₽ и 5 руб.", "один рубль, три рубля и пять рублей."),
    ("1 000 000 ₽", "один миллион рублей"),
    ("20 ₽ 50 коп.", "двадцать рублей пятьдесят копеек."),
    ("21 % и 2 %", "двадцать один процент и два процента"),
    ("3,5 %", "три целых пять десятых процента"),
    ("3,14", "три целых четырнадцать сотых"),
    ("2/3 пути", "две трети пути"),
    ("в 10:30", "в десять тридцать"),
    ("до 12:05", "до двенадцати ноль пять"),
    ("90 км/ч", "девяносто километров в час"),
    ("-5 °C", "минус пять градусов Цельсия"),
    ("№5", "номер пять"),
    ("ул. Ленина, д. 3, кв. 12", "улица Ленина, дом три, квартира двенадцать"),
    ("и т. д.", "и так далее."),
    ("и т. п.", "и тому подобное."),
    ("т. е. в г. Москва", "то есть в городе Москва"),
    ("5-10 минут", "пять-десять минут"),
    ("с 3 друзьями", "с тремя друзьями"),
    ("более 200 человек", "более двухсот человек"),
    ("о 2 книгах", "о двух книгах"),
    ("+7 (495) 123-45-07", "плюс семь, четыреста девяносто пять, сто двадцать три, сорок пять, ноль семь"),
    ("агент 007", "агент ноль ноль семь"),
    ("example.Com", "example точка ком"),
    ("почта ivan@mail.ru", "почта ivan собака mail точка ру"),
    ("НАТО и вуз", "нато и вуз"),
    ("ФСБ", "ф+э-+эс-б+э"),
    ("США", "с+э-ш+э-+а"),
    ("МГУ", "+эм-г+э-+у"),
    ("Это ОЧЕНЬ важно", "Это ОЧЕНЬ важно"),
    ("А. С. Пушкин", "+а-+эс Пушкин"),
    ("2 × 2", "два на два"),
    ("50-летие", "пятидесятилетие"),
    ("20-летний", "двадцатилетний"),
    ("100%-ный", "стопроцентный"),
    ("в масштабе 1:10", "в масштабе один к десяти"),
    ("ок. 100 человек, в т. ч. дети", "около ста человек, в том числе дети"),
    ("5²", "пять в квадрате"),
    ("Ма\u0438\u0306 и \u0435\u0308ж", "Май и ёж"),
]


@pytest.mark.parametrize(("spelling", "sounds"), SOUNDS)
def test_word_sounds_as_in_the_dictionary(spelling, sounds):
    assert phones(spelling) == sounds.split()


@pytest.mark.parametrize(("spelling", "sounds"), PHRASES)
def test_neighbouring_words_change_each_other(spelling, sounds):
    words = [word.split() for word in sounds.split("   ")]
    assert phones(spelling) == [*words[0], WORD_BORDER, *words[1]]


@pytest.mark.parametrize(("written", "read"), READINGS)
def test_text_is_written_out_in_words(written, read):
    assert normalise(written) == read


@pytest.mark.parametrize(
    ("written", "accented"),
    [
        ("Сегодня хорошая погода.", "Сег+одня хор+ошая пог+ода."),
        ("Елка и мед", "+Ёлка и м+ёд"),
        ("Кто-то не пришёл на работу, а жаль!", "Кт+о-то не приш+ёл на раб+оту, а ж+аль!"),
        ("Мы бы жили у моря", "М+ы бы ж+или у м+оря"),
        ("Что это?", "Чт+о +это?"),
        ("Я знаю, что он дома", "+Я зн+аю, что +он д+ома"),
        ("НЕТ", "Н+ЕТ"),
    ],
)
def test_stress_and_yo_are_restored(written, accented):
    assert accent(written) == accented


@pytest.mark.parametrize(
    ("written", "accented"),
    [
        ("з+амок", "з+амок"),
        ("зам+ок", "зам+ок"),
        ("за\u0301мок", "з+амок"),
        ("кор+ова и м+олоко", "кор+ова и м+олоко"),
        ("н+а берегу", "н+а берег+у"),
        ("вс+е", "вс+е"),
        ("сестр+ы и с+ёстры", "сестр+ы и с+ёстры"),
        ("зел+еный", "зел+ёный"),
        ("+Окна", "+Окна"),
    ],
)
def test_stress_given_by_the_writer_wins(written, accented):
    assert accent(written) == accented
    assert accent(normalise(written)) == accented


@pytest.mark.parametrize("text", ["я+" * 1000, "е+" * 1000, "я+ " * 1000, "зел+еный дом " * 100, "щё" * 2000])
def test_stress_given_by_the_writer_costs_no_time(text, monkeypatch):
    asked = []
    ask = stress._ask
    monkeypatch.setattr(stress, "_ask", lambda *args, **options: asked.append(args) or ask(*args, **options))
    start = time.process_time()
    accent(text)
    assert len(asked) <= 15
    assert time.process_time() - start < 1


def test_time_of_a_long_text_is_linear():
    seconds = []
    for n_words in (1000, 4000):
        text = "+осень " * n_words
        accent(text)  # the model's own opinions are remembered
        start = time.process_time()
        accent(text)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 8 * max(seconds[0], 0.005)


def test_accented_text_stays_as_it_is():
    once = accent("В начале было слово, и всё ещё только начиналось — «медленно»; 100% так...")
    assert accent(once) == once


def test_long_text_keeps_its_characters():
    text = "Мороз и солнце, день чудесный! " * 100
    assert accent(text).replace("+", "") == text


def test_pauses_stand_where_punctuation_does():
    sounds = phones("Н+ет, — сказ+ал +он, — «никогд+а»! (Д+а?) Ну... л+адно… В+от")
    assert [sound for sound in sounds if sound in PAUSES] == [",", ",", "!", "?", ",", "."]


@pytest.mark.parametrize("text", ["", " ", "!!!", "—", "ъ", "abc", "ь, ъ?"])
def test_text_without_russian_words_makes_no_sound(text):
    assert phones(text) == []


@pytest.mark.parametrize("text", ["т.к. 0/0 %%% $ +++ 00:99", "щщщ ъъъ ьё йй ыы", "і ї є ґ Ўѣ", "5" * 100, "А" * 300])
def test_odd_text_is_read_without_error(text):
    phone_ids(phones(accent(normalise(text))))


def test_loading_the_stress_model_leaves_torch_settings_alone():
    threads = torch.get_num_threads()
    accent("слово")
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()


def test_many_threads_get_the_same_stress():
    texts = [f"Мой дом стоит на горе, и в нём {word} окон" for word in ("пять", "шесть", "семь", "сорок")] * 4
    expected = [accent(normalise(text)) for text in texts]
    found = [""] * len(texts)

    def work(i: int) -> None:
        found[i] = accent(normalise(texts[i]) + " ")[:-1]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected
