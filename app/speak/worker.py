"""The worker: speaks each take of a job to a draft, a sentence at a time, and keeps the most similar to the voice."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Flask, current_app

from app import logs, storage, subtitles
from app.db import Pronunciation, Speech, Voice, db, now
from app.health import stage
from app.history import provenance, retention
from app.speak.jobs import Cancelled, Job, Said
from app.speak.queue import Queue
from app.speak.request import RequestedVoice, SpeechRequest
from app.speak.stream import Stream
from app.voices import similarity
from app.voices.learning import adapter_of
from models import (
    MAX_SEED,
    N_,
    OWN,
    InvalidVoiceProfile,
    Sentence,
    SpeechFile,
    Word,
    give_back_memory,
    synthetic_tags,
)


@dataclass
class Take:
    """One take, as its draft holds it."""

    request: SpeechRequest
    draft: storage.Draft
    seconds: float
    words: list[Word]
    heard: similarity.Heard
    similarity: float | None


def say(app: Flask, queue: Queue, job: Job) -> int | Said:
    """Read and speak a job, keep its file and row, and return the speech's id; of one that is not kept, what is known.

    What the queue raises, what reading and the networks raise, OSError, SQLAlchemyError and what memory raises come
    out; then nothing is kept.
    """
    logs.request_id.set(job.request_id)
    with app.app_context():
        try:
            return _say(queue, job)
        except (ValueError, Cancelled):
            raise
        except Exception:
            app.logger.exception("A text could not be spoken")
            raise
        finally:
            give_back_memory()


def _say(queue: Queue, job: Job) -> int | Said:
    request, made_at, began = job.request, now(), time.perf_counter()
    if is_gone(request.voice):
        raise InvalidVoiceProfile(N_("it was deleted while the text was waiting."))
    request = _with_what_was_learned(request)
    with stage("read"):
        sentences = read(request)
    queue.note_reading(job, sentences)
    with ExitStack() as drafts:
        takes = []
        for number in range(request.takes):
            asked = replace(request, seed=(request.seed + number) % MAX_SEED)
            draft = drafts.enter_context(storage.Draft(request.format))
            with stage("speak"):
                takes.append(_take(asked, sentences, draft, made_at, job.stream, lambda: queue.note_sentence(job)))
        best = max(takes, key=lambda take: take.similarity or -1.0)
        if request.takes > 1:  # only now is it known which one is heard
            job.stream.begin(best.draft.path)
            job.stream.grow()
        if not job.is_kept:
            current_app.extensions["metrics"].note_speech(best.seconds, time.perf_counter() - began)
            return Said(best.seconds, best.similarity, best.words)
        speech = best.request.to_row()
        speech.knobs["is_learned"] = is_learned(request)
        speech.created_at, speech.seconds, speech.similarity = made_at, best.seconds, best.similarity
        speech.times = subtitles.to_row(best.words)
        with stage("compare"):
            similarity.compare(speech, best.heard)
        with stage("keep"):
            _keep(speech, best.draft, lambda kept: queue.keep(job, kept.id))
        current_app.extensions["metrics"].note_speech(speech.seconds, time.perf_counter() - began)
        return speech.id


def _with_what_was_learned(request: SpeechRequest) -> SpeechRequest:
    """The request with the adapter of its voice, if that learned anything: read only now, as it is large."""
    if request.voice.id is None:
        return request
    adapter = adapter_of(request.voice.id)
    db.session.rollback()
    return replace(request, voice=replace(request.voice, adapter=adapter)) if adapter else request


def is_learned(request: SpeechRequest) -> bool:
    """Whether the voice speaks with what it learned: on the weights that it was learned on, by Tembr's synthesizer."""
    cloner, adapter = current_app.extensions["cloner"], request.voice.adapter
    is_own = (request.synthesizer or cloner.in_use["synthesizer"]) == OWN
    return adapter is not None and adapter.made_on == cloner.fingerprint and is_own


def is_gone(voice: RequestedVoice) -> bool:
    """Whether a voice of the bank was deleted since it was asked for."""
    gone = voice.id is not None and db.session.get(Voice, voice.id) is None
    db.session.rollback()  # holds no connection while the networks work
    return gone


def read(request: SpeechRequest) -> list[Sentence]:
    """Read the text of a request with the site's dictionary.  Raises NothingToSay, TextTooLong."""
    dictionary = Pronunciation.dictionary()
    db.session.rollback()  # holds no connection while it is read
    return current_app.extensions["cloner"].read(request.text, request.language, dictionary)


def _take(
    request: SpeechRequest,
    sentences: list[Sentence],
    draft: storage.Draft,
    made_at: datetime,
    stream: Stream,
    spoken: Callable[[], None],
) -> Take:
    """Speak every sentence once, and send it as it comes if there is but one take.  spoken: called after each."""
    cloner, profile = current_app.extensions["cloner"], request.voice.profile
    heard = similarity.Heard(cloner.sample_rate)
    pieces = request.say(cloner, sentences)
    tags = synthetic_tags(request.text, request.voice.name, made_at)
    file = SpeechFile(draft.path, cloner.sample_rate, request.format, tags, request.kbits)
    words = []
    with closing(pieces), _closed(file):
        if request.takes == 1:
            stream.begin(draft.path)
        for sentence in pieces:
            words += sentence.words_after(file.seconds)
            file.write(sentence.waveform)
            if request.takes == 1:
                stream.grow()
            heard.add(sentence.waveform)
            spoken()
    if request.takes == 1:
        stream.grow()
    return Take(request, draft, file.seconds, words, heard, similarity.of(heard, profile))


@contextmanager
def _closed(file: SpeechFile) -> Iterator[None]:
    """Close the file; after a failure, let no error of closing hide it."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            file.close()
        raise
    file.close()


def _keep(speech: Speech, draft: storage.Draft, then: Callable[[Speech], None]) -> None:
    with draft.path.open("rb") as file:
        speech.sha256 = provenance.hash_of(file)
    speech.size = draft.path.stat().st_size
    if speech.voice_id and not db.session.get(Voice, speech.voice_id):
        speech.voice_id = None  # deleted while it spoke
    storage.keep_draft(speech, draft, then)
    retention.enforce()
