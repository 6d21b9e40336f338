"""For programs: OpenAI's speech API under /v1, one module for each of its resources."""

from flask import Blueprint, Flask

from app.access import FOR_PROGRAMS


def init_app(app: Flask) -> None:
    """Register every resource.  Programs have no session and no form: they show a token, and no CSRF token."""
    from app.api import (
        authentication,
        consents,
        custom_voices,
        errors,
        models,
        openapi,
        page,
        sending,
        speech,
        voices,
    )

    whole = Blueprint("api", __name__, url_prefix=FOR_PROGRAMS.rstrip("/"))
    for part in (models, speech, voices, custom_voices, consents, openapi):
        app.extensions["csrf"].exempt(part.blueprint)
        whole.register_blueprint(part.blueprint)
    authentication.init_blueprint(whole)
    errors.init_blueprint(whole)
    app.register_blueprint(whole)
    app.register_blueprint(page.blueprint)
    errors.init_app(app)
    sending.init_app(app)
