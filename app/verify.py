"""Whether a file was made here: answered by its hash and by its tags; the file itself is not kept."""

import tempfile
from pathlib import Path

from flask import Blueprint, current_app, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.file import FileField
from wtforms.validators import ValidationError

from app import provenance
from app.errors import file_too_large
from app.forms import TembrForm

blueprint = Blueprint("verify", __name__)


class FileForm(TembrForm):
    """A file to be looked up."""

    file = FileField(lazy_gettext("File"))

    def validate_file(self, field: FileField) -> None:
        if not field.data:
            raise ValidationError(_("Choose the file: none was given."))
        size, limit = field.data.stream.seek(0, 2), current_app.config["MAX_VERIFY_MEGABYTES"]
        field.data.stream.seek(0)
        if size == 0:
            raise ValidationError(_("This file is empty (0 bytes)."))
        if size > limit * 1_000_000:
            raise ValidationError(file_too_large(size))

    def finding(self) -> provenance.Finding:
        """What is known of the file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            self.file.data.save(path)
            return provenance.find(path)


@blueprint.route("/verify", methods=["GET", "POST"])
def page():
    """The page that takes a file and says where it comes from."""
    form, finding = FileForm(), None
    if form.validate_on_submit():
        with form.refusals():
            finding = form.finding()
    answer = render_template("verify.html", form=form, finding=finding)
    return answer, 422 if form.errors else 200
