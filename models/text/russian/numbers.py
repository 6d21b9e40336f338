"""Russian numbers in words where ru-normalizr misreads them: times, fractions, telephone numbers, ranges.

What is left, it reads well by itself (dates, years, ordinals, units, counted nouns).
"""

import re

from .cases import case_of_amount, inflected
from .counting import cardinal, counted, digits_in_words, ordinal
from .money import money_in_words
from .morphology import morphology

_BEFORE = r"(?P<before>(?:\b[а-яё]+\s+)?)"
_DURATION = re.compile(
    rf"{_BEFORE}(?<![\d.,])(?P<hours>\d{{1,3}})\s?ч(?:\.|(?![а-яё]))\s?(?P<minutes>\d{{1,2}})\s?мин(?![а-яё])",
    re.IGNORECASE,
)
_LASTS = re.compile(
    r"дли(?:тся|л[аои]?с[яь]|ться)|продолж\w+с[яь]|занял[аои]?|занимает|(?:про)?жд\w+|идёт", re.IGNORECASE
)
_DISTANCE = re.compile(  # how far something is
    r"\b(?P<before>в )(?P<number>\d{1,3}) (?:(?P<minutes>мин(?:\.|ут\w*))|ч(?:\.|ас\w*)) "
    r"(?=(?:ходьб|езд|пут|л[её]т|от)[а-яё]*\b)",
    re.IGNORECASE,
)
_LACKING = re.compile(
    r"(?P<before>\b(?:не хват(?:ает|ит|ило|ало)|достиг(?:ла|ло|ли|ает)?|лиш[аи]\w+с[яь])\s+)"
    r"(?P<number>\d{1,9})(?=\s(?P<noun>[а-яё]{2,}))",
    re.IGNORECASE,
)
_TIME = re.compile(_BEFORE + r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?![\d:])", re.IGNORECASE)
_FRACTION = re.compile(
    _BEFORE
    + r"(?:(?<![\d/.,])(?P<whole>\d{1,3}) )?(?<![\d/.,])(?P<upper>\d{1,2})/(?P<lower>\d{1,2})(?![\d/]|[.,]\d)"
    + r"(?P<after>(?: [а-яё]+)?)",
    re.IGNORECASE,
)
_ONE_AND_A_HALF = re.compile(_BEFORE + r"(?<![\d.,])1,5 (?P<noun>[а-яё]{3,})\b", re.IGNORECASE)
_VULGAR = dict(zip("½⅓⅔¼¾⅕⅛", "1/2 1/3 2/3 1/4 3/4 1/5 1/8".split(), strict=True))
_HOUSE = re.compile(r"(?:\bд(?:ом[а-яё]*|\.)|№|\bкорпус)\s?$", re.IGNORECASE)
_VERSION = re.compile(
    r"(?P<before>(?:\bверси[а-яё]+|\b[A-Za-z]{3,})\s)(\d{1,3}(?:\.\d{1,3}){1,3})(?![.\d]*\d|\s?%)", re.IGNORECASE
)
_AGES = re.compile(r"(?P<who>\b[а-яё]+ )(?P<least>\d{1,2})\s?[–—-]\s?(?P<most>\d{1,2})(?= лет\b)", re.IGNORECASE)
_ABOUT = re.compile(  # раза 2-3: about so many
    r"(?P<noun>\b(?:раза?|дня|дней|часа|часов|года|лет|месяца|месяцев|минуты|минут|недели|недель|человек\w*) )"
    r"(?P<least>\d{1,3})\s?[–—-]\s?(?P<most>\d{1,3})(?![\d–—.,/-]*\d|\s?[%а-яё]{1,2}\b\.)",
    re.IGNORECASE,
)
_GENITIVE_ORDINAL = re.compile(r"(?<![\d.,])(\d{1,6})-?го\b")
_COMPOUND = re.compile(
    r"(?<![\d.,])(\d{1,4})(?:-(?=лети[еяюй]|летн)|(?:%|\s?процент)-(?=(?:н(?:ый|ая|ое|ые|ого|ой|ую|ых|ом|ым))\b))"
)
_PROPORTION = re.compile(
    r"(?P<before>\b(?:соотношени|отношени|масштаб|пропорци)[а-яё]*\s+)(\d{1,6}):(\d{1,6})", re.IGNORECASE
)
_TELEPHONE = re.compile(
    r"(?<!\d)(\+?[78])(?:[\s-]?\(?(\d{3})\)?[\s-]?(\d{3})[\s-]?(\d{2})[\s-]?(\d{2})"
    r"|[\s-]\(?(\d{3})\)?[\s-](\d{4})[\s-](\d{3})|[\s-]\(?(\d{3})\)?[\s-](\d{3})[\s-](\d{4}))(?!\d)"
)
_LOCAL_TELEPHONE = re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{2}(?![\d-])")
_LEADING_ZERO = re.compile(r"(?<![\d.,:/-])(?<!\d[ \u00a0])0\d{1,6}(?![\d:/]|[.,-]\d)")
_NUMERAL = (
    r"(?:один|одного|одна|две?|дв[ау]х?|тр[ие]х?|тр[ёе]х|четыр\w+|пят\w+|шест\w+|сем\w+|вос\w+|девя\w+|десят\w+|одинн\w+|"
    r"перв\w+|втор\w+|трет\w+|двена\w+|трина\w+|двад\w+|трид\w+|сорок\w*|ста?|двести|двухсот|триста|тр[её]хсот|тысяч\w*|\w+сот)"
)
_RANGE = re.compile(rf"\b({_NUMERAL}) — (?={_NUMERAL}\b)", re.IGNORECASE)


