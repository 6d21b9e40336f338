"""Russian homographs that the stress model gets wrong, decided by their neighbours."""

import re

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
догов+ора: _
древн+ее: _,? (?:[а-яё]+ ){0,2}чем\\b
древн+ее: \\b(?:ещ[её]|гораздо|намного|значительно|куда|чуть|немного) _
стр+аны: (?:^|[.!?…] )_ (?:нато|ес|мира|снг|брикс|опек|европы|азии|африки|запада|востока)\\b
"""


def _rule(line: str) -> tuple[str, re.Pattern[str]]:
    word, where = line.split(": ", 1)
    bare = word.replace("+", "")
    return word, re.compile(where.replace("_", rf"\b(?P<word>{bare})\b"), re.IGNORECASE)


_RULES = [_rule(line) for line in _BY_NEIGHBOURS.strip().splitlines()]
_HOMOGRAPHS = re.compile(
    "|".join({line.split(":")[0].replace("+", "") for line in _BY_NEIGHBOURS.strip().splitlines()}), re.I
)


def stress_by_neighbours(text: str) -> dict[int, str]:
    """Where a homograph stands that these rules decide -> the word with `+` before its stressed vowel."""
    if not _HOMOGRAPHS.search(text):
        return {}
    return {found.start("word"): word for word, rule in _RULES for found in rule.finditer(text)}
