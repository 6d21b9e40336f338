"""Recording quality on the pages: the findings, and which voice of the bank it sounds like."""

import hashlib
import time

from flask import Blueprint, current_app, flash, render_template, request
from flask_babel import gettext as _

from app.db import db
from app.errors import told, translated
from app.forms import CheckForm
from app.health import stage
from app.i18n import number
from app.voices import learning
from app.voices.similarity import Neighbour, nearest
from models import SAME_VOICE, Findings, RecordingUnfit, VoiceProfile

KEPT, KEPT_SECONDS = 16, 600.0  # recordings that were checked and are likely sent next

blueprint = Blueprint("quality", __name__)


@blueprint.post("/recording/check")
def check() -> tuple[str, int]:
    """Render the findings of a recording before its form is sent; no file or row of it is kept.

    ?new: of a new voice, for which it is told whether it will be learned.
    """
    form = CheckForm()
    if form.validate():
        with form.refusals():
            try:
                profile, findings = hear(form.recording.data.read())
            except RecordingUnfit as fault:
                profile, findings = None, fault.findings
            shown = {"warnings": warnings(profile, findings), "measured": measured(findings)}
            if profile and "new" in request.args and (lack := learning.lack(profile.seconds)):
                shown["lack"] = told(lack)
            return render_template("voices/_findings.html", faults=faults(findings), **shown), 200
    return render_template("voices/_findings.html", faults=form.recording.errors or form.form_errors), 422


def hear(recording: bytes) -> tuple[VoiceProfile, Findings]:
    """Return the voice in a recording and the findings; for bytes that were heard just before, those of then.

    Raises what VoiceCloner.hear raises.
    """
    db.session.rollback()  # holds no connection while the networks work
    kept = current_app.extensions.setdefault("heard", {})  # hash -> (until, profile and findings), the latest last
    key, now = hashlib.sha256(recording).digest(), time.monotonic()
    until, heard = kept.pop(key, (0.0, None))
    if until < now:
        with stage("listen"):
            heard = current_app.extensions["cloner"].hear(recording)
    kept[key] = now + KEPT_SECONDS, heard
    for old in [one for one, (until, _heard) in list(kept.items()) if until < now] + list(kept)[:-KEPT]:
        kept.pop(old, None)
    return heard


def tell(profile: VoiceProfile, findings: Findings, other_than: int | None = None) -> None:
    """Show the warnings on the next page.  other_than: the id of the voice that was just made of the recording."""
    for sentence in warnings(profile, findings, other_than):
        flash(sentence, "warning")


def faults(findings: Findings) -> list[str]:
    """Return the faults, which forbid a voice, as sentences."""
    return [translated(finding.message) for finding in findings.faults]


def warnings(profile: VoiceProfile | None, findings: Findings, other_than: int | None = None) -> list[str]:
    """Return the warnings, and which voice of the bank it sounds like, as sentences."""
    known = same_voice(profile, other_than) if profile else None
    return [translated(finding.message) for finding in findings.warnings] + ([_already_known(known)] if known else [])


def same_voice(profile: VoiceProfile, other_than: int | None = None) -> Neighbour | None:
    """Return the most similar voice of the bank, if it is as similar as one person's recordings are."""
    neighbour = nearest(profile.embedding, other_than)
    return neighbour if neighbour and neighbour.similarity >= SAME_VOICE else None


def _already_known(neighbour: Neighbour) -> str:
    return _(
        "This sounds like “%(name)s”, which is already saved: similarity %(similarity)s. From %(limit)s up, it is"
        " most likely the same person.",
        name=neighbour.name,
        similarity=number(neighbour.similarity, 2),
        limit=number(SAME_VOICE, 2),
    )


def measured(findings: Findings) -> list[tuple[str, str]]:
    """Return the names and figures of what was measured."""
    figures, (start, end) = findings.figures, findings.best_seconds
    return [
        (_("Speech"), _("%(seconds)s s", seconds=number(figures.speech_seconds, 1))),
        (_("Voice level"), _("%(level)s dBFS", level=number(round(figures.level_db)))),
        (_("Signal-to-noise ratio"), _("%(decibels)s dB", decibels=number(round(figures.snr_db)))),
        (_("Highest frequency"), _("%(highest)s kHz", highest=number(figures.bandwidth / 1000, 1))),
        (_("Best part"), _("%(start)s to %(end)s s", start=number(start, 1), end=number(end, 1))),
    ]
