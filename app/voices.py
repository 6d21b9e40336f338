"""The bank: add a voice, listen to it, rename it, delete it."""

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for

from app import files
from app.db import Voice, db
from app.voice_forms import NameForm, VoiceForm

blueprint = Blueprint("voices", __name__, url_prefix="/voices")


@blueprint.route("", methods=["GET", "POST"])
def bank():
    """Every voice, and the form that adds one."""
    form = VoiceForm()
    if form.validate_on_submit():
        with form.refusals():
            return redirect(url_for(".bank", added=_add(form).id), 303)
    return _page(form)


def _page(form: VoiceForm, renaming: NameForm | None = None):
    """The page of the bank, 422 when one of its forms was refused."""
    refused = form.errors or (renaming and renaming.errors)
    added = db.session.get(Voice, request.args.get("added", 0, int))
    page = render_template("voices.html", form=form, bank=Voice.bank(), renaming=renaming, added=added)
    return page, 422 if refused else 200


def _add(form: VoiceForm) -> Voice:
    """Listen to the recording and keep its voice.  Raises what the networks, the disk and the database raise."""
    recording = form.recording.data.read()
    db.session.rollback()  # holds no connection while the networks work
    profile = current_app.extensions["cloner"].listen(recording)
    voice = form.voice()
    voice.profile, voice.seconds = profile.to_bytes(), profile.seconds
    files.keep(voice, recording, files.kind_of(recording))
    return voice


@blueprint.get("/<int:voice_id>/sample")
def sample(voice_id: int) -> Response:
    voice = _found(voice_id)
    return files.send(voice, files.title(voice.name))


@blueprint.post("/<int:voice_id>/rename")
def rename(voice_id: int):
    voice = _found(voice_id)
    form = NameForm(voice=voice)
    if form.validate():
        with form.refusals():
            voice.name = form.name.data
            db.session.commit()
            flash(f"The voice is now called “{voice.name}”.", "done")
            return redirect(url_for(".bank"), 303)
    return _page(VoiceForm(None), form)


@blueprint.post("/<int:voice_id>/delete")
def delete(voice_id: int) -> Response:
    """Delete the voice and its recording; what it said stays."""
    voice = _found(voice_id)
    name = voice.name
    files.discard(voice)
    flash(f"“{name}” was deleted, with its recording.", "done")
    return redirect(url_for(".bank"), 303)


def _found(voice_id: int) -> Voice:
    return db.get_or_404(Voice, voice_id, description="There is no such voice: it may have been deleted.")
