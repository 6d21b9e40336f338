"""English quantities that are more than a number: money, measures, telephone numbers, fractions, ranges, codes.

Their units become words; their numbers stay digits where normalise.py reads those afterwards.
"""

import re
import unicodedata
from fractions import Fraction

from . import g2p
from .counting import american, count, pairs, spelled
from .g2p import numbers

NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
MONEY = {
    "$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "₽": ("ruble", "kopeck"),
    "¥": ("yen", ""), "₹": ("rupee", ""), "₩": ("won", ""), "₴": ("hryvnia", ""), "₿": ("bitcoin", ""),
}  # fmt: skip
PLURALS = {"penny": "pence", "yen": "yen", "won": "won", "foot": "feet", "inch": "inches", "hertz": "hertz"}
SCALES = {"k": "thousand", "m": "million", "mln": "million", "bn": "billion", "b": "billion", "t": "trillion"}
UNITS = {
    "m": "meter", "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "L": "liter", "l": "liter", "g": "gram",
    "h": "hour", "s": "second", "W": "watt", "V": "volt", "kcal": "kilocalorie", "dB": "decibel", "dpi": "dot per inch",
    "tbsp": "tablespoon", "tsp": "teaspoon",
    "mL": "milliliter", "m/s²": "meter per second squared", "yrs": "year", "Mb": "megabit", "Gb": "gigabit",
    "m/s": "meter per second", "km/s": "kilometer per second",
}  # fmt: skip
DAYS_AND_MONTHS = (
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August "
    "September October November December".split()
)
_PHONE = re.compile(
    r"(?<![\w.-])(?:\+?\d{1,3}[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]\d{2}[\s.-]?\d{2}(?![\w-])"
    r"|(?<![\w.-])0\d{2,4}\s\d{3,4}\s\d{3,4}(?![\w-])|(?<![\w.-])\+?\d{3}-\d{4}(?![\w-])|(?<!\w)\+\d{7,15}(?!\w)"
)
_MONEY = re.compile(
    rf"(?:US|CA|C|A)?([{''.join(MONEY)}])\s?({NUMBER})(?:\s?[-–]\s?[{''.join(MONEY)}]?({NUMBER}))?"
    r"(?:[\s-]?(thousand|million|billion|trillion|mln\b|bn\b|[kKmMbBtT]\b))?"
)
_MONEY_AFTER = re.compile(rf"(?<![\w.,])({NUMBER})\s?([{''.join(MONEY)}])(?!\d)")
_VULGAR = re.compile(r"(?:(\d+)\s?)?([¼-¾⅐⅑⅓-⅞])")
_FRACTION = re.compile(r"(?<![\w./,])(?:(\d{1,4})[ -])?(\d{1,2})[/⁄](\d{1,3})(?![\w/]|\.\d)")
_UNIT = re.compile(
    rf"(?<![\w.])({NUMBER})\s?({'|'.join(map(re.escape, sorted(UNITS, key=len, reverse=True)))})(?![\w²³/'])"
)
_FEET = re.compile(r"(?<![\w.])(\d{1,2})\s?(?:(?:'|′)\s?(\d{1,2})\s?(?:\"|″|'')?|ft\.?\s?(\d{1,2})\s?(in\b\.?)?)(?!\w)")
_DECADE = re.compile(r"(?<![\w.,])'?(\d\d)?(\d0)'?s\b")
_RATIO = re.compile(r"(?<![\w.:])(\d{1,3}):(\d{1,3})(?![\w:])")
_CODE = re.compile(
    r"\b((?:Room|Route|Highway|Bus|Suite|Channel|Boeing|Apartment|Gate|Interstate|Extension|Flight(?: [A-Z]{2})?) )"
    r"(\d{3,4})\b"
)
_CODE_OF_LETTERS = re.compile(r"(?<![\w.-])(?!USD|EUR|GBP)([A-Z]{1,3})(\d{3,4})(?![\w-]|[.,]\d)")  # BA2490, A380
_VIDEO = re.compile(r"(?<![\w.,])(\d{3,4})([pi])\b")  # 1080p
_SHORT_PHONE = re.compile(
    r"\b(dial|call|text) (\d{3})(?=\s*(?:[.,;:!?)]|$|(?:now|or|if|for|in|and|to|at|immediately)\b))", re.I
)
_QUARTER = re.compile(r"\b(Q[1-4]),? ((?:19|20)\d\d)\b")
_HALF_AND_HALF = re.compile(r"(?<![\w.,/–-])([2-9]0)[-–/]\1(?![\w–/-]|[.,]\d)")  # a 50-50 chance, 20/20 vision
_SCORE = re.compile(
    r"\b((?:gets?|got|scores?|scored|rates?|rated|gives?|gave|earned|(?:rating|score) of)"
    r"(?: (?:it|him|her|them|me|us|this|an?))* )(\d{1,3})/(5|10|20|100)(?![\w/]|\.\d)",
    re.IGNORECASE,
)
_PERCENT_RANGE = re.compile(r"(?<=\d)\s?%\s?[–-]\s?(?=\d+(?:\.\d+)?\s?%)")
_EACH = {
    "hr": "hour", "h": "hour", "min": "minute", "sec": "second", "s": "second", "d": "day", "wk": "week", "mo": "month",
    "yr": "year", "lb": "pound", "kg": "kilogram", "oz": "ounce", "gal": "gallon",
    **{word: word for word in "hour minute second day night week month year person unit item user".split()},
}  # fmt: skip
_PRICE = re.compile(  # $15/hr.
    rf"([{''.join(MONEY)}]\s?{NUMBER}(?:\s?[kKmM])?)\s?/\s?({'|'.join(sorted(_EACH, key=len, reverse=True))})\b"
    r"(?:\.(?=\s+[a-z]|\s*[,;:)]))?"
)
# The full stop of a unit cut short, where the sentence goes on: 1 tsp. of salt.
_FULL_STOP = re.compile(
    rf"(?<![\w.])({NUMBER}\s?(?:{'|'.join(map(re.escape, sorted({*UNITS, *g2p.UNITS}, key=len, reverse=True)))}))"
    r"\.(?=\s+[a-z(&]|\s*[,;:)])"
)
_INCHES = re.compile(rf"(?<![\w.])({NUMBER})\s?in\.(?=\s+[a-z]|\s*[,;:)]|\s*$)")
_STANDARD = re.compile(r"(?<![\w.])([A-Z])\.(\d{2,4})\b(?!\.?\d)")  # H.323, X.25
_RANGE = re.compile(r"(?<![\w.,/–-])(\d{1,4}(?:\.\d+)?)\s?[–-]\s?(\d{1,4}(?:\.\d+)?)(?![\w–-]|[.,/:]\d|\s?=)")
_NAME = rf"(?:{'|'.join(name[:3] for name in DAYS_AND_MONTHS)})[a-z]{{0,6}}"
_NAMED_RANGE = re.compile(rf"\b({_NAME})\.?\s?[–-]\s?({_NAME})\b")
_TIME_RANGE = re.compile(r"((?:\d:\d\d|(?:\d\s?)[ap]\.?m\.?))\s?[–-]\s?(?=\d{1,2}(?::\d\d|\s?[ap]\.?m))", re.IGNORECASE)
_HALF_DAY = re.compile(r"(?<=\d)\s?([ap])\.?m\b\.?", re.IGNORECASE)
_CIRCA = re.compile(r"(?<![\w.])ca?\.\s?(?=\d{3,4}\b)")
_ZIP = re.compile(r"\b([A-Z]{2}) (\d{5})\b(?!,)")


