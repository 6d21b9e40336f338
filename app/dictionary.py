"""The site's dictionary: words that are read as it says, whatever the models think."""

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.db import Pronunciation, db, dictionary_key, plain_query
from app.forms import PronunciationForm

blueprint = Blueprint("dictionary", __name__, url_prefix="/dictionary")


@blueprint.route("", methods=["GET", "POST"])
def words():
    """Every word, or those that are searched for, and the form that adds one."""
    form = PronunciationForm()
    if form.validate_on_submit() and _kept(form, Pronunciation()):
        return redirect(url_for(".words"), 303)
    return _page(form)


def _kept(form: PronunciationForm, entry: Pronunciation) -> bool:
    """Whether what the form says is in the dictionary now."""
    with form.refusals():
        db.session.add(form.fill(entry))
        db.session.commit()
        flash(_("“%(word)s” is now read as the dictionary says.", word=entry.word), "done")
        return True
    db.session.rollback()
    return False


def _page(form: PronunciationForm, changing: PronunciationForm | None = None):
    """The page of the dictionary, 422 when one of its forms was refused."""
    refused = form.errors or (changing and changing.errors)
    page = render_template("dictionary.html", form=form, page=_found(), changing=changing, query=_query())
    return page, 422 if refused else 200


def _query() -> str:
    return plain_query(request.args.get("q"))


def _found():
    """A page of the words that hold what is searched for, in the order of the alphabet."""
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
    flash(_("“%(word)s” was deleted: it is read as before.", word=word), "done")
    return redirect(url_for(".words", q=_query() or None), 303)


def _entry(entry_id: int) -> Pronunciation:
    return db.get_or_404(Pronunciation, entry_id, description=_("There is no such word: it may have been deleted."))
