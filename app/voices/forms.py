"""The forms of the bank: a name, a card, a new voice, another recording, a voice file."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, SelectField, StringField
from wtforms.validators import ValidationError

from app.db import Voice, VoiceConsent, db, now, plain_name
from app.errors import told
from app.forms import Characters, CheckForm, RecordingForm, TembrForm, language_choices
from app.voices.recordings import TooManyRecordings
from app.voices.voice_file import InvalidVoiceFile, VoiceFile, check_size
from models import LANGUAGES, NN_, InvalidVoiceProfile

LANGUAGE_TAG = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8}){0,4}")  # BCP 47
NAME = Characters(
    "MAX_NAME_CHARACTERS",
    empty=NN_("Enter a name of %(count)d character.", "Enter a name of up to %(count)d characters."),
    too_long=NN_(
        "The name is too long: %(count)d character. The limit is %(limit)d.",
        "The name is too long: %(count)d characters. The limit is %(limit)d.",
    ),
)
NOTE = Characters(
    "MAX_NOTE_CHARACTERS",
    too_long=NN_(
        "The note is too long: %(count)d character. The limit is %(limit)d.",
        "The note is too long: %(count)d characters. The limit is %(limit)d.",
    ),
)
READ_ALOUD = Characters(
    "MAX_READ_CHARACTERS",
    too_long=NN_(
        "The text that was read is too long: %(count)d character. The limit is %(limit)d.",
        "The text that was read is too long: %(count)d characters. The limit is %(limit)d.",
    ),
)


def check_name(given: str | None, own: Voice | None = None) -> str:
    """Return a name as it is kept.  own: the voice that may have it.

    Raises ValidationError for one that is empty, too long, or another voice's.
    """
    name = plain_name(given)
    NAME.check(name)
    if Voice.named(name) not in (None, own):
        raise ValidationError(name_taken(name))
    return name


def name_taken(name: str) -> str:
    name = plain_name(name)
    return _(
        "There is already a voice named “%(name)s”. Choose another name, such as “%(free)s”.",
        name=name,
        free=free_name(name),
    )


def free_name(name: str) -> str:
    """Return a name like that one which no voice has: Anna 2."""
    limit = current_app.config["MAX_NAME_CHARACTERS"]
    n = 2
    while Voice.named(free := f"{name[: limit - len(str(n)) - 1]} {n}"):
        n += 1
    return free


class NameForm(TembrForm):
    """A name for a voice: new in the bank, or its own."""

    name = StringField(lazy_gettext("Name"))

    def __init__(self, *args, voice: Voice | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.renamed_voice = voice

    def validate_name(self, field: StringField) -> None:
        check_name(field.data, self.renamed_voice)

    def _changed_meanwhile(self) -> None:
        """Say that another request took the name after it was validated."""
        db.session.rollback()
        self.name.errors.append(name_taken(self.name.data))


class CardForm(NameForm):
    """What is known of a voice: name, language, note."""

    language = SelectField(
        lazy_gettext("Language"), choices=language_choices(lazy_gettext("Not specified")), default=""
    )
    note = StringField(lazy_gettext("Note"), filters=[plain_name], validators=[NOTE])

    def fill(self, voice: Voice) -> Voice:
        """Put what was given into the voice, and return it."""
        voice.name, voice.note, voice.language = self.name.data, self.note.data, self.language.data or None
        return voice


class VoiceForm(RecordingForm, CardForm):
    """A new voice for the bank."""

    def voice(self) -> Voice:
        """Build the voice, still without profile and recording."""
        return self.fill(Voice(consent_at=now()))


class AnotherRecordingForm(RecordingForm):
    """One more recording of a voice, with the text that was read in it, if it is known."""

    text = HiddenField(filters=[plain_name], validators=[READ_ALOUD])
    text_language = HiddenField()

    @property
    def text_read(self) -> tuple[str | None, str | None]:
        """The text and its language; neither when one is not known."""
        text, language = self.text.data, self.text_language.data
        return (text, language) if text and language in LANGUAGES else (None, None)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Show what a voice refuses at the recording."""
        with super().refusals():
            try:
                yield
            except (InvalidVoiceProfile, TooManyRecordings) as fault:
                self.recording.errors.append(told(fault))

    def _changed_meanwhile(self) -> None:
        db.session.rollback()
        self.recording.errors.append(_("This recording has already been added."))


class ConsentForm(CheckForm):
    """A spoken consent.  name: a label, which others may have too; language: a BCP 47 tag."""

    name = StringField(lazy_gettext("Name"), filters=[plain_name], validators=[NAME])
    language = StringField(lazy_gettext("Language"), filters=[plain_name])

    def validate_language(self, field: StringField) -> None:
        if not LANGUAGE_TAG.fullmatch(field.data):
            raise ValidationError(_("Give the language as a tag such as en-US or ru."))

    def consent(self) -> VoiceConsent:
        """Build the consent, still without recording."""
        return VoiceConsent(name=self.name.data, language=self.language.data)


class VoiceFileForm(TembrForm):
    """A voice that was exported, under its own name or another.

    file: what is in it, once it was validated.
    """

    voice_file = FileField(lazy_gettext("Voice file"))
    name = StringField(lazy_gettext("Name"))
    consent = BooleanField(lazy_gettext("The speaker has agreed to have this voice cloned"))
    file: VoiceFile | None = None

    def validate_voice_file(self, field: FileField) -> None:
        if not field.data:
            raise ValidationError(_("Choose a voice file."))
        try:
            check_size(field.data.stream.seek(0, 2))
            field.data.stream.seek(0)
            self.file = VoiceFile.from_bytes(field.data.read())
        except InvalidVoiceFile as fault:
            raise ValidationError(told(fault)) from fault

    def validate_name(self, field: StringField) -> None:
        """Take the name of the file when none is given."""
        if not plain_name(field.data) and self.file:
            field.data = self.file.name
        if self.file or plain_name(field.data):
            check_name(field.data)

    def validate_consent(self, field: BooleanField) -> None:
        if not field.data:
            raise ValidationError(
                _("Tick this box to continue: a voice may be cloned only with its speaker's consent.")
            )

    def _changed_meanwhile(self) -> None:
        db.session.rollback()
        self.name.errors.append(name_taken(self.name.data))