def numbers_in_words(text: str) -> str:
    """Text with money, percent, times, fractions, telephone numbers and leading zeros in words."""
    text = _TELEPHONE.sub(_telephone, text)
    text = _LOCAL_TELEPHONE.sub(lambda m: ", ".join(map(digits_in_words, m[0].split("-"))), text)
    text = _COMPOUND.sub(_compound, text)
    text = _PROPORTION.sub(_proportion, text)
    text = _DISTANCE.sub(_distance, _DURATION.sub(_duration, text))
    text = money_in_words(_TIME.sub(_time, text))
    text = re.sub(r"(\d?)([½⅓⅔¼¾⅕⅛])", lambda m: f"{m[1]} {_VULGAR[m[2]]}".strip(), text)
    text = _FRACTION.sub(_fraction, _ONE_AND_A_HALF.sub(_one_and_a_half, text))
    text = _VERSION.sub(lambda m: m["before"] + " точка ".join(map(digits_in_words, m[2].split("."))), text)
    text = _LACKING.sub(_lacking, text)
    text = _ABOUT.sub(_about, _AGES.sub(_ages, text))
    text = _GENITIVE_ORDINAL.sub(lambda m: ordinal(int(m[1]), "gent"), text)
    return _LEADING_ZERO.sub(lambda m: digits_in_words(m[0]), text)


def join_ranges(text: str) -> str:
    """Ranges in words without a pause inside: пять — десять is said пять-десять."""
    return _RANGE.sub(r"\1-", text)


def _telephone(match: re.Match[str]) -> str:
    country, *groups = (group for group in match.groups() if group)
    plus = "плюс " if country.startswith("+") else ""
    return ", ".join([plus + cardinal(int(country[-1])), *map(digits_in_words, groups)])


def _compound(match: re.Match[str]) -> str:
    """The number at the head of a compound word: 50-летие -> пятидесятилетие, 100%-ный -> стопроцентный."""
    head = cardinal(int(match[1]), "gent").replace(" ", "")
    head = re.sub(r"^ста|ста$", "сто", re.sub(r"^(?:одной)?тысячи$", "тысяче", head))
    return head + "процент" * (not match.string.startswith("лет", match.end()))


def _proportion(match: re.Match[str]) -> str:
    return f"{match['before']}{cardinal(int(match[2]))} к {cardinal(int(match[3]), 'datv')}"


def _duration(match: re.Match[str]) -> str:
    """Hours and minutes in one case: длится один час двадцать одну минуту."""
    case = "accs" if _LASTS.fullmatch(match["before"].strip()) else case_of_amount(match["before"])
    hours, minutes = counted(int(match["hours"]), "час", case), counted(int(match["minutes"]), "минута", case)
    return f"{match['before']}{hours} {minutes}"


