"""English numbers, dates, money, units and abbreviations in words.

The package hibari-tts does dates, times, titles, ranges and Roman numerals; what it leaves or misreads is done here:
before it what needs its signs ($ / :), after it the numbers that are left.
"""

import re
import unicodedata

from . import g2p
from .counting import american, number
from .g2p import numbers
from .quantities import DAYS_AND_MONTHS, NUMBER, as_one_measure, quantities_in_words

SIGNS = {"%": "percent", "‰": "per mille", "&": "and", "@": "at", "+": "plus", "№": "number", "℃": "degrees Celsius",
         "℉": "degrees Fahrenheit", "∞": "infinity", "≈": "approximately", "≠": "does not equal", "√": "the root of",
         "≤": "less than or equal to", "≥": "greater than or equal to", "−": "minus"}  # fmt: skip
ABBREVIATIONS = {
    "Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor", "Blvd": "Boulevard", "e.g.": "for example", "i.e.": "that is",
    "a.k.a.": "also known as", "IT": "I.T.", "US": "U.S.", "24/7": "twenty four seven", "9/11": "nine eleven",
    "Approx.": "Approximately",
    "WWI": "World War One", "WWII": "World War Two", "WW1": "World War One", "WW2": "World War Two",
    "PhD": "Ph.D.", "Op.": "Opus", "op.": "opus", "Tel.": "Telephone", "tel.": "telephone",
    "km²": "square kilometers", "m²": "square meters", "cm²": "square centimeters",
    "m³": "cubic meters", "cm³": "cubic centimeters",
}  # fmt: skip
_WORDS_OF_URL = {".": "dot", "/": "slash", "@": "at", "_": "underscore", "-": "dash", "?": "question mark",
                 "=": "equals", "&": "and", "#": "hash", ":": "colon", "%": "percent", "+": "plus"}  # fmt: skip
