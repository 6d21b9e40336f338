"""Russian abbreviations, initials, initialisms and addresses of the web, in words."""

import re

from num2words import num2words

from .morphology import morphology
from .numbers import is_common_word

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

_ABBREVIATIONS = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
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
        (r"\bдоб\.(?=\s*\d)", "добавочный"),
        (r"\bчел\.(?=\s*[а-яё,;])", "человек"),
        (r"\bдр\.(?=\s*[А-ЯЁ])", "доктор"),
        (r"(?<=\d)\s?кв\.\s?м\b\.?", " м²"),
        (r"\bкв\.\s?м\b\.?", "квадратных метров"),
        (r"№№\s?(?=\d)", "номер+а "),
        (r"\b(у|около|от|до|возле|из|напротив) д\.\s?(?=\d)", r"\1 дома "),
        (r"(?<=\d)\s?(?:\.{2,3}|…)\s?\+(?=\d)", ", плюс "),
        (r"\bж/д\b", "железнодорожный"),
        (r"\bб/у\b", "бэ-+у"),
        (r"\bи/или\b", "и или"),
    )
]
_TITLES = {
    **dict(zip("проф акад доц тов".split(), "профессор академик доцент товарищ".split(), strict=True)),
    **dict(zip("р о оз".split(), "река остров озеро".split(), strict=True)),
}
_BEFORE_NAME = re.compile(  # проф. Иванова, на р. Волге: in the name's case
    r"(?P<before>(?:\b[А-ЯЁа-яё]+ )?)\b(?P<title>[Пп]роф|[Аа]кад|[Дд]оц|[Тт]ов|р|о|оз)\. ?"
    r"(?P<initials>(?:[А-ЯЁ]\. ?){0,2})(?P<name>[А-ЯЁ][а-яё]+(?:-[А-ЯЁ][а-яё]+)?)"
)
_CASE_AFTER = {
    **dict.fromkeys("в во на о об при".split(), "loct"),
    **dict.fromkeys("из с со до от для без у после около против кроме вдоль".split(), "gent"),
    **dict.fromkeys("к ко по благодаря".split(), "datv"),
    **dict.fromkeys("через про".split(), "accs"),
    **dict.fromkeys("за между над перед под".split(), "ablt"),
}
_ONE_PAGE = re.compile(r"\b(?P<before>(?:на|со?|к) )(?:с|стр)\. ?(?P<page>\d{1,4})(?![\d–—-])", re.IGNORECASE)
_PAGES = re.compile(r"\bстр\. ?(\d{1,4}) ?[–—-] ?(\d{1,4})\b", re.IGNORECASE)
_PAGE_CASES = {"на": "странице", "с": "страницы", "со": "страницы", "к": "странице"}
_PETERSBURG = re.compile(r"(?P<before>(?:\b[А-Яа-яё]+ )?)\bСПб\b\.?")
_MIXED_CAPITALS = re.compile(r"(?<![\w+-])[А-ЯЁ]{2,}[а-яё][А-ЯЁ]+(?![\w+])")  # СПбГУ
_LEFT_TITLE = re.compile(r"\bг\.(?=\s*[А-ЯЁ])")  # г. before a name that is no town

_ADDRESS = re.compile(
    r"(?:https?://|www\.)+(?P<site>[^\s<>«»\"',;]+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\w.])(?P<russian>[а-яё\d-]+(?:\.[а-яё\d-]+)*\.(?:рф|рус|дети|онлайн|сайт|москва))(?!\w)|(?P<file>(?<![\w.])[A-Za-z][\w-]*(?:\.[A-Za-z]\w*)+)"
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
    text = _BEFORE_NAME.sub(_title, text)
    text = _PAGES.sub(lambda m: f"{'Сс'[m[0][0] == 'с']}траницы {_number(m[1])}-{_number(m[2])}", text)
    text = _ONE_PAGE.sub(_page, text)
    return _PETERSBURG.sub(_petersburg, text)


def _title(match: re.Match[str]) -> str:
    """A title or what a name names, in the name's case: у проф. Иванова -> у профессора Иванова."""
    title = _TITLES[match["title"].lower()]
    cases = {p.tag.case for p in morphology().parse(match["name"].lower()) if p.tag.number == "sing"}
    before = match["before"].strip().lower()
    if match["title"] == "о" and any("Name" in p.tag for p in morphology().parse(match["name"].lower())):
        title = "отец"
    wanted = _CASE_AFTER.get(before)
    if wanted is None:
        of_noun = before and "NOUN" in morphology().parse(before)[0].tag and "gent" in cases
        wanted = "gent" if of_noun else "nomn"
    if cases and wanted not in cases and match["title"] not in ("р", "о", "оз"):  # на озере Байкал
        wanted = next((case for case in ("nomn", "gent", "datv", "ablt", "accs", "loct") if case in cases), wanted)
    form = morphology().parse(title)[0].inflect({wanted, "sing"})
    written = form.word if form else title
    written = written.capitalize() if match["title"][0].isupper() else written
    return f"{match['before']}{written} {match['initials']}{match['name']}"


def _page(match: re.Match[str]) -> str:
    return f"{match['before']}{_PAGE_CASES[match['before'].strip().lower()]} {_number(match['page'])}"


def _number(digits: str) -> str:
    return num2words(int(digits), lang="ru")


def _petersburg(match: re.Match[str]) -> str:
    case = _CASE_AFTER.get(match["before"].strip().lower(), "nomn")
    city = morphology().parse("петербург")[0].inflect({case}).word.capitalize()
    return f"{match['before']}Санкт-{city}"


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


def _address(match: re.Match[str]) -> str:
    address = match["site"] or match["mail"] or match["russian"] or match["file"]
    tail = re.search(r"[.!?:)]*$", address)[0]
    address = re.sub(r"[?#].*", "", address[: len(address) - len(tail)]).rstrip("/")
    pieces = [_DOMAINS.get(piece.lower(), piece) for piece in re.split(r"([^\w]|_)", address) if piece]
    return " ".join(_ADDRESS_SIGNS.get(piece, piece) for piece in pieces) + tail
