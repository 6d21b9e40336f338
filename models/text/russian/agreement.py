"""Russian homographs decided by what they agree with: the parts of speech and the cases of the words beside them."""

import re
from collections.abc import Callable, Iterator

from .morphology import morphology

# Feminine short adjectives, stressed on the ending, that are spelled as a noun or a verb: дорог+а and дор+ога.
_SHORT = re.compile(r"\b(?:дорога|права|мила|бела|лиха|сыра|смела|гола|худа|сера|велика|резка|долга)\b", re.IGNORECASE)
_TO_WHOM = r"(?:мне|тебе|ему|ей|нам|вам|им|себе|всем|каждому)"
_HOW = r"(?:так|столь|очень|слишком|особенно|всегда|совсем|вполне|совершенно|абсолютно|по-прежнему|опять|снова|тоже|не)"
_PREDICATE_AFTER = re.compile(
    rf"\b(?:{_TO_WHOM}(?: (?:{_HOW}|была|стала|будет|как))*|{_HOW}(?P<how>)) $", re.IGNORECASE
)
_CLAUSE = re.compile(r"[^.,;:!?…—–()\n]*")
_CLAUSE_ENDS = re.compile(r"\s*(?:$|[.,;:!?…—–)])")
_FIRST_WORD = re.compile(r"(?:^|(?<=[.!?…]\s))[«\"]?([А-ЯЁ]?[а-яё]{2,}[аыия])(?= )")
_OF_QUANTITY = frozenset(
    "нет нету мало много немного достаточно хватает хватит хватило столько сколько больше меньше ни без".split()
)
_CONTEXT = 6  # words of a clause that are looked at


def short_adjectives(text: str) -> Iterator[int]:
    """Where words stand that are short adjectives here: мне дорога эта память, мама всегда права."""
    for word in _SHORT.finditer(text):
        before = _PREDICATE_AFTER.search(text[max(0, word.start() - 40) : word.start()])
        if not before:
            continue
        if _CLAUSE_ENDS.match(text, word.end()) or (before["how"] is None and _subject_follows(text, word.end())):
            yield word.start()


def _subject_follows(text: str, start: int) -> bool:
    """Whether a feminine noun in the nominative follows, after its pronouns and adjectives."""
    for word in _CLAUSE.match(text, start)[0].lower().split()[:3]:
        tags = [p.tag for p in morphology().parse(word)]
        if any(tag.POS == "NOUN" and {"femn", "nomn", "sing"} <= tag.grammemes for tag in tags):
            return True
        agrees = any(tag.POS in ("ADJF", "NPRO") and tag.case == "nomn" for tag in tags)
        if not agrees and word not in ("её", "его", "их"):
            return False
    return False


def first_nouns(text: str, variants: Callable[[str], list[str]], read_alone: Callable) -> Iterator[tuple[int, str]]:
    """Where a sentence begins with a noun that is a genitive or, stressed otherwise, a plural; and the right variant.

    Стр+аны подписали договор, but стран+ы такой нет.  The genitive is stressed as the dictionary form of the noun is.
    variants: the ways to stress a homograph.  read_alone: a word's letters with ё, and where its stressed vowel is.
    """
    for found in _FIRST_WORD.finditer(text):
        word = found[1].lower()
        if len(both := variants(word)) != 2 or (noun := _two_forms_of(word)) is None:
            continue
        _, place = read_alone(noun)
        genitive = [variant for variant in both if variant.find("+") == place]
        is_plural = _is_plural(_CLAUSE.match(text, found.end())[0].lower().split()[:_CONTEXT])
        if len(genitive) == 1 and is_plural is not None:
            yield found.start(1), next(variant for variant in both if (variant in genitive) != is_plural)


def _two_forms_of(word: str) -> str | None:
    """The noun that a word is the genitive singular and the nominative plural of; None if it may be another word."""
    parses = [p for p in morphology().parse(word) if p.score > 0.02]
    nouns = {p.normal_form for p in parses if p.tag.POS not in ("ADJF", "ADJS", "NPRO")}
    forms = {(p.tag.case, p.tag.number) for p in parses if p.tag.POS == "NOUN"}
    return nouns.pop() if len(nouns) == 1 and {("gent", "sing"), ("nomn", "plur")} <= forms else None


def _is_plural(clause: list[str]) -> bool | None:
    """Whether the first noun of a clause is a plural, by the words after it; None if that is ambiguous."""
    if not _OF_QUANTITY.isdisjoint(clause):
        return False
    negated = False
    for word in clause:
        tags = [p.tag for p in morphology().parse(word)]
        predicates = [tag for tag in tags if tag.POS in ("VERB", "ADJS", "PRTS", "PRED")]
        if any(tag.number == "plur" and tag.person in (None, "3per") for tag in predicates):
            return True
        if predicates and predicates[0] is tags[0]:
            return not negated
        negated = negated or word == "не"
    if negated or not clause:
        return False if negated else None
    first = morphology().parse(clause[0])
    return True if any(p.tag.case == "gent" and p.tag.POS in ("NOUN", "ADJF") for p in first) else None
