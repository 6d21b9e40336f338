"""Russian words written by their letters: initials, initialisms and single letters."""

import re

from .morphology import is_common_word

_LETTER_NAMES = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "+а б+э в+э г+э д+э +е +ё ж+э з+э +и +ий к+а +эль +эм +эн +о п+э +эр +эс т+э +у +эф х+а ц+э ч+э ш+а щ+а "
        "тв+ёрдый ы м+ягкий +э +ю +я".split(),
        strict=True,
    )
)
_SPECIAL = {
    "США": "с+э-ш+э-+а",
    "ФРГ": "ф+э-+эр-г+э",
    "ФБР": "ф+э-б+э-+эр",
    "ФСБ": "ф+э-+эс-б+э",
    "НИИ": "ни+и",
    "ЦСКА": "ц+э-+эс-к+а",
    "ГИБДД": "ги-б+э-д+э-д+э",
}
_READ_AS_WORDS = frozenset(
    "НАТО ВУЗ ВУЗЫ ВУЗА ВУЗОВ ЕГЭ ОГЭ ГУЛАГ МИД ТАСС ЮНЕСКО ЮНИСЕФ ОПЕК ЗАГС ЖЭК БАМ МКАД ЦУМ ГУМ СПИД ВИЧ РАН УЗИ "
    "ГОСТ СНИЛС МРОТ ФИФА УЕФА НАСА МАГАТЭ ГЭС АЭС ТЭЦ ТЭС ГРЭС МХАТ ВГИК ГИТИС МАИ МИФИ ЮАР КАМАЗ БЕЛАЗ КРАЗ УАЗ ГАЗ "
    "ВАЗ ЗИЛ ОМОН СОБР ДОСААФ БРИКС ШОС ОБЭП ЧОП РОНО ТЮЗ ЛЭП НЭП ОСАГО КАСКО РИА РУДН ВАК ГЛОНАСС СИЗО МОССАД "
    "ЦИК".split()
)
_READ_BY_LETTERS = frozenset(
    "ОАЭ ЕС ИП ИИ ПО АО ЕАЭС ООО ОАО ЗАО ПАО УК ИТ ОС ПК ЭКО ОРЗ АТС АЗС ОБСЕ ИНН ЭВМ СМИ ООН ПДД РФ ЦБ".split()
)
_CAPITALS = re.compile(r"(?<![\w+-])[А-ЯЁ]{2,8}(?![\w+])")
_INITIALS = re.compile(r"(?<![\w+])((?:[А-ЯЁ]\.\s?){1,2})(?=\s?[А-ЯЁ][а-яё])")
_FINAL_INITIALS = re.compile(r"(?<=[а-яё]\s)((?:[А-ЯЁ]\.\s?){2})(?!\w)")
_LONE_LETTER = re.compile(r"(?<![\w+'’.-])([гдзлмнпртфхцчшщГДЗЛМНПРТФХЦЧШЩ]|(?<=[а-яё\d] )[БЖ])(?![\w+'’-])")
_MIXED_CAPITALS = re.compile(r"(?<![\w+-])[А-ЯЁ]{2,}[а-яё][А-ЯЁ]+(?![\w+])")  # СПбГУ
_LEFT_TITLE = re.compile(r"\bг\.(?=\s*[А-ЯЁ])")  # г. before a name that is no town


def letters_in_words(text: str) -> str:
    """What stands for words by its letters: initials, initialisms and single letters; after numbers are read."""
    text = _LEFT_TITLE.sub("господин", text)
    text = _INITIALS.sub(lambda m: _letters(m[1]) + " ", text)
    text = _FINAL_INITIALS.sub(lambda m: _letters(m[1]) + "." * m[1].endswith(".") * (not text[m.end() :]), text)
    text = _MIXED_CAPITALS.sub(lambda m: _letters(m[0]), text)
    shouted = _is_shouted(text)
    text = _CAPITALS.sub(lambda m: _initialism(m[0], shouted), text)
    return _LONE_LETTER.sub(lambda m: _LETTER_NAMES[m[1].lower()], text)


def _is_shouted(text: str) -> bool:
    """Whether a whole text of several words is in capitals, so that capitals mean nothing in it."""
    words = re.findall(r"[А-ЯЁа-яё]{2,}", text)
    return len(words) > 2 and all(word.isupper() for word in words)


def _initialism(word: str, shouted: bool) -> str:
    if word in _SPECIAL:
        return _SPECIAL[word]
    if word in _READ_AS_WORDS:
        return word.lower()
    common = is_common_word(word.lower())
    if word in _READ_BY_LETTERS and not (shouted and common):
        return _letters(word)
    return word if common or _is_pronounceable(word) else _letters(word)


def _is_pronounceable(word: str) -> bool:
    return len(word) > 3 and not re.search(r"[АЕЁИОУЫЭЮЯ]{2}|[^АЕЁИОУЫЭЮЯ]{3}", word)


def _letters(word: str) -> str:
    """The names of a word's letters: МГУ -> +эм-г+э-+у."""
    return "-".join(_LETTER_NAMES[letter] for letter in word.lower() if letter in _LETTER_NAMES)
