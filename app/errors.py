"""Error pages, and the user's text of each error of networks, disk and database."""

import errno
import re
from collections.abc import Callable

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_babel import get_translations, lazy_gettext
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, ServiceUnavailable

from app.i18n import number
from models import Message, TembrError

CHUNK = 1 << 16  # bytes
FAULTS = {
    400: lazy_gettext("The request could not be read. Reload the page and try again."),
    404: lazy_gettext("This page does not exist."),
    405: lazy_gettext("Use the buttons on the site to do this."),
    500: lazy_gettext(
        "Something went wrong in Tembr. The error is in the server log, and everything you saved is still there."
    ),
}
PLACE = re.compile(r"%(?:%|\((?P<name>\w+)\)(?:\.(?P<digits>\d+))?(?P<kind>[sdfg]))")

DISK_REFUSES = {  # in the words of the system
    errno.ENOSPC: lazy_gettext("No space left on device"),
    errno.EDQUOT: lazy_gettext("Disk quota exceeded"),
    errno.EACCES: lazy_gettext("Permission denied"),
    errno.EROFS: lazy_gettext("Read-only file system"),
    errno.EIO: lazy_gettext("Input/output error"),
}


def told(fault: Exception) -> str:
    """Return the user's text of an error: translated if it is one of ours, else as it is."""
    return translated(fault.message) if isinstance(fault, TembrError) else str(fault)


def translated(message: Message) -> str:
    """Translate a message, and write its numbers as the page's language does."""
    catalogue, template = get_translations(), message.template
    if isinstance(template, tuple):
        template = catalogue.ungettext(*template, message.values["count"])
    else:
        template = catalogue.ugettext(template)
    return PLACE.sub(lambda place: _filled(place, message), template)


def _filled(place: re.Match, message: Message) -> str:
    """Return what stands at a place of a template."""
    if not place["name"]:
        return "%"
    value = message.values[place["name"]]
    if isinstance(value, Message):
        return translated(value)
    if place["kind"] == "s":
        return str(value)
    return number(round(value) if place["digits"] == "0" else value, int(place["digits"] or 0))


def why_disk_refused(fault: Exception) -> str | None:
    """Return why a file could not be written; None for what is no fault of the disk."""
    return str(DISK_REFUSES.get(getattr(fault, "errno", None), getattr(fault, "strerror", None) or "")) or None


def init_app(app: Flask) -> None:
    """Show a page of this site for every error that a request ends with."""
    app.extensions["errors_under"] = {}
    app.register_error_handler(HTTPException, error_page)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(CSRFError, _expired)
    app.register_error_handler(OperationalError, _no_database)


def tell_under(app: Flask, prefix: str, tell: Callable[[HTTPException, str], tuple]) -> None:
    """Let every error of an address that begins so be told otherwise than by a page.

    tell: takes the error and what it says to the user; returns an answer as views do.
    """
    app.extensions["errors_under"][prefix] = tell


def error_page(error: HTTPException, message: str | None = None) -> tuple:
    """Return what a request that failed is answered with: a page, its status, and headers if it needs some."""
    said = message or _said_of(error)
    for prefix, tell in current_app.extensions["errors_under"].items():
        if request.path.startswith(prefix):
            return tell(error, said)
    return render_template("error.html", error=error, message=said), error.code


def _said_of(error: HTTPException) -> str:
    """Return the description that a view gave, or a sentence of FAULTS."""
    is_silent = error.description == type(error).description
    return FAULTS.get(error.code, FAULTS[400]) if is_silent else error.description


def _too_large(error: RequestEntityTooLarge) -> tuple:
    """Read and drop up to five times the limit: a browser shows no answer before it has sent everything."""
    limit, size = current_app.config["MAX_CONTENT_LENGTH"], request.content_length or 0
    if limit < size <= 5 * limit:
        for start in range(0, size, CHUNK):
            request.environ["wsgi.input"].read(min(CHUNK, size - start))
    return error_page(error, _said_of_size(size, limit))


def _said_of_size(size: int, limit: int) -> str:
    """Say what was too large: within the limit of a whole request, it was a text or a form."""
    if size <= limit:
        allowed = number(current_app.config["MAX_TEXT_CHARACTERS"])
        return _("The text is too long: the limit is %(limit)s characters.", limit=allowed)
    if request.endpoint == "provenance.verify":
        return file_too_large(size)
    return _(
        "The upload is too large: %(size)s MB. The limit for a recording is %(limit)s MB.",
        size=number(size / 1e6, 1),
        limit=number(current_app.config["MAX_UPLOAD_MEGABYTES"]),
    )


def _expired(error: CSRFError) -> tuple:
    return error_page(error, _("This page has expired, or cookies are turned off. Reload it and try again."))


def _no_database(error: OperationalError) -> Response:
    """Answer with 503: it is locked, full, or its server is away, and may be back."""
    current_app.logger.error("The database refused: %s", error.orig)
    answer = make_response(error_page(ServiceUnavailable(_("The database is not responding. Try again in a moment."))))
    answer.headers["Retry-After"] = "5"
    return answer


def file_too_large(size: int) -> str:
    """Say that a file to be looked up is too large.  size: bytes."""
    told = {"size": number(size / 1e6, 1), "limit": number(current_app.config["MAX_VERIFY_MEGABYTES"])}
    return _("This file is too large: %(size)s MB. The limit is %(limit)s MB.", **told)
