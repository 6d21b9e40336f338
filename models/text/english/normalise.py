"""English numbers, dates, money, units and abbreviations in words.

The package hibari-tts does dates, times, titles, ranges and Roman numerals; what it leaves or misreads is done here:
before it what needs its signs ($ / :), after it the numbers that are left.
"""

import re
import unicodedata
from fractions import Fraction

from . import g2p
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
SIGNS = {"%": "percent", "‰": "per mille", "&": "and", "@": "at", "+": "plus", "№": "number", "℃": "degrees Celsius",
         "℉": "degrees Fahrenheit", "∞": "infinity", "≈": "approximately", "≠": "does not equal", "√": "the root of",
         "≤": "less than or equal to", "≥": "greater than or equal to", "−": "minus"}  # fmt: skip
ABBREVIATIONS = {
    "Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor", "Blvd": "Boulevard", "e.g.": "for example", "i.e.": "that is",
    "a.k.a.": "also known as", "IT": "I.T.", "US": "U.S.", "24/7": "twenty four seven", "9/11": "nine eleven",
    "PhD": "Ph.D.", "Op.": "Opus", "op.": "opus", "Tel.": "Telephone", "tel.": "telephone",
    "km²": "square kilometers", "m²": "square meters", "cm²": "square centimeters",
    "m³": "cubic meters", "cm³": "cubic centimeters",
}  # fmt: skip
_WORDS_OF_URL = {".": "dot", "/": "slash", "@": "at", "_": "underscore", "-": "dash", "?": "question mark",
                 "=": "equals", "&": "and", "#": "hash", ":": "colon", "%": "percent", "+": "plus"}  # fmt: skip
_FILES = "html?|js|ts|py|md|txt|pdf|docx?|xlsx?|csv|json|xml|exe|zip|png|jpe?g|gif|mp3|mp4|wav|sh|cpp|css|php|sql"
_SAID_AS_WORDS = ("doc", "zip", "json", "gif")
_DAYS_AND_MONTHS = (
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August "
    "September October November December".split()
)
_TOP_LEVEL = "com|org|net|edu|gov|io|co|uk|de|fr|info|biz|us|ru|ai|dev|app|me|tv"
_NOT_PLURAL = "is|was|has|as|this|does|its|us|was|thus|perhaps|always"

