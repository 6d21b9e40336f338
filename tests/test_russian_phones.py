"""Expectations are from reference grammars and dictionaries, not from the program's output."""

import pytest

from models.text.russian import phones
from models.text.symbols import PAUSES, WORD_BORDER

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


@pytest.mark.parametrize(("spelling", "sounds"), SOUNDS)
def test_word_sounds_as_in_the_dictionary(spelling, sounds):
    assert phones(spelling) == sounds.split()


@pytest.mark.parametrize(("spelling", "sounds"), PHRASES)
def test_neighbouring_words_change_each_other(spelling, sounds):
    words = [word.split() for word in sounds.split("   ")]
    assert phones(spelling) == [*words[0], WORD_BORDER, *words[1]]


def test_pauses_stand_where_punctuation_does():
    sounds = phones("Н+ет, — сказ+ал +он, — «никогд+а»! (Д+а?) Ну... л+адно… В+от")
    assert [sound for sound in sounds if sound in PAUSES] == [",", ",", "!", "?", ",", "."]


@pytest.mark.parametrize("text", ["", " ", "!!!", "—", "ъ", "abc", "ь, ъ?"])
def test_text_without_russian_words_makes_no_sound(text):
    assert phones(text) == []
