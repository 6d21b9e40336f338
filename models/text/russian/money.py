"""Russian money and percent in words, in the case that the word before asks for."""

import re

from .cases import case_of_amount, inflected
from .counting import counted, full_stop

_NOUNS = {
    **dict.fromkeys(("$", "доллар", "доллара", "долларов"), "доллар"),
    **dict.fromkeys(("€", "евро"), "евро"),
    **dict.fromkeys(("₽", "руб.", "руб", "р.", "рубль", "рубля", "рублей"), "рубль"),
    **dict.fromkeys(("£", "фунт", "фунта", "фунтов"), "фунт"),
    **dict.fromkeys(("¥", "иена", "иены", "иен"), "иена"),
    **dict.fromkeys(("коп.", "коп", "копейка", "копейки", "копеек"), "копейка"),
    **dict.fromkeys(("%", "процент", "процента", "процентов"), "процент"),
}
_COINS = {"$": "цент", "€": "цент", "£": "пенс"}  # of any other sign копейка
_FOR_ONE = {
    **dict(
        zip(
            "кг г л м т км шт уп".split(),
            "килограмм грамм литр метр тонну километр штуку упаковку".split(),
            strict=True,
        )
    ),
    **dict(zip("м² кв.м экз ед".split(), ("квадратный метр", "квадратный метр", "экземпляр", "единицу"), strict=True)),
}
_A_TIME = dict(
    zip("ч час мес месяц день сут сутки год нед мин".split(),
        "час час месяц месяц день сутки сутки год неделю минуту".split(), strict=True)
)  # fmt: skip

_INTEGER = r"\d{1,3}(?:[ \u00a0]\d{3})+|\d{1,15}"
_BEFORE = r"(?P<before>(?:\b[а-яё]+\s+)?)"
_RUBLES = r"р\.(?=\s*(?:$|[,;а-яё\d]))"
_SCALE = r"\s?(?:тыс\.?|млн|млрд|трлн)"
_PRICE = re.compile(
    r"(?P<money>[$€£₽]|\bруб\.?|\bр\.)\s?/\s?"
    rf"(?P<one>{'|'.join(map(re.escape, sorted([*_FOR_ONE, *_A_TIME], key=len, reverse=True)))})(?![а-яё])\.?",
    re.IGNORECASE,
)
_SIGN_FIRST = re.compile(rf"(?<!\d)(?<!\d )([$€£¥₽])\s?((?:{_INTEGER})(?:[.,]\d+)?)({_SCALE}(?![а-яё]))?")
_SCALED = re.compile(rf"(?<=\d)({_SCALE})\s?([$€£¥₽])")
_AMOUNT = re.compile(
    _BEFORE
    + rf"(?<![\d.,:/–—-])(?P<number>{_INTEGER})\s?(?P<unit>[$€₽£¥%]|(?:руб|коп)\.?(?![а-яё])|{_RUBLES}"
    + r"|доллар(?:а|ов)?\b|евро\b|рубл(?:ь|я|ей)\b|копе(?:йка|йки|ек)\b|процент(?:а|ов)?\b)",
    re.IGNORECASE,
)
_CENTS = re.compile(
    rf"{_BEFORE}(?<!\d)(?<!\d )(?P<sign>[$€£])\s?(?P<whole>{_INTEGER})[.,](?P<coins>\d\d)(?![\d.,]*\d|{_SCALE})"
)
_KOPECKS = re.compile(
    rf"{_BEFORE}(?<![\d.,])(?P<whole>{_INTEGER}),(?P<coins>\d\d)\s?(?P<sign>₽|руб(?:л(?:ь|я|ей)\b|\b\.?)|{_RUBLES})",
    re.IGNORECASE,
)


def money_in_words(text: str) -> str:
    """Text with money and percent in words; a decimal or thousands of it stay numbers, their unit a word."""
    text = _PRICE.sub(_price, text)
    text = _CENTS.sub(_coins, text)
    text = _SIGN_FIRST.sub(lambda m: f"{m[2]}{m[3] or ''} {_sign_name(m[1], m[2], m[3])}", text)
    text = _SCALED.sub(lambda m: f"{m[1]} {_sign_name(m[2], '', m[1])}", text)
    return _AMOUNT.sub(_amount, _KOPECKS.sub(_coins, text))


def _price(match: re.Match[str]) -> str:
    """The price of one thing or of a time: руб./кг -> руб. за килограмм, ₽/мес -> ₽ в месяц."""
    one = match["one"].lower()
    what = f"в {_A_TIME[one]}" if one in _A_TIME else f"за {_FOR_ONE[one]}"
    return f"{match['money']} {what}{full_stop(match[0], match.string[match.end() :])}"


def _sign_name(sign: str, number: str, scale: str | None) -> str:
    """A currency sign after its number: with a decimal or a scale as a word in the genitive, otherwise the sign."""
    if scale:
        return inflected(_NOUNS[sign], "gent", "plur")
    return inflected(_NOUNS[sign], "gent") if re.search(r"[.,]\d", number) else sign


def _amount(match: re.Match[str]) -> str:
    amount = counted(_integer(match["number"]), _NOUNS[match["unit"].lower()], case_of_amount(match["before"]))
    return f"{match['before']}{amount}{full_stop(match['unit'], match.string[match.end() :])}"


def _coins(match: re.Match[str]) -> str:
    """An amount with two decimals: 1 499,99 руб. is rubles and kopecks."""
    sign, case = match["sign"].lower(), case_of_amount(match["before"])
    whole = counted(_integer(match["whole"]), _NOUNS.get(sign, "рубль"), case)
    coins = counted(int(match["coins"]), _COINS.get(sign, "копейка"), case)
    return f"{match['before']}{whole} {coins}{full_stop(sign, match.string[match.end() :])}"


def _integer(written: str) -> int:
    return int(re.sub(r"\D", "", written))