def _distance(match: re.Match[str]) -> str:
    """How far away, in time: в 5 мин. ходьбы -> в пяти минутах ходьбы."""
    return f"{match['before']}{counted(int(match['number']), 'минута' if match['minutes'] else 'час', 'loct')} "


def _time(match: re.Match[str]) -> str:
    case, minute = case_of_amount(match["before"]), match["minute"]
    minutes = digits_in_words(minute) if minute[0] == "0" else cardinal(int(minute), case)
    return f"{match['before']}{cardinal(int(match['hour']), case)} {minutes}"


def _lacking(match: re.Match[str]) -> str:
    """A number after a verb that takes the genitive: не хватает двадцати одного метра."""
    return match["before"] + cardinal(int(match["number"]), "gent", _gender(match["noun"]))


def _gender(noun: str) -> str | None:
    return morphology().parse(noun.lower())[0].tag.gender


def _ages(match: re.Match[str]) -> str:
    """The ages of people: дети семи-девяти лет."""
    tag = morphology().parse(match["who"].strip().lower())[0].tag
    if "NOUN" not in tag or "anim" not in tag:
        return match[0]
    return match["who"] + "-".join(cardinal(int(match[end]), "gent") for end in ("least", "most"))


def _about(match: re.Match[str]) -> str:
    gender = "femn" if match["noun"].lower().startswith(("минут", "недел")) else "masc"
    return match["noun"] + "-".join(cardinal(int(match[end]), gender=gender) for end in ("least", "most"))


def _fraction(match: re.Match[str]) -> str:
    before, whole, after = match["before"], match["whole"], match["after"]
    upper, lower = int(match["upper"]), int(match["lower"])
    if not 0 < upper < lower or _HOUSE.search(match.string[: match.start("upper")][-9:]):
        between = " на " if (upper, lower) == (24, 7) else " дробь "
        digits = between.join(map(digits_in_words, (match["upper"], match["lower"])))
        return f"{before}{whole + ' ' if whole else ''}{digits}{after}"
    case = _case_of_part(before)
    parts = {3: "треть", 4: "четверть"}.get(lower) or ordinal(lower, gender="femn")
    part = _of_feminine(upper, parts, case)
    if whole and (upper, lower) == (1, 2):
        part = f"{cardinal(int(whole), case, _gender(after.strip()) if after else None)} с половиной"
    elif whole:
        part = f"{_of_feminine(int(whole), 'целая', case)} {part}"
    return f"{before}{part}{after}"


def _one_and_a_half(match: re.Match[str]) -> str:
    """Полтора of what is counted: в 1,5 раза -> в полтора раза, около 1,5 минуты -> около полутора минут."""
    parses = morphology().parse(match["noun"].lower())
    noun = next((p for p in parses if {"NOUN", "gent", "sing"} <= set(p.tag.grammemes)), None)
    if noun is None or "Abbr" in noun.tag:
        return match[0]
    case = case_of_amount(match["before"])
    if case in ("nomn", "accs"):
        return f"{match['before']}полтор{'ы' if noun.tag.gender == 'femn' else 'а'} {match['noun']}"
    return f"{match['before']}полутора {inflected(noun.normal_form, case, 'plur')}"


def _case_of_part(before: str) -> str:
    """The case of a fraction: в одной трети случаев, but a verb's object is in the accusative."""
    word = before.strip().lower()
    if word in ("в", "во"):
        return "loct"
    return "accs" if word and "tran" in morphology().parse(word)[0].tag else case_of_amount(word)


def _of_feminine(number: int, what: str, case: str) -> str:
    """A number of parts, what they are being a feminine ordinal or noun: (2, "пятая", "datv") -> двум пятым."""
    one = number % 10 == 1 and number % 100 != 11
    *head, last = what.split()
    direct = case in ("nomn", "accs") and not one
    if direct and last in ("треть", "четверть") and number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14):
        last = inflected(last, "gent")
    else:
        last = inflected(last, "gent" if direct else case, "sing" if one else "plur", "femn")
    return " ".join([cardinal(number, case, "femn"), *head, last])