def quantities_in_words(text: str) -> str:
    """What is more than a number: telephone numbers, money, fractions, measures, decades, ordinals, sums."""
    text = _STANDARD.sub(lambda m: f"{m[1]} {pairs(m[2]) if len(m[2]) > 2 else m[2]}", text)
    text = _TIME_RANGE.sub(r"\1 to ", _NAMED_RANGE.sub(_named_range, text))
    text = _HALF_DAY.sub(lambda m: f" {m[1].upper()}.M.", text)
    text = _CIRCA.sub("circa ", text)
    text = re.sub(r"(?<=\d)x(?= [a-z])", " times", text)
    text = re.sub(r"(?<=\d)M(?![\w/²³])", " million", text)
    text = _FULL_STOP.sub(r"\1", re.sub(r"(?<=\d)(\s?)(sq)\. (?=(?:ft|mi)\b)", r"\1\2 ", text))
    text = _INCHES.sub(lambda m: _plural(m[1], "inch") + "." * (not text[m.end() :].strip()), text)
    text = _SHORT_PHONE.sub(lambda m: f"{m[1]} {spelled(m[2])}", text)
    text = _PRICE.sub(lambda m: f"{m[1]} per {_EACH[m[2]]}", text)
    text = _SCORE.sub(r"\1\2 out of \3", _PERCENT_RANGE.sub("% to ", text))
    text = _HALF_AND_HALF.sub(lambda m: f"{count(m[1])}-{count(m[1])}", text)
    text = _PHONE.sub(_phone, re.sub(r"(?<![\w.])\.(?=\d)", "0.", text))
    text = _MONEY.sub(_money, text)
    text = _MONEY_AFTER.sub(lambda m: _sum_of_money(m[2], m[1]), text)
    text = _RANGE.sub(r"\1 to \2", text)
    text = _VULGAR.sub(lambda m: _fraction(m[1], Fraction(unicodedata.numeric(m[2])).limit_denominator(10)), text)
    text = _FRACTION.sub(_written_fraction, text)
    text = _FEET.sub(_feet, text)
    text = _DECADE.sub(_decade, text)
    text = _UNIT.sub(lambda m: _plural(m[1], UNITS[m[2]]), text)
    text = _RATIO.sub(_ratio, text)
    text = _QUARTER.sub(lambda m: f"{m[1]} {american(numbers.year(int(m[2])))}", text)
    text = _CODE.sub(lambda m: m[1] + pairs(m[2]), text)
    text = _VIDEO.sub(lambda m: f"{pairs(m[1])} {m[2]}", text)
    text = _CODE_OF_LETTERS.sub(lambda m: f"{m[1]} {count(m[2]) if m[2][1:3] == '00' else pairs(m[2])}", text)
    text = _ZIP.sub(lambda m: f"{m[1]} {spelled(m[2])}", text)
    text = re.sub(r"(?<=\d)\s*\+\s*(?=\d)", " plus ", text)
    text = re.sub(r"(?<=\d)\s+[x*×]\s+(?=\d)", " times ", text)
    text = re.sub(r"(?<=\d)[x×](?=\d)", " by ", text)
    return re.sub(r"(?<=\d)\s+/\s+(?=\d)", " divided by ", text)


