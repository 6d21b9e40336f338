"""Who may ask: a program with a token, or, if a setting says so, any program of this machine itself."""

from flask import Blueprint, current_app, g, request

from app import tokens
from app.access import host_of, is_loopback
from app.api.errors import Refused

OPEN = {"api.openapi.document"}  # endpoints that ask for no token: what they say is the same on every site
NONE_GIVEN = (
    "A token is needed, as the header “Authorization: Bearer …”. Whoever runs this site makes one on its page API, or "
    "with ./tembr tokens add NAME."
)
WRONG = "This token is not valid here. It was revoked, or belongs to another site."


def init_blueprint(blueprint: Blueprint) -> None:
    """Ask for a token before any view of the blueprint."""
    blueprint.before_request(authenticate)


def authenticate() -> None:
    """Set g.program: whose requests are counted, and wait, together.  Raises Refused."""
    if request.endpoint in OPEN:
        return
    given = (request.authorization.token or "") if request.authorization else ""
    token = tokens.found(given) if given else None
    if token:
        g.program = f"token {token.id}"
    elif current_app.config["API_LOCAL"] and _is_of_this_machine():
        g.program = "this machine"
    else:
        raise Refused(401, WRONG if given else NONE_GIVEN)


def _is_of_this_machine() -> bool:
    """Whether a program of this machine asks: not a proxy for another, and not a page of another site in a browser."""
    origin = request.headers.get("Origin")
    is_own = origin is None or host_of(origin.partition("://")[2]) in current_app.extensions["hosts"]
    return is_own and is_loopback(request.remote_addr or "") and "X-Forwarded-For" not in request.headers
