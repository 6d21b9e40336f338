"""Sentences: clean a text, split it at sentence ends and into speakable lengths, tell the alphabets apart."""

import re
import unicodedata
from collections.abc import Iterator

MAX_SENTENCE = 200  # characters; a longer sentence is cut, at a clause border where there is one
PARAGRAPH_PAUSE = 0.6  # seconds of silence for empty lines
MAX_PAUSE = 10.0  # seconds one [pause 0.5] may ask for

CYRILLIC = "\u0400-\u052f"
LATIN = "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_CYRILLIC_LETTER = re.compile(f"[{CYRILLIC}]")
_CYRILLIC_WORD = re.compile(f"[{CYRILLIC}][{CYRILLIC}\u0301+]*")
_LATIN_WORD = re.compile(f"[{LATIN}][{LATIN}\u0301+']*")
_WORD = re.compile(rf"[{CYRILLIC}{LATIN}0-9]")
_ADDRESS = re.compile(r"@|://|\w\.\w")

_ASKED_PAUSE = re.compile(r"\[\s*(?:pause|пауза)\s+(\d{1,3}(?:[.,]\d{1,3})?)\s*[sс]?\s*\]", re.IGNORECASE)
_LINE_BREAK = re.compile("\r\n|[\r\n\v\f\x85\u2028\u2029]")
_LIST_MARK = re.compile(r"^\s*(?:[-–—•*·‣▪]\s+|(\d{1,3})[.)]\s+(?=\S))")
_INNER_LIST_MARK = re.compile(r"(?<=[;:,.])\s+(\d{1,2}|[a-zа-я])\)\s+(?=\S)")  # first; 2) second
_LETTERS = re.compile(f"[{CYRILLIC}{LATIN}]+")
_SPOKEN_SYMBOLS = set("°№©®™℃℉")  # of Unicode's "other symbols", the rest of which are pictures
_NUMBERS_WITH_NAMES = set("²³¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞")
_LOOK_ALIKES = dict(zip("aceopxyABCEHKMOPTXYk", "асеорхуАВСЕНКМОРТХУк", strict=True))
_TO_CYRILLIC = str.maketrans(_LOOK_ALIKES)
_TO_LATIN = str.maketrans({cyrillic: latin for latin, cyrillic in _LOOK_ALIKES.items()})

# Where a sentence may end: marks, closing quotes and brackets, then space; or ?! and Cyrillic full stops without one.
_END = re.compile(
    rf"""(?<![.!?…])[.!?…]+["'»”’)\]]*(?:\s+|(?<=[!?])(?=[{CYRILLIC}{LATIN}])|(?<=[а-яё]\.)(?=[А-ЯЁ][а-яё]))"""
)
_LAST_WORD = re.compile(rf"(?:^|[^{CYRILLIC}{LATIN}.])((?:[{CYRILLIC}{LATIN}]+\.\s?)*[{CYRILLIC}{LATIN}]+)\.$")
_AFTER = re.compile(r"""["'«»“”„‘(\[\s+№]*(?:[—–-]\s*)?(\w*)(\.?)""")
# Never the end of a sentence.
_ABBREVIATIONS = set(
    "mr mrs ms dr prof st mt ft gen gov sen rep capt lt col sgt rev hon pres no nos vs fig vol ch pp e.g i.e cf approx "
    "jan feb mar apr jun jul aug sep sept oct nov dec "
    "ул пр-т просп пер пл наб д кв корп стр рис табл им т.е т.н т.к см ср напр проф акад доц ст обл пос гл тов гр св "
    "ок доб прибл al ca г-н г-жа о оз р с п пп ред изд тел англ лат франц нем греч рус зам зав нач сер кон мл".split()
)
# The end of a sentence when a capital letter follows.
_FINAL_ABBREVIATIONS = set(
    "etc inc ltd co corp jr sr a.m p.m am pm bros dept "
    "т.д т.п др пр руб коп тыс млн млрд трлн гг вв в н.э мин сек час ч кг км м см мм га л шт экз чел".split()
)
# Words of a date: in "В 1995 г. Москва" the sentence goes on, because it is only a date so far.
_DATE_WORDS = set(
    "г гг в вв ч к с до до по от на из за для после около примерно весной летом осенью зимой утром вечером днём ночью "
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря январе феврале марте апреле мае "
    "июне июле августе сентябре октябре ноябре декабре начале середине конце нач сер кон начала середины конца а и но "
    "также только уже ещё лишь".split()
)
_ROMAN = re.compile("[ivxlcхі]+")
_DAYS = set("monday tuesday wednesday thursday friday saturday sunday".split())
_STARTERS = set("the a he she it they we i you but and in on at this that there then so his her my our".split())

