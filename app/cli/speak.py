"""./tembr speak: a text to a file, or a table of lines to a folder of files."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app import subtitles
from app.cli.batch import COLUMNS, read_lines, speak_batch
from app.cli.common import (
    Number,
    UnknownVoice,
    answer,
    dictionary,
    from_database,
    json_option,
    named,
    say,
)
from app.speak.request import RequestedVoice, SpeechRequest
from models import FORMATS, Range, TembrError

if TYPE_CHECKING:
    from models import Adapter, Learner, VoiceCloner, VoiceProfile, Word

STEPS_TOLD = 20  # between two lines about learning


class Unlearned(TembrError):
    """A recording's voice cannot be learned."""


def knob_options(command: Callable) -> Callable:
    """Add an option to a command for each knob of SpeechRequest."""
    for one in reversed([one for one in fields(SpeechRequest) if one.metadata]):
        limits, kind, metavar = one.metadata["limits"], str, "NAME"
        if isinstance(limits, Range):
            kind, metavar = Number(limits), None
        elif isinstance(limits, range):
            kind, metavar = click.IntRange(limits[0], limits[-1]), None
        elif limits:
            kind, metavar = click.Choice(limits), None
        about, shown = one.metadata["about"], one.default not in (None, "")
        option = click.option(
            f"--{one.name}", type=kind, default=one.default, metavar=metavar, show_default=shown, help=about
        )
        command = option(command)
    return command


@click.command()
@click.argument("text", required=False)
@click.option("--voice", metavar="FILE-or-NAME", help="A recording, or the name of a voice in the bank.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"What to write: {', '.join(f'.{f}' for f in FORMATS)}.",
)
@click.option(
    "--batch",
    type=click.Path(path_type=Path),
    metavar="LINES.tsv",
    help=f"A table in UTF-8 with tabs; its first line names its columns {', '.join(COLUMNS)}.",
)
@click.option(
    "--out-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where --batch writes id.wav of each line."
)
@click.option("--srt", type=click.Path(path_type=Path), metavar="FILE", help="Where to write subtitles as .srt.")
@click.option("--vtt", type=click.Path(path_type=Path), metavar="FILE", help="Where to write subtitles as WebVTT.")
@click.option(
    "--learn", is_flag=True, help="Learn a recording's voice first: takes minutes, and sounds more like the person."
)
@knob_options
@json_option
@click.pass_obj
def speak(
    load: Callable[[], "VoiceCloner"],
    text: str | None,
    voice: str | None,
    out: Path | None,
    batch: Path | None,
    out_dir: Path | None,
    srt: Path | None,
    vtt: Path | None,
    learn: bool,
    as_json: bool,
    **knobs: object,
) -> int:
    """Say TEXT in a voice, or each line of a table.

    Of a table, a line that cannot be spoken is reported with its id, and the others are spoken all the same.
    """
    if batch:
        if text is not None or voice or out or srt or vtt:
            raise click.UsageError("--batch takes text and voice from its table and writes to --out-dir.")
        if not out_dir:
            raise click.UsageError("--batch needs --out-dir.")
        lines = list(read_lines(batch))  # a table that is wrong is refused before the networks are loaded
        return speak_batch(Speaker(load(), learn), lines, out_dir, knobs, as_json)
    if text is None or not voice or not out:
        raise click.UsageError("A text needs --voice and --out.")
    if out_dir:
        raise click.UsageError("--out-dir goes with --batch.")
    if _format(out) not in FORMATS:
        raise click.UsageError(f"--out {out} must end in {', '.join(f'.{name}' for name in FORMATS)}.")
    speaker = Speaker(load(), learn)
    out.parent.mkdir(parents=True, exist_ok=True)
    seconds, words = speaker.speak(text, voice, out, knobs)
    for path, kind in ((srt, "srt"), (vtt, "vtt")):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(subtitles.write(words, text, kind), "utf-8")
    if as_json:
        timed = [{"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in words]
        answer({"file": str(out), "seconds": round(seconds, 3), "words": timed})
    say(f"{out}: {seconds:.1f} s of speech.")
    return 0


def _format(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


class Speaker:
    """Speaks texts to files; caches the profile and what was learned, or the error, of each voice."""

    def __init__(self, cloner: "VoiceCloner", learns: bool = False):
        """learns: learn the voices of recordings before they speak."""
        self.cloner, self.learns = cloner, learns
        self.dictionary = dictionary()
        self._voices: dict[str, tuple[VoiceProfile, Adapter | None] | ValueError] = {}

    def speak(self, text: str, voice: str, path: Path, knobs: dict) -> "tuple[float, list[Word]]":
        """Write the file sentence by sentence, and keep it only if it is complete; return its seconds and its words.

        knobs: fields of SpeechRequest.  Raises what the networks raise, UnknownVoice, OSError.
        """
        from models import SpeechFile, synthetic_tags

        called = Path(voice).stem if Path(voice).expanduser().is_file() else voice
        profile, adapter = self.voice(voice)
        requested = RequestedVoice(called, profile, adapter=adapter)
        request = SpeechRequest(text, requested, **knobs | {"format": _format(path)})
        sentences = self.cloner.read(text, request.language, self.dictionary)
        tags = synthetic_tags(text, called, date.today())
        draft, words = path.with_name(f".{path.name}.partial"), []
        try:
            with SpeechFile(draft, self.cloner.sample_rate, request.format, tags, request.kbits) as file:
                for sentence in request.say(self.cloner, sentences):
                    words += sentence.words_after(file.seconds)
                    file.write(sentence.waveform)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return file.seconds, words

    def voice(self, voice: str) -> "tuple[VoiceProfile, Adapter | None]":
        """Return the profile of a recording's path, or of a name in the bank with what that voice learned.

        Raises UnknownVoice and what VoiceCloner.listen raises.
        """
        if voice not in self._voices:
            try:
                path = Path(voice).expanduser()
                is_file = path.is_file()
                self._voices[voice] = self._of_recording(path) if is_file else self._of_the_bank(voice)
            except ValueError as error:
                self._voices[voice] = error
        if isinstance(self._voices[voice], ValueError):
            raise self._voices[voice]
        return self._voices[voice]

    def look_up(self, voices: Iterable[str]) -> None:
        """Find those that are of the bank now, before processes share a table, each of which would else bring the
        database up to date."""
        for voice in voices:
            if not Path(voice).expanduser().is_file():
                with suppress(UnknownVoice):  # told of each of its lines
                    self.voice(voice)

    def _of_recording(self, path: Path) -> "tuple[VoiceProfile, Adapter | None]":
        from models import TooLittleSpeech

        profile = self.cloner.listen(path)
        if not self.learns:
            return profile, None
        try:
            return profile, self.cloner.learned(path, profile, _tell_step)
        except TooLittleSpeech as fault:
            template = (
                "%(path)s has %(seconds).1f s of clear speech, and a voice needs at least %(least).0f s to be learned."
                " Give a longer recording, or speak without --learn."
            )
            raise Unlearned(template, path=path, **fault.message.values) from fault

    def _of_the_bank(self, name: str) -> "tuple[VoiceProfile, Adapter | None]":
        def found() -> "tuple[VoiceProfile, Adapter | None]":
            from app.voices.learning import adapter_of

            voice = named(name)
            return voice.profile, adapter_of(voice.id)

        try:
            return from_database(found)
        except UnknownVoice as error:
            raise UnknownVoice("There is no such file, and: %(reason)s", reason=error) from error


def _tell_step(learner: "Learner") -> None:
    if learner.step % STEPS_TOLD == 0 or learner.is_done:
        say(f"learning: step {learner.step} of {learner.steps}")
