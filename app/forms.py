"""Every form: its limits, and the words a person sees when one is not kept."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import current_app
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy.exc import IntegrityError, OperationalError
from torch import OutOfMemoryError
from wtforms import BooleanField, FloatField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import NumberRange, Optional, ValidationError

from app.db import Pronunciation, Speech, Voice, db, dictionary_key, now, plain_name
from models import (
    InvalidVoiceProfile,
    NothingToSay,
    RecordingSilent,
    RecordingTooLong,
    RecordingTooShort,
    TextTooLong,
    UnreadableAudio,
    VoiceProfile,
)

LANGUAGES = {"ru": "Russian", "en": "English"}
RECORDING = "recording"  # the choice of voice that means the uploaded file
MAX_SEED = 2**31 - 1
VOWELS = "аеёиоуыэюяaeiouy"

TEXT_FAULTS = (NothingToSay, TextTooLong)
RECORDING_FAULTS = (UnreadableAudio, RecordingTooLong, RecordingSilent, RecordingTooShort)


def _limit(name: str) -> int:
    return current_app.config[name]


def _check_upload(field: FileField) -> None:
    """Refuses a missing, an empty and a too large file, before anything reads it."""
    if not field.data:
        raise ValidationError("Choose a recording of the voice: no file was given.")
    size = field.data.stream.seek(0, 2)
    field.data.stream.seek(0)
    limit = _limit("MAX_UPLOAD_MEGABYTES")
    if size == 0:
        raise ValidationError("This file is empty (0 bytes): choose one with at least a few seconds of speech.")
    if size > limit * 1_000_000:
        raise ValidationError(f"This recording is too large: {size / 1e6:.1f} MB, and at most {limit} MB can be given.")


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
            self.text.errors.append(str(fault))
        except RECORDING_FAULTS as fault:
            self.recording.errors.append(str(fault))
        except InvalidVoiceProfile as fault:
            self.voice.errors.append(f"This voice cannot be used: {fault}")
        except IntegrityError:
            self._changed_meanwhile()
        except (OSError, OperationalError) as fault:
            current_app.logger.exception("Could not be kept")
            reason = getattr(fault, "strerror", None) or "the database refused it"
            self.form_errors.append(f"The result could not be written to the disk ({reason}). Nothing was kept.")
        except (RuntimeError, MemoryError) as fault:
            if not _is_out_of_memory(fault):
                raise
            current_app.logger.exception("Out of memory")
            self.form_errors.append("There was not enough memory for this. Try again, or with a shorter text.")

    def _changed_meanwhile(self) -> None:
        """Another request took the name, or deleted the voice, after this one was validated."""
        if "name" in self:
            self.name.errors.append(name_taken(self.name.data))
        else:
            self.form_errors.append("The bank was changed at the same moment: press the button again.")


class RecordingForm(TembrForm):
    """A recording, and the tick without which nothing is cloned."""

    recording = FileField("Recording")
    consent = BooleanField("The person who speaks agreed to have this voice cloned")

    def uses_recording(self) -> bool:
        return True

    def validate_recording(self, field: FileField) -> None:
        if self.uses_recording():
            _check_upload(field)

    def validate_consent(self, field: BooleanField) -> None:
        if self.uses_recording() and not field.data:
            raise ValidationError("Tick this to go on: a voice is cloned only if its speaker agreed.")


class TextForm(TembrForm):
    """A text and its language.

    sentences: how the text will be read, once it was validated.
    """

    text = TextAreaField("Text", filters=[lambda text: (text or "").replace("\r\n", "\n")])
    language = SelectField("Language", choices={"": "Automatic", **LANGUAGES}, default="")
    sentences = ()

    def validate_text(self, field: TextAreaField) -> None:
        limit, length = _limit("MAX_TEXT_CHARACTERS"), len(field.data)
        if not field.data.strip():
            raise ValidationError(f"The text is empty: write from 1 to {limit:,} characters.")
        if length > limit:
            raise ValidationError(f"The text is too long: {length:,} characters, and at most {limit:,} can be said.")
        dictionary = Pronunciation.dictionary()
        db.session.rollback()  # holds no connection while it is read
        try:
            self.sentences = current_app.extensions["cloner"].read(
                field.data, self.language.data or None, dictionary=dictionary
            )
        except TEXT_FAULTS as fault:
            raise ValidationError(str(fault)) from fault


class SpeakForm(RecordingForm, TextForm):
    """A voice, a text, and how to say it.

    voice is the id of a voice of the bank, RECORDING, or "speech-<id>": the recording which that speech used.
    """

    voice = RadioField("Voice", choices=[], validate_choice=False)
    speed = FloatField("Speed", default=1.0)
    format = RadioField("Format", choices={"mp3": "MP3", "wav": "WAV"}, default="mp3")
    seed = IntegerField("Take", default=0, validators=[Optional(), NumberRange(0, MAX_SEED)])

    def validate_voice(self, field: RadioField) -> None:
        if field.data != RECORDING and self.source() is None:
            raise ValidationError("This voice is no longer in the bank: choose another one.")

    def validate_speed(self, field: FloatField) -> None:
        low, high = _limit("MIN_SPEED"), _limit("MAX_SPEED")
        if field.data is None or not low <= field.data <= high:
            given = field.raw_data[0] if field.raw_data else "nothing"
            field.errors[:] = []
            raise ValidationError(f"The speed must be between {low:g} and {high:g}; {given} was given.")

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
        return plain_name(Path(self.recording.data.filename).stem)[: _limit("MAX_NAME_CHARACTERS")] or "Recording"

    def speech(self) -> Speech:
        """What was asked for, not yet said: without voice, file and duration."""
        return Speech(
            text=self.text.data.strip(),
            language=self.language.data or None,
            speed=self.speed.data,
            seed=self.seed.data or 0,
            format=self.format.data,
        )


def profile_of(row: Voice | Speech) -> VoiceProfile:
    """The profile a row keeps.  Raises InvalidVoiceProfile."""
    return VoiceProfile.from_bytes(row.profile)


def name_taken(name: str) -> str:
    return f"“{plain_name(name)}” is already in the bank: choose another name."


class NameForm(TembrForm):
    """A name for a voice: new in the bank, or its own."""

    name = StringField("Name")

    def __init__(self, *args, voice: Voice | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.renamed_voice = voice

    def validate_name(self, field: StringField) -> None:
        name, limit = plain_name(field.data), _limit("MAX_NAME_CHARACTERS")
        if not name:
            raise ValidationError(f"Give the voice a name of 1 to {limit} characters.")
        if len(name) > limit:
            raise ValidationError(f"The name is too long: {len(name)} characters, and at most {limit} fit.")
        if Voice.named(name) not in (None, self.renamed_voice):
            raise ValidationError(name_taken(name))


class VoiceForm(RecordingForm, NameForm):
    """A new voice for the bank."""

    language = SelectField("Language", choices={"": "Not said", **LANGUAGES}, default="")
    note = StringField("Note", filters=[plain_name])

    def validate_note(self, field: StringField) -> None:
        limit, length = _limit("MAX_NOTE_CHARACTERS"), len(field.data)
        if length > limit:
            raise ValidationError(f"The note is too long: {length} characters, and at most {limit} fit.")

    def voice(self) -> Voice:
        """What was given, without profile, seconds and file."""
        return Voice(name=self.name.data, language=self.language.data or None, note=self.note.data, consent_at=now())


def _with_plus(respelling: str | None) -> str:
    """A respelling in plain spaces, each stress mark after a letter turned into a + before it."""
    parted = unicodedata.normalize("NFD", respelling or "").replace("’", "'")
    return plain_name(re.sub("(\\w[\u0300\u0302-\u036f]*)\u0301", r"+\1", parted))


class PronunciationForm(TembrForm):
    """A word and how it is read: new in the dictionary, or its own entry."""

    word = StringField("Word", filters=[plain_name])
    respelling = StringField("Read as", filters=[_with_plus])

    def __init__(self, *args, entry: Pronunciation | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.entry = entry

    def validate_word(self, field: StringField) -> None:
        _check_length(field, "word")
        if not re.search(r"[^\W_]", field.data):
            raise ValidationError("Write a word with at least one letter or digit.")
        if Pronunciation.of(field.data) not in (None, self.entry):
            raise ValidationError(word_taken(field.data))

    def validate_respelling(self, field: StringField) -> None:
        _check_length(field, "respelling")
        letters = re.sub(r"[\W\d_]", "", field.data.lower())
        if not letters or re.search("[^a-zа-яё]", letters):
            raise ValidationError("Write how it is read with Russian or English letters.")
        if re.search("[a-z]", letters) and re.search("[а-яё]", letters):
            raise ValidationError("Write how it is read with letters of one alphabet, Russian or English.")
        if re.search(rf"\+(?![{VOWELS}])", field.data, re.IGNORECASE):
            raise ValidationError("The + stands before the stressed vowel, as in з+амок.")
        if stressed := next((part for part in re.split(r"[\s-]", field.data) if part.count("+") > 1), None):
            raise ValidationError(f"“{stressed}” has {stressed.count('+')} stresses: mark one vowel of each word.")

    def fill(self, entry: Pronunciation) -> Pronunciation:
        """The entry with what was given."""
        entry.word, entry.respelling = dictionary_key(self.word.data), self.respelling.data
        entry.language = "ru" if re.search("[а-яё]", entry.respelling, re.IGNORECASE) else "en"
        return entry

    def _changed_meanwhile(self) -> None:
        self.word.errors.append(word_taken(self.word.data))


def _check_length(field: StringField, name: str) -> None:
    limit, length = _limit("MAX_WORD_CHARACTERS"), len(field.data)
    if not length:
        raise ValidationError(f"The {name} is empty: write from 1 to {limit} characters.")
    if length > limit:
        raise ValidationError(f"The {name} is too long: {length} characters, and at most {limit} fit.")


def word_taken(word: str) -> str:
    return f"“{plain_name(word)}” is already in the dictionary: change it there."


class ButtonForm(FlaskForm):
    """A button that changes something: only the token that proves it was pressed here."""
