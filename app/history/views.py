"""The history: list, search, play, download, see and delete speeches."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_sqlalchemy.pagination import Pagination
from soundfile import LibsndfileError
from sqlalchemy import false, func, select

from app import storage, subtitles
from app.db import Speech, db, plain_query
from app.history import pictures
from app.i18n import number

YEAR = 365 * 24 * 3600  # seconds
MAX_ID = 2**63 - 1  # what databases take for a number

blueprint = Blueprint("history", __name__)


@dataclass(frozen=True)
class Totals:
    """Totals of several speeches.  size: bytes.  last_id: of the newest, 0 for none."""

    count: int
    seconds: float
    size: int
    last_id: int


@blueprint.get("/speeches")
def speeches() -> str:
    """List the speeches, newest first; those that a search finds, if there is one."""
    query, kept = _query(), _totals()
    found = _totals(Speech.holding(query)) if query else kept
    page = _page(query, found.count)
    lost = {speech.id for speech in page if not storage.path_of(speech).exists()}
    return render_template(
        "history/speeches.html",
        page=page,
        query=query,
        kept=kept,
        found=found,
        lost=lost,
        rules=_rules(),
        here=_here(page.page),
    )


def _query() -> str:
    return plain_query(request.args.get("q"))


def _totals(*conditions) -> Totals:
    sums = func.sum(Speech.seconds), func.sum(Speech.size), func.max(Speech.id)
    count, *summed = db.session.execute(select(func.count(), *sums).select_from(Speech).where(*conditions)).one()
    return Totals(count, *(value or 0 for value in summed))


def _page(query: str, total: int) -> Pagination:
    """Return a page of the found speeches; the last one for any number beyond it."""
    size = current_app.config["SPEECHES_PER_PAGE"]
    wanted = min(request.args.get("page", 1, int), max(1, -(-total // size)))
    found = select(Speech).where(Speech.holding(query) if total else false()).order_by(Speech.id.desc())
    page = db.paginate(found, page=max(1, wanted), per_page=size, count=False, error_out=False)
    page.total = total
    return page


def _here(page: int = 0) -> dict[str, str | int | None]:
    """Return the query and page as parameters of an address."""
    page = page or request.args.get("page", 1, int)
    return {"q": _query() or None, "page": page if page > 1 else None}


def _rules() -> list[str]:
    """Return in sentences how long speeches are kept."""
    days, megabytes = current_app.config["KEEP_DAYS"], current_app.config["KEEP_MEGABYTES"]
    rules = []
    if days > 0:
        told = {"days": number(days)}
        rules.append(
            ngettext(
                "Speeches are deleted after %(days)s day.",
                "Speeches are deleted after %(days)s days.",
                round(days),
                **told,
            )
        )
    if megabytes > 0:
        rules.append(
            _("When they take up more than %(size)s MB in total, the oldest are deleted.", size=number(megabytes))
        )
    return rules or [_("Speeches are kept until you delete them.")]


@blueprint.post("/speeches/<int:speech_id>/delete")
def delete(speech_id: int) -> Response:
    """Delete one speech with its file; a second request changes nothing more."""
    if storage.discard_where(Speech, Speech.id == speech_id):
        flash(_("Speech deleted."), "done")
    else:
        flash(_("This speech was already deleted."), "done")
    return redirect(url_for(".speeches", **_here()), 303)


@blueprint.post("/speeches/delete")
def delete_all() -> Response:
    """Delete all speeches, or all that are found, up to the newest that was there when the page was shown."""
    shown = Speech.id <= min(max(request.form.get("last_id", 0, int), 0), MAX_ID)
    n_deleted = storage.discard_where(Speech, Speech.holding(_query()), shown)
    flash(
        ngettext("%(count)s speech deleted.", "%(count)s speeches deleted.", n_deleted, count=number(n_deleted)),
        "done",
    )
    return redirect(url_for(".speeches"), 303)


@blueprint.get("/speeches/<int:speech_id>/audio")
def audio(speech_id: int) -> Response:
    """Send the audio; as a download with ?download=1."""
    speech = _speech(speech_id)
    return storage.send(speech, storage.title(speech.voice_name, speech.text), "download" in request.args)


@blueprint.get("/speeches/<int:speech_id>/subtitles.<any(srt, vtt):kind>")
def subtitle_file(speech_id: int, kind: str) -> Response:
    """Send the subtitles of a speech as a download."""
    speech = _timed(speech_id)
    content = io.BytesIO(subtitles.write(speech.words, speech.text, kind).encode())
    name = f"{storage.title(speech.voice_name, speech.text)}.{kind}"
    return send_file(content, f"{subtitles.KINDS[kind]}; charset=utf-8", as_attachment=True, download_name=name)


@blueprint.get("/speeches/<int:speech_id>/words")
def words(speech_id: int) -> dict:
    """Send the text in the segments that a player highlights; see subtitles.segments."""
    speech = _timed(speech_id)
    return {"segments": subtitles.segments(speech.words, speech.text)}


@blueprint.get("/speeches/<int:speech_id>/waveform.svg")
def waveform(speech_id: int) -> Response:
    return _picture(_speech(speech_id), pictures.waveform, "image/svg+xml")


@blueprint.get("/speeches/<int:speech_id>/mel.png")
def mel(speech_id: int) -> Response:
    return _picture(_speech(speech_id), pictures.mel, "image/png")


def _picture(speech: Speech, draw: Callable[[Path], str | bytes], mimetype: str) -> Response:
    """Draw a picture unless the browser has it: a speech's file never changes."""
    answer = Response(mimetype=mimetype)
    answer.set_etag(speech.sha256)
    answer.cache_control.private, answer.cache_control.immutable = True, True
    answer.cache_control.max_age = YEAR
    if request.if_none_match.contains(speech.sha256):
        answer.status_code = 304
        return answer
    try:
        answer.set_data(draw(storage.path_of(speech)))
    except LibsndfileError:
        abort(404, _("The audio file is missing from the disk."))
    return answer


def _timed(speech_id: int) -> Speech:
    """Return a speech whose words' times are known."""
    speech = _speech(speech_id)
    if not speech.has_times:
        abort(404, _("This speech has no subtitles."))
    return speech


def _speech(speech_id: int) -> Speech:
    return db.get_or_404(Speech, speech_id, description=_("This speech was not found. It may have been deleted."))
