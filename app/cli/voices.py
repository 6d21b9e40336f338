"""./tembr voices: the bank."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.common import answer, json_option, named, say, site
from models import LANGUAGES, TembrError

if TYPE_CHECKING:
    from app.db import Lesson, Voice
    from models import VoiceCloner

COLUMNS = ("name", "language", "seconds", "added", "origin")
a_file = click.Path(path_type=Path)
name_argument = click.argument("name")
consent_option = click.option(
    "--consent",
    is_flag=True,
    required=True,
    help="The person who speaks agreed to have this voice cloned; without it nothing is added.",
)


class NotKept(TembrError):
    """The database refused."""


class Unlearned(TembrError):
    """A voice could not be learned."""


class Unheard(TembrError):
    """A file cannot be used; the message names it."""


@click.group()
def voices() -> None:
    """List, show, add, learn, rename, export, import and remove the voices of the bank."""


@contextmanager
def bank() -> Iterator[None]:
    """Enter the app's context; roll back and raise NotKept if the database refuses."""
    from sqlalchemy.exc import SQLAlchemyError

    from app.db import db

    with site().app_context():
        try:
            yield
        except SQLAlchemyError as error:
            db.session.rollback()
            reason = getattr(error, "orig", error)
            raise NotKept("The database refused it: %(reason)s.", reason=reason) from error


@voices.command("list")
@click.argument("words", nargs=-1)
@json_option
def list_voices(words: tuple[str, ...], as_json: bool) -> None:
    """Print the bank as a table with tabs, or the voices whose name or note holds each of WORDS."""
    with bank():
        from app.db import Voice, db

        found = [_row(voice) for voice in db.session.scalars(Voice.found(" ".join(words)))]
    if as_json:
        answer(found)
        return
    print(*COLUMNS, sep="\t")
    for row in found:
        print(*("" if row[column] is None else row[column] for column in COLUMNS), sep="\t")


def _row(voice: "Voice") -> dict[str, object]:
    added = voice.created_at.date().isoformat()
    seconds = round(voice.seconds, 1)
    return dict(zip(COLUMNS, (voice.name, voice.language, seconds, added, voice.origin), strict=True))


@voices.command()
@name_argument
@json_option
def show(name: str, as_json: bool) -> None:
    """Print what is known of a voice."""
    with bank():
        voice = named(name)
        heard = [
            {"seconds": round(row.seconds, 1), "added": row.created_at.date().isoformat(), "kept": bool(row.file_name)}
            for row in voice.recordings
        ]
        consent = voice.consent_at and voice.consent_at.isoformat(sep=" ", timespec="seconds")
        known = _row(voice) | {"note": voice.note, "licence": voice.licence, "consent": consent, "recordings": heard}
    if as_json:
        answer(known)
        return
    for part, value in known.items():
        if part == "recordings":
            value = f"{len(heard)}, of which {sum(row['kept'] for row in heard)} on the disk"
        print(f"{part:12}{'' if value is None else value}".rstrip())


@voices.command()
@name_argument
@click.argument("recordings", nargs=-1, required=True, type=a_file)
@click.option("--language", type=click.Choice(LANGUAGES), help="What is spoken in the recordings.")
@click.option("--note", default="", help="What else is to be known of the voice.")
@consent_option
@click.pass_obj
def add(
    load: Callable[[], "VoiceCloner"],
    name: str,
    recordings: tuple[Path, ...],
    language: str | None,
    note: str,
    consent: bool,
) -> None:
    """Keep a voice under NAME.  Several RECORDINGS are merged into one voice: all of them, or none."""
    contents = [path.read_bytes() for path in recordings]
    if len(set(contents)) < len(contents):
        raise Unheard("One of these recordings is given twice.")
    with bank():
        from app.db import Voice, now, plain_name
        from app.voices import recordings as kept
        from app.voices.forms import NOTE, check_name

        name, note = check_name(name), plain_name(note)
        NOTE.check(note)
        cloner = load()
        profiles = [_listen(cloner, path, content) for path, content in zip(recordings, contents, strict=True)]
        voice = kept.begin(Voice(name=name, note=note, language=language, consent_at=now()), profiles[0], contents[0])
        try:
            for content, profile in zip(contents[1:], profiles[1:], strict=True):
                kept.add(voice.id, content, profile)
        except Exception:
            kept.delete_voice(voice)
            raise
        say(f"“{voice.name}” is in the bank, from {voice.seconds:.1f} s of speech.")
        _tell_of_learning(voice)


def _tell_of_learning(voice: "Voice") -> None:
    """Say how a new voice is learned, or what it lacks."""
    from models import MIN_LEARNED_SECONDS, TooLittleSpeech

    if voice.origin or voice.learned:
        return
    if voice.seconds < MIN_LEARNED_SECONDS:
        say(str(TooLittleSpeech(voice.seconds)))
    elif voice.file_name:
        say(f"To let it sound more like the person, learn it: ./tembr voices learn {shlex.quote(voice.name)}")