_URL = re.compile(
    rf"(?<![\w@])(?:https?://|ftp://|www\.)[^\s<>\"»”]*[\w/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    rf"|(?<![\w@.])(?:[\w-]+\.)+(?:{_TOP_LEVEL})\b(?:/[^\s<>\"»”]*[\w/])?",
    re.IGNORECASE,
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
_ORDINAL = re.compile(r"(?<![\w.])(\d{1,3}(?:,?\d{3}){0,3})(?:st|nd|rd|th)\b", re.IGNORECASE)
_RATIO = re.compile(r"(?<![\w.:])(\d{1,3}):(\d{1,3})(?![\w:])")
_CODE = re.compile(
    r"\b(Room|Route|Flight|Highway|Bus|Suite|Channel|Boeing|Apartment|Gate|Interstate|Extension) (\d{3,4})\b"
)
_STANDARD = re.compile(r"(?<![\w.])([A-Z])\.(\d{2,4})\b(?!\.?\d)")  # H.323, X.25
_RANGE = re.compile(r"(?<![\w.,/–-])(\d{1,4}(?:\.\d+)?)\s?[–-]\s?(\d{1,4}(?:\.\d+)?)(?![\w–-]|[.,/:]\d|\s?=)")
_NAME = rf"(?:{'|'.join(name[:3] for name in _DAYS_AND_MONTHS)})[a-z]{{0,6}}"
_NAMED_RANGE = re.compile(rf"\b({_NAME})\.?\s?[–-]\s?({_NAME})\b")
_TIME_RANGE = re.compile(r"((?:\d:\d\d|(?:\d\s?)[ap]\.?m\.?))\s?[–-]\s?(?=\d{1,2}(?::\d\d|\s?[ap]\.?m))", re.IGNORECASE)
_HALF_DAY = re.compile(r"(?<=\d)\s?([ap])\.?m\b\.?", re.IGNORECASE)
_CIRCA = re.compile(r"(?<![\w.])ca?\.\s?(?=\d{3,4}\b)")
_CENTURY = re.compile(r"\b([IVX]{1,5})(?:st|nd|rd|th)? (?=century|centuries|dynasty)")
_DRIVE = re.compile(r"(?<=[a-z])(\s)Dr\.?(?=\s*(?:[,;)!?]|$|(?:and|in|at|near|to|is|was)\b))(\s*$)?")
_FILE = re.compile(rf"(?<=[A-Za-z0-9])\.({_FILES})(?![\w@])")
# "Queen Victoria", "Class Concept": the package takes the first letter for an empty Roman numeral.
_NO_NUMERAL = re.compile(rf"\bthe zeroth(?=[IVXLC])|\b({'|'.join(g2p.ROMAN_CARDINAL)}) 0(?=[IVXLC])")
_NAME_OF_TWO = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_YEAR_AFTER = re.compile(r"\b(?:in|since|until|before|after|year|from|by)\s$", re.IGNORECASE)
_ZIP = re.compile(r"\b([A-Z]{2}) (\d{5})\b(?!,)")
_NUMBER = re.compile(rf"(?<![\w.,])-(?=\d)|\d+(?:\.\d+){{2,}}|{NUMBER}")
_COUNTED = re.compile(rf"\s+(?!(?:{_NOT_PLURAL})\b)[a-z]+s\b")
_TENS = re.compile(rf"\b({'|'.join(numbers.TENS[2:])})-(?=[a-z])")
_ABBREVIATION = re.compile(
    rf"(?<![\w./])({'|'.join(map(re.escape, sorted(ABBREVIATIONS, key=len, reverse=True)))})(?![\w/])"
)


def normalise(text: str) -> str:
    """English text with all its numbers, signs, units and common abbreviations in words.

    What is already in words is left as it is.  Marks of stress stay.
    """
    text = unicodedata.normalize("NFC", text).translate(_PLAIN_MARKS)
    text = re.sub(r"(?<=\s)-(?=\s)", "—", re.sub(r"(?<=\d)\s-\s(?=\d+\s?=)", " minus ", text))
    text = _URL.sub(_url, text)
    text = re.sub(r"\betc\b(?:\.(?!\s*(?:$|[A-Z])))?", "et cetera", text)
    text = _DRIVE.sub(lambda m: f"{m[1]}Drive" + ("." if m[2] is not None else ""), text)
    text = _CENTURY.sub(lambda m: f"{_american(numbers.ordinal(_roman(m[1])))} ", text)
    text = _FILE.sub(lambda m: f" dot {m[1].lower() if m[1].lower() in _SAID_AS_WORDS else m[1].upper()}", text)
    small = text != text.upper()  # in a text all in capitals IT and US are words
    text = re.sub(r"\b(Mr|Mrs|Dr)\.(?=\s)", r"\1", text)
    text = _ABBREVIATION.sub(lambda m: ABBREVIATIONS[m[1]] if small or m[1] not in ("IT", "US") else m[1], text)
    if any(map(str.isdigit, text)) or _VULGAR.search(text):
        text = _quantities(text)
    text = re.sub(r"(?<!\S)\*(?!\S)", "star", re.sub(r"(?<!\S)#(?!\S)", "pound", text))
    text = re.sub(r"\b([A-G])#(?!\w)", r"\1 sharp", text)
    text = re.sub(r"(?<![\w&])#([^\W\d]\w*)", lambda m: f"hashtag {_NAME_OF_TWO.sub(' ', m[1])}", text)
    text = g2p.normalize(text.replace("and/or", "and or"))
    text = _NO_NUMERAL.sub(lambda m: f"{m[1]} " if m[1] else "", text)
    text = _ONE_MEASURE.sub(_as_one, text)
    text = _TENS.sub(r"\1 ", _numbers(text))
    text = re.sub(r"(?<![A-Z])&|&(?![A-Z])|[%‰@№℃℉∞≈≠√≤≥−]|\+(?![^\W\d_])", lambda m: f" {SIGNS[m[0]]} ", text)
    text = re.sub(r"(?:\s*,){2,}", ",", re.sub(r"\s+([,.;:!?)])", r"\1", text))
    return re.sub(r"\s+", " ", text).strip()


_PLAIN_MARKS = str.maketrans({"’": "'", "‘": "'", "‑": "-", "‐": "-", "[": "(", "]": ")", "{": "(", "}": ")"})


def _quantities(text: str) -> str:
    """What is more than a number: telephone numbers, money, fractions, measures, decades, ordinals, sums."""
    text = _STANDARD.sub(lambda m: f"{m[1]} {_pairs(m[2]) if len(m[2]) > 2 else m[2]}", text)
    text = _TIME_RANGE.sub(r"\1 to ", _NAMED_RANGE.sub(_named_range, text))
    text = _HALF_DAY.sub(lambda m: f" {m[1].upper()}.M.", text)
    text = _CIRCA.sub("circa ", text)
    text = re.sub(r"(?<=\d)x(?= [a-z])", " times", text)
    text = re.sub(r"(?<=\d)M(?![\w/²³])", " million", text)
    text = _PHONE.sub(_phone, re.sub(r"(?<![\w.])\.(?=\d)", "0.", text))
    text = _MONEY.sub(_money, text)
    text = _MONEY_AFTER.sub(lambda m: _sum_of_money(m[2], m[1]), text)
    text = _RANGE.sub(r"\1 to \2", text)
    text = _VULGAR.sub(lambda m: _fraction(m[1], Fraction(unicodedata.numeric(m[2])).limit_denominator(10)), text)
    text = _FRACTION.sub(_written_fraction, text)
    text = _FEET.sub(_feet, text)
    text = _DECADE.sub(_decade, text)
    text = _UNIT.sub(lambda m: _measure(m[1], UNITS[m[2]]), text)
    text = _RATIO.sub(_ratio, text)
    text = _CODE.sub(lambda m: f"{m[1]} {_pairs(m[2])}", text)
    text = _ZIP.sub(lambda m: f"{m[1]} {_digits(m[2])}", text)
    text = re.sub(r"(?<=\d)\s*\+\s*(?=\d)", " plus ", text)
    text = re.sub(r"(?<=\d)\s+[x*×]\s+(?=\d)", " times ", text)
    text = re.sub(r"(?<=\d)[x×](?=\d)", " by ", text)
    return re.sub(r"(?<=\d)\s+/\s+(?=\d)", " divided by ", text)


def _numbers(text: str) -> str:
    """The numbers that are left: ordinals, years, versions, decimals, counts, parted from letters beside them."""
    text = _ORDINAL.sub(lambda m: _american(numbers.ordinal(int(m[1].replace(",", "")))), text)

    def counted(match: re.Match) -> bool:
        is_early = match[0] < "1100" and not _YEAR_AFTER.search(text, max(0, match.start() - 10), match.start())
        return is_early or bool(_COUNTED.match(text, match.end()))

    def in_words(match: re.Match) -> str:
        before = text[match.start() - 1 : match.start()]
        after = text[match.end() : match.end() + 1]
        words = "minus" if match[0] == "-" else _number(match[0], counted(match))
        return (" " if before.isalnum() else "") + words + (" " if after.isalnum() or match[0] == "-" else "")

    return _NUMBER.sub(in_words, text)


def _number(written: str, counted: bool) -> str:
    """One number in words; a bare one of four digits is a year unless something is counted."""
    plain = written.replace(",", "")
    if plain.count(".") > 1:
        return " point ".join(map(_count, plain.split(".")))
    if "." in plain:
        whole, decimals = plain.split(".")
        return f"{_count(whole or '0')} point {_digits(decimals)}"
    if len(written) == 4 and not counted and not "2000" <= written <= "2009" and "1010" <= written <= "2099":
        return _american(numbers.year(int(written)))
    return _count(plain)


def _count(digits: str) -> str:
    """A whole number; one that begins with 0 or is too long to have a name, digit by digit."""
    if len(digits) > 15 or digits[0] == "0" and len(digits) > 1:
        return _digits(digits)
    return _american(numbers.cardinal(int(digits)))


def _american(words: str) -> str:
    """ "one hundred and five", "twenty-one" as "one hundred five", "twenty one"."""
    return re.sub(r",|\band\b", "", words).replace("-", " ").replace("  ", " ")


def _digits(digits: str) -> str:
    return " ".join(numbers.ONES[int(digit)] for digit in digits if digit.isdigit())


def _pairs(digits: str) -> str:
    """The number of a room or a flight: 101 "one oh one", 747 "seven forty seven", 1408 "fourteen oh eight"."""
    high, low = digits[:-2], digits[-2:]
    if low == "00":
        return _count(digits)
    return f"{_count(high)} {'oh ' + numbers.ONES[int(low)] if low[0] == '0' else _count(low)}"


def _plural(number: str, one: str) -> str:
    """ "1 mile", "5 miles", "5 meters per second": the number stays in digits."""
    if number.replace(",", "") == "1":
        return f"{number} {one}"
    noun, _, rest = one.partition(" ")
    return f"{number} {PLURALS.get(noun, noun + 's')} {rest}".rstrip()


_measure = _plural


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


def _as_one(match: re.Match) -> str:
    """ "a 20 dollars bill" as "a 20 dollar bill"."""
    return f"{match[1]} {_PLURAL_UNITS[match[2]]} "


def _named_range(match: re.Match) -> str:
    """ "Mon–Fri" as "Monday to Friday", and nothing of what only begins like a day or a month."""
    names = [next(name for name in _DAYS_AND_MONTHS if name.startswith(written[:3])) for written in match.groups()]
    begins = all(
        name.startswith(written) or written == "Sept" for name, written in zip(names, match.groups(), strict=True)
    )
    return " to ".join(names) if begins else match[0]


def _feet(match: re.Match) -> str:
    """5'10" as "5 feet 10", 6 ft 2 in as "6 feet 2 inches"."""
    feet, inches = match[1], match[2] or match[3]
    return f"{_plural(feet, 'foot')} {_plural(inches, 'inch') if match[4] else inches}"


def _roman(numeral: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)


def _url(match: re.Match) -> str:
    """An address as it is dictated; its scheme and "www" are left out."""
    address = re.sub(r"^(?:https?://|ftp://)?(?:www\.)?", "", match[0], flags=re.IGNORECASE).rstrip("/")
    words = "".join(f" {_WORDS_OF_URL[c]} " if c in _WORDS_OF_URL else c for c in address)
    return f" {' '.join(words.split())} "


def _phone(match: re.Match) -> str:
    groups = [_digits(group) for group in re.findall(r"\d+", match[0])]
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
    name = {2: "half", 4: "quarter"}.get(under) or _american(numbers.ordinal(under))
    if over > 1:
        words = f"{_count(str(over))} {'halves' if name == 'half' else name + 's'}"
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
    name = {2: "half", 4: "quarter"}.get(int(under)) or _american(numbers.ordinal(int(under)))
    words = f"{'a' if whole and over == '1' else _count(over)} {name}{'s' if int(over) > 1 else ''}"
    return f"{whole} and {words}" if whole else words


def _decade(match: re.Match) -> str:
    """ "1990s" as "nineteen nineties", "'80s" as "eighties"."""
    century, tens = match.groups()
    ten = numbers.TENS[int(tens[0])]
    if not ten:
        return match[0] if not century else f"{_american(numbers.year(int(century + tens)))}s"
    return (f"{_count(century)} " if century else "") + ten[:-1] + "ies"


def _ratio(match: re.Match) -> str:
    """ "16:9" as "16 to 9", but a time stays."""
    is_time = len(match[2]) == 2 and int(match[1]) < 24 and int(match[2]) < 60
    return match[0] if is_time else f"{match[1]} to {match[2]}"
