"""Every form: its limits, and the words a person sees when one is not kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy.exc import IntegrityError, OperationalError
from torch import OutOfMemoryError
from wtforms import BooleanField, FloatField, IntegerField, RadioField, SelectField, TextAreaField
from wtforms.validators import NumberRange, Optional, ValidationError

from app.db import Pronunciation, Speech, Voice, db, plain_name
from app.errors import told, why_disk_refused
from app.i18n import number
from models import (
    FORMATS,
    KBITS,
    InvalidVoiceProfile,
    NothingToSay,
    RecordingSilent,
    RecordingTooLong,
    RecordingTooShort,
    TextTooLong,
    UnreadableAudio,
    VoiceProfile,
)

LANGUAGES = {"ru": lazy_gettext("Russian"), "en": lazy_gettext("English")}
RECORDING = "recording"  # the choice of voice that means the uploaded file
MAX_SEED = 2**31 - 1
PITCHES = (-6.0, 6.0)  # semitones
PAUSES = (0.5, 2.0)  # times as long as read
TAKES = 3  # of which the best is kept, if that is asked for

TEXT_FAULTS = (NothingToSay, TextTooLong)


class RecordingUnfit(ValueError):
    """No voice can be made of a recording; the message says why, in the page's language."""


RECORDING_FAULTS = (UnreadableAudio, RecordingTooLong, RecordingSilent, RecordingTooShort, RecordingUnfit)


def _limit(name: str) -> int:
    return current_app.config[name]


def _check_upload(field: FileField) -> None:
    """Refuses a missing, an empty and a too large file, before anything reads it."""
    if not field.data:
        raise ValidationError(_("Choose a recording of the voice: no file was given."))
    size = field.data.stream.seek(0, 2)
    field.data.stream.seek(0)
    limit = _limit("MAX_UPLOAD_MEGABYTES")
    if size == 0:
        raise ValidationError(_("This file is empty (0 bytes): choose one with at least a few seconds of speech."))
    if size > limit * 1_000_000:
        raise ValidationError(upload_too_large(size))


def upload_too_large(size: int) -> str:
    """What is said of a recording of so many bytes."""
    return _(
        "This recording is too large: %(size)s MB, and at most %(limit)s MB can be given.",
        size=number(size / 1e6, 1),
        limit=number(_limit("MAX_UPLOAD_MEGABYTES")),
    )


def _is_out_of_memory(error: Exception) -> bool:
    """On a GPU torch has a class for it; on a CPU only words."""
    return isinstance(error, (MemoryError, OutOfMemoryError)) or "allocate memory" in str(error)


class TembrForm(FlaskForm):
    """A form that puts what goes wrong after its validation at the field it is about."""

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Turns a refusal of the networks, the disk or the database into a message of this form."""
        try:
            yield
        except TEXT_FAULTS as fault:
            self.text.errors.append(told(fault))
        except RECORDING_FAULTS as fault:
            self.recording.errors.append(told(fault))
        except InvalidVoiceProfile as fault:
            self.voice.errors.append(_("This voice cannot be used: %(why)s", why=told(fault)))
        except IntegrityError:
            self._changed_meanwhile()
        except (OSError, OperationalError) as fault:
            current_app.logger.exception("Could not be kept")
            reason = why_disk_refused(fault) or _("the database refused it")
            self.form_errors.append(
                _("The result could not be written to the disk (%(reason)s). Nothing was kept.", reason=reason)
            )
        except (RuntimeError, MemoryError) as fault:
            if not _is_out_of_memory(fault):
                raise
            current_app.logger.exception("Out of memory")
            self.form_errors.append(_("There was not enough memory for this. Try again, or with a shorter text."))

    def _changed_meanwhile(self) -> None:
        """Another request changed what this one needs after it was validated."""
        self.form_errors.append(_("The bank was changed at the same moment: press the button again."))


class CheckForm(TembrForm):
    """A recording that is only looked into."""

    recording = FileField(lazy_gettext("Recording"))

    def uses_recording(self) -> bool:
        return True

    def validate_recording(self, field: FileField) -> None:
        if self.uses_recording():
            _check_upload(field)


class RecordingForm(CheckForm):
    """A recording, and the tick without which nothing is cloned."""

    consent = BooleanField(lazy_gettext("The person who speaks agreed to have this voice cloned"))

    def validate_consent(self, field: BooleanField) -> None:
        if self.uses_recording() and not field.data:
            raise ValidationError(_("Tick this to go on: a voice is cloned only if its speaker agreed."))


def language_choices(none: str) -> Callable[[], dict[str, str]]:
    """The choices of a language, as the page's language calls them; none: what it is called to choose none of them."""
    return lambda: {code: str(name) for code, name in {"": none, **LANGUAGES}.items()}


