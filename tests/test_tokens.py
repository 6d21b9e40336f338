"""Each phone of a reading is traced to the word of the text that it says."""

import pytest

from models.text import read
from models.text.symbols import PAUSES

SPOKEN = [
    ("Yes", ["Yes=jˈɛs"]),
    ("«Да…» — и ушёл!", ["«Да…»=dˈa", "и=ɪ", "ушёл!=uʂˈol"]),
    ("В 1998 г. вышло.", ["В=f", "1998=tˈɨsʲɪt͡ɕə dʲɪvʲɪtʲsˈod dʲɪvʲɪnˈostə vɐsʲmˈom", "г.=ɡɐdˈu", "вышло.=vˈɨʂlə"]),
    ("5 % всех", ["5=pʲˈatʲ", "%=prɐt͡sˈentəf", "всех=fsʲˈex"]),
    ("Dr. Fox paid $25.50.", ["Dr.=dˈɑktəɹ", "Fox=fˈɑks", "paid=pˈeɪd",
     "$25.50.=twˈɛnti fˈaɪv dˈɑləɹz ænd fˈɪfti sˈɛnts"]),
    ("IT-компания Google.", ["IT-компания=ˌaɪtˈi kɐmpˈanʲɪjə", "Google.=ɡˈuɡəl"]),
    ("in AT&T", ["in=ɪn", "AT&T=ˌeɪtˈi ænd tˈi"]),
    ("α и β", ["α=ˈælfə", "и=ɪ", "β=bˈeɪɾə"]),
    ("А. П. Чехов", ["А. П.=ˈapˈe", "Чехов=t͡ɕˈexəf"]),
    ("- раз\n2) два", ["раз=rˈas", "2)=dvˈa", "два=dvˈa"]),
    ("Да.[pause 1] Нет!Нет", ["Да.=dˈa", "Нет!=nʲˈet", "Нет=nʲˈet"]),
    ("Hello 👍 there", ["Hello=həlˈoʊ", "there=ðˈɛɹ"]),
]  # fmt: skip


def said(text, **options):
    """Every token as text=phones."""
    return [
        f"{token.text}={''.join(sentence.phones[token.first : token.last])}"
        for sentence in read(text, **options)
        for token in sentence.tokens
    ]


@pytest.mark.parametrize(("text", "expected"), SPOKEN, ids=[text for text, _ in SPOKEN])
def test_a_word_has_the_phones_that_say_it(text, expected):
    assert said(text) == expected


def test_a_word_of_the_dictionary_has_the_phones_of_its_respelling():
    assert said("My GIF here.", dictionary={"gif": "джиф файл"}) == ["My=mˈaɪ", "GIF=dʐˈɨf fˈajl", "here.=hˈɪɹ"]


@pytest.mark.parametrize(
    "text",
    [
        "Сегодня — 5 мая.\r\n\r\n\u200bА завтра?\t[пауза 2] Он купил\u00a0iPhone 15 за 999,99 $; и т. д.",
        "и\u0306од и е\u0308лка: " + "слово " * 100,
        "9" * 150 + " and " + "z" * 450,
        "one-two—three ... four/five",
        "да—\u0306нет и да",
        "Mосква \ud83d\ude00 \U0001d400\U0001d401 ½ ①②",
    ],
)
def test_tokens_spell_the_text_in_order_and_share_no_phone(text):
    end = 0
    for sentence in read(text):
        last = 0
        for token in sentence.tokens:
            assert text[token.place : token.place + len(token.text)] == token.text
            assert token.text == token.text.strip()
            assert token.place >= end or len(token.text) > 100  # one too long to be said at once is said in parts
            assert last <= token.first < token.last
            end, last = token.place + len(token.text), token.last
        owned = {i for token in sentence.tokens for i in range(token.first, token.last)}
        free = {phone for i, phone in enumerate(sentence.phones) if i not in owned}
        assert free <= {" ", *PAUSES}
