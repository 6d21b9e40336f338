"""The recording doctor's words: what it found in a recording, what to do about it, and who it sounds like."""

from collections.abc import Callable

from flask import Blueprint, current_app, flash, render_template
from flask_babel import gettext as _

from app.forms import CheckForm, RecordingUnfit
from app.i18n import number
from app.voices.similarity import Neighbour, nearest
from models import Finding, Findings
from models.doctor import SAME_VOICE

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
    return [in_words(finding) for finding in findings.faults]


def warnings(findings: Findings, other_than: int | None = None) -> list[str]:
    """What could be better, and who in the bank it sounds like, in sentences."""
    known = same_voice(findings, other_than)
    return [in_words(finding) for finding in findings.warnings] + ([_already_known(known)] if known else [])


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


def in_words(finding: Finding) -> str:
    """A finding as a sentence that says what is wrong, by how much, and what to do."""
    return WORDS[finding.code](finding)


def _no_speech(finding: Finding) -> str:
    return _(
        "No speech was heard in this recording. Record one person speaking, close to the microphone, for 5 to 10 s."
    )


def _too_short(finding: Finding) -> str:
    return _(
        "The recording holds %(seconds)s s of speech; at least %(least)s s are needed. Record 5 to 10 s.",
        seconds=number(finding.measured, 1),
        least=number(finding.limit, 1),
    )


def _short(finding: Finding) -> str:
    return _(
        "The recording holds only %(seconds)s s of speech: the voice is known better from %(least)s s on."
        " Record 5 to 10 s.",
        seconds=number(finding.measured, 1),
        least=number(finding.limit, 1),
    )


def _quiet(finding: Finding) -> str:
    return _(
        "The voice is very quiet: %(level)s dBFS, and at least %(least)s dBFS is better."
        " Speak closer to the microphone, or turn its level up.",
        level=_decibels(finding.measured),
        least=_decibels(finding.limit),
    )


def _clipped(finding: Finding) -> str:
    return _(
        "The voice is overdriven: %(share)s of 1,000 samples are cut off, and more than %(limit)s are heard."
        " Speak further from the microphone, or turn its level down.",
        share=number(1000 * finding.measured, 1),
        limit=number(1000 * finding.limit, 1),
    )


def _noisy(finding: Finding) -> str:
    return _(
        "There is much noise or echo: the voice is %(snr)s dB above it, and at least %(least)s dB is better."
        " Record in a quiet room with soft things, close to the microphone.",
        snr=_decibels(finding.measured),
        least=_decibels(finding.limit),
    )


def _narrow(finding: Finding) -> str:
    return _(
        "There is nothing above %(highest)s kHz, as on a telephone: the voice will sound dull."
        " Record with a microphone rather than from a call.",
        highest=number(finding.measured / 1000, 1),
    )


def _several(finding: Finding) -> str:
    return _(
        "More than one person seems to speak: parts of the recording are alike by %(likeness)s, and those of one person"
        " by %(least)s or more. Give a recording of one person alone.",
        likeness=number(finding.measured, 2),
        least=number(finding.limit, 2),
    )


def _music(finding: Finding) -> str:
    return _(
        "There is music or a steady tone in %(share)s of 100 moments of the recording, and more than %(limit)s are too"
        " many. Switch it off, or give a recording without it.",
        share=number(100 * finding.measured),
        limit=number(100 * finding.limit),
    )


def _echo(finding: Finding) -> str:
    return _(
        "The room echoes: sounds fall by %(fall)s dB in 50 ms, and by %(least)s dB or more where there is little echo."
        " Record in a room with soft things, closer to the microphone.",
        fall=number(finding.measured, 1),
        least=number(finding.limit, 1),
    )


def _decibels(level: float) -> str:
    return number(round(level))


WORDS: dict[str, Callable[[Finding], str]] = {
    "no_speech": _no_speech,
    "too_short": _too_short,
    "short": _short,
    "quiet": _quiet,
    "clipped": _clipped,
    "noisy": _noisy,
    "narrow": _narrow,
    "several": _several,
    "music": _music,
    "echo": _echo,
}


def measured(findings: Findings) -> list[tuple[str, str]]:
    """Names and figures of what was measured."""
    start, end = findings.best_seconds
    return [
        (_("Speech"), _("%(seconds)s s", seconds=number(findings.speech_seconds, 1))),
        (_("Level of the voice"), _("%(level)s dBFS", level=_decibels(findings.level_db))),
        (_("Voice above noise"), _("%(decibels)s dB", decibels=_decibels(findings.snr_db))),
        (_("Highest frequency"), _("%(highest)s kHz", highest=number(findings.bandwidth / 1000, 1))),
        (_("Best part"), _("%(start)s to %(end)s s", start=number(start, 1), end=number(end, 1))),
    ]
