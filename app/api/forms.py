"""The forms of the site, filled from the multipart form of a program, so that the same rules hold for both."""

from collections.abc import Mapping

from flask import request
from flask_babel import force_locale
from werkzeug.datastructures import MultiDict

from app.api.errors import Refused
from app.forms import TembrForm


def checked(kind: type[TembrForm], params: Mapping[str, str], /, **given: str) -> TembrForm:
    """Return a form of the site that is valid.  Raises Refused, which names the parameter, for one that is not.

    params: fields of the form, each with the parameter of the request that it is taken from.  given: the other fields.
    """
    if request.mimetype != "multipart/form-data":
        raise Refused(400, f"Send {', '.join(params.values())} as multipart/form-data.", code="invalid_content_type")
    sent = MultiDict(given)
    for field, param in params.items():
        if (value := request.files.get(param)) is not None:
            sent.add(field, value)
        elif (text := request.form.get(param)) is not None:
            sent.add(field, text.replace("\0", " "))
    with force_locale("en"):
        form = kind(sent, meta={"csrf": False})
        if not form.validate():
            field, errors = next(iter(form.errors.items()))
            raise Refused(400, str(errors[0]), params.get(field))
    return form
