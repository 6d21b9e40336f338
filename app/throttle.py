"""Rate limits for one address, or one program's token: signing in, uploads, speaking, previews."""

import math
import time
from ipaddress import IPv6Address, ip_address

import limits
from flask import Flask, Response, g, make_response, request
from flask_babel import ngettext
from flask_limiter import Limiter, RateLimitExceeded

from app.errors import error_page
from app.i18n import number
from config import NO

# setting -> the endpoints whose POST requests it limits, counted together
LIMITED = {
    "LIMIT_SIGN_INS": ("access.sign_in",),
    "LIMIT_SPEECHES": ("speak.speak", "speak.again"),
    "LIMIT_API": ("api.speech.speak",),
    "LIMIT_PREVIEWS": ("speak.preview",),
    "LIMIT_UPLOADS": (
        "quality.check",
        "voices.bank",
        "voices.import_voice",
        "voice.add_recording",
        "provenance.verify",
        "api.custom_voices.create",
        "api.consents.create",
    ),
}


def init_app(app: Flask) -> None:
    """Apply the limits to the registered views.  Raises ValueError for a setting that is not a limit."""
    limiter = Limiter(counted, app=app, storage_uri="memory://", strategy="moving-window")
    for name, endpoints in LIMITED.items():
        limit = app.config[name]
        if limit.lower() in NO:
            continue
        _check(name, limit)
        shared = limiter.shared_limit(limit, scope=name, methods=["POST"])
        for endpoint in endpoints:
            app.view_functions[endpoint] = shared(app.view_functions[endpoint])
    app.register_error_handler(RateLimitExceeded, lambda fault: _too_often(fault, limiter))


def counted() -> str:
    """Return who is counted: the program whose token came along, else the visitor."""
    return g.get("program") or visitor()


def visitor() -> str:
    """Return the address that is counted; of IPv6 its /64, all of which one client may have."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or ""
    return address.exploded[:19] if isinstance(address, IPv6Address) else str(address)


def _check(name: str, limit: str) -> None:
    try:
        limits.parse_many(limit)
    except ValueError:
        raise ValueError(f"TEMBR_{name}={limit} is no limit, as “30 per minute; 200 per hour” is, or “no”.") from None


def _too_often(fault: RateLimitExceeded, limiter: Limiter) -> Response:
    allowed, wait = fault.limit.limit, max(1, math.ceil(limiter.current_limit.reset_at - time.time()))
    message = ngettext(
        "Too many requests: the limit is %(limit)s in %(period)s s. Try again in %(num)s second.",
        "Too many requests: the limit is %(limit)s in %(period)s s. Try again in %(num)s seconds.",
        wait,
        limit=number(allowed.amount),
        period=number(allowed.get_expiry()),
    )
    answer = make_response(error_page(fault, message))
    answer.headers["Retry-After"] = str(wait)
    return answer
