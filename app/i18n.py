"""The page's language: English, or one of those in translations/, chosen by the browser or by hand."""

from functools import cache
from urllib.parse import urlsplit

from babel import Locale
from flask import Blueprint, Flask, Response, abort, current_app, has_request_context, redirect, request
from flask_babel import Babel, format_datetime, format_decimal, get_locale
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from config import ROOT

TRANSLATIONS = ROOT / "translations"
SOURCE = "en"
COOKIE = "language"
YEAR = 365 * 24 * 3600  # seconds

blueprint = Blueprint("i18n", __name__)


def init_app(app: Flask) -> None:
    """Choose the language of each page by cookie or browser."""
    Babel(app, SOURCE, default_translation_directories=str(TRANSLATIONS), locale_selector=_wanted)
    app.register_blueprint(blueprint)
    app.after_request(_declare)
    app.jinja_env.globals.update(page_language=page_language, page_languages=languages, this_page=this_page)
    app.jinja_env.filters.update(number=number, moment=moment)


@cache
def languages() -> dict[str, str]:
    """Return code -> own name of every language that the pages are in."""
    translated = sorted(path.parent.parent.name for path in TRANSLATIONS.glob("*/LC_MESSAGES/messages.po"))
    return {code: Locale.parse(code).display_name.capitalize() for code in [SOURCE, *translated]}


def page_language() -> str:
    """Return the code of this page's language."""
    return str(get_locale() or SOURCE)


def _wanted() -> str:
    """Return the language in the cookie, or else the best one that the browser accepts."""
    if not has_request_context():
        return SOURCE
    chosen = request.cookies.get(COOKIE)
    return chosen if chosen in languages() else request.accept_languages.best_match([*languages()], SOURCE)


def number(value: float, digits: int = 0) -> str:
    """Format a number in the page's language, with that many decimals: 5,000 or 5 000."""
    return format_decimal(value, f"#,##0.{'0' * digits}" if digits else "#,##0.###")


def moment(time) -> str:
    """Format a time of the tables in the page's language, in UTC."""
    return format_datetime(time, "d MMM y, HH:mm") + " UTC"


def _declare(response: Response) -> Response:
    """Name the page's language, and make caches store each language separately."""
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = page_language()
        response.vary.update(("Accept-Language", "Cookie"))
    return response


@blueprint.post("/language")
def choose() -> Response:
    """Store the chosen language in a cookie, and redirect back to the page.

    ?form=: the address of a page whose form came along; it is posted on there, and shown in the other language.
    """
    chosen, form_of = request.form.get("page_language"), request.args.get("form")
    if chosen not in languages():
        abort(400, _("The site is not available in this language."))
    address = request.script_root + shown_again(form_of or request.form.get("next", ""))
    answer = redirect(address, 307 if form_of else 303)
    secure = current_app.config["SESSION_COOKIE_SECURE"] or request.is_secure
    answer.set_cookie(COOKIE, chosen, max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    return answer


def this_page() -> str:
    """Return path and query of this request."""
    return request.full_path.rstrip("?")


def shown_again(address: str) -> str:
    """Return the address if it is a page of this site that takes GET, else the nearest such page above it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc:
        return "/"
    path, query = "/" + parts.path.strip("/"), parts.query  # a second slash would name another host
    while not _is_page(path):
        path, query = path.rpartition("/")[0], ""
        if not path:
            return "/"
    return f"{path}?{query}" if query else path


def _is_page(path: str) -> bool:
    try:
        endpoint, _arguments = current_app.url_map.bind("").match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return False
    return endpoint != "static"
