"""./tembr speak: one text to a file, or a table of lines to a folder of files.  ./tembr read: how a text is read.
./tembr voices: the bank.

The site is imported only when a voice is named by its name in the bank: a program waits for each import.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from models import FORMATS, LANGUAGES, MAX_SEED, PAUSES, PITCH, SPEED, Range

COLUMNS = ("id", "voice", "language", "text")
MAX_ID_BYTES = 200  # with .wav, what every file system takes


class BadLine(ValueError):
    """A line of a batch, or what it asks for, is not what it should be."""


class UnknownVoice(ValueError):
    """Neither a file nor a name in the bank."""


class Voices:
    """Profiles of the voices asked for; each recording is listened to once, each failure found once."""

    def __init__(self, cloner):
        self._cloner = cloner
        self._found = {}
        self._site = None

    def profile(self, voice: str):
        """The VoiceProfile of a recording's path or of a name in the bank.

        Raises UnknownVoice and what VoiceCloner.listen raises.
        """
        if voice not in self._found:
            try:
                self._found[voice] = self._find(voice)
            except ValueError as error:
                self._found[voice] = error
        if isinstance(self._found[voice], ValueError):
            raise self._found[voice]
        return self._found[voice]

    def _find(self, voice: str):
        path = Path(voice).expanduser()
        return self._cloner.listen(path) if path.is_file() else self._from_bank(voice)

    def _from_bank(self, name: str):
        from app import create_app, startup
        from app.db import Voice
        from models import VoiceProfile

        self._site = self._site or create_app(cloner=self._cloner)
        with self._site.app_context():
            startup.prepare()
            row = Voice.named(name)
            if row is None:
                names = ", ".join(voice.name for voice in Voice.bank()) or "none yet"
                raise UnknownVoice(f"There is no file and no voice named {name!r}. Voices in the bank: {names}.")
            return VoiceProfile.from_bytes(row.profile)


def load_cloner():
    from config import Config
    from models import VoiceCloner

    return VoiceCloner.load(own=Config.WEIGHTS)


def site_dictionary() -> dict[str, str]:
    """The words whose reading the site remembers; none where there is no site yet."""
    from config import Config

    if not (Config.SQLALCHEMY_DATABASE_URI or (Path(Config.INSTANCE) / "tembr.sqlite").exists()):
        return {}
    from app import create_app, startup
    from app.db import Pronunciation

    with create_app().app_context():
        startup.prepare()
        return Pronunciation.dictionary()


def main(arguments: list[str] | None = None, load: Callable = load_cloner) -> int:
    """Do what the command line says; returns the exit status.  load: makes the VoiceCloner."""
    asked = _parse(arguments)
    try:
        if asked.command == "read":
            return _read(asked)
        if asked.command == "voices":
            return _voices(asked, load)
        asked.dictionary = site_dictionary()
        return _speak_batch(asked, load) if asked.batch else _speak_once(asked, load)
    except (ValueError, OSError) as error:
        _say(str(error))
        return 1


def _read(asked: argparse.Namespace) -> int:
    """Print the text in words, stress as U+0301, and its phones, words parted by bars.  No network is loaded."""
    from models import read

    sentences = read(asked.text, asked.language, site_dictionary())
    phones = " | ".join(" ".join(sentence.phones) for sentence in sentences)
    sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal's language
    print(" ".join(sentence.words for sentence in sentences).replace("\n", " "))
    print(re.sub(r" {3}", " | ", phones))
    return 0


def _voices(asked: argparse.Namespace, load: Callable) -> int:
    from app import cli_voices

    return cli_voices.run(asked, load)


def _speak_once(asked: argparse.Namespace, load: Callable) -> int:
    cloner = load()
    profile = Voices(cloner).profile(asked.voice)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    tags = _tags(asked.text, asked.voice)
    seconds = _speak_to(asked.out, asked.text, asked.language, profile, asked, cloner, tags)
    _say(f"{asked.out}: {seconds:.1f} s of speech.")
    return 0


def _tags(text: str, voice: str) -> dict[str, str]:
    """What the file says of itself; a voice from a recording is called as its file."""
    from models import synthetic_tags

    return synthetic_tags(text, Path(voice).stem if Path(voice).expanduser().is_file() else voice, date.today())


def _speak_to(
    path: Path, text: str, language: str | None, profile, asked: argparse.Namespace, cloner, tags: dict[str, str]
) -> float:
    """Write the file, sentence by sentence, whole or not at all; returns seconds of speech."""
    from models import SpeechFile

    sentences = cloner.read(text, language, asked.dictionary)
    draft = path.with_name(f".{path.name}.partial")
    try:
        with SpeechFile(draft, cloner.sample_rate, _format(path), tags) as file:
            for piece in cloner.say(sentences, profile, asked.speed, asked.pitch, asked.pauses, asked.seed):
                file.write(piece)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return file.seconds


def _speak_batch(asked: argparse.Namespace, load: Callable) -> int:
    """Speak every line that can be; the others are reported.  Returns 1 if there were any, else 0."""
    lines = list(_read_lines(asked.batch))
    asked.out_dir.mkdir(parents=True, exist_ok=True)
    cloner = load()
    voices, taken, seconds = Voices(cloner), set(), 0.0
    n_bad = 0
    for number, line in lines:
        try:
            _check_line(line, taken)
            seconds += _speak_line(line, asked, cloner, voices)
        except Exception as error:  # whatever is wrong with one line, the others are still spoken
            n_bad += 1
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            _say(f"line {number}, id {line.get('id', '')!r}: {reason}")
    _say(f"{len(lines) - n_bad} of {len(lines)} lines spoken to {asked.out_dir}, {seconds:.1f} s of speech.")
    return 1 if n_bad else 0


def _speak_line(line: dict[str, str], asked: argparse.Namespace, cloner, voices: Voices) -> float:
    """Write DIR/id.wav; returns seconds of speech."""
    profile = voices.profile(line["voice"])
    language = line["language"] or asked.language
    path, tags = asked.out_dir / f"{line['id']}.wav", _tags(line["text"], line["voice"])
    return _speak_to(path, line["text"], language, profile, asked, cloner, tags)


def _read_lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Numbers and cells of a table's lines.  Tabs divide the cells; quotes mean nothing; empty lines are skipped.

    A line of more or fewer cells has no "text".  Raises BadLine when the file is no such table.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise BadLine(f"{path} is not UTF-8 text.") from error
    header = lines[0].rstrip("\r").split("\t")
    if missing := [column for column in COLUMNS if column not in header and column != "language"]:
        raise BadLine(f"{path} has no column {missing[0]}; its first line must name {', '.join(COLUMNS)}.")
    for number, line in enumerate(lines[1:], start=2):
        cells = line.rstrip("\r").split("\t")
        if any(cells):
            named = dict(zip(header, cells, strict=False))
            yield number, named if len(cells) == len(header) else {"id": named.get("id", "")}


def _check_line(line: dict[str, str], taken: set[str]) -> None:
    """Raises BadLine for a line that cannot be spoken; completes one that can, and takes its id."""
    if "text" not in line:
        raise BadLine("The line has more or fewer cells than the first one.")
    name = line["id"]
    if not re.fullmatch(r"[\w -][\w .,+=@()-]*", name) or not name.strip() or len(name.encode()) > MAX_ID_BYTES:
        raise BadLine(f"An id is a file name of letters, digits, - and _, at most {MAX_ID_BYTES} bytes long.")
    if name in taken:
        raise BadLine("Another line has this id.")
    if line.setdefault("language", "") not in ("", *LANGUAGES):
        raise BadLine(f"The language is {line['language']!r}; it can be {' or '.join(LANGUAGES)}, or left empty.")
    taken.add(name)
    line["text"] = re.sub(r'\\(["\\])', r"\1", line["text"])  # csv writers that may not quote escape these two


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./tembr", description="Tembr clones a voice.")
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser("read", help="print how a text is read: in words with their stress, then in phones")
    reading.add_argument("text", help="what to read, in Russian or English")
    reading.add_argument("--language", choices=LANGUAGES, help="found from the text when not given")
    command = commands.add_parser("speak", help="say a text in a voice")
    command.add_argument("text", nargs="?", help="what to say, in Russian or English")
    command.add_argument("--voice", metavar="FILE-or-NAME", help="a recording, or the name of a voice in the bank")
    command.add_argument("--out", type=Path, metavar="FILE", help="an .mp3, .wav, .flac or .ogg file to write")
    command.add_argument("--batch", type=Path, metavar="LINES.tsv", help=f"a table with columns {', '.join(COLUMNS)}")
    command.add_argument("--out-dir", type=Path, metavar="DIR", help="where --batch writes id.wav of each line")
    command.add_argument("--language", choices=LANGUAGES, help="found from the text when not given")
    command.add_argument(
        "--speed", type=within(SPEED), default=SPEED.usual, help=f"{SPEED.low:g} to {SPEED.high:g}, 1 by default"
    )
    pitch = f"semitones above the voice's own, {PITCH.low:g} to {PITCH.high:g}"
    command.add_argument("--pitch", type=within(PITCH), default=PITCH.usual, help=pitch)
    pauses = f"times as long as usual, {PAUSES.low:g} to {PAUSES.high:g}"
    command.add_argument("--pauses", type=within(PAUSES), default=PAUSES.usual, help=pauses)
    command.add_argument("--seed", type=seed, default=0, help="another number gives another take")
    _add_voices(commands)
    asked = parser.parse_args(arguments)
    if asked.command == "speak":
        _check_together(asked, command)
    return asked


def _add_voices(commands: argparse._SubParsersAction) -> None:
    """What can be asked of the bank."""
    agreed = "the person who speaks agreed to have this voice cloned; without it nothing is added"
    bank = commands.add_parser("voices", help="list, add, export, import and remove the voices of the bank")
    actions = bank.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="print the bank as a table")
    listing.add_argument("words", nargs="*", help="what a name or a note must hold, each of them")
    adding = actions.add_parser("add", help="keep a voice under a name")
    adding.add_argument("name")
    adding.add_argument("recordings", nargs="+", type=Path, metavar="recording", help="several are merged into a voice")
    adding.add_argument("--language", choices=LANGUAGES)
    adding.add_argument("--note", default="")
    adding.add_argument("--consent", action="store_true", required=True, help=agreed)
    exporting = actions.add_parser("export", help="write a voice to a file")
    exporting.add_argument("name")
    exporting.add_argument("--out", type=Path, metavar="FILE", help="NAME.tembr-voice here by default")
    exporting.add_argument("--no-sample", dest="sample", action="store_false", help="without a recording to hear")
    importing = actions.add_parser("import", help="put a voice that was exported into the bank")
    importing.add_argument("file", type=Path)
    importing.add_argument("--name", help="that in the file by default")
    importing.add_argument("--consent", action="store_true", required=True, help=agreed)
    removing = actions.add_parser("remove", help="delete a voice with its recordings")
    removing.add_argument("name")


def _check_together(asked: argparse.Namespace, command: argparse.ArgumentParser) -> None:
    """Ends with a usage message unless either a text or a batch is asked for, whole."""
    if asked.batch:
        if asked.text is not None or asked.voice or asked.out:
            command.error("--batch takes text and voice from its table and writes to --out-dir")
        if not asked.out_dir:
            command.error("--batch needs --out-dir")
        return
    if asked.text is None or not asked.voice or not asked.out:
        command.error("a text needs --voice and --out")
    if asked.out_dir:
        command.error("--out-dir goes with --batch")
    if _format(asked.out) not in FORMATS:
        command.error(f"--out {asked.out} must end in .mp3, .wav, .flac or .ogg")


def _format(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


def within(limits: Range) -> Callable[[str], float]:
    """Reads a number between the limits."""

    def number(value: str) -> float:
        if not limits.low <= float(value) <= limits.high:
            raise argparse.ArgumentTypeError(f"{value} is not between {limits.low:g} and {limits.high:g}")
        return float(value)

    return number


def seed(value: str) -> int:
    number = int(value)
    if not 0 <= number <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and {MAX_SEED}")
    return number


def _say(message: str) -> None:
    print(f"tembr: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
