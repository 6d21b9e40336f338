"""The one phone set of both languages, and its ids.

IPA. A vowel carries its stress in its symbol (ˈa primary, ˌa secondary), so a phone is always one id. Russian
unstressed vowels are written as they sound (ɐ, ə, ɪ, ɨ, u). English diphthongs and affricates are one symbol each.
"""

PAD = "_"
START = "^"  # what precedes the first phone of a sentence: 50 ms of silence
WORD_BORDER = " "  # kept in readings, never given an id: a border alone makes no sound
PAUSES = (",", ".", "?", "!")  # the only places where silence may be
BREAKS = (WORD_BORDER, ",", ".", "!", "?")  # between words, weakest first

RUSSIAN_CONSONANTS = (
    "p", "pʲ", "b", "bʲ", "t", "tʲ", "d", "dʲ", "k", "kʲ", "ɡ", "ɡʲ", "f", "fʲ", "v", "vʲ", "s", "sʲ", "z", "zʲ",
    "ʂ", "ʐ", "ɕː", "x", "xʲ", "m", "mʲ", "n", "nʲ", "l", "lʲ", "r", "rʲ", "j", "t͡s", "t͡ɕ",
)  # fmt: skip
ENGLISH_CONSONANTS = ("ɹ", "ʃ", "ʒ", "θ", "ð", "ŋ", "w", "h", "t͡ʃ", "d͡ʒ", "ɾ")  # beside those that are shared
SHARED_CONSONANTS = ("p", "b", "t", "d", "k", "ɡ", "f", "v", "s", "z", "m", "n", "l", "j")
RUSSIAN_VOWELS = ("ˈa", "ˈe", "ˈi", "ˈo", "ˈu", "ˈɨ", "ɐ", "ə", "ɪ", "ɨ", "u")
ENGLISH_VOWEL_QUALITIES = ("ɑ", "æ", "ʌ", "ɔ", "aʊ", "aɪ", "ɛ", "ɜ", "eɪ", "ɪ", "i", "oʊ", "ɔɪ", "ʊ", "u", "ə")
ENGLISH_VOWELS = tuple(stress + v for v in ENGLISH_VOWEL_QUALITIES for stress in ("", "ˈ", "ˌ"))

SYMBOLS = tuple(
    dict.fromkeys((PAD, START, *PAUSES, *RUSSIAN_CONSONANTS, *ENGLISH_CONSONANTS, *RUSSIAN_VOWELS, *ENGLISH_VOWELS))
)

# of each symbol: the id that the phone classifier gives it; all pauses sound alike
PHONE_CLASSES = tuple(SYMBOLS.index(START) if symbol in PAUSES else i for i, symbol in enumerate(SYMBOLS))

_SPOKEN = {
    "ru": {*RUSSIAN_CONSONANTS, *RUSSIAN_VOWELS},
    "en": {*SHARED_CONSONANTS, *ENGLISH_CONSONANTS, *ENGLISH_VOWELS},
}
_IDS = {symbol: i for i, symbol in enumerate(SYMBOLS)}


def phone_ids(phones: list[str]) -> list[int]:
    """Ids of a sentence's phones; word borders are dropped.  Raises KeyError for a phone outside SYMBOLS."""
    return [_IDS[phone] for phone in phones if phone != WORD_BORDER]


def spoken_in(symbol: str) -> set[str]:
    """The languages that say a phone."""
    return {language for language, phones in _SPOKEN.items() if symbol in phones}
