"""A voice's page: its card, its recordings, what it learned, the most similar other voice, and its export."""

import io

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from app import storage
from app.db import LearnedVoice, Lesson, Voice, VoiceRecording, db
from app.errors import told, translated
from app.i18n import number
from app.voices import learning, quality, recordings, similarity, voice_file
from app.voices.forms import AnotherRecordingForm, CardForm
from app.voices.similarity import Neighbour, nearest
from app.voices.views import learn as learn_unasked
from app.voices.views import voice_gone
from models import MIN_LEARNED_SECONDS, PROMPTS, InvalidVoiceProfile, Message, TooLittleSpeech

blueprint = Blueprint("voice", __name__, url_prefix="/voices/<int:voice_id>")
for _fault in (StaleDataError, ObjectDeletedError, recordings.VoiceGone):
    blueprint.register_error_handler(_fault, voice_gone)


@blueprint.route("", methods=["GET", "POST"])
def page(voice_id: int):
    """Show the voice, or change its card."""
    voice = _found(voice_id)
    form = CardForm(obj=voice, voice=voice)
    if form.validate_on_submit():
        with form.refusals():
            form.fill(voice)
            db.session.commit()
            flash(_("Changes saved."), "done")
            return _back(voice_id)
        db.session.rollback()
    return _page(voice, card=form)


def _page(voice: Voice, card: CardForm | None = None, another: AnotherRecordingForm | None = None):
    """Render the page of a voice; 422 if one of its forms has errors."""
    heard = [(recording, _is_on_disk(recording)) for recording in voice.recordings]
    card, another = card or CardForm(None, obj=voice, voice=voice), another or AnotherRecordingForm(None)
    shown = render_template(
        "voices/voice.html", voice=voice, card=card, another=another, recordings=heard, nearest=_nearest(voice),
        has_sample=_is_on_disk(voice), prompts=PROMPTS, **_learned(voice),
    )  # fmt: skip
    return shown, 422 if card.errors or another.errors else 200


def _learned(voice: Voice) -> dict[str, object]:
    """Return what the page shows of learning: the lesson with its fault, what was learned, and whether it is used."""
    lesson, learned = db.session.get(Lesson, voice.id), db.session.get(LearnedVoice, voice.id)
    fault = lesson and lesson.fault
    if fault:
        template = fault["template"]
        fault = translated(Message(template if isinstance(template, str) else tuple(template), fault["values"]))
    cloner = current_app.extensions["cloner"]
    is_outdated = bool(learned) and learned.made_on != cloner.fingerprint
    is_waiting = lesson is not None and not lesson.steps and learning.is_after_others(lesson)
    shown = {"lesson": lesson, "fault": fault, "is_waiting": is_waiting, "learned": learned, "is_outdated": is_outdated}
    shown |= {"in_words": similarity.in_words, "thresholds": similarity.OF_SPEECHES}
    shown["lack"] = told(TooLittleSpeech(voice.seconds)) if voice.seconds < MIN_LEARNED_SECONDS else None
    return shown | {"can_learn": cloner.can_learn and not voice.origin}


def _is_on_disk(row: Voice | VoiceRecording) -> bool:
    return bool(row.file_name) and storage.path_of(row).is_file()


def _nearest(voice: Voice) -> Neighbour | None:
    """Return the most similar other voice of the bank."""
    try:
        return nearest(voice.profile.embedding, other_than=voice.id)
    except InvalidVoiceProfile:
        return None


@blueprint.route("/recordings", methods=["GET", "POST"])
def add_recording(voice_id: int):
    """Listen to one more recording and merge it into the voice."""
    voice = _own(voice_id)
    form = AnotherRecordingForm()
    if request.method == "GET":  # of a page that was refused
        return _back(voice_id)
    if form.validate():
        with form.refusals():
            _add(voice_id, form.recording.data.read(), *form.text_read)
            flash(_("Recording added."), "done")
            return _back(voice_id)
    return _page(voice, another=form)


def _add(voice_id: int, recording: bytes, text: str | None, text_language: str | None) -> None:
    """Merge a recording and show what was found.  Raises what quality.hear and recordings.add raise."""
    profile, findings = quality.hear(recording)
    voice = _found(voice_id)
    before, was_too_short = voice.profile.embedding, voice.seconds < MIN_LEARNED_SECONDS
    voice = recordings.add(voice_id, recording, profile, text, text_language)
    if was_too_short:
        learn_unasked(voice)
    quality.tell(profile, findings, other_than=voice_id)
    if (cosine := float(before @ profile.embedding)) < similarity.OF_RECORDINGS.somewhat_alike:
        flash(_doubt(cosine), "warning")


