"""Russian stress that the model gets wrong: homographs decided by their neighbours, and compounds of трёх, четырёх."""

import re
from collections.abc import Callable

# A word with its stress, and where it stands (_ is the word); of what the model reads well nothing is here.
_BY_NEIGHBOURS = """
равн+о: _
трет+ей: _
прав+ой: _ (?:рук|ног|сторон|половин|част|полос|кнопк)
ср+еду: \\b(?:в|на|за|по|под) _(?! (?:обитан|жизн|существован|общен))
сестр+ы: \\b(?:дв[ае]|три|четыре|обе|полторы|нет|без|у|от|для|до|из|около|моей|его|её|их) _
век+а: (?:[ыои]й)(?:-| — |, | и )[а-яё ]*[ыои]й _
+уже: \\b(?:чуть|гораздо|намного|значительно|немного|вдвое|втрое) _
+уже: _ чем\\b
+уже: \\b(?:улиц|дорог|коридор|проход|прол[её]т|рек|юбк|щел|троп|комнат)[а-яё]* _ [а-яё]+(?:[ое]го|[ое]й|[иы]х)\\b
хл+опок: \\b(?:выращива|собира|убира|сея|сеют|экспортир|импортир|произво)[а-яё]* _
хлоп+ок: \\b(?:раздал|послышал|слыш|услыш|прозвуч|громк|глух|резк)[а-яё]* _
рук+и: \\bне (?:пода|протян|пожа|пожим|протяг)[а-яё]* (?:[а-яё]+ )?_
стр+аны: (?:^|[.!?…] )_ (?:нато|ес|мира|снг|брикс|опек|европы|азии|африки|запада|востока)\\b
"""


def _rule(line: str) -> tuple[re.Pattern[str], int]:
    word, where = line.split(": ", 1)
    bare = word.replace("+", "")
    return re.compile(where.replace("_", rf"\b(?P<word>{bare})\b"), re.IGNORECASE), word.index("+")


_RULES = [_rule(line) for line in _BY_NEIGHBOURS.strip().splitlines()]
_HOMOGRAPHS = re.compile(
    "|".join({line.split(":")[0].replace("+", "") for line in _BY_NEIGHBOURS.strip().splitlines()}), re.I
)
_THREE_FOUR = re.compile(r"(?:тр|четыр)ёх(?=[а-яё]{2})", re.IGNORECASE)


def stress_by_neighbours(text: str) -> dict[int, int]:
    """Where a word starts -> where its stressed vowel is, for the homographs that these rules decide."""
    if not _HOMOGRAPHS.search(text):
        return {}
    return {m.start("word"): m.start("word") + place for rule, place in _RULES for m in rule.finditer(text)}


def compound_stress(word: str, stress_of: Callable[[str], int | None]) -> int | None:
    """Where a compound of трёх, четырёх has its main stress: where that of двух has it (двухсо́т, двухэта́жный)."""
    first = _THREE_FOUR.match(word)
    if not first or re.fullmatch("(?:тр|четыр)ёх(?:а|ам|ами|ах)", word, re.IGNORECASE):
        return None
    place = stress_of("двух" + word[first.end() :].lower())
    return None if place is None or place < 4 else place + first.end() - 4