def _listen(cloner: "VoiceCloner", path: Path, content: bytes):
    """Return the profile of a recording.  Raises Unheard, with the file's name, for what VoiceCloner.listen raises."""
    try:
        return cloner.listen(content)
    except ValueError as fault:
        raise Unheard("%(path)s: %(reason)s", path=path, reason=fault) from fault


@voices.command()
@name_argument
@click.argument("new_name")
def rename(name: str, new_name: str) -> None:
    """Give a voice NEW_NAME."""
    with bank():
        from app.db import db
        from app.voices.forms import check_name

        voice = named(name)
        voice.name = check_name(new_name, own=voice)
        db.session.commit()
        say(f"The voice is now called “{voice.name}”.")


@voices.command()
@name_argument
@click.option("--out", type=a_file, metavar="FILE", help="NAME.tembr-voice in this folder when not given.")
@click.option("--no-sample", is_flag=True, help="Without a recording to hear.")
def export(name: str, out: Path | None, no_sample: bool) -> None:
    """Write a voice to a file that this and other sites can import."""
    with bank():
        from app.voices import voice_file

        voice = named(name)
        path = out or Path(voice_file.file_name(voice))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(voice_file.of(voice, not no_sample).to_bytes())
        say(f"{path}: “{voice.name}”, {path.stat().st_size / 1000:.1f} kB.")


@voices.command("import")
@click.argument("file", type=a_file)
@click.option("--name", help="That in the file when not given.")
@consent_option
def import_voice(file: Path, name: str | None, consent: bool) -> None:
    """Put a voice that was exported into the bank."""
    with bank():
        from app.voices.forms import check_name
        from app.voices.voice_file import InvalidVoiceFile, VoiceFile, check_size

        try:
            check_size(file.stat().st_size)
            found = VoiceFile.from_bytes(file.read_bytes())
        except InvalidVoiceFile as fault:
            raise Unheard("%(path)s: %(reason)s", path=file, reason=fault) from fault
        voice = found.keep(check_name(name or found.name))
        say(f"“{voice.name}” is in the bank.")
        _tell_of_learning(voice)


@voices.command()
@name_argument
def remove(name: str) -> None:
    """Delete a voice with its recordings."""
    with bank():
        from app.voices import recordings

        voice = named(name)
        name = voice.name
        recordings.delete_voice(voice)
        say(f"“{name}” was deleted, with its recordings.")


@voices.command()
@name_argument
@json_option
@click.pass_obj
def learn(load: Callable[[], "VoiceCloner"], name: str, as_json: bool) -> None:
    """Learn a voice from its recordings, so that it sounds more like the person.

    What was broken off goes on from there.  With --json a line is printed after each step, and the outcome last.
    """
    with bank():
        from flask import current_app

        from app.db import LearnedVoice, Lesson, db
        from app.voices import learning

        voice = named(name)
        name, voice_id = voice.name, voice.id
        if voice.origin:
            raise Unlearned("Ready-made voices cannot be changed. Add your recording as a new voice.")
        current_app.extensions["cloner"] = load()
        learning.begin(voice)
        learning.learn(voice_id, _tell_step(as_json))
        db.session.rollback()
        if (lesson := db.session.get(Lesson, voice_id)) and lesson.fault:
            fault = lesson.fault
            learning.cancel(voice_id)
            raise Unlearned(fault["template"], **fault["values"])
        row = db.session.get(LearnedVoice, voice_id)
        if row is None:
            raise Unlearned("Learning was stopped.")
        similarity = {language: [round(one, 3) for one in pair] for language, pair in row.similarity.items()}
        if as_json:
            answer({"voice": name, "used": row.is_used, "similarity": similarity})
            return
        figures = ", ".join(
            f"{language} {before:.3f} -> {after:.3f}" for language, (before, after) in similarity.items()
        )
        outcome = "is used from now on" if row.is_used else "is not used, since it is no better"
        say(f"What “{name}” learned {outcome}. Similarity: {figures}.")


def _tell_step(as_json: bool) -> Callable[["Lesson"], None]:
    def tell(lesson: "Lesson") -> None:
        if as_json:
            answer({"step": lesson.step, "steps": lesson.steps, "seconds_left": round(lesson.seconds_left)})
        elif lesson.step % 10 == 0:
            say(f"step {lesson.step} of {lesson.steps}, about {lesson.seconds_left / 60:.0f} min left")

    return tell


@voices.command()
@name_argument
def forget(name: str) -> None:
    """Forget what a voice learned; its recordings stay."""
    with bank():
        from app.voices import learning

        voice = named(name)
        learning.forget(voice.id)
        say(f"“{voice.name}” sounds as it did before learning.")
