"""Which case a word asks of what follows it: the one table of it, and the words put into that case.

Cases have pymorphy's names: nomn, gent, datv, accs, ablt, loct.
"""

import functools

from .morphology import morphology

# Words and the cases after them, the usual one of a thing or place first.
_CASES_AFTER = {
    word: cases.split()
    for words, cases in (
        ("в во на", "loct accs"),
        ("о об обо при", "loct"),
        ("за под", "ablt accs"),
        ("между над перед", "ablt"),
        ("с со", "gent ablt"),
        ("по", "datv accs"),
        ("к ко благодаря согласно вопреки равно равна равен равны", "datv"),
        ("через про сквозь спустя стоит стоят стоил стоила стоило стоили", "accs"),
        ("из изо от ото до без у для после около возле вокруг вдоль кроме против порядка напротив", "gent"),
        ("более менее свыше больше меньше", "gent"),
        ("хватает хватит хватило хватало достиг достигла достигло достигли достигает", "gent"),
    )
    for word in words.split()
}


def cases_after(word: str) -> list[str]:
    """The cases that may follow a preposition or a verb, the usual one first; none for any other word."""
    return _CASES_AFTER.get(word.strip().lower(), [])


def case_of_amount(word: str) -> str:
    """The case of a number of things after a word: the accusative where there is one (за два рубля, в три часа)."""
    cases = cases_after(word)
    return "accs" if "accs" in cases else [*cases, "nomn"][0]


def case_of_period(word: str) -> str:
    """The case of a part of a year after a word: в первом квартале, but за, на, по первый квартал."""
    return "loct" if word.strip().lower() in ("в", "во") else case_of_amount(word)


def case_of_thing(before: list[str], gender: str) -> str:
    """The case of one thing after the two words before it: a preposition, a preposition and an adjective, a noun.

    gender: the thing's, masc, femn or neut, which an adjective must have.
    """
    *rest, last = ["", *(word.lower() for word in before)]
    if cases := cases_after(last):
        return cases[0]
    asked = cases_after(rest[-1]) if rest else []
    parses = morphology().parse(last) if last else []
    agreeing = [p.tag.case for p in parses if p.tag.POS == "ADJF" and p.tag.gender == gender]
    if agreeing:
        return next((case for case in asked if case in agreeing), agreeing[0])
    return "gent" if parses and parses[0].tag.POS == "NOUN" else "nomn"


@functools.lru_cache(maxsize=1024)
def inflected(word: str, case: str, number: str = "sing", gender: str | None = None) -> str:
    """A noun or adjective, given in the nominative, in another case; as it is where it has no such form."""
    wanted = {case, number, gender} if gender and number == "sing" else {case, number}
    parses = [p for p in morphology().parse(word) if p.tag.case == "nomn" and (not gender or p.tag.gender == gender)]
    form = next(iter(parses or morphology().parse(word))).inflect(wanted)
    return form.word if form else word
