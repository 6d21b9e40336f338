"""Russian letter-to-sound: words with their stress marked -> phones of symbols.py.

The standard pronunciation of reference grammars (R. I. Avanesov, "Russkoe literaturnoe proiznoshenie").  First the
spellings that mislead, then letters one by one, then assimilation over the whole phrase, because the sound of a
consonant may depend on the next word.  Inside this module a stressed vowel is a capital letter.
"""

import re

from ..stress import with_plus
from ..symbols import PAUSES, WORD_BORDER
from .spellings import respell

VOWELS = "аеёиоуыэюя"
PREPOSITIONS = frozenset(
    "в во к ко с со о об обо от ото у на за до по под подо над из изо без безо при про для меж между перед пред "
    "предо передо через сквозь из-за из-под".split()
)
ENCLITICS = frozenset("бы б же ж ли ль".split())

# Borders inside a phrase.  A consonant before a WORD sounds as at the end, before a HOST as inside a word.
_WORD, _HOST, _HIDDEN_WORD, _HIDDEN_HOST = WORD_BORDER, "‿", "=", "|"
_BORDERS = {_WORD: WORD_BORDER, _HOST: WORD_BORDER, _HIDDEN_WORD: "", _HIDDEN_HOST: ""}

_CONSONANTS = dict(zip("пбтдкгфвсзхмнлр", "pbtdkɡfvszxmnlr", strict=True))
_HARD_ONLY = {"ж": "ʐ", "ш": "ʂ", "ц": "t͡s"}
_SOFT_ONLY = {"ч": "t͡ɕ", "щ": "ɕː", "й": "j"}
_SOFT = "ʲ"
_DEVOICED = dict(zip("bdɡvzʐ", "ptkfsʂ", strict=True))
_DEVOICED |= {voiced + _SOFT: voiceless + _SOFT for voiced, voiceless in _DEVOICED.items() if voiced != "ʐ"}
_VOICED = {voiceless: voiced for voiced, voiceless in _DEVOICED.items()}
_VOICELESS = frozenset(_VOICED) | {"x", "xʲ", "t͡s", "t͡ɕ", "ɕː"}
_SOFTENS = {
    **dict.fromkeys("sz", frozenset(("tʲ", "dʲ", "nʲ", "lʲ", "sʲ", "zʲ", "t͡ɕ", "ɕː"))),
    **dict.fromkeys("td", frozenset(("tʲ", "dʲ"))),
    "n": frozenset(("tʲ", "dʲ", "nʲ", "sʲ", "zʲ", "t͡ɕ", "ɕː")),
}
_STRESSED = dict(zip("аяоёэеиыую", ("ˈa", "ˈa", "ˈo", "ˈo", "ˈe", "ˈe", "ˈi", "ˈɨ", "ˈu", "ˈu"), strict=True))

_OLD_LETTERS = str.maketrans("іїєґўѣѳѵ", "иийгуефи")
_LETTERS = "а-яёА-ЯЁ"
_TOKENS = re.compile(rf"([{_LETTERS}]+(?:-[{_LETTERS}]+)*)")
_SILENT = re.compile(rf"(?<![{_LETTERS}])[ъь]+")
_HESITATION = re.compile(r"(?:\.\.+|…)(?=[^\w.?!]*[а-яё])")  # an ellipsis inside a sentence
_STRONG_PAUSE = re.compile(r"[?!.…]")
_WEAK_PAUSE = re.compile(r"[,;:()\[\]{}—–\n]|(?:^|\s)-+(?:\s|$)")


def phones(text: str) -> list[str]:
    """How accented text sounds: symbols, WORD_BORDER between words, a pause where punctuation stands.

    text: Russian words with `+` before each stressed vowel (or U+0301 after it), ё written.  A word without a mark is
    a clitic.  Anything but Cyrillic letters and punctuation is skipped.
    """
    sounds: list[str] = []
    phrase: list[str] = []
    for i, token in enumerate(_TOKENS.split(_stress_as_capitals(text))):
        pause = "" if i % 2 else _pause(token)
        if i % 2:
            phrase.append(token)
        if pause:
            sounds += _phrase(phrase)
            sounds += [pause] if sounds and sounds[-1] not in PAUSES else []
            phrase = []
    return sounds + _phrase(phrase)