# Clause borders, strongest first: a cut is made after one of these.
_MILLIONS_OF_MONEY = re.compile(r"\b(?:тыс|млн|млрд|трлн)\.\s*[₽$€£]")
_CLAUSE_BORDERS = (re.compile(r"[;:.!?…][\"'»”’)]*\s"), re.compile(r"\s[—–-]\s|[,)»”]\s"), re.compile(r"\s"))


def clean(text: str) -> str:
    """Remove what cannot be read: return NFC, "\\n" as the one line break, no control characters or pictures."""
    return cleaned(text)[0]


def cleaned(text: str) -> tuple[str, list[int]]:
    """As clean; return also where in the text each character comes from, and at last the text's length."""
    characters, places = [], []
    for place, written in _composed(text):
        readable = "".join(map(_readable, written))
        characters.append(readable)
        places += [place] * len(readable)
    return _LETTERS.sub(_one_alphabet, "".join(characters)), [*places, len(text)]


def _composed(text: str) -> Iterator[tuple[int, str]]:
    """(place, character) of each character of a text: NFC with its combining marks, line breaks as "\\n"."""
    start = 0
    for end in range(1, len(text) + 1):
        if end < len(text) and (unicodedata.combining(text[end]) or text[end - 1 : end + 1] == "\r\n"):
            continue
        yield start, unicodedata.normalize("NFC", _LINE_BREAK.sub("\n", text[start:end]))
        start = end


def _readable(character: str) -> str:
    """Map one character to itself, a plainer form, a space or nothing."""
    if character < "\x7f":
        return character if character >= " " or character == "\n" else " "
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "No" and character not in _NUMBERS_WITH_NAMES:
        return "".join(digit for digit in unicodedata.normalize("NFKC", character) if digit.isdecimal()) or " "
    if "\uff01" <= character <= "\uff5e" or "\U0001d400" <= character <= "\U0001d7ff":  # full-width, mathematical
        plain = unicodedata.normalize("NFKC", character)
        return _readable(plain) if len(plain) == 1 and plain != character else " "
    if category[0] in "ZC":
        return " " if category[0] == "Z" or category == "Cc" else ""
    if category == "So" and character not in _SPOKEN_SYMBOLS or category == "Sk":
        return " "
    if category[0] == "M":
        return character if character in "\u0301\u0306\u0308" else ""
    if category[0] == "L" and not _WORD.match(character):
        return _letter_name(character)
    return character


def _letter_name(character: str) -> str:
    """A Greek letter as its name, a letter of another alphabet that is not read as a space."""
    match = re.fullmatch(r"GREEK (?:SMALL|CAPITAL) LETTER (\w+).*", unicodedata.name(character, ""))
    return f" {match[1].lower()} " if match else " "


def _one_alphabet(match: re.Match) -> str:
    """Replace look-alike letters so that a word is in one alphabet ("Mосква" with a Latin M)."""
    word = match[0]
    n_cyrillic = len(_CYRILLIC_LETTER.findall(word))
    if n_cyrillic in (0, len(word)):
        return word
    one = word.translate(_TO_CYRILLIC if 2 * n_cyrillic >= len(word) else _TO_LATIN)
    return word if _LATIN_WORD.search(one) and has_cyrillic(one) else one