_FILES = "html?|js|ts|py|md|txt|pdf|docx?|xlsx?|csv|json|xml|exe|zip|png|jpe?g|gif|mp3|mp4|wav|sh|cpp|css|php|sql"
_SAID_AS_WORDS = ("doc", "zip", "json", "gif")
_TOP_LEVEL = "com|org|net|edu|gov|io|co|uk|de|fr|info|biz|us|ru|ai|dev|app|me|tv"
_NOT_PLURAL = "is|was|has|as|this|does|its|us|was|thus|perhaps|always"
_URL = re.compile(
    rf"(?<![\w@])(?:https?://|ftp://|www\.)[^\s<>\"»”]*[\w/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    rf"|(?<![\w@.])(?:[\w-]+\.)+(?:{_TOP_LEVEL})\b(?:/[^\s<>\"»”]*[\w/])?",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?<![\w.])(\d{1,3}(?:,?\d{3}){0,3})(?:st|nd|rd|th)\b", re.IGNORECASE)
_CENTURY = re.compile(r"\b([IVX]{1,5})(?:st|nd|rd|th)? (?=century|centuries|dynasty)")
_DRIVE = re.compile(r"(?<=[a-z])(\s)Dr\.?(?=\s*(?:[,;)!?]|$|(?:and|in|at|near|to|is|was)\b))(\s*$)?")
_FILE = re.compile(rf"(?<=[A-Za-z0-9])\.({_FILES})(?![\w@])")
# "Queen Victoria", "Class Concept": the package takes the first letter for an empty Roman numeral.
_NO_NUMERAL = re.compile(rf"\bthe zeroth(?=[IVXLC])|\b({'|'.join(g2p.ROMAN_CARDINAL)}) 0(?=[IVXLC])")
_NAME_OF_TWO = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
# Where a number before 1100 is a year: in 1066, the Battle of Hastings (1066), "1066 and all that".
_YEAR_AFTER = re.compile(
    r"(?:\b(?:in|since|until|before|after|years?|from|by|circa|A\.?D\.?|(?:battle|siege|summer|winter|spring) of|"
    rf"{'|'.join(DAYS_AND_MONTHS[7:])}),?\s|\()$",
    re.IGNORECASE,
)
_YEAR_BEFORE = re.compile(r"\s(?:and|was|is|saw|marks|marked|A\.?D\.?)\b")
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
    text = re.sub(r"\bEsq\b(?:\.(?=\s+[a-z]|\s*[,;:)]))?", "Esquire", text)
    text = _DRIVE.sub(lambda m: f"{m[1]}Drive" + ("." if m[2] is not None else ""), text)
    text = _CENTURY.sub(lambda m: f"{american(numbers.ordinal(_roman(m[1])))} ", text)
    text = _FILE.sub(lambda m: f" dot {m[1].lower() if m[1].lower() in _SAID_AS_WORDS else m[1].upper()}", text)
    small = text != text.upper()  # in a text all in capitals IT and US are words
    text = re.sub(r"\b(Mr|Mrs|Dr)\.(?=\s)", r"\1", text)
    text = _ABBREVIATION.sub(lambda m: ABBREVIATIONS[m[1]] if small or m[1] not in ("IT", "US") else m[1], text)
    if any(map(str.isnumeric, text)):
        text = quantities_in_words(text)
    text = re.sub(r"(?<!\S)\*(?!\S)", "star", re.sub(r"(?<!\S)#(?!\S)", "pound", text))
    text = re.sub(r"\b([A-G])#(?!\w)", r"\1 sharp", text)
    text = re.sub(r"(?<![\w&])#([^\W\d]\w*)", lambda m: f"hashtag {_NAME_OF_TWO.sub(' ', m[1])}", text)
    text = g2p.normalize(text.replace("and/or", "and or"))
    text = _NO_NUMERAL.sub(lambda m: f"{m[1]} " if m[1] else "", text)
    text = as_one_measure(text)
    text = _TENS.sub(r"\1 ", _numbers(text))
    text = re.sub(r"(?<![A-Z])&|&(?![A-Z])|[%‰@№℃℉∞≈≠√≤≥−]|\+(?![^\W\d_])", lambda m: f" {SIGNS[m[0]]} ", text)
    text = re.sub(r"(?:\s*,){2,}", ",", re.sub(r"\s+([,.;:!?)])", r"\1", text))
    return re.sub(r"\s+", " ", text).strip()


_PLAIN_MARKS = str.maketrans({"’": "'", "‘": "'", "‑": "-", "‐": "-", "[": "(", "]": ")", "{": "(", "}": ")"})


def _numbers(text: str) -> str:
    """The numbers that are left: ordinals, years, versions, decimals, counts, parted from letters beside them."""
    text = _ORDINAL.sub(lambda m: american(numbers.ordinal(int(m[1].replace(",", "")))), text)

    def counted(match: re.Match) -> bool:
        if match[0] < "1100":
            opens = not text[: match.start()].strip(" \"'“«") and _YEAR_BEFORE.match(text, match.end())
            if not opens and not _YEAR_AFTER.search(text, max(0, match.start() - 12), match.start()):
                return True
        return bool(_COUNTED.match(text, match.end()))

    def in_words(match: re.Match) -> str:
        before = text[match.start() - 1 : match.start()]
        after = text[match.end() : match.end() + 1]
        words = "minus" if match[0] == "-" else number(match[0], counted(match))
        return (" " if before.isalnum() else "") + words + (" " if after.isalnum() or match[0] == "-" else "")

    return _NUMBER.sub(in_words, text)


def _roman(numeral: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)


def _url(match: re.Match) -> str:
    """An address as it is dictated; its scheme and "www" are left out."""
    address = re.sub(r"^(?:https?://|ftp://)?(?:www\.)?", "", match[0], flags=re.IGNORECASE).rstrip("/")
    words = "".join(f" {_WORDS_OF_URL[c]} " if c in _WORDS_OF_URL else c for c in address)
    return f" {' '.join(words.split())} "
