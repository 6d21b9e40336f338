"""Russian ordinals where the sentence chooses their form: Roman numerals, dates, years in brackets, seasons.

What is left, ru-normalizr reads well by itself (centuries, monarchs, dates in the genitive, years).
"""

import re

from .cases import case_of_period, case_of_thing, cases_after, inflected
from .counting import cardinal, full_stop, ordinal
from .morphology import morphology

_MONTH = "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"
_MONTHS = _MONTH.split("|")
# "Сегодня 5 мая." names the day itself; "Сегодня 5 мая открылась выставка" says when.
_NAMED_DAY = (
    r"(?P<before>\b(?:(?:сегодня|завтра|вчера|послезавтра)(?P<adverb>)|наступ\w+|настал\w*|ид[её]т|ш[её]л|пошло)"
    r"(?: уже| только)? )"
)
_ALONE = r"(?(adverb)(?=\s*(?:\d{4} ?г(?:ода\b|\.)\s*)?(?:[.,!?;:—–)]|$)))"
_DAY = re.compile(rf"{_NAMED_DAY}(?P<day>[1-9]|[12]\d|3[01]) (?P<month>{_MONTH})\b{_ALONE}", re.IGNORECASE)
_DATE = re.compile(
    rf"{_NAMED_DAY}(?P<day>0?[1-9]|[12]\d|3[01])\.(?P<month>0[1-9]|1[0-2])\.(?P<year>\d{{4}})"
    rf"(?: ?г(?:ода\b|\.))?{_ALONE}",
    re.IGNORECASE,
)
_DAY_AND_MONTH = re.compile(  # с 25.06 по 10.07
    r"(?P<before>\b(?P<preposition>со?|по|до|от|ко?|на|после) )"
    r"(?P<day>0[1-9]|[12]\d|3[01])\.(?P<month>0[1-9]|1[0-2])(?!\.?\d|\s?(?:%|[а-яё]{1,3}\b\.?/))",
    re.IGNORECASE,
)
_YEARS_IN_BRACKETS = re.compile(r"(?<=[(\[])(1\d{3}|20\d\d)\s?[–—-]\s?(1\d{3}|20\d\d)(?=[)\]])")
_SEASON = re.compile(r"(?P<before>\bсезон\w*\s+)((?:19|20)\d\d)/(\d\d)(?!\d)", re.IGNORECASE)
_SCHOOL_YEAR = re.compile(r"\b((?:19|20)\d\d)/(\d\d)(?= (?:учебн|финансов|сельскохозяйственн)(ый|ого|ому|ом|ым) год)")

_VALUES = {"I": 1, "V": 5, "X": 10}
_ROMAN = re.compile(
    r"(?P<before>(?:\b[А-Яа-яё]+ )?)(?<!\w)"
    r"(?P<roman>(?!IIII|VV)(?:X{0,3})(?:IX|IV|V?I{0,3}))(?<=[IVX]) (?P<word>(?!век)[а-яё]{3,})"
)
_CASES = frozenset("nomn gent datv accs ablt loct".split())
# Parts of a year, each after its number: III кв., 2-я пол.; a plain digit only before a year.
_PERIODS = {"кв": "квартал", "пол": "половина"}
_PERIOD = re.compile(
    r"(?P<before>(?:\b[А-Яа-яё]+ )?)(?<![\w.,/-])"
    r"(?:(?P<roman>I{1,3}|IV)|(?P<digit>[1-4])(?:-?(?:[йяем]|го|му|ой|ую|ый|ая|ом|ого|ому)(?![а-яё])"
    r"|(?= ?кв\.? (?:19|20)\d\d)))"
    r" ?(?P<short>кв|пол)(?:\.|(?![\w.]))(?! ?м\b)"
)
_CENTURY_OF = re.compile(
    r"(?P<before>\b(?:гг?\.|год[а-яё]*|половин[а-яё]|трет[ьи]|четверт[ьи]|начал[а-яё]|кон[её]?ц[а-яё]?|середин[а-яё]) )"
    r"(?P<roman>[IVX]{1,5}) в\."
)
# The first of these, said so also where it stands as a plain 1.
_NUMBERED = frozenset(
    "полугодие квартал класс курс семестр тайм тур том этаж подъезд раунд период акт часть глава серия четверть группа "
    "смена очередь секция".split()
)
_IN_NUMBERED = re.compile(r"\b(?P<before>[Вв]о?|[Нн]а) (?P<number>[1-9]\d?) (?P<noun>[а-яё]{3,}[еи])\b")