def _plural(number: str, one: str) -> str:
    """ "1 mile", "5 miles", "5 meters per second": the number stays in digits."""
    if number.replace(",", "") == "1":
        return f"{number} {one}"
    noun, _, rest = one.partition(" ")
    return f"{number} {PLURALS.get(noun, noun + 's')} {rest}".rstrip()


def _named_range(match: re.Match) -> str:
    """ "Mon–Fri" as "Monday to Friday", and nothing of what only begins like a day or a month."""
    names = [next(name for name in DAYS_AND_MONTHS if name.startswith(written[:3])) for written in match.groups()]
    begins = all(
        name.startswith(written) or written == "Sept" for name, written in zip(names, match.groups(), strict=True)
    )
    return " to ".join(names) if begins else match[0]


def _feet(match: re.Match) -> str:
    """5'10" as "5 feet 10", 6 ft 2 in as "6 feet 2 inches"."""
    feet, inches = match[1], match[2] or match[3]
    return f"{_plural(feet, 'foot')} {_plural(inches, 'inch') if match[4] else inches}"


def _phone(match: re.Match) -> str:
    groups = [spelled(group) for group in re.findall(r"\d+", match[0])]
    return ("plus " if match[0].startswith("+") else "") + ", ".join(groups)


def _money(match: re.Match) -> str:
    sign, amount, to, scale = match.groups()
    if scale:
        amount = f"{amount} to {to}" if to else amount
        return f"{amount} {SCALES.get(scale.lower(), scale)} {_plural('', MONEY[sign][0]).strip()}"
    return f"{amount} to {_sum_of_money(sign, to)}" if to else _sum_of_money(sign, amount)


