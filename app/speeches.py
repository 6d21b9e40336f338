"""Write a text, listen to it, download it."""

import hashlib

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for

from app import files, previews
from app.db import Pronunciation, Speech, Voice, db, now
from app.forms import MAX_SEED, RECORDING, SpeakForm, TembrForm, TextForm, profile_of
from models import VoiceProfile

blueprint = Blueprint("speeches", __name__)


@blueprint.route("/", methods=["GET", "POST"])
def speak():
    """The front page: a voice and a text in, a speech out."""
    form = SpeakForm(voice=_first_choice(Voice.bank()))
    if previews.is_asked_for():
        return _with_preview(form)
    if form.validate_on_submit():
        with form.refusals():
            return redirect(url_for(".result", speech_id=_say(form).id), 303)
    return _page(form)


def _page(form: SpeakForm, preview: previews.Preview | None = None):
    """The front page, 422 when its form was refused."""
    page = render_template("speak.html", form=form, bank=Voice.bank(), speech=None, preview=preview)
    return page, 422 if form.errors else 200


def _with_preview(form: SpeakForm):
    """The front page of a browser without scripts: what was filled in, and how its text will be read."""
    asked = TextForm()
    preview = previews.make(asked)
    form.text.data, form.text.errors = preview.text, asked.text.errors
    if form.recording.data:
        form.recording.errors = ["Choose the recording again: a page cannot keep it."]
    return _page(form, preview)


@blueprint.post("/reading")
def reading() -> str:
    """How a text will be read, as the part of the front page that shows it."""
    return render_template("_reading.html", preview=previews.make(TextForm()))


def _first_choice(bank: list[Voice]) -> str:
    """The voice asked for in the address, or the first of the bank, or a recording when the bank is empty."""
    asked = request.args.get("voice", "")
    if asked in {str(voice.id) for voice in bank}:
        return asked
    return str(bank[0].id) if bank else RECORDING


def _say(form: SpeakForm) -> Speech:
    """Say what the form asks for.  Raises what the networks, the disk and the database raise."""
    speech, source = form.speech(), form.source()
    if source is None:
        profile = current_app.extensions["cloner"].listen(form.recording.data.read())
        speech.voice_name, speech.profile, speech.consent_at = form.upload_name(), profile.to_bytes(), now()
        return record(speech, profile)
    _use(speech, source)
    return record(speech, profile_of(source))


def _use(speech: Speech, source: Voice | Speech) -> None:
    """Give the speech the voice of the bank, or the recording that another speech used."""
    if isinstance(source, Voice):
        speech.voice_id, speech.voice_name = source.id, source.name
    else:
        speech.voice_name, speech.profile, speech.consent_at = source.voice_name, source.profile, source.consent_at


def record(speech: Speech, profile: VoiceProfile) -> Speech:
    """Speak what `speech` asks for in the profile's voice; keep the audio file and the row.

    speech: new, with text, language, speed, seed, format, voice_name and, for a voice of the bank, voice_id.
    Raises NothingToSay, TextTooLong, OSError, SQLAlchemyError and what memory raises; then nothing is kept.
    """
    cloner = current_app.extensions["cloner"]
    dictionary = Pronunciation.dictionary()
    db.session.rollback()  # holds no connection while the networks work
    waveform = cloner.speak(speech.text, profile, speech.language, speech.speed, speech.seed, dictionary=dictionary)
    audio = cloner.encode(waveform, speech.format)
    speech.seconds = len(waveform) / cloner.sample_rate
    speech.sha256 = hashlib.sha256(audio).hexdigest()
    if speech.voice_id and not db.session.get(Voice, speech.voice_id):
        speech.voice_id = None  # deleted while it spoke
    files.keep(speech, audio, speech.format)
    return speech


@blueprint.get("/speeches/<int:speech_id>")
def result(speech_id: int) -> str:
    """A speech to hear and download, above the form that made it."""
    speech, bank = _found(speech_id), Voice.bank()
    voice = str(speech.voice_id or (f"speech-{speech.id}" if speech.profile else _first_choice(bank)))
    form = SpeakForm(None, obj=speech, data={"voice": voice, "language": speech.language or ""})
    return render_template("speak.html", form=form, bank=bank, speech=speech, can_repeat=_can_repeat(speech))


def _can_repeat(speech: Speech) -> bool:
    return bool(speech.voice_id or speech.profile)


@blueprint.post("/speeches/<int:speech_id>/again")
def again(speech_id: int) -> Response:
    """Another take: the same text and voice with the next seed."""
    speech = _found(speech_id)
    form = TembrForm()
    if not _can_repeat(speech):
        abort(404, "The voice of this speech was deleted.")
    if form.validate():
        with form.refusals():
            return redirect(url_for(".result", speech_id=_take(speech).id), 303)
    flash(" ".join(form.form_errors) or "That did not work: try again.", "error")
    return redirect(url_for(".result", speech_id=speech_id), 303)


def _take(speech: Speech) -> Speech:
    """The next take of a speech."""
    take = Speech(text=speech.text, language=speech.language, speed=speech.speed, format=speech.format)
    take.seed = (speech.seed + 1) % MAX_SEED
    source = db.session.get(Voice, speech.voice_id) if speech.voice_id else speech
    _use(take, source)
    return record(take, profile_of(source))


@blueprint.get("/speeches/<int:speech_id>/audio")
def audio(speech_id: int) -> Response:
    """The speech to listen to; to keep with ?download=1."""
    speech = _found(speech_id)
    return files.send(speech, files.title(speech.voice_name, speech.text), "download" in request.args)


def _found(speech_id: int) -> Speech:
    return db.get_or_404(Speech, speech_id, description="There is no such speech: it may have been deleted.")