def ordinals_in_words(text: str) -> str:
    """Text with the ordinals above in words, in the case and gender of what they count."""
    text = _DATE.sub(_date, text)
    text = _DAY.sub(lambda m: f"{m['before']}{ordinal(int(m['day']), gender='neut')} {m['month']}", text)
    text = _DAY_AND_MONTH.sub(_day_and_month, text)
    text = _YEARS_IN_BRACKETS.sub(lambda m: f"{ordinal(int(m[1]))} — {ordinal(int(m[2]))}", text)
    text = _SEASON.sub(lambda m: f"{m['before']}{cardinal(int(m[2]))}-{cardinal(int(m[3]))}", text)
    text = _SCHOOL_YEAR.sub(_school_year, text)
    text = _CENTURY_OF.sub(_century_of, _PERIOD.sub(_period, text))
    text = _IN_NUMBERED.sub(_in_numbered, text)
    return _ROMAN.sub(_roman, text)


def _date(match: re.Match[str]) -> str:
    year = ordinal(int(match["year"]), "gent")
    day = ordinal(int(match["day"]), gender="neut")
    end = full_stop(match[0], match.string[match.end() :])
    return f"{match['before']}{day} {_MONTHS[int(match['month']) - 1]} {year} года{end}"


def _day_and_month(match: re.Match[str]) -> str:
    day = ordinal(int(match["day"]), case_of_period(match["preposition"]), "neut")
    return f"{match['before']}{day} {_MONTHS[int(match['month']) - 1]}"


def _school_year(match: re.Match[str]) -> str:
    case = {"ый": "nomn", "ого": "gent", "ому": "datv", "ом": "loct", "ым": "ablt"}[match[3]]
    return f"{ordinal(int(match[1]), case)} — {ordinal(int(match[2]), case)}"


def _period(match: re.Match[str]) -> str:
    """A quarter or a half of a year: за III кв. -> за третий квартал, итоги I кв. -> итоги первого квартала."""
    noun, before = _PERIODS[match["short"]], match["before"]
    gender = morphology().parse(noun)[0].tag.gender
    case = case_of_period(before) if cases_after(before) else case_of_thing(before.split(), gender)
    number = _value(match["roman"]) if match["roman"] else int(match["digit"])
    end = full_stop(match[0], match.string[match.end() :])
    return f"{before}{ordinal(number, case, gender)} {inflected(noun, case)}{end}"


def _century_of(match: re.Match[str]) -> str:
    """The century that a part of it or years are of: в 90-х гг. XX в. -> в 90-х гг. XX века."""
    return f"{match['before']}{match['roman']} века{full_stop(match[0], match.string[match.end() :])}"


def _in_numbered(match: re.Match[str]) -> str:
    """In which of several parts: в 1 полугодии -> в первом полугодии."""
    noun = next(
        (p for p in morphology().parse(match["noun"]) if {"NOUN", "sing", "loct"} <= set(p.tag.grammemes)), None
    )
    if noun is None or noun.normal_form not in _NUMBERED:
        return match[0]
    which = ordinal(int(match["number"]), "loct", noun.tag.gender)
    before = match["before"] + "о" * (match["before"].lower() == "в" and which.startswith("вт"))
    return f"{before} {which} {match['noun']}"


def _roman(match: re.Match[str]) -> str:
    """A Roman numeral before what it counts (II мировая война); one after a name (Пётр I издал) is left."""
    before, roman, word = match["before"], match["roman"], match["word"]
    monarch = before[:1].isupper() and len(before) > 4
    tag = None if monarch else _counted(word, before.strip().lower())
    if tag is None or (len(roman) == 1 and "ADJF" not in tag and word[:5] not in ("съезд", "всеро", "кварт")):
        return match[0]
    return f"{before}{ordinal(_value(roman), tag.case, tag.gender, tag.number == 'plur')} {word}"


def _counted(word: str, before: str):
    """The grammar of an adjective or noun, in a case that the preposition before it allows; None for other words."""
    tags = [p.tag for p in morphology().parse(word) if p.tag.POS in ("ADJF", "NOUN") and p.tag.case in _CASES]
    wanted = cases_after(before) or ["nomn"]
    return next((tag for tag in tags if tag.case in wanted), tags[0] if tags else None)


def _value(roman: str) -> int:
    values = [_VALUES[letter] for letter in roman]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))
