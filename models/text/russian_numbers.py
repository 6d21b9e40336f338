"""Russian numbers in words where a case must be chosen: money, percent, times, fractions, telephone numbers.

What is left, ru-normalizr reads well by itself (dates, years, ordinals, units, counted nouns).
"""

import functools
import re

from num2words import num2words

_CASE_AFTER = {
    **dict.fromkeys(
        "от до около более менее свыше больше меньше из без у после для с со кроме порядка против".split(), "g"
    ),
    **dict.fromkeys("к ко благодаря равно равна равен равны".split(), "d"),
    **dict.fromkeys("на за в во через про спустя по стоит стоят стоил стоила стоило стоили".split(), "a"),
    **dict.fromkeys("о об при".split(), "p"),
    **dict.fromkeys("между над перед".split(), "i"),
}
_GRAMMEMES = {"n": "nomn", "g": "gent", "d": "datv", "a": "accs", "p": "loct", "i": "ablt"}  # pymorphy's names of cases
_COUNTED = {
    **dict.fromkeys(("$", "доллар", "доллара", "долларов"), "доллар"),
    **dict.fromkeys(("€", "евро"), "евро"),
    **dict.fromkeys(("₽", "руб.", "руб", "р.", "рубль", "рубля", "рублей"), "рубль"),
    **dict.fromkeys(("£", "фунт", "фунта", "фунтов"), "фунт"),
    **dict.fromkeys(("¥", "иена", "иены", "иен"), "иена"),
    **dict.fromkeys(("коп.", "коп", "копейка", "копейки", "копеек"), "копейка"),
    **dict.fromkeys(("%", "процент", "процента", "процентов"), "процент"),
}
_INTEGER = r"\d{1,3}(?:[ \u00a0]\d{3})+|\d{1,15}"
_BEFORE = r"(?P<before>(?:\b[а-яё]+\s+)?)"
_SCALE = r"\s?(?:тыс\.?|млн|млрд|трлн)"
_SIGN_FIRST = re.compile(rf"(?<!\d)(?<!\d )([$€£¥₽])\s?((?:{_INTEGER})(?:[.,]\d+)?)({_SCALE}(?![а-яё]))?")
_SCALED = re.compile(rf"(?<=\d)({_SCALE})\s?([$€£¥₽])")
_AMOUNT = re.compile(
    _BEFORE
    + rf"(?<![\d.,:/–—-])(?P<number>{_INTEGER})\s?(?P<unit>[$€₽£¥%]|(?:руб|коп)\.?(?![а-яё])|р\.(?=\s*(?:$|[,;а-яё\d]))"
    + r"|доллар(?:а|ов)?\b|евро\b|рубл(?:ь|я|ей)\b|копе(?:йка|йки|ек)\b|процент(?:а|ов)?\b)",
    re.IGNORECASE,
)
_TIME = re.compile(_BEFORE + r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?![\d:])", re.IGNORECASE)
_FRACTION = re.compile(r"(?<![\d/.,])(\d{1,2})/(\d{1,2})(?![\d/]|[.,]\d)")
_GENITIVE_ORDINAL = re.compile(r"(?<![\d.,])(\d{1,6})-?го\b")
_COMPOUND = re.compile(
    r"(?<![\d.,])(\d{1,4})(?:-(?=лети[еяюй]|летн)|(?:%|\s?процент)-(?=(?:н(?:ый|ая|ое|ые|ого|ой|ую|ых|ом|ым))\b))"
)
_PROPORTION = re.compile(
    r"(?P<before>\b(?:соотношени|отношени|масштаб|пропорци)[а-яё]*\s+)(\d{1,6}):(\d{1,6})", re.IGNORECASE
)
_TELEPHONE = re.compile(r"(?<!\d)(\+?[78])[\s-]?\(?(\d{3})\)?[\s-]?(\d{3})[\s-]?(\d{2})[\s-]?(\d{2})(?!\d)")
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
    text = _LOCAL_TELEPHONE.sub(lambda m: ", ".join(map(_digits, m[0].split("-"))), text)
    text = _COMPOUND.sub(_compound, text)
    text = _PROPORTION.sub(_proportion, text)
    text = _TIME.sub(_time, text)
    text = _SIGN_FIRST.sub(lambda m: f"{m[2]}{m[3] or ''} {_sign_name(m[1], m[2], m[3])}", text)
    text = _SCALED.sub(lambda m: f"{m[1]} {_sign_name(m[2], '', m[1])}", text)
    text = _AMOUNT.sub(_amount, text)
    text = _FRACTION.sub(_fraction, text)
    text = _GENITIVE_ORDINAL.sub(lambda m: num2words(int(m[1]), lang="ru", to="ordinal", case="g", gender="m"), text)
    return _LEADING_ZERO.sub(lambda m: _digits(m[0]), text)


