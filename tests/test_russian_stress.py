"""Expectations are from reference grammars and dictionaries, not from the program's output."""

import threading
import time

import pytest
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