def _sum_of_money(sign: str, amount: str) -> str:
    """ "$25.50" as "25 dollars and 50 cents"."""
    unit, hundredth = MONEY[sign]
    whole, _, rest = amount.partition(".")
    if not rest or not hundredth or len(rest) != 2:
        return _plural(amount, unit)
    small = _plural(str(int(rest)), hundredth)
    if int(rest) == 0:
        return _plural(whole, unit)
    return small if whole == "0" else f"{_plural(whole, unit)} and {small}"


def _fraction(whole: str | None, part: Fraction) -> str:
    """ "two and a half", "three quarters"."""
    over, under = part.numerator, part.denominator
    name = {2: "half", 4: "quarter"}.get(under) or american(numbers.ordinal(under))
    if over > 1:
        words = f"{count(str(over))} {'halves' if name == 'half' else name + 's'}"
    else:
        words = f"{'a' if whole else 'one'} {name}"
    return f"{whole} and {words}" if whole else words


def _written_fraction(match: re.Match) -> str:
    """ "3/4", unless it is no fraction below one: a date, a score."""
    whole, over, under = match.groups()
    if not 0 < int(over) < int(under) or (int(under) > 10 and int(under) not in (12, 16, 20, 32, 64, 100)):
        return match[0]
    if int(under) == 12 and not whole:  # May 12th rather than five twelfths
        return match[0]
    name = {2: "half", 4: "quarter"}.get(int(under)) or american(numbers.ordinal(int(under)))
    words = f"{'a' if whole and over == '1' else count(over)} {name}{'s' if int(over) > 1 else ''}"
    return f"{whole} and {words}" if whole else words


def _decade(match: re.Match) -> str:
    """ "1990s" as "nineteen nineties", "'80s" as "eighties"."""
    century, tens = match.groups()
    ten = numbers.TENS[int(tens[0])]
    if not ten:
        return match[0] if not century else f"{american(numbers.year(int(century + tens)))}s"
    return (f"{count(century)} " if century else "") + ten[:-1] + "ies"


def _ratio(match: re.Match) -> str:
    """ "16:9" as "16 to 9", but a time stays."""
    is_time = len(match[2]) == 2 and int(match[1]) < 24 and int(match[2]) < 60
    return match[0] if is_time else f"{match[1]} to {match[2]}"


_PLURAL_UNITS = {
    PLURALS.get(one, one + "s"): one
    for one in (
        *(word for words in MONEY.values() for word in words if word),
        *(unit for unit in [*UNITS.values(), *(one for one, _ in g2p.UNITS.values())] if " " not in unit),
        *"percent degree year month week day".split(),
    )
    if PLURALS.get(one, one + "s") != one
}
_ONE_MEASURE = re.compile(
    rf"\b([Aa]n? {NUMBER}(?: (?:thousand|million|billion|trillion))?)[ -]({'|'.join(_PLURAL_UNITS)})"
    r" (?=(?!(?:of|and|or|to|per|in|on|at|for|a|an|the|is|was|from|by|with|each|more|less|ago|later|old)\b)[a-z])"
)


def as_one_measure(text: str) -> str:
    """ "a 20 dollars bill" as "a 20 dollar bill", after all units are words."""
    return _ONE_MEASURE.sub(lambda m: f"{m[1]} {_PLURAL_UNITS[m[2]]} ", text)
