"""What forms share: refusals at their fields, the field of a recording and its consent, numbers within limits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from flask_wtf.form import _Auto, _is_submitted
from sqlalchemy.exc import IntegrityError, OperationalError
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field
from wtforms.validators import NumberRange, StopValidation, ValidationError

from app.db import db
from app.errors import told, translated, why_disk_refused
from app.i18n import number
from models import (
    InvalidVoiceProfile,
    Message,
    NothingToSay,
    Range,
    RecordingSilent,
    RecordingTooLong,
    RecordingTooShort,
    RecordingUnfit,
    TembrError,
    TextTooLong,
    UnreadableAudio,
    is_out_of_memory,
)

LANGUAGES = {"ru": lazy_gettext("Russian"), "en": lazy_gettext("English")}

TEXT_FAULTS = (NothingToSay, TextTooLong)
RECORDING_FAULTS = (UnreadableAudio, RecordingTooLong, RecordingSilent, RecordingTooShort, RecordingUnfit)


class Between(NumberRange):
    """A number of a Range; refused with its limits and with what was given.

    refusal: a lazy sentence with the places low, high and given.
    """

    def __init__(self, limits: Range, refusal: str):
        super().__init__(limits.low, limits.high)
        self.refusal = refusal

    def __call__(self, form: FlaskForm, field: Field) -> None:
        try:
            super().__call__(form, field)
        except ValidationError:
            field.errors[:] = []  # that it is no number is said here, too
            given = field.raw_data[0] if field.raw_data else _("nothing")
            values = {"low": number(self.min), "high": number(self.max), "given": given}
            raise StopValidation(str(self.refusal) % values) from None


class Characters:
    """As many characters as a setting allows.

    too_long, empty: pairs of singular and plural (NN_), with the places count and limit.  Without empty, none is fine.
    """

    def __init__(self, setting: str, too_long: tuple[str, str], empty: tuple[str, str] | None = None):
        self.setting, self.too_long, self.empty = setting, too_long, empty

    def check(self, text: str) -> None:
        """Raise ValidationError for a text that is too long, or empty where it must not be."""
        limit = current_app.config[self.setting]
        if self.empty and not text.strip():
            raise ValidationError(translated(Message(self.empty, {"count": limit})))
        if len(text) > limit:
            raise ValidationError(translated(Message(self.too_long, {"count": len(text), "limit": limit})))

    def __call__(self, form: FlaskForm, field: Field) -> None:
        try:
            self.check(field.data)
        except ValidationError as fault:
            raise StopValidation(str(fault)) from None


class TembrForm(FlaskForm):
    """A form that shows what is refused after its validation at the field it is about."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: FlaskForm, formdata: object) -> object:
            """Take the fields of a form alone: no JSON, no file where a text belongs and no text where a file does."""
            if formdata is not _Auto:
                return formdata
            if not _is_submitted():
                return None
            files = {name for name, field in form._fields.items() if isinstance(field, FileField)}
            given = MultiDict((name, value) for name, value in request.form.items(multi=True) if name not in files)
            given.update((name, value) for name, value in request.files.items(multi=True) if name in files)
            return given

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Turn a refusal of the networks, the disk or the database into a message of this form."""
        try:
            yield
        except TEXT_FAULTS as fault:
            self.text.errors.append(told(fault))
        except RECORDING_FAULTS as fault:
            self.recording.errors.append(told(fault))
        except InvalidVoiceProfile as fault:
            self.voice.errors.append(_("This voice cannot be used: %(why)s", why=told(fault)))
        except TembrError as fault:
            self.form_errors.append(told(fault))
        except IntegrityError:
            db.session.rollback()
            self._changed_meanwhile()
        except (OSError, OperationalError) as fault:
            db.session.rollback()
            current_app.logger.exception("Could not be kept")
            reason = why_disk_refused(fault) or _("database error")
            self.form_errors.append(_("Could not write to the disk (%(reason)s), so nothing was saved.", reason=reason))
        except (RuntimeError, MemoryError) as fault:
            if not is_out_of_memory(fault):
                raise
            current_app.logger.exception("Out of memory")
            self.form_errors.append(_("There was not enough memory. Try again or use a shorter text."))

    def _changed_meanwhile(self) -> None:
        """Say that another request changed the database after this one was validated."""
        self.form_errors.append(_("Something else changed at the same moment. Try again."))


class CheckForm(TembrForm):
    """A recording whose quality is checked."""

    recording = FileField(lazy_gettext("Recording"))

    def uses_recording(self) -> bool:
        return True

    def validate_recording(self, field: FileField) -> None:
        """Refuse a missing, an empty and a too large file, before anything reads it."""
        if not self.uses_recording():
            return
        if not field.data:
            raise ValidationError(_("Choose a recording of the voice."))
        size, limit = field.data.stream.seek(0, 2), current_app.config["MAX_UPLOAD_MEGABYTES"]
        field.data.stream.seek(0)
        if size == 0:
            raise ValidationError(_("This file is empty. Choose one with at least a few seconds of speech."))
        if size > limit * 1_000_000:
            raise ValidationError(
                _(
                    "This recording is too large: %(size)s MB. The limit is %(limit)s MB.",
                    size=number(size / 1e6, 1),
                    limit=number(limit),
                )
            )


class RecordingForm(CheckForm):
    """A recording, and the tick without which nothing is cloned."""

    consent = BooleanField(lazy_gettext("The speaker has agreed to have this voice cloned"))

    def validate_consent(self, field: BooleanField) -> None:
        if self.uses_recording() and not field.data:
            raise ValidationError(
                _("Tick this box to continue: a voice may be cloned only with its speaker's consent.")
            )


def language_choices(none: str) -> Callable[[], dict[str, str]]:
    """The choices of a language, as the page's language calls them; none: what it is called to choose none of them."""
    return lambda: {code: str(name) for code, name in {"": none, **LANGUAGES}.items()}
