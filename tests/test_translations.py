"""Every sentence that a person can see has its translation, with the same places for what is put into it."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from app import i18n
from config import ROOT

KEYWORDS = DEFAULT_KEYWORDS | {"lazy_gettext": None, "NN_": (1, 2)}
PLACE = re.compile(r"%\(\w+\)[\d.]*[a-z]|%%|(?<!\$){\w+}|</?\w+")
LANGUAGES = [code for code in i18n.languages() if code != i18n.SOURCE]


@cache
def sources() -> set:
    """The sentences of the site in English: strings, and pairs of singular and plural."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, KEYWORDS, directory_filter=_holds_sentences)
    return {message for _file, _line, message, _comments, _context in found}


def _holds_sentences(folder: str) -> bool:
    return Path(folder).relative_to(ROOT).parts[0] in ("app", "models", "templates")


@pytest.fixture(params=LANGUAGES)
def catalogue(request):
    path = i18n.TRANSLATIONS / request.param / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, request.param)


def _id(message):
    """A pair is found in a catalogue by its singular."""
    return message[0] if isinstance(message, tuple) else message


def test_sources_are_found():
    assert "Skip to content" in sources()
    assert ("{count} of {limit} character", "{count} of {limit} characters") in sources()
    assert "The speed must be between %(low)s and %(high)s; %(given)s was given." in sources()


def test_every_sentence_is_translated(catalogue):
    missing = []
    for message in sources():
        entry = catalogue.get(_id(message))
        given = (entry.string if isinstance(entry.string, tuple) else (entry.string,)) if entry else ()
        is_pair = isinstance(message, tuple)
        if not (given and all(given)) or len(given) != (catalogue.num_plurals if is_pair else 1) or entry.fuzzy:
            missing.append(message)
    assert not missing, f"{len(missing)} without a translation into {catalogue.locale}: {missing}"


def test_no_translation_is_left_over(catalogue):
    known = {_id(message) for message in sources()}
    assert [message.id for message in catalogue if message.id and _id(message.id) not in known] == []
    assert not catalogue.obsolete


def test_translations_keep_the_places_of_what_is_put_in(catalogue):
    for entry in catalogue:
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        wanted = set(PLACE.findall(entry.id[-1] if isinstance(entry.id, tuple) else entry.id))
        for form in forms if entry.id else ():
            assert set(PLACE.findall(form)) == wanted, form
