"""English: written text into words in full, and those into phones.

The dictionary, the tagger that tells heteronyms apart and the network for unknown words are those of the package
hibari-tts (a port of misaki, Apache-2.0). Its alphabet is turned into SYMBOLS here.
"""

import re
import unicodedata

from ..stress import unmarked
from ..symbols import PAUSES, WORD_BORDER
from .g2p import dictionary
from .normalise import normalise

# The dictionary's alphabet -> SYMBOLS without stress. Marks that are in neither are dropped.
VOWELS = {
    "A": "eɪ", "I": "aɪ", "W": "aʊ", "Y": "ɔɪ", "O": "oʊ", "Q": "oʊ", "ɑ": "ɑ", "ɒ": "ɑ", "a": "ɑ", "æ": "æ",
    "ʌ": "ʌ", "ɔ": "ɔ", "o": "oʊ", "ɛ": "ɛ", "e": "ɛ", "ɜ": "ɜ", "ɪ": "ɪ", "ᵻ": "ɪ", "i": "i", "ʊ": "ʊ", "u": "u",
    "ə": "ə", "ᵊ": "ə", "ɐ": "ə", "ɚ": "ə", "y": "i", "ø": "ɜ", "œ": "ɜ", "ɨ": "ɪ",
}  # fmt: skip
CONSONANTS = {
    "ʤ": "d͡ʒ", "ʧ": "t͡ʃ", "T": "ɾ", "g": "ɡ", "r": "ɹ", "ʔ": "t", "ç": "h", "χ": "x", "ʀ": "ɹ", "ɬ": "l",
    "ɲ": "n", "β": "v",
    **{c: c for c in "bdfhjklmnpstvwzðŋɡɹɾʃʒθx"},
}  # fmt: skip
STRESSES = "ˈˌ"
PAUSE_OF = {
    ",": ",", ".": ".", "?": "?", "!": "!", ";": ",", ":": ",", "—": ",", "–": ",", "…": ".", "(": ",", ")": ",",
}  # fmt: skip
PLAIN_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe"})
_UNREAD = re.compile("[^\x20-\x7e\u0301—–…“”«»]")  # the dictionary fails on some of them
_LONG_WORD = re.compile(r"\S{40,}")  # with hyphens or capitals inside, the dictionary's time grows with its cube
_INITIALS_AND = re.compile(r"\b([A-Z]{1,3})&([A-Z]{1,3})\b")  # AT&T
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")
_STRESS_GIVEN = re.compile("[A-Za-z]*(?:\\+[aeiouy]|[aeiouy]\u0301)[A-Za-z\u0301']*", re.IGNORECASE)
_VOWEL_LETTERS = re.compile("[aeiouy]+", re.IGNORECASE)


def phones(text: str) -> list[str]:
    """Symbols of a sentence: WORD_BORDER between words, a pause where punctuation stands, never two in a row.

    A stress given with + before the vowel or U+0301 after it wins over the dictionary's.
    """
    words = unicodedata.normalize("NFKD", normalise(text).translate(PLAIN_LETTERS))
    words = _LONG_WORD.sub(_in_pieces, _UNREAD.sub("", words))
    words = _INITIALS_AND.sub(lambda m: f"{_dotted(m[1])} and {_dotted(m[2])}", words)
    words = _CAPITALS.sub(_shouted if words == words.upper() else _shouted_small, words)
    words = _STRESS_GIVEN.sub(_stressed, words)
    words = words.replace("\u0301", "")
    return _to_symbols(dictionary()(words, normalize_text=False))


def pause_of(marks: str) -> str:
    """The pause that punctuation asks for, "" for none: the strongest of , . ! ?"""
    return max((PAUSE_OF[mark] for mark in marks if mark in PAUSE_OF), key=",.!?".index, default="")


def _in_pieces(match: re.Match) -> str:
    """A very long word of small letters alone, parted where other characters stood."""
    return re.sub(r"[^a-z+\u0301,.;:!?]+", " ", match[0].lower())


def _dotted(initials: str) -> str:
    """ "AT" as "A.T", which is read by letters."""
    return ".".join(initials) if len(initials) > 1 else initials


def _shouted(match: re.Match) -> str:
    """A word of a text all in capitals: a small one if the dictionary knows it, else initials."""
    golds = dictionary().lexicon.golds.d
    return match[0].lower() if match[0].lower() in golds and match[0] not in golds else match[0]


def _shouted_small(match: re.Match) -> str:
    """A word in capitals in a mixed text: THIS and FROM become words, US and GPU stay initials."""
    reading = dictionary().lexicon.golds.d.get(match[0].lower(), "ˈ") if len(match[0]) > 2 else "ˈ"
    return _shouted(match) if isinstance(reading, dict) or "ˈ" not in reading else match[0]


def _stressed(match: re.Match) -> str:
    """A word whose stress is given, with its reading beside it as the dictionary takes it: [word](/reading/)."""
    written = match[0]
    if "+" not in written and written.count("\u0301") > 1:  # résumé: accents, not stresses
        return written
    before = written.split("+")[0] if "+" in written else written[: written.index("\u0301") - 1]
    word = unmarked(written)
    vowel = len(_VOWEL_LETTERS.findall(before))
    return f"[{word}](/{_with_stress(_readings(word), vowel)}/)"


def _readings(word: str) -> list[str]:
    """The dictionary's readings of a word, the usual one first."""
    variants = dictionary().lexicon.golds.get(word.lower())
    variants = list(variants.values()) if isinstance(variants, dict) else []
    return [dictionary()(word, normalize_text=False), *filter(None, variants)]


def _with_stress(readings: list[str], vowel: int) -> str:
    """The reading whose primary stress is on the vowel of that number from 0, or the usual one made so."""
    for reading in readings:
        before, _, stressed = reading.partition("ˈ")
        if stressed and sum(mark in VOWELS for mark in before) == vowel:
            return reading
    marks = [mark for mark in readings[0] if mark not in STRESSES]
    places = [i for i, mark in enumerate(marks) if mark in VOWELS]
    if places:
        marks.insert(places[min(vowel, len(places) - 1)], "ˈ")
    return "".join(marks)


def _to_symbols(reading: str) -> list[str]:
    """A reading in the dictionary's alphabet as SYMBOLS."""
    result: list[str] = []
    stress = ""
    for mark in reading:
        if mark in STRESSES:
            stress = mark
        elif mark in VOWELS:
            result.append("ˈʌ" if (stress, VOWELS[mark]) == ("ˈ", "ə") else stress + VOWELS[mark])
            stress = ""
        elif mark in CONSONANTS:
            if (mark, result[-1:]) != ("ɹ", ["ɹ"]):  # the network writes some r twice
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
