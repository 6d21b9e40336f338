"""Who is answered: under which names the site may be asked for."""

from urllib.parse import urlsplit

from flask import Flask, abort, current_app, request
from flask_babel import gettext as _

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def init_app(app: Flask) -> None:
    """Refuse a request before anything else looks at it.

    A page elsewhere can have its own name lead to this machine (DNS rebinding): to a browser the site then belongs to
    that page.  Flask's TRUSTED_HOSTS takes no IPv6 address.
    """
    app.extensions["hosts"] = LOOPBACK | {host_of(app.config["HOST"]), *map(host_of, app.config["HOSTS"])}
    app.before_request(_check_host)


def host_of(name: str) -> str:
    """A Host header, or a host of the settings, in small letters and without port and brackets; "" when it is none."""
    try:
        return urlsplit(f"//[{name}]" if name.count(":") > 1 and "[" not in name else f"//{name}").hostname or ""
    except ValueError:
        return ""


def _check_host() -> None:
    host = host_of(request.host)
    if not host or host not in current_app.extensions["hosts"]:
        abort(400, _("Tembr is not served under this name: TEMBR_TRUSTED_HOSTS says under which others it is."))
