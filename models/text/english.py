"""English: written text into words in full, and those into phones.

The dictionary, the tagger that tells heteronyms apart and the network for unknown words are those of the package
hibari-tts (a port of misaki, Apache-2.0). Its alphabet is turned into SYMBOLS here.
"""

import unicodedata
from functools import lru_cache

from .symbols import PAUSES, SYMBOLS, WORD_BORDER

# The dictionary's alphabet -> SYMBOLS without stress. Marks that are in neither are dropped.
VOWELS = {
    "A": "eɪ", "I": "aɪ", "W": "aʊ", "Y": "ɔɪ", "O": "oʊ", "Q": "oʊ", "ɑ": "ɑ", "ɒ": "ɑ", "a": "ɑ", "æ": "æ",
    "ʌ": "ʌ", "ɔ": "ɔ", "o": "oʊ", "ɛ": "ɛ", "e": "ɛ", "ɜ": "ɜ", "ɪ": "ɪ", "ᵻ": "ɪ", "i": "i", "ʊ": "ʊ", "u": "u",
    "ə": "ə", "ᵊ": "ə", "ɐ": "ə", "ɚ": "ə", "y": "i", "ø": "ɜ", "œ": "ɜ", "ɨ": "ɪ",
}  # fmt: skip
CONSONANTS = {
    "ʤ": "d͡ʒ", "ʧ": "t͡ʃ", "T": "ɾ", "g": "ɡ", "r": "ɹ", "ʔ": "t", "ç": "h", "χ": "x", "ɬ": "l", "ɲ": "n", "β": "v",
    **{c: c for c in "bdfhjklmnpstvwzðŋɡɹɾʃʒθx"},
}  # fmt: skip
STRESSES = "ˈˌ"
PAUSE_OF = {
    ",": ",", ".": ".", "?": "?", "!": "!", ";": ",", ":": ",", "—": ",", "–": ",", "…": ".", "(": ",", ")": ",",
}  # fmt: skip


@lru_cache(maxsize=1)
def _dictionary():
    from hibari.g2p import G2P

    return G2P()


def normalise(text: str) -> str:
    """Text with numbers, dates, units and abbreviations in words."""
    from hibari.g2p.normalize import normalize

    text = unicodedata.normalize("NFC", text).replace("[", "(").replace("]", ")").replace(" - ", " — ")
    return normalize(text)


def phones(text: str) -> list[str]:
    """Symbols of a sentence: WORD_BORDER between words, a pause where punctuation stands, never two in a row."""
    return _to_symbols(_dictionary()(normalise(text), normalize_text=False))


def _to_symbols(reading: str) -> list[str]:
    """A reading in the dictionary's alphabet as SYMBOLS."""
    result: list[str] = []
    stress = ""
    for mark in reading:
        if mark in STRESSES:
            stress = mark
        elif mark in VOWELS:
            result.append(stress + VOWELS[mark])
            stress = ""
            if mark == "ɚ":
                result.append("ɹ")
        elif mark in CONSONANTS:
            result.append(CONSONANTS[mark])
        elif mark in PAUSE_OF:
            _add_pause(result, PAUSE_OF[mark])
        elif mark.isspace() and result and result[-1] != WORD_BORDER and result[-1] not in PAUSES:
            result.append(WORD_BORDER)
    return result[:-1] if result and result[-1] == WORD_BORDER else result


def _add_pause(result: list[str], pause: str) -> None:
    """Append a pause, or let the stronger of two stay.  A pause before the first sound is no pause."""
    if result and result[-1] == WORD_BORDER:
        result.pop()
    if result and result[-1] in PAUSES:
        result[-1] = max(result[-1], pause, key=",.!?".index)
    elif result:
        result.append(pause)
