"""English numbers in words, the American way: one hundred five, twenty one."""

import re

from .g2p import numbers


def american(words: str) -> str:
    """ "one hundred and five", "twenty-one" as "one hundred five", "twenty one"."""
    return re.sub(r",|\band\b", "", words).replace("-", " ").replace("  ", " ")


def count(digits: str) -> str:
    """A whole number; one that begins with 0 or is too long to have a name, digit by digit."""
    if len(digits) > 15 or digits[0] == "0" and len(digits) > 1:
        return spelled(digits)
    return american(numbers.cardinal(int(digits)))


def spelled(digits: str) -> str:
    """Digits one by one."""
    return " ".join(numbers.ONES[int(digit)] for digit in digits if digit.isdigit())


def pairs(digits: str) -> str:
    """The number of a room or a flight: 101 "one oh one", 747 "seven forty seven", 1408 "fourteen oh eight"."""
    high, low = digits[:-2], digits[-2:]
    if low == "00":
        return count(digits)
    return f"{count(high)} {'oh ' + numbers.ONES[int(low)] if low[0] == '0' else count(low)}"


def number(written: str, counted: bool) -> str:
    """One number in words; a bare one of four digits is a year unless something is counted."""
    plain = written.replace(",", "")
    if plain.count(".") > 1:
        return " point ".join(map(count, plain.split(".")))
    if "." in plain:
        whole, decimals = plain.split(".")
        return f"{count(whole or '0')} point {spelled(decimals)}"
    if len(written) == 4 and not counted and not "2000" <= written <= "2009" and "1010" <= written <= "2099":
        return american(numbers.year(int(written)))
    return count(plain)