def join_ranges(text: str) -> str:
    """Ranges in words without a pause inside: пять — десять is said пять-десять."""
    return _RANGE.sub(r"\1-", text)


def _sign_name(sign: str, number: str, scale: str | None) -> str:
    """A currency sign after its number: with a decimal or a scale as a word in the genitive, otherwise the sign."""
    if scale:
        return _inflected(_COUNTED[sign], "gent", "plur")
    return _inflected(_COUNTED[sign], "gent", "sing") if re.search(r"[.,]\d", number) else sign


def _amount(match: re.Match[str]) -> str:
    number = int(re.sub(r"\D", "", match["number"]))
    noun = _COUNTED[match["unit"].lower()]
    full_stop = "." if match["unit"].endswith(".") and not match.string[match.end() :].strip() else ""
    return f"{match['before']}{counted(number, noun, _case(match['before']))}{full_stop}"


def _case(before: str) -> str:
    return _CASE_AFTER.get(before.strip().lower(), "n")


def counted(number: int, noun: str, case: str = "n") -> str:
    """A number of things in words, both in one case: (2, "рубль", "d") -> двум рублям.

    case: n, g, d, a, i or p, the first letter of its Latin name (p prepositional).
    """
    gender = "f" if noun in ("копейка", "иена") else "m"
    last = 0 if number % 100 in range(11, 20) else number % 10
    if case in "na" and last != 1:
        grammemes = ("gent", "sing" if last in (2, 3, 4) else "plur")
    else:
        grammemes = (_GRAMMEMES[case], "sing" if last == 1 else "plur")
    words = num2words(number, lang="ru", case=case, gender=gender, animate=False)
    return f"{words} {_inflected(noun, *grammemes)}"


@functools.cache
def _inflected(noun: str, case: str, number: str) -> str:
    form = _morphology().parse(noun)[0].inflect({case, number})
    return form.word if form else noun


@functools.cache
def _morphology():
    import pymorphy3

    return pymorphy3.MorphAnalyzer()


def is_common_word(word: str) -> bool:
    """Whether a dictionary has the word, other than as an abbreviation."""
    morphology = _morphology()
    return morphology.word_is_known(word) and not any("Abbr" in parse.tag for parse in morphology.parse(word))


def _time(match: re.Match[str]) -> str:
    case = _case(match["before"])
    hour, minute = int(match["hour"]), match["minute"]
    minutes = _digits(minute) if minute[0] == "0" else num2words(int(minute), lang="ru", case=case)
    return f"{match['before']}{num2words(hour, lang='ru', case=case, animate=False)} {minutes}"


def _compound(match: re.Match[str]) -> str:
    """The number at the head of a compound word: 50-летие -> пятидесятилетие, 100%-ный -> стопроцентный."""
    head = num2words(int(match[1]), lang="ru", case="g").replace(" ", "")
    head = re.sub(r"^ста|ста$", "сто", re.sub(r"^(?:одной)?тысячи$", "тысяче", head))
    return head + "процент" * (not match.string.startswith("лет", match.end()))


def _proportion(match: re.Match[str]) -> str:
    return f"{match['before']}{num2words(int(match[2]), lang='ru')} к {num2words(int(match[3]), lang='ru', case='d')}"


def _fraction(match: re.Match[str]) -> str:
    upper, lower = int(match[1]), int(match[2])
    if not 0 < upper < lower:
        between = "на" if match[0] == "24/7" else "дробь"
        return f"{_digits(match[1])} {between} {_digits(match[2])}"
    many = upper % 10 != 1 or upper == 11
    below = {2: ("вторая", "вторых"), 3: ("треть", "трети"), 4: ("четверть", "четверти")}.get(lower)
    if not below:
        one = num2words(lower, lang="ru", to="ordinal", gender="f")
        below = (one, num2words(lower, lang="ru", to="ordinal", case="g", plural=True))
    return f"{num2words(upper, lang='ru', gender='f')} {below[many]}"


def _telephone(match: re.Match[str]) -> str:
    country = match[1].replace("+", "плюс ")
    groups = [country[:-1] + num2words(int(country[-1]), lang="ru"), *map(_digits, match.groups()[1:])]
    return ", ".join(groups)


def _digits(digits: str) -> str:
    """A group of digits as a number, its leading zeros one by one: 05 -> ноль пять."""
    rest = digits.lstrip("0")
    zeros = ["ноль"] * (len(digits) - len(rest))
    return " ".join([*zeros, num2words(int(rest), lang="ru")] if rest else zeros)
