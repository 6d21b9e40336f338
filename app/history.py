"""What was said before: to hear again, to find, to delete."""

from flask import Blueprint, Response, current_app, flash, redirect, render_template, url_for
from sqlalchemy import select

from app import files
from app.db import Speech, db

blueprint = Blueprint("history", __name__)


@blueprint.get("/speeches")
def speeches() -> str:
    """What was said, the last first."""
    page = db.paginate(
        select(Speech).order_by(Speech.id.desc()), per_page=current_app.config["SPEECHES_PER_PAGE"], error_out=False
    )
    return render_template("speeches.html", page=page)


@blueprint.post("/speeches/<int:speech_id>/delete")
def delete(speech_id: int) -> Response:
    files.discard(_found(speech_id))
    flash("The speech was deleted.", "done")
    return redirect(url_for(".speeches"), 303)


def _found(speech_id: int) -> Speech:
    return db.get_or_404(Speech, speech_id, description="There is no such speech: it may have been deleted.")
