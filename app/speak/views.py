"""Write a text, listen to it, download it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Row

from app import storage
from app.db import Pronunciation, Speech, Voice, db, now
from app.forms import profile_of
from app.speak import previews, progress
from app.speak.forms import RECORDING, TAKES, SpeakForm, TextForm
from app.speak.queue import Job, QueueFull
from app.voices import picker, quality
from app.voices.similarity import in_words
from models import MAX_SEED, VoiceProfile

REPEATED = ("text", "language", "speed", "pitch", "pauses", "format", "kbits")  # what another take is asked with

blueprint = Blueprint("speak", __name__)


@blueprint.route("/", methods=["GET", "POST"])
def speak():
    """The front page: a voice and a text in, a speech out."""
    job = progress.asked_about()
    form = progress.refused(job) if job else SpeakForm(voice=_first_choice(Voice.choices(limit=1)))
    if previews.is_asked_for():
        return _with_preview(form)
    if picker.are_asked_for():
        return _page(form)
    if form.validate_on_submit():
        with _refusals(form):
            return progress.answer(_begin(form))
    return _page(form)


def _page(form: SpeakForm, preview: previews.Preview | None = None):
    """The front page, 422 when its form was refused."""
    shown = {"bank": picker.offered(form.voice.data), "speech": None, "panels": progress.panels()}
    page = render_template("speak/speak.html", form=form, preview=preview, **shown)
    return page, 422 if form.errors else 200


@contextmanager
def _refusals(form: SpeakForm) -> Iterator[None]:
    """As form.refusals; a full queue is said above the form."""
    with form.refusals():
        try:
            yield
        except QueueFull as fault:
            form.form_errors.append(str(fault))


def _with_preview(form: SpeakForm):
    """The front page of a browser without scripts: what was filled in, and how its text will be read."""
    asked = TextForm()
    preview = previews.make(asked)
    form.text.data, form.text.errors = preview.text, asked.text.errors
    if form.recording.data:
        form.recording.errors = [_("Choose the recording again: a page cannot keep it.")]
    return _page(form, preview)


@blueprint.post("/reading")
def reading() -> str:
    """How a text will be read, as the part of the front page that shows it."""
    return render_template("speak/_reading.html", preview=previews.make(TextForm()))


def _first_choice(first: Sequence[Row]) -> str:
    """The voice asked for in the address, or the first of the bank, or a recording when the bank is empty."""
    asked = request.args.get("voice", 0, int)
    if 0 < asked < 2**63 and db.session.get(Voice, asked):
        return str(asked)
    return str(first[0].id) if first else RECORDING


def _begin(form: SpeakForm) -> Job:
    """Put what the form asks for into the queue.  Raises what the networks raise of a recording, and QueueFull."""
    speech, source = form.speech(), form.source()
    if source is None:
        profile, findings = quality.hear(form.recording.data.read())
        quality.tell(profile, findings)
        speech.voice_name, speech.profile, speech.consent_at = form.upload_name(), profile.to_bytes(), now()
    else:
        profile = _use(speech, source)
    takes = TAKES if form.best.data else 1
    return progress.queue().add(Job(speech, profile, form.sentences, takes, progress.owner(), form.voice.data))


def _use(speech: Speech, source: Voice | Speech) -> VoiceProfile:
    """Give the speech the voice of the bank, or the recording that another speech used.  Raises InvalidVoiceProfile."""
    if isinstance(source, Voice):
        speech.voice_id, speech.voice_name = source.id, source.name
    else:
        speech.voice_name, speech.profile, speech.consent_at = source.voice_name, source.profile, source.consent_at
    return profile_of(source)


@blueprint.get("/speeches/<int:speech_id>")
def result(speech_id: int) -> str:
    """A speech to hear and download, above the form that made it."""
    speech = _found(speech_id)
    form = progress.form_of(speech, _choice(speech) or _first_choice(Voice.choices(limit=1)))
    shown = {"bank": picker.offered(form.voice.data), "panels": progress.panels()}
    state = {"can_repeat": _can_repeat(speech), "is_lost": not storage.path_of(speech).exists()}
    return render_template("speak/speak.html", form=form, alike=in_words, speech=speech, **state, **shown)


def _choice(speech: Speech) -> str | None:
    """The choice of voice that says it again; None when its voice was deleted."""
    return str(speech.voice_id or (f"speech-{speech.id}" if speech.profile else "")) or None


def _can_repeat(speech: Speech) -> bool:
    return bool(_choice(speech))


@blueprint.post("/speeches/<int:speech_id>/again")
def again(speech_id: int):
    """Another take: the same text and voice with the next seed."""
    speech = _found(speech_id)
    if not _can_repeat(speech):
        abort(404, _("The voice of this speech was deleted."))
    form = progress.form_of(speech, _choice(speech))
    with _refusals(form):
        return progress.answer(progress.queue().add(_take(speech)))
    message = " ".join(message for messages in form.errors.values() for message in messages)
    if progress.is_by_script():
        return {"message": message}, 422
    flash(message, "error")
    return redirect(url_for(".result", speech_id=speech_id), 303)


def _take(speech: Speech) -> Job:
    """The next take of a speech.  Raises InvalidVoiceProfile, and what reading a text raises."""
    take = Speech(**{name: getattr(speech, name) for name in REPEATED}, seed=(speech.seed + 1) % MAX_SEED)
    profile = _use(take, db.session.get(Voice, speech.voice_id) if speech.voice_id else speech)
    cloner, dictionary = current_app.extensions["cloner"], Pronunciation.dictionary()
    voice = _choice(speech)
    db.session.rollback()  # holds no connection while it is read
    sentences = cloner.read(take.text, take.language, dictionary=dictionary)
    return Job(take, profile, sentences, 1, progress.owner(), voice)


def _found(speech_id: int) -> Speech:
    return db.get_or_404(Speech, speech_id, description=_("There is no such speech: it may have been deleted."))