class TextForm(TembrForm):
    """A text and its language.

    sentences: how the text will be read, once it was validated.
    """

    text = TextAreaField(lazy_gettext("Text"), filters=[lambda text: (text or "").replace("\r\n", "\n")])
    language = SelectField(lazy_gettext("Language"), choices=language_choices(lazy_gettext("Automatic")), default="")
    sentences = ()

    def validate_text(self, field: TextAreaField) -> None:
        limit, length = _limit("MAX_TEXT_CHARACTERS"), len(field.data)
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


def _check_range(field: FloatField, low: float, high: float, refusal: str) -> None:
    """Refuses what is no number of a range.  refusal: with the places low, high and given."""
    if field.data is None or not low <= field.data <= high:
        given = field.raw_data[0] if field.raw_data else _("nothing")
        field.errors[:] = []
        raise ValidationError(refusal % {"low": number(low), "high": number(high), "given": given})


class SpeakForm(RecordingForm, TextForm):
    """A voice, a text, and how to say it.

    voice is the id of a voice of the bank, RECORDING, or "speech-<id>": the recording which that speech used.
    """

    voice = RadioField(lazy_gettext("Voice"), choices=[], validate_choice=False)
    speed = FloatField(lazy_gettext("Speed"), default=1.0)
    pitch = FloatField(lazy_gettext("Pitch"), default=0.0)
    pauses = FloatField(lazy_gettext("Pauses"), default=1.0)
    format = RadioField(lazy_gettext("Format"), choices={name: name.upper() for name in FORMATS}, default="mp3")
    kbits = SelectField(
        lazy_gettext("MP3 quality"),
        choices=lambda: {rate: _("%(rate)s kbit/s", rate=rate) for rate in KBITS},
        default=128,
        coerce=int,
    )
    seed = IntegerField(lazy_gettext("Seed"), default=0, validators=[Optional(), NumberRange(0, MAX_SEED)])
    best = BooleanField(lazy_gettext("Best of %(count)s", count=TAKES))

    def validate_voice(self, field: RadioField) -> None:
        if field.data != RECORDING and self.source() is None:
            raise ValidationError(_("This voice is no longer in the bank: choose another one."))

    def validate_speed(self, field: FloatField) -> None:
        refusal = _("The speed must be between %(low)s and %(high)s; %(given)s was given.")
        _check_range(field, _limit("MIN_SPEED"), _limit("MAX_SPEED"), refusal)

    def validate_pitch(self, field: FloatField) -> None:
        refusal = _("The pitch must be between %(low)s and %(high)s semitones; %(given)s was given.")
        _check_range(field, *PITCHES, refusal)

    def validate_pauses(self, field: FloatField) -> None:
        refusal = _("The pauses must be between %(low)s and %(high)s times as long; %(given)s was given.")
        _check_range(field, *PAUSES, refusal)

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
        return plain_name(Path(self.recording.data.filename).stem)[: _limit("MAX_NAME_CHARACTERS")] or _("Recording")

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


def profile_of(row: Voice | Speech) -> VoiceProfile:
    """The profile a row keeps.  Raises InvalidVoiceProfile."""
    return VoiceProfile.from_bytes(row.profile)
