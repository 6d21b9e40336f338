"""Russian numbers in words where a case must be chosen: money, percent, times, fractions, telephone numbers.

What is left, ru-normalizr reads well by itself (dates, years, ordinals, units, counted nouns).
"""

import functools
import re

from num2words import num2words

from .morphology import morphology

_CASE_AFTER = {
    **dict.fromkeys(
        "от до около более менее свыше больше меньше из без у после для с со кроме порядка против "
        "хватает хватит хватило хватало достиг достигла достигло достигли достигает".split(),
        "g",
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
_COINS = {"$": "цент", "€": "цент", "£": "пенс"}
_CENTS = re.compile(
    rf"{_BEFORE}(?<!\d)(?<!\d )(?P<sign>[$€£])\s?(?P<whole>{_INTEGER})[.,](?P<coins>\d\d)(?![\d.,]*\d|{_SCALE})"
)
_KOPECKS = re.compile(
    rf"{_BEFORE}(?<![\d.,])(?P<whole>{_INTEGER}),(?P<coins>\d\d)\s?(?P<sign>₽|руб(?:л(?:ь|я|ей)\b|\b\.?)|р\.(?=\s*(?:$|[,;а-яё\d])))",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"(?P<before>(?:\b[а-яё]+\s+)?)(?<![\d.,])(?P<hours>\d{1,3})\s?ч(?:\.|(?![а-яё]))\s?(?P<minutes>\d{1,2})\s?мин(?![а-яё])",
    re.IGNORECASE,
)
_LASTS = re.compile(
    r"дли(?:тся|л[аои]?с[яь]|ться)|продолж\w+с[яь]|занял[аои]?|занимает|(?:про)?жд\w+|идёт", re.IGNORECASE
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
    text = _DURATION.sub(_duration, text)
    text = _money(_TIME.sub(_time, text))
    text = re.sub(r"(\d?)([½⅓⅔¼¾⅕⅛])", lambda m: f"{m[1]} {_VULGAR[m[2]]}".strip(), text)
    text = _FRACTION.sub(_fraction, text)
    text = _VERSION.sub(lambda m: m["before"] + " точка ".join(map(_digits, m[2].split("."))), text)
    text = _LACKING.sub(_lacking, text)
    text = _ABOUT.sub(_about, _AGES.sub(_ages, text))
    text = _GENITIVE_ORDINAL.sub(lambda m: num2words(int(m[1]), lang="ru", to="ordinal", case="g", gender="m"), text)
    return _LEADING_ZERO.sub(lambda m: _digits(m[0]), text)


def _money(text: str) -> str:
    text = _CENTS.sub(_coins, text)
    text = _SIGN_FIRST.sub(lambda m: f"{m[2]}{m[3] or ''} {_sign_name(m[1], m[2], m[3])}", text)
    text = _SCALED.sub(lambda m: f"{m[1]} {_sign_name(m[2], '', m[1])}", text)
    return _AMOUNT.sub(_amount, _KOPECKS.sub(_coins, text))


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
    full_stop = _full_stop(match, match["unit"])
    return f"{match['before']}{counted(number, noun, _case(match['before']))}{full_stop}"


def _full_stop(match: re.Match[str], abbreviation: str) -> str:
    """The full stop of an abbreviation is also that of the sentence where nothing follows."""
    return "." if abbreviation.endswith(".") and not match.string[match.end() :].strip() else ""


def _coins(match: re.Match[str]) -> str:
    """An amount with two decimals: 1 499,99 руб. is rubles and kopecks."""
    sign, case = match["sign"].lower(), _case(match["before"])
    whole = counted(int(re.sub(r"\D", "", match["whole"])), _COUNTED.get(sign, "рубль"), case)
    coins = counted(int(match["coins"]), _COINS.get(sign, "копейка"), case)
    return f"{match['before']}{whole} {coins}{_full_stop(match, sign)}"


def _duration(match: re.Match[str]) -> str:
    """Hours and minutes in one case: длится один час двадцать одну минуту."""
    case = "a" if _LASTS.fullmatch(match["before"].strip()) else _case(match["before"])
    hours, minutes = counted(int(match["hours"]), "час", case), counted(int(match["minutes"]), "минута", case)
    return f"{match['before']}{hours} {minutes}"


def _lacking(match: re.Match[str]) -> str:
    """A number after a verb that takes the genitive: не хватает двадцати одного метра."""
    return match["before"] + num2words(int(match["number"]), lang="ru", case="g", gender=_gender(match["noun"]))


def _gender(noun: str) -> str:
    gender = morphology().parse(noun.lower())[0].tag.gender
    return {"femn": "f", "neut": "n"}.get(gender, "m")


def _ages(match: re.Match[str]) -> str:
    """The ages of people: дети семи-девяти лет."""
    tag = morphology().parse(match["who"].strip().lower())[0].tag
    if "NOUN" not in tag or "anim" not in tag:
        return match[0]
    return match["who"] + "-".join(num2words(int(match[end]), lang="ru", case="g") for end in ("least", "most"))


def _about(match: re.Match[str]) -> str:
    gender = "f" if match["noun"].lower().startswith(("минут", "недел")) else "m"
    return match["noun"] + "-".join(num2words(int(match[end]), lang="ru", gender=gender) for end in ("least", "most"))


def _case(before: str) -> str:
    return _CASE_AFTER.get(before.strip().lower(), "n")


def counted(number: int, noun: str, case: str = "n") -> str:
    """A number of things in words, both in one case: (2, "рубль", "d") -> двум рублям.

    case: n, g, d, a, i or p, the first letter of its Latin name (p prepositional).
    """
    gender = "f" if noun in ("копейка", "иена", "минута") else "m"
    last = 0 if number % 100 in range(11, 20) else number % 10
    if case in "na" and last != 1:
        grammemes = ("gent", "sing" if last in (2, 3, 4) else "plur")
    else:
        grammemes = (_GRAMMEMES[case], "sing" if last == 1 else "plur")
    words = num2words(number, lang="ru", case=case, gender=gender, animate=False)
    return f"{words} {_inflected(noun, *grammemes)}"


@functools.lru_cache(maxsize=1024)
def _inflected(noun: str, case: str, number: str) -> str:
    form = morphology().parse(noun)[0].inflect({case, number})
    return form.word if form else noun


def is_common_word(word: str) -> bool:
    """Whether a dictionary has the word, other than as an abbreviation."""
    known = morphology().word_is_known(word)
    return known and not any("Abbr" in parse.tag for parse in morphology().parse(word))


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
    before, whole, after = match["before"], match["whole"], match["after"]
    upper, lower = int(match["upper"]), int(match["lower"])
    if not 0 < upper < lower or _HOUSE.search(match.string[: match.start("upper")][-9:]):
        between = " на " if (upper, lower) == (24, 7) else " дробь "
        digits = between.join(map(_digits, (match["upper"], match["lower"])))
        return f"{before}{whole + ' ' if whole else ''}{digits}{after}"
    case = _case_of_part(before)
    part = _part(upper, lower, case)
    if whole and (upper, lower) == (1, 2):
        gender = _gender(after.strip()) if after else "m"
        part = f"{num2words(int(whole), lang='ru', case=case, gender=gender, animate=False)} с половиной"
    elif whole:
        part = f"{_of_feminine(int(whole), 'целая', case)} {part}"
    return f"{before}{part}{after}"


def _case_of_part(before: str) -> str:
    """The case of a fraction: в одной трети случаев, but a verb's object is in the accusative."""
    word = before.strip().lower()
    if word in ("в", "во"):
        return "p"
    return "a" if word and "tran" in morphology().parse(word)[0].tag else _case(before)


def _part(upper: int, lower: int, case: str) -> str:
    names = {3: "треть", 4: "четверть"}
    return _of_feminine(upper, names.get(lower) or num2words(lower, lang="ru", to="ordinal", gender="f"), case)


def _of_feminine(number: int, what: str, case: str) -> str:
    """A number of parts, what they are being a feminine ordinal or noun: (2, "пятая", "d") -> двум пятым."""
    one = number % 10 == 1 and number % 100 != 11
    *head, last = what.split()
    direct = case in "na" and not one
    if direct and last in ("треть", "четверть") and number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14):
        last = _inflected(last, "gent", "sing")
    else:
        last = _feminine(last, "gent" if direct else _GRAMMEMES[case], "sing" if one else "plur")
    return " ".join([num2words(number, lang="ru", case=case, gender="f", animate=False), *head, last])


@functools.lru_cache(maxsize=1024)
def _feminine(word: str, case: str, number: str) -> str:
    """A feminine ordinal or noun inflected; its nominative is taken as such."""
    parse = next((p for p in morphology().parse(word) if "femn" in p.tag and "nomn" in p.tag), None)
    form = parse.inflect({case, number, "femn"} if number == "sing" else {case, number}) if parse else None
    return form.word if form else word


def _telephone(match: re.Match[str]) -> str:
    country = match[1].replace("+", "плюс ")
    groups = [country[:-1] + num2words(int(country[-1]), lang="ru"), *map(_digits, match.groups()[1:])]
    return ", ".join(groups)


def _digits(digits: str) -> str:
    """A group of digits as a number, its leading zeros one by one: 05 -> ноль пять."""
    rest = digits.lstrip("0")
    zeros = ["ноль"] * (len(digits) - len(rest))
    return " ".join([*zeros, num2words(int(rest), lang="ru")] if rest else zeros)
