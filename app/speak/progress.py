"""The progress of a job: its page, its status for a script, its Cancel button."""

import secrets
import threading
from collections.abc import Iterator

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from app.db import db
from app.speak.forms import SpeakForm
from app.speak.jobs import CANCELLED, DONE, FAILED, WAITING, Cancelled, Job
from app.speak.queue import Queue
from app.speak.stream import Follower
from app.storage import MIME_TYPES
from models import TembrError

MAX_LISTENERS = 2  # threads that send what is being spoken: the others answer everybody else meanwhile

blueprint = Blueprint("progress", __name__, url_prefix="/jobs")

NEVER_STORED = {"Cache-Control": "no-store"}


def init_app(app: Flask) -> None:
    app.extensions["listeners"] = threading.Semaphore(MAX_LISTENERS)


def queue() -> Queue:
    return current_app.extensions["speaking"]


def owner() -> str:
    """Return the id of this browser's session."""
    session.setdefault("browser", secrets.token_urlsafe(8))
    return session["browser"]


def panels() -> list[Markup]:
    """Render the jobs that this browser waits for, and before them those that a restart interrupted."""
    if "browser" not in session:
        return []
    interrupted = queue().interrupted(session["browser"])
    notices = [Markup(render_template("speak/_interrupted.html", job=job)) for job in interrupted]
    return notices + [_panel(job) for job in queue().of(session["browser"])]


def asked_about() -> Job | None:
    """Return the job whose form the front page shows again, if the address names one."""
    return queue().find(request.args.get("job", ""))


def is_by_script() -> bool:
    return request.accept_mimetypes.best == "application/json"


def answer(job: Job):
    """Answer the request that queued the job: a script with its status, a person with the speech.

    A job that takes longer than WAIT_SECONDS is answered with its page.  Raises the job's fault.
    """
    if is_by_script():
        return jsonify(status(job) | {"panel": _panel(job)}), 202
    db.session.rollback()  # holds no connection while it waits
    job.wait(current_app.config["WAIT_SECONDS"])
    if job.fault:
        raise job.fault
    return redirect(_address(job), 303)


def _address(job: Job) -> str:
    """Return the address of a job's outcome: its speech, or its form again; its page while it is not over."""
    if job.state == DONE:
        return url_for("speak.result", speech_id=job.speech_id)
    if job.is_over or job.is_cancelled:
        return url_for("speak.speak", job=job.token)
    return url_for("progress.page", token=job.token)


@blueprint.get("/<token>")
def page(token: str):
    """Show the progress to a browser without scripts; redirect to the outcome once the job is over."""
    job = _found(token)
    if job.is_over or job.is_cancelled:
        return redirect(_address(job), 303)
    return render_template("speak/job.html", job=job, panel=_panel(job)), NEVER_STORED


@blueprint.get("/<token>/status")
def figures(token: str):
    """Tell a script the status."""
    return status(_found(token)), NEVER_STORED


@blueprint.get("/<token>/audio")
def audio(token: str):
    """Send the audio of a job while it is spoken, from its start; once it is over, redirect to its speech."""
    job = _found(token)
    if job.state == DONE:
        return redirect(url_for("history.audio", speech_id=job.speech_id))
    if not job.stream.is_audible:
        abort(404, _("Nothing of this text has been spoken yet."))
    free = current_app.extensions["listeners"]
    if not free.acquire(blocking=False):
        return _("Too many people are listening to texts that are still being spoken."), 503, {"Retry-After": "5"}
    follower = job.stream.follow()
    response = Response(_sent(follower), mimetype=MIME_TYPES[job.request.format], headers=NEVER_STORED)
    response.call_on_close(follower.close)
    response.call_on_close(free.release)
    return response


def _sent(follower: Follower) -> Iterator[bytes]:
    """Send what is spoken; end quietly with a job that is cancelled or fails, which its panel tells."""
    try:
        yield from follower
    except (Cancelled, TembrError):
        return


@blueprint.post("/<token>/cancel")
def cancel(token: str):
    job = _found(token)
    queue().cancel(job)
    if is_by_script():
        return status(job)
    if job.state != DONE:
        flash(words(job), "done")
    return redirect(_address(job), 303)


def status(job: Job) -> dict:
    """Return the status of a job as a script reads it; "words" is for a person, "audio" the address of its audio while
    more of it is still to be spoken.
    """
    is_heard = job.stream.is_audible and job.n_spoken < job.n_sentences
    return {
        "state": CANCELLED if job.is_cancelled and not job.is_over else job.state,
        "words": words(job),
        "fraction": round(queue().fraction(job), 3),
        "status": url_for("progress.figures", token=job.token),
        "page": _address(job),
        "audio": url_for("progress.audio", token=job.token) if is_heard else None,
    }


def words(job: Job) -> str:
    """Return the status of a job as a sentence."""
    if job.state == DONE:
        return _("Done.")
    if job.state == FAILED:
        return " ".join(message for messages in refused(job).errors.values() for message in messages)
    if job.is_cancelled:
        return _("Cancelled. Nothing was saved.")
    left = queue().seconds_left(job)
    steps = [_waiting(job) if job.state == WAITING else _speaking(job)]
    if left is not None:
        time = current_app.jinja_env.filters["duration"](max(1, left))
        steps.append(_("about %(time)s left", time=time))
    return " · ".join(steps)


def _waiting(job: Job) -> str:
    place = queue().place(job)
    if not place:
        return _("Starting…")
    return ngettext("Waiting: %(num)s text ahead", "Waiting: %(num)s texts ahead", place)


def _speaking(job: Job) -> str:
    """Return which sentence is spoken, and of which take if there are several."""
    if not job.n_sentences:
        return _("Reading the text…")
    takes = job.request.takes
    n_sentences = job.n_sentences // takes
    take, sentence = divmod(min(job.n_spoken, job.n_sentences - 1), n_sentences)
    place = {"number": sentence + 1, "count": n_sentences}
    if takes == 1:
        return _("Sentence %(number)s of %(count)s", **place)
    return _("Take %(take)s of %(takes)s, sentence %(number)s of %(count)s", take=take + 1, takes=takes, **place)


def _panel(job: Job) -> Markup:
    kind = MIME_TYPES[job.request.format]
    return Markup(render_template("speak/_job.html", job=job, status=status(job), type=kind))


def refused(job: Job) -> SpeakForm:
    """Return the form that asked for a job, with the fault at its field if it failed."""
    form = SpeakForm.showing(job.request.knobs(), job.request.voice.choice)
    if not job.fault:
        return form
    try:
        with form.refusals():
            raise job.fault
    except Exception:  # what no form foresees; it was logged when it happened
        form.form_errors.append(_("Something went wrong in Tembr. The error is in the server log."))
    job.fault.__traceback__ = None  # it holds this request
    return form


def _found(token: str) -> Job:
    return queue().find(token) or abort(404, _("This has already finished. Look for the result under Speeches."))