def has_cyrillic(text: str) -> bool:
    return _CYRILLIC_LETTER.search(text) is not None


def language_of(text: str, otherwise: str | None) -> str | None:
    """ "ru" or "en", by the alphabet of most words; `otherwise` for none or a tie.

    Latin initials, units and addresses are common in Russian text, so they count only if there is nothing else.
    """
    russian, english = len(_CYRILLIC_WORD.findall(text)), len(_LATIN_WORD.findall(text))
    if russian and english:
        tokens = (token for token in text.split() if not _ADDRESS.search(token))
        english = sum(_is_english(word) for token in tokens for word in _LATIN_WORD.findall(token))
    if russian == english:
        return otherwise
    return "ru" if russian > english else "en"


def _is_english(word: str) -> bool:
    return word in ("I", "A", "a") or len(word) > 2 and not word.isupper() or word.lower() in _STARTERS


def runs(text: str, language: str) -> list[tuple[str, str]]:
    """The parts of a sentence in reading order as (language, text): words of the other alphabet apart.

    Parts without letters belong to the main language.
    """
    mine, other = (CYRILLIC, LATIN) if language == "ru" else (LATIN, CYRILLIC)
    foreign = re.compile(rf"\+?[{other}](?:[^{mine}]*[{other}\u0301])?(?:\+\+|#)?")
    parts, start = [], 0
    for match in foreign.finditer(text):
        parts += [(language, text[start : match.start()]), ("en" if language == "ru" else "ru", match[0])]
        start = match.end()
    return [(lang, part) for lang, part in [*parts, (language, text[start:])] if part.strip()]


def sentences(text: str) -> Iterator[tuple[str, float, int]]:
    """(sentence, seconds of silence after it, where it starts), each of at most MAX_SENTENCE and with a word in it.

    A sentence is the characters of the text from its start on, but for the marks of lists.
    Pause marks in a row add up and are not combined with other pauses; any number of empty lines is one pause.
    """
    pending, asked, empty = None, 0.0, False
    for part, seconds, is_empty, start in _parts(text):
        end = 0
        for piece in (piece for sentence in _split(part) for piece in cut(sentence, MAX_SENTENCE)):
            place = part.index(piece, end)  # only spaces stand between pieces
            end = place + len(piece)
            if not _WORD.search(piece):
                continue
            if pending is not None:
                yield pending[0], _silence(asked, empty), pending[1]
            pending, asked, empty = (piece, start + place), 0.0, False
        asked, empty = asked + seconds, empty or is_empty
    if pending is not None:
        yield pending[0], _silence(asked, empty), pending[1]


def _silence(asked: float, empty: bool) -> float:
    return min(asked, MAX_PAUSE) or PARAGRAPH_PAUSE * empty


def _parts(text: str) -> Iterator[tuple[str, float, bool, int]]:
    """(part of a line, seconds of silence asked for after it, whether the line is empty, where the part starts)."""
    start = 0
    for line in text.split("\n"):
        end = 0
        for mark in [*_ASKED_PAUSE.finditer(line), None]:
            part = line[end : mark.start() if mark else None]
            part = _INNER_LIST_MARK.sub(_inner_list_mark, part if end else _LIST_MARK.sub(_list_mark, part))
            yield part, float(mark[1].replace(",", ".")) if mark else 0.0, not mark and not line.strip(), start + end
            end = mark.end() if mark else end
        start += len(line) + 1


def _list_mark(mark: re.Match) -> str:
    """ "3. " as "3, ", any other mark of a list as spaces; of the same length."""
    return re.sub(r"[.)]", ",", mark[0]) if mark[1] else " " * len(mark[0])