def _stress_as_capitals(text: str) -> str:
    text = _HESITATION.sub(",", text).lower().translate(_OLD_LETTERS).replace("ё", "Ё")
    text = re.sub(rf"\+([{VOWELS}])", lambda m: m[1].upper(), with_plus(text))
    text = re.sub(r"[+\u0300-\u036f\u00ad]", "", text)
    return _SILENT.sub("", text)


def _pause(between_words: str) -> str:
    marks = _STRONG_PAUSE.findall(between_words)
    if "?" in marks:
        return "?"
    if marks:
        return "!" if "!" in marks else "."
    return "," if _WEAK_PAUSE.search(between_words) else ""


def _phrase(words: list[str]) -> list[str]:
    """Sounds between two pauses."""
    parts: list[str] = []  # words, hyphenated ones in parts
    borders: list[str] = []  # borders[i] follows parts[i]
    for word in words:
        pieces = [word] if word.lower() in PREPOSITIONS else word.split("-")
        for i, piece in enumerate(pieces):
            last = i == len(pieces) - 1
            leans = not _is_stressed(piece) and (piece.lower() in PREPOSITIONS or not last)
            parts.append(piece.replace("-", _HIDDEN_HOST))
            borders.append((_HOST if leans else _WORD) if last else (_HIDDEN_HOST if leans else _HIDDEN_WORD))
    spelled = [respell(part) for part in parts]
    degrees = _reductions(spelled, borders)
    sounds: list[str] = []
    for word, border in zip(spelled, borders, strict=True):
        n_vowels = sum(letter.lower() in VOWELS for letter in word)
        after_hard = len(sounds) > 1 and sounds[-1] == _HOST and _is_hard(sounds[-2])
        sounds += _soften(_spell(word, degrees[:n_vowels], after_hard))
        sounds.append(border)
        degrees = degrees[n_vowels:]
    sounds = _single(_assimilate(sounds[:-1]))
    return [_BORDERS.get(sound, sound) for sound in sounds if _BORDERS.get(sound, sound)]


def _is_stressed(word: str) -> bool:
    return word != word.lower()


def _is_hard(sound: str) -> bool:
    return sound in _CONSONANTS.values() or sound in _HARD_ONLY.values()


def _reductions(words: list[str], borders: list[str]) -> list[int]:
    """Of every vowel of a phrase, its distance from stress: 0 stressed, 1 just before it, 2 earlier, 3 after it."""
    degrees: list[int] = []
    for group in _phonetic_words(words, borders):
        vowels = [letter for word in group for letter in word if letter.lower() in VOWELS]
        stressed = [vowel.isupper() for vowel in vowels]
        if not any(stressed):
            degrees += [2] * (len(vowels) - 1) + [1] * bool(vowels)
            continue
        for i, is_stressed in enumerate(stressed):
            before = any(stressed[i + 1 :])
            degrees.append(0 if is_stressed else 1 if stressed[i + 1 : i + 2] == [True] else 2 if before else 3)
    return degrees


def _phonetic_words(words: list[str], borders: list[str]) -> list[list[str]]:
    """Words grouped with the clitics that lean on them."""
    groups: list[list[str]] = []
    open_group = False  # the last group still waits for its stressed word
    for i, word in enumerate(words):
        in_hyphens = i > 0 and borders[i - 1] in (_HIDDEN_WORD, _HIDDEN_HOST)
        enclitic = not _is_stressed(word) and (word in ENCLITICS or in_hyphens)
        if groups and (open_group or enclitic):
            groups[-1].append(word)
            open_group = open_group and not _is_stressed(word)
        else:
            groups.append([word])
            open_group = not _is_stressed(word)
    if open_group and len(groups) > 1:
        last = groups.pop()
        groups[-1] += last
    return groups


