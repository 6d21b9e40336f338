"""Expectations are from reference grammars and dictionaries, not from the program's output."""

import re
import threading
import time

import pytest
import silero_stress
import torch

from models.text.russian import accent, normalise, stress


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


ON_THE_ENDING = """
быстре́е сильне́е холодне́е важне́е добре́е нужне́е трудне́е вкусне́е умне́е тепле́е светле́е темне́е беле́е
нове́е страшне́е грустне́е веселе́е бледне́е бедне́е честне́е скромне́е сложне́е точне́е тесне́е смеле́е мудре́е
остре́е хитре́е нежне́е длинне́е ясне́е слабе́е вредне́е горяче́е тяжеле́е зелене́е красне́е здорове́е ровне́е
свеже́е
"""
ON_THE_STEM = """
краси́вее удо́бнее интере́снее поле́знее свобо́днее прия́тнее внима́тельнее осторо́жнее споко́йнее серьёзнее
опа́снее надёжнее любе́знее лени́вее счастли́вее терпели́вее ве́жливее ла́сковее тала́нтливее изве́стнее
успе́шнее эффекти́внее акти́внее вероя́тнее удиви́тельнее могу́щественнее аккура́тнее заня́тнее прекра́снее
ужа́снее подро́бнее поня́тнее уве́реннее справедли́вее разу́мнее скры́тнее уме́реннее надое́дливее замыслова́тее
засне́женнее измождённее
"""


@pytest.mark.parametrize("comparative", [*ON_THE_ENDING.split(), *ON_THE_STEM.split()])
def test_a_comparative_keeps_the_stress_of_its_adjective_or_gives_it_to_the_ending(comparative):
    marked = re.sub("(.)\u0301", r"+\1", comparative).replace("ё", "+ё")
    bare = comparative.replace("\u0301", "").replace("ё", "е")
    assert accent(f"Так {bare}.") == f"Т+ак {marked}."
    assert accent(f"{bare.capitalize()} не бывает.").lower() == f"{marked} не быв+ает."


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
    accentor = stress._accentor()
    monkeypatch.setattr(
        stress, "_accentor", lambda: lambda *args, **options: asked.append(args) or accentor(*args, **options)
    )
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


def test_a_model_loaded_by_parts_answers_as_its_own_loader_lets_it():
    texts = [
        "Старинный замок на горе, и замок на двери.",
        "Все вышли, и всё стихло; елка зеленая, а мне дорога эта дорога.",
        "Он стоит у стены, стены были белыми, и вина не доказана.",
    ]
    threads, gradients = torch.get_num_threads(), torch.is_grad_enabled()
    try:
        original = silero_stress.load_accentor("ru")
        assert [stress._accentor()(text) for text in texts] == [original(text) for text in texts]
    finally:
        torch.set_num_threads(threads)
        torch.set_grad_enabled(gradients)
