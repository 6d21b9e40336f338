"""Russian abbreviations, initials, initialisms and addresses of the web, in words."""

import re

from .russian_numbers import is_common_word

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
    "ОАЭ ЕС ИП ИИ ПО АО ЕАЭС ООО ОАО ЗАО ПАО УК ИТ ОС ПК ЭКО ОРЗ АТС АЗС ОБСЕ ИНН ЭВМ СМИ НИИ ООН ПДД РФ ЦБ".split()
)
_CAPITALS = re.compile(r"(?<![\w+-])[А-ЯЁ]{2,8}(?![\w+])")
_INITIALS = re.compile(r"(?<![\w+])((?:[А-ЯЁ]\.\s?){1,2})(?=\s?[А-ЯЁ][а-яё])")
_FINAL_INITIALS = re.compile(r"(?<=[а-яё]\s)((?:[А-ЯЁ]\.\s?){2})(?!\w)")
_LONE_LETTER = re.compile(r"(?<![\w+'’.-])([гдзлмнпртфхцчшщГДЗЛМНПРТФХЦЧШЩ]|(?<=[а-яё\d] )[БЖ])(?![\w+'’-])")

_ABBREVIATIONS = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\bпроф\.(?=\s*[А-ЯЁ])", "профессор"),
        (r"\bакад\.(?=\s*[А-ЯЁ])", "академик"),
        (r"\bдоц\.(?=\s*[А-ЯЁ])", "доцент"),
        (r"\bтов\.(?=\s*[А-ЯЁ])", "товарищ"),
        (r"\bг-н\b\.?", "господин"),
        (r"\bг-н[ау]\b", "господина"),
        (r"\bг-жа\b\.?", "госпожа"),
        (r"\bим\.", "имени"),
        (r"\bи\s+пр\.", "и прочее"),
        (r"\bпр\.(?=\s*[А-ЯЁ])", "проспект"),
        (r"\bобл\.", "область"),
        (r"\bр-н\b\.?", "район"),
        (r"\bр-н[ае]\b", "района"),
        (r"\bт\.\s?н\.", "так называемый"),
        (r"\bв т\.\s?ч\.", "в том числе"),
        (r"\bок\.(?=\s*\d)", "около"),
        (r"\bтел\.", "телефон"),
        (r"\bчел\.(?=\s*[а-яё,;])", "человек"),
        (r"\bдр\.(?=\s*[А-ЯЁ])", "доктор"),
        (r"\bкв\.\s?м\b\.?", "квадратных метров"),
        (r"\bж/д\b", "железнодорожный"),
        (r"\bб/у\b", "бэ-+у"),
        (r"\bи/или\b", "и или"),
    )
]
_LEFT_TITLE = re.compile(r"\bг\.(?=\s*[А-ЯЁ])")  # г. before a name that is no town

_ADDRESS = re.compile(
    r"(?:https?://|www\.)+(?P<site>[^\s<>«»\"',;]+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|(?P<file>(?<![\w.])[A-Za-z][\w-]*(?:\.[A-Za-z]\w*)+)"
)
_ADDRESS_SIGNS = {".": "точка", "@": "собака", "/": "слэш", "-": "дефис", "_": "подчёркивание", ":": "двоеточие"}
_DOMAINS = {"ru": "ру", "рф": "эр-+эф", "com": "ком", "org": "орг"}
_SIGNS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=\d)\s*[xхXХ×*]\s*(?=\d)", " на "),
        (r"[#@](?=\w)", ""),
        (r"\s*&\s*", " и "),
        (r"[~≈]\s*(?=\d)", "примерно "),
        (r"±\s*(?=\d)", "плюс-минус "),
        (r"§\s*(?=\d)", "параграф "),
        (r"(?<=\d)²", " в квадрате"),
        (r"(?<=\d)³", " в кубе"),
        (r"[_*^|\\]+", " "),
    )
]


def signs_in_words(text: str) -> str:
    """Addresses of the web spelled out, signs and abbreviations in words; before numbers are read."""
    text = _ADDRESS.sub(_address, text)
    for pattern, replacement in _ABBREVIATIONS + _SIGNS:
        text = pattern.sub(replacement, text)
    return text


def letters_in_words(text: str) -> str:
    """What stands for words by its letters: initials, initialisms and single letters; after numbers are read."""
    text = _LEFT_TITLE.sub("господин", text)
    text = _INITIALS.sub(lambda m: _letters(m[1]) + " ", text)
    text = _FINAL_INITIALS.sub(lambda m: _letters(m[1]) + "." * m[1].endswith(".") * (not text[m.end() :]), text)
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


def _address(match: re.Match[str]) -> str:
    address = match["site"] or match["mail"] or match["file"]
    tail = re.search(r"[.!?:)]*$", address)[0]
    address = re.sub(r"[?#].*", "", address[: len(address) - len(tail)]).rstrip("/")
    pieces = [_DOMAINS.get(piece.lower(), piece) for piece in re.split(r"([^\w]|_)", address) if piece]
    return " ".join(_ADDRESS_SIGNS.get(piece, piece) for piece in pieces) + tail
