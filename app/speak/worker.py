"""How a job is spoken: each take to a draft, sentence by sentence; of several the closest to the voice is kept."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass

from flask import Flask, current_app
from flask_babel import lazy_gettext

from app import storage
from app.db import Speech, Voice, db, now
from app.history import provenance, retention
from app.speak.queue import Cancelled, Job
from app.voices import similarity
from models import MAX_SEED, InvalidVoiceProfile, SpeechFile

DELETED = lazy_gettext("it was deleted before its turn came.")  # why a voice cannot be used


@dataclass
class Take:
    """One take, as its draft holds it."""

    seed: int
    draft: storage.Draft
    seconds: float
    heard: similarity.Heard
    closeness: float | None


def say(app: Flask, job: Job, spoken: Callable[[], None]) -> int:
    """Speak a job and keep its file and row; returns the speech's id.

    spoken: called after each sentence.  What it raises, what the networks raise, OSError, SQLAlchemyError and what
    memory raises come out; then nothing is kept.
    """
    with app.app_context():
        try:
            return _say(job, spoken)
        except (ValueError, Cancelled):
            raise
        except Exception:
            app.logger.exception("A text could not be spoken")
            raise


def _say(job: Job, spoken: Callable[[], None]) -> int:
    speech = job.speech
    _check_voice(speech)
    speech.created_at = now()
    with ExitStack() as drafts:
        takes = [_take(job, n, drafts.enter_context(storage.Draft(speech.format)), spoken) for n in range(job.takes)]
        best = max(takes, key=lambda take: take.closeness or -1.0)
        speech.seed, speech.seconds, speech.closeness = best.seed, best.seconds, best.closeness
        similarity.compare(speech, best.heard)
        _keep(speech, best.draft)
        return speech.id


def _check_voice(speech: Speech) -> None:
    """Raises InvalidVoiceProfile when the voice was deleted while its turn was awaited."""
    is_gone = speech.voice_id and not db.session.get(Voice, speech.voice_id)
    db.session.rollback()  # holds no connection while the networks work
    if is_gone:
        raise InvalidVoiceProfile(str(DELETED))


def _take(job: Job, number: int, draft: storage.Draft, spoken: Callable[[], None]) -> Take:
    """Speak every sentence once, with a seed of its own."""
    cloner, speech, seed = current_app.extensions["cloner"], job.speech, (job.speech.seed + number) % MAX_SEED
    heard = similarity.Heard(cloner.sample_rate)
    pieces = cloner.say(job.sentences, job.profile, speech.speed, speech.pitch, speech.pauses, seed)
    file = SpeechFile(draft.path, cloner.sample_rate, speech.format, provenance.tags(speech), speech.kbits)
    with closing(pieces), _closed(file):
        for piece in pieces:
            file.write(piece)
            heard.add(piece)
            spoken()
    return Take(seed, draft, file.seconds, heard, similarity.of(heard, job.profile))


@contextmanager
def _closed(file: SpeechFile) -> Iterator[None]:
    """Closes the file; of one that was not finished, only what stopped it is said."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            file.close()
        raise
    file.close()


def _keep(speech: Speech, draft: storage.Draft) -> None:
    with draft.path.open("rb") as file:
        speech.sha256 = provenance.hash_of(file)
    speech.size = draft.path.stat().st_size
    if speech.voice_id and not db.session.get(Voice, speech.voice_id):
        speech.voice_id = None  # deleted while it spoke
    storage.keep_draft(speech, draft)
    retention.enforce()
