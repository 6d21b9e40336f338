"""/v1/audio/speech: a text, spoken whole or sentence by sentence, as OpenAI's API does it."""

from contextlib import ExitStack

import numpy as np
from flask import Blueprint, Response, current_app, g

from app.api import body, models, voices
from app.api.errors import Refused
from app.api.sending import Program, base64_of, sse, whole
from app.db import Voice, db
from app.speak.forms import voice_of
from app.speak.jobs import Job
from app.speak.request import SpeechRequest
from models import (
    LANGUAGES,
    MAX_SEED,
    PAUSES,
    PCM_SAMPLE_RATE,
    PITCH,
    SPEED,
    STREAM_FORMATS,
    NothingToSay,
    Range,
    encode,
)

SPEEDS = Range(0.25, 4.0, usual=1.0, step=0.05)  # that OpenAI allows; Tembr speaks at those of SPEED
AUDIO, SSE = "audio", "sse"
WORD = "word"
SILENT_SECONDS = 0.1
CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": f"audio/pcm; rate={PCM_SAMPLE_RATE}; channels=1",
}
PARAMS = (
    body.Text("model", "tembr; OpenAI's names mean it too.", required=True),
    body.Spoken("input", "The text, in Russian or English.", required=True),
    body.Named("voice", "A voice by its name or id; OpenAI's names mean ready voices.", required=True),
    body.Text("instructions", "Ignored: the voice speaks as in its recording."),
    body.Text("response_format", "pcm is 24 kHz, 16 bits, mono.", default="mp3", choices=STREAM_FORMATS),
    body.Number("speed", f"Beyond {SPEED.low:g} and {SPEED.high:g}, that limit is taken.", default=1.0, limits=SPEEDS),
    body.Text(
        "stream_format",
        "The audio sentence by sentence as it is spoken: as it is, or in server-sent events. Without it, all at once.",
        choices=(AUDIO, SSE),
    ),
    body.Text("language", "Of texts without letters; found from the text when not given.", choices=LANGUAGES),
    body.Number(
        "seed",
        "Another number gives another take.",
        default=0,
        limits=Range(0, MAX_SEED, usual=0, step=1),
        is_whole=True,
    ),
    body.Number("pitch", "Semitones above the voice's own.", default=PITCH.usual, limits=PITCH),
    body.Number("pauses", "Times as long as usual.", default=PAUSES.usual, limits=PAUSES),
    body.Text("timestamps", "Answer in JSON, with the audio in base64 and the time of each word.", choices=(WORD,)),
)

blueprint = Blueprint("speech", __name__, url_prefix="/audio/speech")


@blueprint.post("")
def speak() -> Response:
    """Speak a text: through the same queue as the pages, and nothing is kept of it but the hash of what was sent."""
    asked = body.read(PARAMS)
    models.check(asked["model"], "model")
    if asked["timestamps"] and asked["stream_format"]:
        message = "With timestamps the answer is JSON and comes whole: leave stream_format out."
        raise Refused(400, message, "stream_format", "invalid_value")
    voice = voices.found(asked["voice"])
    with ExitStack() as held:
        program = held.enter_context(Program.waiting(_job(asked, voice)))
        job = program.job
        try:
            answer = _answer(program, asked)
        except NothingToSay:
            if asked["timestamps"] or asked["stream_format"] == SSE:
                raise
            answer = _silence(asked["response_format"])
        answer.headers["X-Tembr-Voice"] = f"{voices.PREFIX}{job.request.voice.id}"
        if asked["speed"] != job.request.speed:
            answer.headers["X-Tembr-Speed"] = f"{job.request.speed:g}"
        if job.said and job.said.similarity is not None:
            answer.headers["X-Tembr-Similarity"] = f"{job.said.similarity:.3f}"
        answer.call_on_close(held.pop_all().close)
    answer.cache_control.no_store = True
    return answer


def _silence(format: str) -> Response:
    """Answer a text without words, as a chat sends one that is a sign alone, and Home Assistant a full stop."""
    silence = np.zeros(round(SILENT_SECONDS * PCM_SAMPLE_RATE))
    return Response(encode(silence, PCM_SAMPLE_RATE, format), content_type=CONTENT_TYPES[format])


def _job(asked: dict, voice: Voice) -> Job:
    wanted = SpeechRequest(
        text=asked["input"],
        voice=voice_of(voice),
        language=asked["language"],
        speed=min(max(asked["speed"], SPEED.low), SPEED.high),
        pitch=asked["pitch"],
        pauses=asked["pauses"],
        seed=asked["seed"],
        format=asked["response_format"],
    )
    db.session.remove()  # holds no connection while it waits
    return Job(wanted, g.program, is_kept=False)


def _answer(program: Program, asked: dict) -> Response:
    """Wait for the audio, or for the first of it, and answer with it.  Raises what ended the job before."""
    kind = CONTENT_TYPES[asked["response_format"]]
    if asked["stream_format"] == SSE:
        answer = Response(sse(program, len(asked["input"])), content_type="text/event-stream; charset=utf-8")
    elif asked["stream_format"] == AUDIO:
        answer = Response(program.started(), content_type=kind)
    elif asked["timestamps"]:
        audio, said = base64_of(program), program.job.said
        words = [{"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in said.words]
        told = {"audio": audio, "content_type": kind, "duration": round(said.seconds, 3), "words": words}
        return current_app.json.response(told)
    else:
        return whole(program, kind)
    answer.headers["X-Accel-Buffering"] = "no"  # a proxy that collects the answer would undo the streaming
    return answer
