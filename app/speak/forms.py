"""The forms of the front page: a text, and how to say it in which voice."""

from pathlib import Path

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from wtforms import BooleanField, FloatField, IntegerField, RadioField, SelectField, TextAreaField
from wtforms.validators import NumberRange, Optional, ValidationError

from app.db import Pronunciation, Speech, Voice, db, plain_name
from app.errors import told
from app.forms import TEXT_FAULTS, Between, RecordingForm, TembrForm, language_choices
from app.i18n import number
from models import FORMATS, KBITS, MAX_SEED, PAUSES, PITCH, SPEED, USUAL_KBITS, Range

RECORDING = "recording"  # the choice of voice that means the uploaded file
TAKES = 3  # of which the best is kept, if that is asked for


class TextForm(TembrForm):
    """A text and its language.

    sentences: how the text will be read, once it was validated.
    """

    text = TextAreaField(lazy_gettext("Text"), filters=[lambda text: (text or "").replace("\r\n", "\n")])
    language = SelectField(lazy_gettext("Language"), choices=language_choices(lazy_gettext("Automatic")), default="")
    sentences = ()

    def validate_text(self, field: TextAreaField) -> None:
        limit, length = current_app.config["MAX_TEXT_CHARACTERS"], len(field.data)
        if not field.data.strip():
            raise ValidationError(
                ngettext(
                    "The text is empty: write %(count)s character.",
                    "The text is empty: write from 1 to %(count)s characters.",
                    limit,
                    count=number(limit),
                )
            )
        if length > limit:
            raise ValidationError(
                ngettext(
                    "The text is too long: %(count)s character, and at most %(limit)s can be said.",
                    "The text is too long: %(count)s characters, and at most %(limit)s can be said.",
                    length,
                    count=number(length),
                    limit=number(limit),
                )
            )
        dictionary = Pronunciation.dictionary()
        db.session.rollback()  # holds no connection while it is read
        try:
            self.sentences = current_app.extensions["cloner"].read(
                field.data, self.language.data or None, dictionary=dictionary
            )
        except TEXT_FAULTS as fault:
            raise ValidationError(told(fault)) from fault


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
        lazy_gettext("The pauses must be between %(low)s and %(high)s times as long; %(given)s was given."),
    )
    format = RadioField(lazy_gettext("Format"), choices={name: name.upper() for name in FORMATS}, default=FORMATS[0])
    kbits = SelectField(
        lazy_gettext("MP3 quality"),
        choices=lambda: {rate: _("%(rate)s kbit/s", rate=rate) for rate in KBITS},
        default=USUAL_KBITS,
        coerce=int,
    )
    seed = IntegerField(lazy_gettext("Seed"), default=0, validators=[Optional(), NumberRange(0, MAX_SEED)])
    best = BooleanField(lazy_gettext("Best of %(count)s", count=TAKES))

    def validate_voice(self, field: RadioField) -> None:
        if field.data != RECORDING and self.source() is None:
            raise ValidationError(_("This voice is no longer in the bank: choose another one."))

    def uses_recording(self) -> bool:
        return self.voice.data == RECORDING

    def source(self) -> Voice | Speech | None:
        """The row whose profile is chosen, None when there is no such row."""
        kind, _, number = (self.voice.data or "").rpartition("-")
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        if kind == "speech":
            speech = db.session.get(Speech, int(number))
            return speech if speech and speech.profile else None
        return db.session.get(Voice, int(number)) if not kind else None

    def upload_name(self) -> str:
        """What a recording used once is called: its file's name."""
        return plain_name(Path(self.recording.data.filename).stem)[: current_app.config["MAX_NAME_CHARACTERS"]] or _(
            "Recording"
        )

    def speech(self) -> Speech:
        """What was asked for, not yet said: without voice, file and duration."""
        return Speech(
            text=self.text.data.strip(),
            language=self.language.data or None,
            speed=self.speed.data,
            pitch=self.pitch.data,
            pauses=self.pauses.data,
            seed=self.seed.data or 0,
            format=self.format.data,
            kbits=self.kbits.data,
        )
