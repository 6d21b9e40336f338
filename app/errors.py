"""The pages of errors, and what a person is told of what the networks, the disk or the database refuse.

The networks' errors are English and carry values; each has its sentence here, with the same words and the same values.
"""

import errno
from math import isfinite

from flask import Flask, current_app, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.i18n import number
from models import (
    InvalidVoiceProfile,
    NothingToSay,
    RecordingSilent,
    RecordingTooLong,
    RecordingTooShort,
    TextTooLong,
    UnreadableAudio,
)

CHUNK = 1 << 16  # bytes
FAULTS = {
    400: lazy_gettext("This was not understood: reload the page and try again."),
    404: lazy_gettext("There is no such page."),
    405: lazy_gettext("This can only be done with the buttons of the pages."),
    500: lazy_gettext("Tembr made a mistake. It is noted in the server's log; what was kept before is still there."),
}
REASONS = (  # of UnreadableAudio and InvalidVoiceProfile: named here, so that they are translated
    lazy_gettext("it is empty"),
    lazy_gettext("it is damaged"),
    lazy_gettext("it is damaged or of another kind"),
    lazy_gettext("it refers to another file"),
    lazy_gettext("there is no sound in it"),
    lazy_gettext("it holds no sound"),
    lazy_gettext("its codec is not known"),
    lazy_gettext("%(rate)d samples a second"),
    lazy_gettext("%(count)d channels, at most %(limit)d are read"),
    lazy_gettext("This is not a voice profile."),
    lazy_gettext("This voice profile has other parts than Tembr's."),
    lazy_gettext("This voice profile holds numbers that are not finite."),
    lazy_gettext("A voice profile has at most %(limit)d bytes; this has %(size)d."),
    lazy_gettext("A voice is merged from at least 1 recording; 0 were given."),
    lazy_gettext(
        "These recordings have nothing in common: their mean has length %(norm).2g; at least %(least)s is needed."
    ),
)

DISK_REFUSES = {  # in the words of the system
    errno.ENOSPC: lazy_gettext("No space left on device"),
    errno.EDQUOT: lazy_gettext("Disk quota exceeded"),
    errno.EACCES: lazy_gettext("Permission denied"),
    errno.EROFS: lazy_gettext("Read-only file system"),
    errno.EIO: lazy_gettext("Input/output error"),
}


def told(fault: Exception) -> str:
    """What a person is told of a fault: in the page's language when it is one of the networks', else as it is."""
    tell = next((TELLS[kind] for kind in type(fault).__mro__ if kind in TELLS), str)
    return tell(fault)


def why_disk_refused(fault: Exception) -> str | None:
    """Why a file could not be written; None for what is no fault of the disk."""
    return str(DISK_REFUSES.get(getattr(fault, "errno", None), getattr(fault, "strerror", None) or "")) or None


def _reason(fault: UnreadableAudio | InvalidVoiceProfile) -> str:
    return _(fault.reason, **fault.values)


def _unreadable(fault: UnreadableAudio) -> str:
    return _(
        "This file cannot be read as audio: %(why)s. Give a wav, mp3, flac, ogg, opus, m4a, aac, webm or mp4 file.",
        why=_reason(fault),
    )


def _too_long(fault: RecordingTooLong) -> str:
    limit = number(fault.max_seconds)
    if not fault.seconds:
        return _("The recording is longer; at most %(limit)s s are allowed.", limit=limit)
    seconds = number(round(fault.seconds))
    return _("The recording lasts %(seconds)s s; at most %(limit)s s are allowed.", seconds=seconds, limit=limit)


def _silent(fault: RecordingSilent) -> str:
    least = f"{fault.least:.0f}"
    if not isfinite(fault.dbfs):
        return _("The recording is silent: every sample is zero; at least %(least)s dBFS is needed.", least=least)
    return _(
        "The recording is silent: its loudest moment is at %(level)s dBFS; at least %(least)s dBFS is needed.",
        level=f"{fault.dbfs:.0f}",
        least=least,
    )


def _too_short(fault: RecordingTooShort) -> str:
    return _(
        "The recording holds %(seconds)s s of speech; at least %(least)s s are needed.",
        seconds=number(fault.seconds, 1),
        least=number(fault.least, 1),
    )


def _nothing(_fault: NothingToSay) -> str:
    return _("There is nothing to say in this text: it has no Russian or English words and no numbers.")


def _text_too_long(fault: TextTooLong) -> str:
    return ngettext(
        "The text has %(count)s character; at most %(limit)s can be spoken at once.",
        "The text has %(count)s characters; at most %(limit)s can be spoken at once.",
        fault.n_characters,
        count=number(fault.n_characters),
        limit=number(fault.limit),
    )


TELLS = {
    UnreadableAudio: _unreadable,
    InvalidVoiceProfile: _reason,
    RecordingTooLong: _too_long,
    RecordingSilent: _silent,
    RecordingTooShort: _too_short,
    NothingToSay: _nothing,
    TextTooLong: _text_too_long,
}


def init_app(app: Flask) -> None:
    """Show a page of this site for every error that a request ends with."""
    app.register_error_handler(HTTPException, _error_page)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(CSRFError, _expired)


def _error_page(error: HTTPException, message: str | None = None) -> tuple[str, int]:
    return render_template("error.html", error=error, message=message or _said_of(error)), error.code


def _said_of(error: HTTPException) -> str:
    """What a view said of the fault, or a sentence of FAULTS."""
    is_silent = error.description == type(error).description
    return FAULTS.get(error.code, FAULTS[400]) if is_silent else error.description


def _too_large(error: RequestEntityTooLarge) -> tuple[str, int]:
    """A browser shows no answer before it has sent everything, so what is bearable is read and dropped."""
    limit, size = current_app.config["MAX_CONTENT_LENGTH"], request.content_length or 0
    if limit < size <= 5 * limit:
        for start in range(0, size, CHUNK):
            request.environ["wsgi.input"].read(min(CHUNK, size - start))
    return _error_page(error, _said_of_size(size, limit))


def _said_of_size(size: int, limit: int) -> str:
    """What was too large in a request of so many bytes: within the limit of all of it, a text or a form can be."""
    if size <= limit:
        allowed = number(current_app.config["MAX_TEXT_CHARACTERS"])
        return _("The text is too long: at most %(limit)s characters can be said.", limit=allowed)
    if request.endpoint == "verify.page":
        return file_too_large(size)
    return _(
        "What was sent is too large: %(size)s MB. A recording may have %(limit)s MB.",
        size=number(size / 1e6, 1),
        limit=number(current_app.config["MAX_UPLOAD_MEGABYTES"]),
    )


def _expired(error: CSRFError) -> tuple[str, int]:
    return _error_page(error, _("This page was open for too long, or cookies are off. Reload it and try again."))


def file_too_large(size: int) -> str:
    """What is said of a file of so many bytes that was to be looked up."""
    told = {"size": number(size / 1e6, 1), "limit": number(current_app.config["MAX_VERIFY_MEGABYTES"])}
    return _("This file is too large: %(size)s MB, and at most %(limit)s MB can be given.", **told)
