"""Russian abbreviations and signs in words, in the case that the words before them ask for."""

import re
from functools import partial

from .addresses import addresses_in_words
from .cases import case_of_thing, cases_after, inflected
from .counting import cardinal, full_stop
from .morphology import morphology

_ABBREVIATIONS = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\bг-н\b\.?", "господин"),
        (r"\bг-н([ауе]|ом)\b", r"господин\1"),
        (r"\bг-ж([аиеу]|ой)\b\.?", r"госпож\1"),
        (r"\bим\.", "имени"),
        (r"\bи\s+пр\.", "и прочее"),
        (r"\bпр\.(?=\s*[А-ЯЁ])", "проспект"),
        (r"\bр-н\b\.?", "район"),
        (r"\bр-н([ауеы]|ом|ов)\b", r"район\1"),
        (r"\bт\.\s?н\.", "так называемый"),
        (r"\bв т\.\s?ч\.", "в том числе"),
        (r"\bок\.(?=\s*\d)", "около"),
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
_ONE_PAGE = re.compile(r"\b(?P<before>(?:на|со?|к) )(?:с|стр)\. ?(?P<page>\d{1,4})(?![\d–—-])", re.IGNORECASE)
_PAGES = re.compile(r"\bстр\. ?(\d{1,4}) ?[–—-] ?(\d{1,4})\b", re.IGNORECASE)
_MONTHS = "янв|фев|мар|апр|ма[яй]|июн|июл|авг|сен|окт|ноя|дек"
_WHEN = rf"(?= (?:[XVI]{{1,5}}\b|\d{{2,4}}-х|\d{{4}}|(?:{_MONTHS}|лет|зим|вес|осен|год|век)[а-яё]*))"
# Words cut short, their gender and where they mean that; the words before them choose the case.
_SHORTENED = [
    (re.compile(rf"(?P<before>(?:\b[А-ЯЁа-яё-]+ ){{0,2}})\b(?P<short>{short})", re.IGNORECASE), noun, gender)
    for short, noun, gender in (
        (r"тел\.", "телефон", "masc"),
        (r"обл\.", "область", "femn"),
        (r"ст\. ?м\.(?= ?[«\"А-ЯЁ])", "станция метро", "femn"),
        (rf"нач\.{_WHEN}", "начало", "neut"),
        (rf"сер\.{_WHEN}", "середина", "femn"),
        (rf"кон\.{_WHEN}", "конец", "masc"),
        (r"и\. ?о\.(?= [а-яё])", "исполняющий обязанности", "masc"),
    )
]
_METRO = re.compile(r"\b((?:у|от|до|к|около|возле|из|с|на|рядом с|ближайшее) )м\. ?(?=[«\"А-ЯЁ])", re.IGNORECASE)
_PETERSBURG = re.compile(r"(?P<before>(?:\b[А-Яа-яё]+ )?)\bСПб\b\.?")

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
    text = addresses_in_words(text)
    for pattern, replacement in _ABBREVIATIONS + _SIGNS:
        text = pattern.sub(replacement, text)
    for pattern, noun, gender in _SHORTENED:
        text = pattern.sub(partial(_in_full, noun, gender), text)
    text = _BEFORE_NAME.sub(_title, _METRO.sub(r"\1метро ", text))
    text = _PAGES.sub(lambda m: f"{'Сс'[m[0][0] == 'с']}траницы {cardinal(int(m[1]))}-{cardinal(int(m[2]))}", text)
    text = _ONE_PAGE.sub(_page, text)
    return _PETERSBURG.sub(_petersburg, text)


def _in_full(noun: str, gender: str, match: re.Match[str]) -> str:
    """A word cut short, in full: по тел. -> по телефону, в нач. 2000-х -> в начале 2000-х."""
    first, *rest = noun.split()
    word = " ".join([inflected(first, case_of_thing(match["before"].split(), gender), "sing", gender), *rest])
    written = word.capitalize() if match["short"][0].isupper() else word
    return f"{match['before']}{written}{full_stop(match['short'], match.string[match.end() :])}"


def _title(match: re.Match[str]) -> str:
    """A title or what a name names, in the name's case: у проф. Иванова -> у профессора Иванова."""
    title, before = _TITLES[match["title"].lower()], match["before"].strip().lower()
    parses = [p.tag for p in morphology().parse(match["name"].lower()) if p.tag.number == "sing"]
    cases = [case for case in ("nomn", "gent", "datv", "ablt", "accs", "loct") if any(p.case == case for p in parses)]
    if match["title"] == "о" and any("Name" in tag for tag in parses):
        title = "отец"
    asked = cases_after(before)
    if not asked:
        of_noun = before and "NOUN" in morphology().parse(before)[0].tag and "gent" in cases
        asked = ["gent" if of_noun else "nomn"]
    case = next((case for case in asked if case in cases), asked[0])
    if case not in cases and match["title"] not in ("р", "о", "оз"):  # на озере Байкал
        case = next(iter(cases), case)
    written = inflected(title, case)
    written = written.capitalize() if match["title"][0].isupper() else written
    return f"{match['before']}{written} {match['initials']}{match['name']}"


def _page(match: re.Match[str]) -> str:
    page = inflected("страница", cases_after(match["before"])[0])
    return f"{match['before']}{page} {cardinal(int(match['page']))}"


def _petersburg(match: re.Match[str]) -> str:
    case = next(iter(cases_after(match["before"])), "nomn")
    return f"{match['before']}Санкт-{inflected('петербург', case).capitalize()}"
