"""The dictionary of Russian word forms: one for this package and for ru-normalizr, with a bounded memory."""

import functools

PARSES_KEPT = 4096  # words, some 2 KB each; ru-normalizr would keep 65,536


@functools.cache
def morphology():
    """The one pymorphy3.MorphAnalyzer."""
    from ru_normalizr import _morph

    _morph._parse_word_lower = functools.lru_cache(PARSES_KEPT)(_morph._parse_word_lower.__wrapped__)
    return _morph.get_morph()


def is_common_word(word: str) -> bool:
    """Whether a dictionary has the word, other than as an abbreviation."""
    known = morphology().word_is_known(word)
    return known and not any("Abbr" in parse.tag for parse in morphology().parse(word))
