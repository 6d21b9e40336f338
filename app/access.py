"""Access: the host names that the site answers to, and signing in with the password."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSessionInterface
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import delete, select
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField
from wtforms.validators import ValidationError

from app import i18n
from app.db import SignIn, db, now
from app.forms import TembrForm

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
OPEN = {
    "static",
    "access.sign_in",
    "i18n.choose",
    "health.healthz",
    "health.readyz",
    "health.metrics",
}  # endpoints that ask for no password
FOR_PROGRAMS = "/v1/"  # addresses that ask for a token instead

blueprint = Blueprint("access", __name__)


class NoPassword(ValueError):
    """The site would be served to other machines without a password."""

    def __init__(self, host: str):
        super().__init__(f"TEMBR_HOST={host} can be reached from other machines: set TEMBR_PASSWORD as well.")


class Sessions(SecureCookieSessionInterface):
    """Mark session cookies Secure for requests over HTTPS."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return app.config["SESSION_COOKIE_SECURE"] or request.is_secure


def init_app(app: Flask) -> None:
    """Check host and password before any other code sees a request."""
    settings = app.config
    password, settings["PASSWORD"] = settings["PASSWORD"], None
    app.extensions["hosts"] = LOOPBACK | {host_of(settings["HOST"]), *map(host_of, settings["HOSTS"])}
    app.extensions["password"] = _Password(password, settings["SECRET_KEY"]) if password else None
    settings["PERMANENT_SESSION_LIFETIME"] = timedelta(hours=settings["SESSION_HOURS"])
    if settings["PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings["PROXIES"], x_proto=settings["PROXIES"])
    app.session_interface = Sessions()
    app.before_request(_check_host)
    if password:
        app.before_request(_check_password)
        app.after_request(_forget_pages)
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(has_password=app.extensions["password"] is not None, may_enter=may_enter)


def check_settings(app: Flask) -> None:
    """Raise NoPassword if other machines can reach the site and it has no password."""
    host = app.config["HOST"]
    if not (is_loopback(host_of(host)) or app.extensions["password"]):
        raise NoPassword(host)


def is_loopback(host: str) -> bool:
    """Return whether a host is a loopback address or name."""
    return host in LOOPBACK or (host.startswith("127.") and host.replace(".", "").isdigit())


# --- names ---


def host_of(name: str) -> str:
    """Return a Host header or setting in small letters, without port and brackets; "" if it is not a host."""
    try:
        return urlsplit(f"//[{name}]" if name.count(":") > 1 and "[" not in name else f"//{name}").hostname or ""
    except ValueError:
        return ""


def _check_host() -> None:
    """Answer 400 under an unknown name: a foreign page whose name resolves to this machine would pass for the same
    origin (DNS rebinding).  Flask's TRUSTED_HOSTS takes no IPv6 address.
    """
    host = host_of(request.host)
    if not host or host not in current_app.extensions["hosts"]:
        abort(400, _("Tembr does not answer under this host name. Add it to TEMBR_TRUSTED_HOSTS to allow it."))


# --- the password ---


class _Password:
    """The scrypt hash of the password.

    key: changes with the password, so that sign-ins with an older one end.
    """

    def __init__(self, password: str, secret_key: str):
        self._hash = generate_password_hash(password, "scrypt")
        self.key = hmac.new(secret_key.encode(), password.encode(), hashlib.sha256).hexdigest()

    def is_right(self, given: str) -> bool:
        return check_password_hash(self._hash, given)


class PasswordForm(TembrForm):
    password = PasswordField(lazy_gettext("Password"))

    def validate_password(self, field: PasswordField) -> None:
        if not current_app.extensions["password"].is_right(field.data or ""):
            current_app.logger.warning("A wrong password was given from %s", request.remote_addr)
            raise ValidationError(_("Wrong password. Try again."))


def may_enter() -> bool:
    """Return whether the site has no password, or this browser is signed in."""
    password = current_app.extensions["password"]
    if not password:
        return True
    wanted = select(SignIn.id).where(
        SignIn.token_hash == _hash(session.get("sign_in", "")),
        SignIn.password_key == password.key,
        SignIn.ends_at > now(),
    )
    return db.session.scalar(wanted) is not None


def _check_password() -> Response | None:
    """Redirect a page to the sign-in page; answer 401 to a script.  Programs show their tokens to app.api."""
    if request.endpoint in OPEN or request.path.startswith(FOR_PROGRAMS) or may_enter():
        return None
    if "text/html" not in request.accept_mimetypes.values() or request.accept_mimetypes.best == "application/json":
        abort(401, _("You have been signed out. Sign in on another tab, then try again."))
    return redirect(url_for("access.sign_in", next=i18n.this_page()), 303)


def _forget_pages(response: Response) -> Response:
    """Keep pages out of browser caches, so that none is shown after signing out."""
    if response.mimetype == "text/html":
        response.cache_control.no_store = True
    return response


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in():
    """Ask for the password, then redirect to the page that was asked for."""
    if may_enter():
        return redirect(_wanted_page(), 303)
    form = PasswordForm()
    if form.validate_on_submit():
        with form.refusals():
            _keep_sign_in()
            return redirect(_wanted_page(), 303)
    return render_template("sign_in.html", form=form), 422 if form.errors else 200


def _wanted_page() -> str:
    return request.script_root + i18n.shown_again(request.args.get("next", ""))


def _keep_sign_in() -> None:
    """Start a new session that lasts SESSION_HOURS, and delete sign-ins that have ended."""
    token, lifetime = secrets.token_urlsafe(32), current_app.config["PERMANENT_SESSION_LIFETIME"]
    key = current_app.extensions["password"].key
    db.session.execute(delete(SignIn).where(SignIn.ends_at <= now()))
    db.session.add(SignIn(token_hash=_hash(token), password_key=key, ends_at=now() + lifetime))
    db.session.commit()
    session.clear()
    session["sign_in"], session.permanent = token, True


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """Delete this browser's sign-in, which also invalidates copies of its cookie."""
    db.session.execute(delete(SignIn).where(SignIn.token_hash == _hash(session.get("sign_in", ""))))
    db.session.commit()
    session.clear()
    answer = redirect(url_for(".sign_in"), 303)
    answer.headers["Clear-Site-Data"] = '"cache"'  # recordings and speeches too
    return answer


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
