"""Addresses of the web, of mail and of files in a Russian text, as they are dictated."""

import re

_ADDRESS = re.compile(
    r"(?:https?://|www\.)+(?P<site>[^\s<>«»\"',;]+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\w.])(?P<russian>[а-яё\d-]+(?:\.[а-яё\d-]+)*\.(?:рф|рус|дети|онлайн|сайт|москва))(?!\w)"
    r"|(?P<file>(?<![\w.])[A-Za-z][\w-]*(?:\.[A-Za-z]\w*)+(?:/[\w./-]*\w)?)"
)
_SIGNS = {".": "точка", "@": "собака", "/": "слэш", "-": "дефис", "_": "подчёркивание", ":": "двоеточие"}
_DOMAINS = {"ru": "ру", "рф": "эр-+эф", "com": "ком", "org": "орг"}


def addresses_in_words(text: str) -> str:
    """Text with its addresses spelled out; a scheme, www and what follows ? or # are left out."""
    return _ADDRESS.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    address = match[match.lastgroup]
    tail = re.search(r"[.!?:)]*$", address)[0]
    address = re.sub(r"[?#].*", "", address[: len(address) - len(tail)]).rstrip("/")
    pieces = [_DOMAINS.get(piece.lower(), piece) for piece in re.split(r"([^\w]|_)", address) if piece]
    return " ".join(_SIGNS.get(piece, piece) for piece in pieces) + tail
