"""The bank: list and search voices, add, import, rename and delete one."""

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_sqlalchemy.pagination import Pagination
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import NotFound

from app import storage
from app.db import Voice, db, plain_query
from app.errors import told
from app.i18n import page_language
from app.voices import learning, quality, recordings, voice_file
from app.voices.forms import NameForm, VoiceFileForm, VoiceForm
from app.voices.picker import offered

MAX_NUMBER = 1_000_000_000

blueprint = Blueprint("voices", __name__, url_prefix="/voices")


def voice_gone(_fault: Exception | None = None):
    """Answer 404 for a voice that is not in the bank, or was deleted during the request."""
    db.session.rollback()
    gone = NotFound(_("This voice was not found. It may have been deleted."))
    return current_app.handle_http_exception(gone)


blueprint.register_error_handler(StaleDataError, voice_gone)


@blueprint.route("", methods=["GET", "POST"])
def bank():
    """List the voices, or those that a search finds; or add one."""
    form = VoiceForm()
    if form.validate_on_submit():
        with form.refusals():
            return redirect(url_for(".bank", added=_add(form).id), 303)
    return _page(form)


def _page(form: VoiceForm, renaming: NameForm | None = None):
    """Render the bank; 422 if one of its forms has errors."""
    refused = form.errors or (renaming and renaming.errors)
    added = db.session.get(Voice, _number("added", 0))
    page = render_template(
        "voices/bank.html", form=form, page=_found(), query=_query(), place=_place(), renaming=renaming, added=added
    )
    return page, 422 if refused else 200


def _query() -> str:
    """Return the query of the search."""
    return plain_query(request.args.get("q"))


def _number(name: str, default: int) -> int:
    """Return a number of the address, limited to 0..MAX_NUMBER."""
    return min(max(request.args.get(name, default, int), 0), MAX_NUMBER)


def _place() -> dict[str, str | int]:
    """Return query and page as parameters of an address."""
    number = _number("page", 1)
    return ({"q": _query()} if _query() else {}) | ({"page": number} if number > 1 else {})


def _found() -> Pagination:
    """Return a page of the found voices; the last one for any number beyond it."""
    wanted, per_page = Voice.found(_query(), page_language()), current_app.config["VOICES_PER_PAGE"]
    page = db.paginate(wanted, page=max(_number("page", 1), 1), per_page=per_page, error_out=False)
    if page.page > max(page.pages, 1):
        page = db.paginate(wanted, page=max(page.pages, 1), per_page=per_page, error_out=False)
    return page


def _add(form: VoiceForm) -> Voice:
    """Listen to the recording and keep its voice.  Raises what quality.hear, the disk and the database raise."""
    recording = form.recording.data.read()
    profile, findings = quality.hear(recording)
    voice = recordings.begin(form.voice(), profile, recording)
    quality.tell(profile, findings, other_than=voice.id)
    learn(voice)
    return voice


def learn(voice: Voice) -> None:
    """Learn a voice unasked, if it can be, and tell whether it is."""
    if learning.begin_unasked(voice):
        flash(_("The voice speaks at once. In some minutes it will be learned, and more like the person."), "done")
    elif lack := learning.lack(voice.seconds):
        flash(_("The voice speaks at once. %(lack)s", lack=told(lack)), "warning")


@blueprint.route("/import", methods=["GET", "POST"])
def import_voice():
    """Import a voice file into the bank."""
    form = VoiceFileForm()
    if form.validate_on_submit():
        with form.refusals():
            voice = form.file.keep(form.name.data)
            if not voice.origin and not voice.learned:
                learn(voice)
            return redirect(url_for(".bank", added=voice.id), 303)
    page = render_template("voices/import.html", form=form, max_megabytes=voice_file.MAX_BYTES / 1e6)
    return page, 422 if form.errors else 200


@blueprint.get("/choices")
def choices() -> str:
    """Render the voices that a search of the front page finds."""
    return render_template("voices/_choices.html", bank=offered(request.args.get("chosen")))


@blueprint.get("/<int:voice_id>/sample")
def sample(voice_id: int) -> Response:
    voice = _voice(voice_id)
    return storage.send(voice, storage.title(voice.name))


@blueprint.route("/<int:voice_id>/rename", methods=["GET", "POST"])
def rename(voice_id: int):
    voice = _voice(voice_id)
    form = NameForm(voice=voice)
    if request.method == "GET":  # of a page that was refused
        return redirect(url_for(".bank", **_place()))
    if form.validate():
        with form.refusals():
            voice.name = form.name.data
            db.session.commit()
            flash(_("Renamed to “%(name)s”.", name=voice.name), "done")
            return redirect(url_for(".bank", **_place()), 303)
    return _page(VoiceForm(None), form)


@blueprint.post("/<int:voice_id>/delete")
def delete(voice_id: int) -> Response:
    """Delete the voice and its recordings, and keep its speeches; a second request changes nothing more."""
    voice = db.session.get(Voice, voice_id)
    try:
        if voice is None:
            raise recordings.VoiceGone
        name = voice.name
        recordings.delete_voice(voice)
        flash(_("“%(name)s” and its recordings were deleted.", name=name), "done")
    except recordings.VoiceGone:
        flash(_("This voice was already deleted."), "done")
    return redirect(url_for(".bank", **_place()), 303)


def _voice(voice_id: int) -> Voice:
    return db.get_or_404(Voice, voice_id, description=_("This voice was not found. It may have been deleted."))