def _doubt(cosine: float) -> str:
    return _(
        "This recording does not sound like the voice: similarity %(similarity)s, and the same person usually"
        " scores above %(least)s. If someone else is speaking in it, remove it.",
        similarity=number(cosine, 2),
        least=number(similarity.OF_RECORDINGS.somewhat_alike, 2),
    )


@blueprint.get("/recordings/<int:recording_id>/audio")
def audio(voice_id: int, recording_id: int) -> Response:
    """Send the audio of a recording."""
    voice, recording = _found(voice_id), db.session.get(VoiceRecording, recording_id)
    if recording is None or recording.voice_id != voice_id:
        abort(404, _("This recording was not found. It may have been deleted."))
    return storage.send(recording, storage.title(voice.name, str(recording_id)))


@blueprint.post("/recordings/<int:recording_id>/remove")
def remove(voice_id: int, recording_id: int) -> Response:
    """Forget a recording and what was learned from it."""
    _found(voice_id)
    try:
        recordings.remove(voice_id, recording_id)
        flash(_("Recording removed. The voice now uses the others."), "done")
    except recordings.OnlyRecording:
        flash(_("This is the voice's only recording. Delete the voice, or only the audio."), "error")
    return _back(voice_id)


@blueprint.post("/recordings/<int:recording_id>/remove-audio")
def remove_audio(voice_id: int, recording_id: int) -> Response:
    """Delete the audio of a recording; the voice stays as it is."""
    _found(voice_id)
    recordings.remove_audio(voice_id, recording_id)
    flash(_("Audio deleted. The voice sounds the same."), "done")
    return _back(voice_id)


@blueprint.post("/recordings/<int:recording_id>/sample")
def make_sample(voice_id: int, recording_id: int) -> Response:
    """Make this recording the sample that the bank plays."""
    _found(voice_id)
    recordings.make_sample(voice_id, recording_id)
    flash(_("This recording is now the voice's sample."), "done")
    return _back(voice_id)


@blueprint.get("/learning")
def lesson(voice_id: int):
    """Show how far learning the voice is, as it stands on its page."""
    voice = _found(voice_id)
    shown = render_template("voices/_learning.html", voice=voice, **_learned(voice))
    return shown, {"Cache-Control": "no-store"}


@blueprint.post("/learn")
def learn(voice_id: int) -> Response:
    """Learn the voice from its recordings, in the background."""
    voice = _own(voice_id)
    if not current_app.extensions["cloner"].can_learn:
        abort(400, _("The networks are on other machines, where no voice can be learned."))
    try:
        learning.begin(voice)
        current_app.extensions["lessons"].start()
    except learning.NoRecordings as fault:
        flash(told(fault), "error")
    return _back(voice_id, "learning")


@blueprint.post("/learn/cancel")
def cancel_lesson(voice_id: int) -> Response:
    """Stop learning; what the voice learned before stays."""
    _found(voice_id)
    learning.cancel(voice_id)
    flash(_("Learning was stopped."), "done")
    return _back(voice_id, "learning")


@blueprint.post("/learn/forget")
def forget_learned(voice_id: int) -> Response:
    """Forget what the voice learned."""
    _found(voice_id)
    learning.forget(voice_id)
    flash(_("Forgotten. The voice sounds as it did before learning."), "done")
    return _back(voice_id, "learning")


@blueprint.get("/export")
def export(voice_id: int) -> Response:
    """Send the voice as a file; without its sample with ?sample=0."""
    voice = _found(voice_id)
    try:
        content = voice_file.of(voice, with_sample=request.args.get("sample") != "0").to_bytes()
    except InvalidVoiceProfile:
        flash(_("This voice is damaged and cannot be exported."), "error")
        return _back(voice_id)
    name = voice_file.file_name(voice)
    return send_file(io.BytesIO(content), "application/octet-stream", as_attachment=True, download_name=name)


def _back(voice_id: int, anchor: str | None = None) -> Response:
    return redirect(url_for("voice.page", voice_id=voice_id, _anchor=anchor), 303)


def _found(voice_id: int) -> Voice:
    return db.get_or_404(Voice, voice_id, description=_("This voice was not found. It may have been deleted."))


def _own(voice_id: int) -> Voice:
    """Return a voice that was added here; abort with 400 for a ready one."""
    voice = _found(voice_id)
    if voice.origin:
        abort(400, _("Ready-made voices cannot be changed. Add your recording as a new voice."))
    return voice
