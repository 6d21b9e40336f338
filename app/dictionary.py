"""The site's dictionary: words and their respellings, which win over what the models read."""

import re
import unicodedata

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from wtforms import StringField
from wtforms.validators import ValidationError

from app.db import Pronunciation, db, dictionary_key, plain_name, plain_query
from app.forms import Characters, TembrForm
from models import NN_

VOWELS = "аеёиоуыэюяaeiouy"

blueprint = Blueprint("dictionary", __name__, url_prefix="/dictionary")


def _with_plus(respelling: str | None) -> str:
    """Write a respelling with single spaces, and each stress mark after a letter as a + before it."""
    parted = unicodedata.normalize("NFD", respelling or "").replace("’", "'")
    return plain_name(re.sub("(\\w[\u0300\u0302-\u036f]*)\u0301", r"+\1", parted))


class PronunciationForm(TembrForm):
    """A word and its respelling: a new entry, or changes to one."""

    word = StringField(
        lazy_gettext("Word"),
        filters=[plain_name],
        validators=[
            Characters(
                "MAX_WORD_CHARACTERS",
                empty=NN_(
                    "Enter a word of %(count)d character.",
                    "Enter a word of up to %(count)d characters.",
                ),
                too_long=NN_(
                    "The word is too long: %(count)d character. The limit is %(limit)d.",
                    "The word is too long: %(count)d characters. The limit is %(limit)d.",
                ),
            )
        ],
    )
    respelling = StringField(
        lazy_gettext("Read as"),
        filters=[_with_plus],
        validators=[
            Characters(
                "MAX_WORD_CHARACTERS",
                empty=NN_(
                    "Enter how the word is read, in %(count)d character.",
                    "Enter how the word is read, in up to %(count)d characters.",
                ),
                too_long=NN_(
                    "This is too long: %(count)d character. The limit is %(limit)d.",
                    "This is too long: %(count)d characters. The limit is %(limit)d.",
                ),
            )
        ],
    )

    def __init__(self, *args, entry: Pronunciation | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.entry = entry

    def validate_word(self, field: StringField) -> None:
        if not re.search(r"[^\W_]", field.data):
            raise ValidationError(_("Enter a word with at least one letter or digit."))
        if Pronunciation.of(field.data) not in (None, self.entry):
            raise ValidationError(word_taken(field.data))

    def validate_respelling(self, field: StringField) -> None:
        letters = re.sub(r"[\W\d_]", "", field.data.lower())
        if not letters or re.search("[^a-zа-яё]", letters):
            raise ValidationError(_("Use Russian or English letters."))
        if re.search("[a-z]", letters) and re.search("[а-яё]", letters):
            raise ValidationError(_("Use letters of one alphabet, Russian or English."))
        if re.search(rf"\+(?![{VOWELS}])", field.data, re.IGNORECASE):
            raise ValidationError(_("Put the + before the stressed vowel, as in з+амок."))
        if stressed := next((part for part in re.split(r"[\s-]", field.data) if part.count("+") > 1), None):
            raise ValidationError(
                ngettext(
                    "“%(word)s” has %(num)s stress. Mark one vowel per word.",
                    "“%(word)s” has %(num)s stresses. Mark one vowel per word.",
                    stressed.count("+"),
                    word=stressed,
                )
            )

    def fill(self, entry: Pronunciation) -> Pronunciation:
        """Put what was given into the entry, and return it."""
        entry.word, entry.respelling = dictionary_key(self.word.data), self.respelling.data
        entry.language = "ru" if re.search("[а-яё]", entry.respelling, re.IGNORECASE) else "en"
        return entry

    def _changed_meanwhile(self) -> None:
        self.word.errors.append(word_taken(self.word.data))


def word_taken(word: str) -> str:
    return _("“%(word)s” is already in the dictionary. Edit it in the list.", word=plain_name(word))


@blueprint.route("", methods=["GET", "POST"])
def words():
    """List the words, or those that a search finds; or add one."""
    form = PronunciationForm()
    if form.validate_on_submit() and _kept(form, Pronunciation()):
        return redirect(url_for(".words"), 303)
    return _page(form)


def _kept(form: PronunciationForm, entry: Pronunciation) -> bool:
    """Keep what the form says in the entry; return whether it could be kept."""
    with form.refusals():
        db.session.add(form.fill(entry))
        db.session.commit()
        flash(_("Saved. “%(word)s” is now read this way in every text.", word=entry.word), "done")
        return True
    db.session.rollback()
    return False


def _page(form: PronunciationForm, changing: PronunciationForm | None = None):
    """Render the dictionary; 422 if one of its forms has errors."""
    refused = form.errors or (changing and changing.errors)
    page = render_template("dictionary.html", form=form, page=_found(), changing=changing, query=_query())
    return page, 422 if refused else 200


def _query() -> str:
    return plain_query(request.args.get("q"))


def _found():
    """Return a page of the words that hold the query, in alphabetical order."""
    wanted, key = db.select(Pronunciation).order_by(Pronunciation.word), dictionary_key(_query())
    if key:
        plain = db.func.replace(Pronunciation.respelling, "+", "")
        wanted = wanted.where(Pronunciation.word.contains(key, autoescape=True) | plain.contains(key, autoescape=True))
    number = min(max(request.args.get("page", 1, int), 1), 1_000_000_000)  # what a database can count
    return db.paginate(wanted, page=number, per_page=current_app.config["WORDS_PER_PAGE"], error_out=False)


@blueprint.post("/<int:entry_id>/change")
def change(entry_id: int):
    entry = _entry(entry_id)
    form = PronunciationForm(entry=entry)
    if form.validate() and _kept(form, entry):
        return redirect(url_for(".words", q=_query() or None), 303)
    return _page(PronunciationForm(None), form)


@blueprint.post("/<int:entry_id>/delete")
def delete(entry_id: int) -> Response:
    entry = _entry(entry_id)
    word = entry.word
    db.session.delete(entry)
    db.session.commit()
    flash(_("“%(word)s” was deleted and is read the usual way again.", word=word), "done")
    return redirect(url_for(".words", q=_query() or None), 303)


def _entry(entry_id: int) -> Pronunciation:
    return db.get_or_404(Pronunciation, entry_id, description=_("This word was not found. It may have been deleted."))
