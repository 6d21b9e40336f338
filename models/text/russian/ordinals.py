"""Russian ordinals where the sentence chooses their form: Roman numerals, dates, years in brackets, seasons.

What is left, ru-normalizr reads well by itself (centuries, monarchs, dates in the genitive, years).
"""

import re

from num2words import num2words

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
_DAY_CASES = {"по": "a", "на": "a", "к": "d", "ко": "d"}  # else the genitive
_YEARS_IN_BRACKETS = re.compile(r"(?<=[(\[])(1\d{3}|20\d\d)\s?[–—-]\s?(1\d{3}|20\d\d)(?=[)\]])")
_SEASON = re.compile(r"(?P<before>\bсезон\w*\s+)((?:19|20)\d\d)/(\d\d)(?!\d)", re.IGNORECASE)
_SCHOOL_YEAR = re.compile(r"\b((?:19|20)\d\d)/(\d\d)(?= (?:учебн|финансов|сельскохозяйственн)(ый|ого|ому|ом|ым) год)")

_VALUES = {"I": 1, "V": 5, "X": 10}
_ROMAN = re.compile(
    r"(?P<before>(?:\b[А-Яа-яё]+ )?)(?<!\w)"
    r"(?P<roman>(?!IIII|VV)(?:X{0,3})(?:IX|IV|V?I{0,3}))(?<=[IVX]) (?P<word>(?!век)[а-яё]{3,})"
)
_CASES = {"nomn": "n", "gent": "g", "datv": "d", "accs": "a", "ablt": "i", "loct": "p"}
_GENDERS = {"masc": "m", "femn": "f", "neut": "n"}
_CASES_AFTER = {
    **dict.fromkeys("в во на".split(), ("loct", "accs")),
    **dict.fromkeys("о об при".split(), ("loct",)),
    **dict.fromkeys("из с со до от для без у после около против кроме".split(), ("gent",)),
    **dict.fromkeys("к ко по благодаря".split(), ("datv",)),
    **dict.fromkeys("за через про".split(), ("accs", "ablt")),
    **dict.fromkeys("между над перед под".split(), ("ablt",)),
}


def ordinals_in_words(text: str) -> str:
    """Text with the ordinals above in words, in the case and gender of what they count."""
    text = _DATE.sub(_date, text)
    text = _DAY.sub(lambda m: f"{m['before']}{ordinal(int(m['day']), gender='n')} {m['month']}", text)
    text = _DAY_AND_MONTH.sub(_day_and_month, text)
    text = _YEARS_IN_BRACKETS.sub(lambda m: f"{ordinal(int(m[1]))} — {ordinal(int(m[2]))}", text)
    text = _SEASON.sub(lambda m: f"{m['before']}{_cardinal(m[2])}-{_cardinal(m[3])}", text)
    text = _SCHOOL_YEAR.sub(_school_year, text)
    return _ROMAN.sub(_roman, text)


def ordinal(number: int, case: str = "n", gender: str = "m", plural: bool = False) -> str:
    """An ordinal in words; case: n, g, d, a, i or p; gender: m, f or n; of inanimate things."""
    return num2words(number, lang="ru", to="ordinal", case=case, gender=gender, plural=plural, animate=False)


def _cardinal(digits: str) -> str:
    return num2words(int(digits), lang="ru")


def _date(match: re.Match[str]) -> str:
    year = ordinal(int(match["year"]), "g")
    day = ordinal(int(match["day"]), gender="n")
    full_stop = "." if match[0].endswith(".") and not match.string[match.end() :].strip() else ""
    return f"{match['before']}{day} {_MONTHS[int(match['month']) - 1]} {year} года{full_stop}"


def _day_and_month(match: re.Match[str]) -> str:
    case = _DAY_CASES.get(match["preposition"].lower(), "g")
    return f"{match['before']}{ordinal(int(match['day']), case, 'n')} {_MONTHS[int(match['month']) - 1]}"


def _school_year(match: re.Match[str]) -> str:
    case = {"ый": "n", "ого": "g", "ому": "d", "ом": "p", "ым": "i"}[match[3]]
    return f"{ordinal(int(match[1]), case)} — {ordinal(int(match[2]), case)}"


def _roman(match: re.Match[str]) -> str:
    """A Roman numeral before what it counts (II мировая война); one after a name (Пётр I издал) is left."""
    before, roman, word = match["before"], match["roman"], match["word"]
    monarch = before[:1].isupper() and len(before) > 4
    tag = None if monarch else _counted(word, before.strip().lower())
    if tag is None or (len(roman) == 1 and "ADJF" not in tag and word[:5] not in ("съезд", "всеро", "кварт")):
        return match[0]
    gender = _GENDERS.get(tag.gender, "m")
    return f"{before}{ordinal(_value(roman), _CASES[tag.case], gender, tag.number == 'plur')} {word}"


def _counted(word: str, before: str):
    """The grammar of an adjective or noun, in a case that the preposition before it allows; None for other words."""
    tags = [p.tag for p in morphology().parse(word) if p.tag.POS in ("ADJF", "NOUN") and p.tag.case in _CASES]
    wanted = _CASES_AFTER.get(before, ("nomn",))
    return next((tag for tag in tags if tag.case in wanted), tags[0] if tags else None)


def _value(roman: str) -> int:
    values = [_VALUES[letter] for letter in roman]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))
