"""The forms of the front page: a text, and how to say it in which voice."""

from collections.abc import Mapping
from pathlib import Path

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import BooleanField, FloatField, IntegerField, RadioField, SelectField, TextAreaField
from wtforms.validators import NumberRange, Optional, ValidationError

from app.db import Speech, Voice, db, now, plain_name
from app.forms import Between, Characters, RecordingForm, TembrForm, language_choices
from app.speak.request import KNOBS, RequestedVoice, SpeechRequest
from models import FORMATS, KBITS, MAX_SEED, NN_, PAUSES, PITCH, SPEED, Range, VoiceProfile

RECORDING = "recording"  # the choice of voice that means the uploaded file
TAKES = 3  # of which the best is kept, if that is asked for


class TextForm(TembrForm):
    """A text and its language: their form and length alone, for reading a text is work."""

    text = TextAreaField(
        lazy_gettext("Text"),
        filters=[lambda text: (text or "").replace("\r\n", "\n")],
        validators=[
            Characters(
                "MAX_TEXT_CHARACTERS",
                empty=NN_(
                    "Enter a text of %(count)d character.",
                    "Enter a text of up to %(count)d characters.",
                ),
                too_long=NN_(
                    "The text is too long: %(count)d character. The limit is %(limit)d.",
                    "The text is too long: %(count)d characters. The limit is %(limit)d.",
                ),
            )
        ],
    )
    language = SelectField(
        lazy_gettext("Language"), choices=language_choices(lazy_gettext("Detect automatically")), default=""
    )


def _slider(label: str, limits: Range, refusal: str) -> FloatField:
    return FloatField(
        label, default=limits.usual, validators=[Between(limits, refusal)], render_kw={"step": limits.step}
    )


class SpeakForm(RecordingForm, TextForm):
    """A voice, a text, and how to say it.

    voice is the id of a voice of the bank, RECORDING, or "speech-<id>": the recording which that speech used.
    """

    voice = RadioField(lazy_gettext("Voice"), choices=[], validate_choice=False)
    speed = _slider(
        lazy_gettext("Speed"),
        SPEED,
        lazy_gettext("The speed must be between %(low)s and %(high)s; %(given)s was given."),
    )
    pitch = _slider(
        lazy_gettext("Pitch"),
        PITCH,
        lazy_gettext("The pitch must be between %(low)s and %(high)s semitones; %(given)s was given."),
    )
    pauses = _slider(
        lazy_gettext("Pauses"),
        PAUSES,
        lazy_gettext("The pauses must be between %(low)s and %(high)s times their usual length; %(given)s was given."),
    )
    format = RadioField(
        lazy_gettext("Format"), choices={name: name.upper() for name in FORMATS}, default=SpeechRequest.format
    )
    kbits = SelectField(
        lazy_gettext("MP3 quality"),
        choices=lambda: {rate: _("%(rate)s kbit/s", rate=rate) for rate in KBITS},
        default=SpeechRequest.kbits,
        coerce=int,
    )
    seed = IntegerField(
        lazy_gettext("Seed"), default=SpeechRequest.seed, validators=[Optional(), NumberRange(0, MAX_SEED)]
    )
    best = BooleanField(lazy_gettext("Best of %(count)s", count=TAKES), default=False)

    def validate_voice(self, field: RadioField) -> None:
        if field.data != RECORDING and self.source() is None:
            raise ValidationError(_("This voice has been deleted. Choose another one."))

    def has_changed_options(self) -> bool:
        """Whether an option differs from its default, or was refused."""
        options = [self.best, *(self[name] for name in KNOBS if name in self and name != "text")]
        return any(field.errors or (field.data or "") != (field.default or "") for field in options)

    def uses_recording(self) -> bool:
        return self.voice.data == RECORDING

    def source(self) -> Voice | Speech | None:
        """Return the row whose profile is chosen; None when there is no such row."""
        kind, _, number = (self.voice.data or "").rpartition("-")
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        if kind == "speech":
            speech = db.session.get(Speech, int(number))
            return speech if speech and speech.has_recording else None
        return db.session.get(Voice, int(number)) if not kind else None

    def uploaded_voice(self, profile: VoiceProfile) -> RequestedVoice:
        """Return the voice of the uploaded recording, named after its file."""
        name, limit = plain_name(Path(self.recording.data.filename).stem), current_app.config["MAX_NAME_CHARACTERS"]
        return RequestedVoice(name[:limit] or _("Recording"), profile, consent_at=now(), choice=RECORDING)

    def request(self, voice: RequestedVoice) -> SpeechRequest:
        """Build the request: each knob from the field of its name."""
        given = {name: self[name].data for name in KNOBS if name in self}
        given |= {"text": self.text.data.strip(), "language": self.language.data or None, "seed": self.seed.data or 0}
        return SpeechRequest(voice=voice, takes=TAKES if self.best.data else 1, **given)

    @classmethod
    def showing(cls, knobs: Mapping[str, object], choice: str) -> "SpeakForm":
        """Build the form that asked for these knobs, without errors.  choice: the value of its voice field."""
        given = {"voice": choice, "consent": choice == RECORDING, "best": knobs.get("takes", 1) > 1}
        form = cls(None, data={**knobs, **given})
        for field in form:
            field.errors = []
        return form


def voice_of(row: Voice | Speech) -> RequestedVoice:
    """Return a voice of the bank, or that of the recording which a speech used.  Raises InvalidVoiceProfile."""
    if isinstance(row, Voice):
        return RequestedVoice(row.name, row.profile, id=row.id, choice=str(row.id))
    return RequestedVoice(row.voice_name, row.profile, consent_at=row.consent_at, choice=f"speech-{row.id}")