def _spell(word: str, degrees: list[int], after_hard: bool) -> list[str]:
    """Sounds of one respelled word, letter by letter.

    degrees: the reduction of each of its vowels.  after_hard: it leans on a preposition ending in a hard consonant.
    """
    bare = word.lower()
    remaining = iter(degrees)
    sounds: list[str] = []
    for i, letter in enumerate(bare):
        before, after = bare[i - 1 : i] if i else "", bare[i + 1 : i + 2]
        if letter in VOWELS:
            iotated = letter in "еёюя" or (letter in "ио" and before == "ь")
            if iotated and (not before or before in VOWELS + "ьъ") and sounds[-1:] != ["j"]:
                sounds.append("j")
            degree = next(remaining)
            hard = before in _HARD_ONLY if before else after_hard
            sounds.append(_stressed(letter, hard) if degree == 0 else _reduced(bare, i, degree, hard))
        elif letter in _CONSONANTS:
            sounds.append(_CONSONANTS[letter] + (_SOFT if after and after in "еёиюяь" else ""))
        elif letter in _HARD_ONLY or letter in _SOFT_ONLY:
            sounds.append(_HARD_ONLY.get(letter) or _SOFT_ONLY[letter])
        elif letter == _HIDDEN_HOST:
            sounds.append(letter)
    return sounds


def _stressed(letter: str, hard: bool) -> str:
    return "ˈɨ" if letter == "и" and hard else _STRESSED[letter]


def _reduced(word: str, i: int, degree: int, hard: bool) -> str:
    """The sound of the unstressed vowel word[i]; hard: after ж, ш, ц or a preposition's hard consonant."""
    letter, before = word[i], word[i - 1 : i] if i else ""
    if letter in "ую":
        return "u"
    if letter == "ы":
        return "ɨ"
    if letter == "и" or (letter in "её" and before):
        return "ɨ" if hard else "ɪ"
    if letter == "э":
        return "ɨ" if before and before not in VOWELS else "ɪ"
    if letter in "её":
        return "ɪ"
    if letter == "я":
        return "ə" if degree == 3 and re.fullmatch("|м|х|ми", word[i + 1 :]) else "ɪ"
    if before and before in "чщ":
        return "ə" if degree == 3 else "ɪ"
    beside_vowel = any(letter in VOWELS for letter in word[i - 1 : i + 2 : 2])
    return "ɐ" if not before or degree == 1 or (degree == 2 and beside_vowel) else "ə"


def _soften(sounds: list[str]) -> list[str]:
    """Consonants made soft by the soft consonant after them."""
    sounds = list(sounds)
    for i in range(len(sounds) - 2, -1, -1):
        if sounds[i + 1] in _SOFTENS.get(sounds[i], ()):
            sounds[i] += _SOFT
    return sounds


def _assimilate(sounds: list[str]) -> list[str]:
    """Voicing by the next consonant and devoicing at the end of a word, right to left.

    в follows the rule but doesn't set it, unless it has itself been voiced by a consonant after it (к вдове).
    """
    sounds = list(sounds)
    following, sets_voice, at_end = None, False, True
    for i in range(len(sounds) - 1, -1, -1):
        sound = sounds[i]
        if sound in _BORDERS:
            at_end = at_end or sound in (_WORD, _HIDDEN_WORD)
            continue
        obstruent = sound in _DEVOICED or sound in _VOICELESS
        if obstruent and sets_voice:
            voiceless = following in _VOICELESS
            sounds[i] = (_DEVOICED if voiceless else _VOICED).get(sound, sound)
            if sound in "sz" and following in "ʂʐ" and not at_end:
                sounds[i] = following
        elif obstruent and at_end:
            sounds[i] = _DEVOICED.get(sound, sound)
        sets_voice = obstruent and (sounds[i] not in ("v", "vʲ") or sets_voice)
        following, at_end = sounds[i], False
    return sounds


def _single(sounds: list[str]) -> list[str]:
    """Long consonants as one symbol, but not across a border."""
    return [sound for i, sound in enumerate(sounds) if i == 0 or sound != sounds[i - 1] or sound[0] in "ˈɐəɪɨu"]