def _inner_list_mark(mark: re.Match) -> str:
    """ "; 2) second" as "; 2, second", of the same length, unless the bracket closes one."""
    if mark.string.rfind("(", 0, mark.start()) > mark.string.rfind(")", 0, mark.start()):
        return mark[0]
    return (mark[0].upper() if mark[1].isascii() else mark[0]).replace(")", ",")


def _split(text: str) -> list[str]:
    """The sentences of one line."""
    found, start = [], 0
    for match in _END.finditer(text):
        if _ends_sentence(text, start, match):
            found.append(text[start : match.end()].strip())
            start = match.end()
    return [*found, text[start:].strip()]


def _ends_sentence(text: str, start: int, end: re.Match) -> bool:
    """Whether the marks found end a sentence: not after an abbreviation or initials, nor before a small letter."""
    next_word = _AFTER.match(text, end.end())
    after = next_word[1]
    if after[:1].islower() or _MILLIONS_OF_MONEY.match(text, text.rfind(" ", 0, end.start()) + 1):
        return False
    word = _LAST_WORD.search(text[max(start, end.start() - 30) : end.end()].rstrip())
    if not word or not after:
        return True
    before = text[max(start, end.start() - 200) : end.start()]
    word = re.sub(r"\s", "", word[1])
    if len(word.split(".")[-1]) > 2:  # "Л. Н. Толстой." ends as any word does, "т. д." as an abbreviation
        word = word.split(".")[-1]
    if len(word) == 1 and word.isupper():  # J. K. Rowling, but Plan B. We go.
        return after.lower() in _STARTERS and not (len(after) == 1 and next_word[2])
    return _ends_after(word.lower(), before, after)


def _ends_after(word: str, before: str, after: str) -> bool:
    """Whether a sentence ends at "word." when a capital or a number follows; before: its text up to that full stop."""
    last = word.split(".")[-1]
    if after[0].isdigit() and (len(last) == 1 or {word, last} & (_ABBREVIATIONS | _FINAL_ABBREVIATIONS)):
        return False
    if word == "пол" and re.search(r"(?:\b[IVX]+|\d(?:-?[а-я]{1,3})?) пол$", before):  # the second half, no floor
        return False
    if word == "пр":  # "и пр." but "пр. Невский"
        return before.lower().endswith((" и пр", ", пр"))
    if word in ("г", "гг", "в", "вв", "ч") and _is_only_date(before):
        return False
    if word in ("a.m", "p.m") and after.lower() in _DAYS:
        return False
    if word == "м" and re.search(r"(?:^|\s)(?:у|от|до|к|из|с|на|около|возле) м$", before, re.IGNORECASE):  # the metro
        return False
    if word in _FINAL_ABBREVIATIONS:
        return True
    if word == "г":  # "в 1995 г. Москва" but "г. Москва"
        return bool(re.search(r"\d\s*г$", before))
    if word in _ABBREVIATIONS or last in _ABBREVIATIONS - {"о", "р", "с", "п", "no"}:
        return False
    return "." not in word or after.lower() in _STARTERS  # U.S., Ph.D.


def _is_only_date(text: str) -> bool:
    """Whether a text is only a date: "12 мая 1995 г"."""
    words = _LETTERS.findall(text.lower())
    return all(word in _DATE_WORDS or _ROMAN.fullmatch(word) for word in words)


def cut(sentence: str, limit: int) -> list[str]:
    """Cut a sentence into about equal pieces of at most `limit` characters, at clause borders or between words."""
    pieces = []
    while len(sentence) > limit:
        at = _border(sentence[: limit + 1], len(sentence) / -(-len(sentence) // limit))
        pieces.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [*pieces, sentence]


def _border(text: str, wanted: float) -> int:
    """Return where to cut `text`, one character over the limit: after the best border near `wanted`."""
    for border in _CLAUSE_BORDERS:
        ends = [match.end() for match in border.finditer(text) if match.end() > 0.3 * len(text)]
        if ends:
            return min(ends, key=lambda end: abs(end - wanted))
    return len(text) - 1
