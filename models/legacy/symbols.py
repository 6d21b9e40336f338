"""The characters that the published synthesizer reads."""

import unicodedata

PADDING, END = "_", "~"
SYMBOLS = (PADDING, END, *"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!'\"(),-.:;? ")
PLAIN = str.maketrans({
    "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "–": "-", "—": "-", "…": ".",
    "ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe",
})  # fmt: skip
_IDS = {symbol: index for index, symbol in enumerate(SYMBOLS)}


def characters(words: str, last: str) -> str:
    """A sentence in English words as the network reads it: small letters without accents, ending in a mark.

    words: numbers and abbreviations written out; last: one of . ? !, which ends a sentence that has no mark.
    """
    plain = unicodedata.normalize("NFKD", words.lower().translate(PLAIN))
    written = " ".join("".join(letter for letter in plain if letter in _IDS and letter not in PADDING + END).split())
    return written if written.rstrip("\"')").endswith((".", "?", "!")) else written.rstrip(",;:-( ") + last


def symbol_ids(written: str) -> list[int]:
    """Ids of characters, and of the end."""
    return [_IDS[character] for character in written + END]
