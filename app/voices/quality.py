"""The quality of a recording on the pages: what was found in it, and who of the bank it sounds like."""

from flask import Blueprint, current_app, flash, render_template
from flask_babel import gettext as _

from app.errors import translated
from app.forms import CheckForm, RecordingUnfit
from app.i18n import number
from app.voices.similarity import Neighbour, nearest
from models import SAME_VOICE, Findings

blueprint = Blueprint("quality", __name__)


@blueprint.post("/recording/check")
def check() -> tuple[str, int]:
    """What is to be said of a recording before it is sent, as a part of a page; nothing of it is kept."""
    form, findings = CheckForm(), None
    if form.validate():
        with form.refusals():
            findings = current_app.extensions["cloner"].examine(form.recording.data.read())
    if findings is None:
        return render_template("voices/_findings.html", faults=form.recording.errors or form.form_errors), 422
    page = render_template(
        "voices/_findings.html", faults=faults(findings), warnings=warnings(findings), measured=measured(findings)
    )
    return page, 200


def examine(recording: bytes) -> Findings:
    """The findings of a recording that a voice can be made of.

    Raises RecordingUnfit with the faults in words, and what VoiceCloner.examine raises.
    """
    findings = current_app.extensions["cloner"].examine(recording)
    if findings.faults:
        raise RecordingUnfit(" ".join(faults(findings)))
    return findings


def tell(findings: Findings, other_than: int | None = None) -> None:
    """Show the warnings on the next page.  other_than: the id of the voice that was just made of the recording."""
    for sentence in warnings(findings, other_than):
        flash(sentence, "warning")


def faults(findings: Findings) -> list[str]:
    """What is in the way of a voice, in sentences."""
    return [translated(finding.message) for finding in findings.faults]


def warnings(findings: Findings, other_than: int | None = None) -> list[str]:
    """What could be better, and who in the bank it sounds like, in sentences."""
    known = same_voice(findings, other_than)
    return [translated(finding.message) for finding in findings.warnings] + ([_already_known(known)] if known else [])


def same_voice(findings: Findings, other_than: int | None = None) -> Neighbour | None:
    """The voice of the bank that the recording sounds like, if one sounds like it as a person does like themselves."""
    if findings.embedding is None:
        return None
    neighbour = nearest(findings.embedding, other_than)
    return neighbour if neighbour and neighbour.closeness >= SAME_VOICE else None


def _already_known(neighbour: Neighbour) -> str:
    return _(
        "This sounds like “%(name)s”, already in the bank: closeness %(closeness)s, and from %(limit)s on it is most"
        " likely the same person.",
        name=neighbour.name,
        closeness=number(neighbour.closeness, 2),
        limit=number(SAME_VOICE, 2),
    )


def measured(findings: Findings) -> list[tuple[str, str]]:
    """Names and figures of what was measured."""
    figures, (start, end) = findings.figures, findings.best_seconds
    return [
        (_("Speech"), _("%(seconds)s s", seconds=number(figures.speech_seconds, 1))),
        (_("Level of the voice"), _("%(level)s dBFS", level=number(round(figures.level_db)))),
        (_("Voice above noise"), _("%(decibels)s dB", decibels=number(round(figures.snr_db)))),
        (_("Highest frequency"), _("%(highest)s kHz", highest=number(figures.bandwidth / 1000, 1))),
        (_("Best part"), _("%(start)s to %(end)s s", start=number(start, 1), end=number(end, 1))),
    ]
