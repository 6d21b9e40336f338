"""The front page, the preview, a speech with the form that made it, and another take."""

from dataclasses import replace

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app import storage
from app.db import Lesson, Speech, Voice, db
from app.errors import told, translated
from app.i18n import page_language
from app.speak import progress, reading
from app.speak.forms import RECORDING, SpeakForm, TextForm, voice_of
from app.speak.jobs import Job, QueueFull
from app.speak.request import SpeechRequest, knobs_of
from app.voices import picker, quality, similarity
from models import MAX_SEED

blueprint = Blueprint("speak", __name__)


@blueprint.route("/", methods=["GET", "POST"])
def speak():
    """Show the form, or queue what it asks for."""
    job = progress.asked_about()
    if job:
        progress.queue().see(job)
    form = progress.refused(job) if job else SpeakForm(voice=_asked_voice() or _first_voice())
    if "page_language" in request.form:  # a browser without scripts sent its form along with a switch of the language
        return _shown_again(form)
    if reading.is_asked_for():
        return _with_preview(form)
    if picker.are_asked_for():
        return _page(form)
    if form.validate_on_submit():
        with form.refusals():
            try:
                return progress.answer(_begin(form))
            except QueueFull as fault:
                form.form_errors.append(told(fault))
                return _later(_page(form)[0], fault)
    return _page(form)


def _later(answer: str | dict, fault: QueueFull) -> tuple[str | dict, int, dict[str, str]]:
    """Answer with 503, and with the seconds after which to try again."""
    return answer, 503, {"Retry-After": str(fault.seconds)}


def _page(form: SpeakForm, preview: reading.Preview | None = None):
    """Render the front page; 422 if its form has errors."""
    shown = {"bank": picker.offered(form.voice.data), "speech": None, "panels": progress.panels()}
    refusal = current_app.extensions["cloner"] and current_app.extensions["cloner"].refusal
    shown["device_refusal"] = translated(refusal) if refusal else None
    page = render_template("speak/speak.html", form=form, preview=preview, **shown)
    return page, 422 if form.errors else 200


def _with_preview(form: SpeakForm):
    """Render the front page with the reading of its text, for a browser without scripts."""
    asked, preview = TextForm(), None
    try:
        preview = reading.make(asked)
        form.text.data, form.text.errors = preview.text, asked.text.errors
    except reading.Busy as fault:
        form.text.errors = [told(fault)]
    return _shown_again(form, preview)


def _shown_again(form: SpeakForm, preview: reading.Preview | None = None):
    """Show a browser without scripts what it filled in; ask for a chosen file again, which cannot come back."""
    if form.recording.data:
        form.recording.errors = [_("Choose the recording again: browsers do not keep chosen files.")]
    return _page(form, preview)


@blueprint.post("/reading")
def preview():
    """Render the reading of a text; 503 while another text is being read."""
    try:
        return render_template("speak/_reading.html", preview=reading.make(TextForm()))
    except reading.Busy as fault:
        return {"message": told(fault)}, 503, {"Retry-After": "1"}


def _asked_voice() -> str | None:
    """Return the choice of the voice that the address asks for, None without one."""
    asked = request.args.get("voice", 0, int)
    return str(asked) if 0 < asked < 2**63 and db.session.get(Voice, asked) else None


def _first_voice() -> str:
    """Return the choice of the first voice of the bank, or of a recording when the bank is empty."""
    first = Voice.choices(limit=1, language=page_language())
    return str(first[0].id) if first else RECORDING


def _begin(form: SpeakForm) -> Job:
    """Queue what the form asks for.  Raises what quality.hear raises, InvalidVoiceProfile, QueueFull."""
    source = form.source()
    if source is None:
        profile, findings = quality.hear(form.recording.data.read())
        voice = form.uploaded_voice(profile)
        quality.tell(profile, findings)
    else:
        voice = voice_of(source)
    return progress.queue().add(Job(form.request(voice), progress.owner()))


@blueprint.get("/speeches/<int:speech_id>")
def result(speech_id: int) -> str:
    """Show a speech above the form that made it."""
    speech = _found(speech_id)
    choice = _choice(speech)
    form = SpeakForm.showing(knobs_of(speech), _asked_voice() or choice or _first_voice())
    shown = {"bank": picker.offered(form.voice.data), "panels": progress.panels()}
    state = {"can_repeat": bool(choice), "is_lost": not storage.path_of(speech).exists()}
    if speech.similarity is not None:
        thresholds = similarity.thresholds_of(speech)
        state["words"] = similarity.in_words(speech.similarity, thresholds)
        state["advice"] = _advice(speech) if speech.similarity < thresholds.alike else None
    return render_template("speak/speak.html", form=form, speech=speech, **state, **shown)


def _advice(speech: Speech) -> str | None:
    """Return how such a speech would be more alike: again, wait, learn, save or record; None if nothing helps."""
    cloner, voice = current_app.extensions["cloner"], db.session.get(Voice, speech.voice_id or 0)
    if voice is None:
        return "save" if speech.has_recording and cloner.can_learn else None
    if voice.origin:
        return None
    lesson, learned = db.session.get(Lesson, voice.id), voice.learned
    is_known = learned is not None and learned.made_on == cloner.fingerprint
    if is_known and learned.is_used and not speech.is_learned:
        return "again"
    if lesson and not lesson.fault:
        return "wait"
    return "learn" if cloner.can_learn and not is_known else "record"


def _choice(speech: Speech) -> str | None:
    """Return the value of the voice field that speaks it again; None if its voice was deleted."""
    if speech.voice_id:
        return str(speech.voice_id)
    return f"speech-{speech.id}" if speech.has_recording else None


@blueprint.post("/speeches/<int:speech_id>/again")
def again(speech_id: int):
    """Queue another take: the same request with the next seed."""
    speech = _found(speech_id)
    choice = _choice(speech)
    if not choice:
        abort(404, _("The voice of this speech has been deleted."))
    form = SpeakForm.showing(knobs_of(speech), choice)
    with form.refusals():
        voice = voice_of(db.session.get(Voice, speech.voice_id) if speech.voice_id else speech)
        take = replace(SpeechRequest.from_row(speech, voice), seed=(speech.seed + 1) % MAX_SEED)
        try:
            return progress.answer(progress.queue().add(Job(take, progress.owner())))
        except QueueFull as fault:
            if progress.is_by_script():
                return _later({"message": told(fault)}, fault)
            raise
    message = " ".join(message for messages in form.errors.values() for message in messages)
    if progress.is_by_script():
        return {"message": message}, 422
    flash(message, "error")
    return redirect(url_for(".result", speech_id=speech_id), 303)


def _found(speech_id: int) -> Speech:
    return db.get_or_404(Speech, speech_id, description=_("This speech was not found. It may have been deleted."))
