"""The page of programs: their tokens, and a form to try what they do."""

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import StringField

from app import tokens
from app.access import FOR_PROGRAMS
from app.api.models import MODEL
from app.api.speech import CONTENT_TYPES
from app.db import ApiToken, Voice, db
from app.errors import told
from app.forms import TembrForm
from app.i18n import page_language

blueprint = Blueprint("programs", __name__, url_prefix="/api")


class TokenForm(TembrForm):
    """The name of a program that is to have a token."""

    name = StringField(lazy_gettext("Program"))


@blueprint.route("", methods=["GET", "POST"])
def page():
    """List the tokens; or make one, and show it in this answer alone."""
    form, made = TokenForm(), None
    if form.validate_on_submit():
        with form.refusals():
            try:
                made = tokens.make(form.name.data or "")
            except tokens.InvalidTokenName as fault:
                form.name.errors = [*form.name.errors, told(fault)]
    shown = {
        "made": made,
        "tokens": tokens.listed(),
        "address": url_for("speak.speak", _external=True).rstrip("/") + FOR_PROGRAMS.rstrip("/"),
        "model": MODEL,
        "voices": Voice.choices(limit=current_app.config["VOICES_OFFERED"], language=page_language()),
        "formats": list(CONTENT_TYPES),
    }
    answer = render_template("api/api.html", form=form, **shown)
    return answer, 422 if form.errors else 200, {"Cache-Control": "no-store"}


@blueprint.post("/tokens/<int:token_id>/revoke")
def revoke(token_id: int):
    """Revoke a token; a second request changes nothing more."""
    try:
        row = db.session.get(ApiToken, token_id)
        tokens.revoke(row.name if row else "")
        flash(_("Token revoked."), "done")
    except tokens.UnknownToken:
        flash(_("This token was already revoked."), "done")
    return redirect(url_for(".page"), 303)
