"""Russian numbers in words, and what is counted, in a case."""

from num2words import num2words

from .cases import inflected

_LETTERS = {"nomn": "n", "gent": "g", "datv": "d", "accs": "a", "ablt": "i", "loct": "p"}  # num2words' names of cases
_GENDERS = {"masc": "m", "femn": "f", "neut": "n", None: "m"}
_FEMININE = frozenset("копейка иена минута".split())


def cardinal(number: int, case: str = "nomn", gender: str | None = "masc") -> str:
    """A number of inanimate things: (2, "datv") -> двум.  gender: masc, femn or neut; none is masc."""
    return num2words(number, lang="ru", case=_LETTERS[case], gender=_GENDERS[gender], animate=False)


def ordinal(number: int, case: str = "nomn", gender: str | None = "masc", plural: bool = False) -> str:
    """Which of inanimate things: (2, "datv", "femn") -> второй."""
    return num2words(
        number,
        lang="ru",
        to="ordinal",
        case=_LETTERS[case],
        gender=_GENDERS[gender],
        plural=plural,
        animate=False,
    )


def counted(number: int, noun: str, case: str = "nomn") -> str:
    """A number of things, both in one case: (2, "рубль", "datv") -> двум рублям."""
    last = 0 if number % 100 in range(11, 20) else number % 10
    if case in ("nomn", "accs") and last != 1:
        form = inflected(noun, "gent", "sing" if last in (2, 3, 4) else "plur")
    else:
        form = inflected(noun, case, "sing" if last == 1 else "plur")
    return f"{cardinal(number, case, 'femn' if noun in _FEMININE else 'masc')} {form}"


def digits_in_words(digits: str) -> str:
    """A group of digits as a number, its leading zeros one by one: 05 -> ноль пять."""
    rest = digits.lstrip("0")
    zeros = ["ноль"] * (len(digits) - len(rest))
    return " ".join([*zeros, cardinal(int(rest))] if rest else zeros)


def full_stop(abbreviation: str, after: str) -> str:
    """The full stop of an abbreviation, which is also that of the sentence where nothing comes after."""
    return "." if abbreviation.endswith(".") and not after.strip() else ""
