"""./tembr speak --batch: a table of lines, each said to a file of its own."""

import csv
import ctypes
import math
import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.common import answer, say
from models import LANGUAGES, TembrError

if TYPE_CHECKING:
    from app.cli.speak import Speaker

COLUMNS = ("id", "voice", "language", "text")
MAX_ID_BYTES = 200  # with .wav, what every file system takes
PART_LINES = 8  # with fewer lines, a process of their own does not pay
PROCESS_MB, LEARNING_MB = 800, 1700  # that a process takes, and one that learns
PR_SET_PDEATHSIG = 1  # of prctl(2)
Line = dict[str, str]  # column -> cell
Numbered = tuple[int, Line]  # a line and its number in the table
Told = dict[str, object]  # what a program is told of a line


class BadLine(TembrError):
    """A table of lines, or one of its lines, is malformed."""


class ProcessEnded(TembrError):
    """A process that spoke lines is gone."""


def speak_batch(speaker: "Speaker", lines: list[Numbered], out_dir: Path, knobs: dict, as_json: bool) -> int:
    """Speak every line that can be spoken, voice by voice, and report the others; return the exit status.

    Several processes share a table on a CPU: two of them do half as much again as two threads, which wait for each
    other in many small steps.  Raises ProcessEnded.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    taken, all_seconds, n_bad = set(), 0.0, 0
    faults = {number: _fault_of(line, taken) for number, line in lines}

    def told_of(number: int, line: Line) -> Told:
        told = {"line": number, "id": line["id"]}
        try:
            if fault := faults[number]:
                raise fault
            path = out_dir / f"{line['id']}.wav"
            spoken_in = {"language": line["language"] or knobs["language"]}
            seconds, _ = speaker.speak(line["text"], line["voice"], path, knobs | spoken_in)
        except Exception as error:  # one bad line must not stop the others
            return told | {"error": str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"}
        return told | {"file": str(path), "seconds": round(seconds, 3)}

    processes = _processes(speaker, len(lines))
    if processes > 1:
        speaker.look_up(sorted({line["voice"] for number, line in lines if not faults[number]}))
    for told in _each(told_of, _parts(lines, processes), processes):
        if "error" in told:
            n_bad += 1
            say(f"line {told['line']}, id {told['id']!r}: {told['error']}")
        all_seconds += told.get("seconds", 0.0)
        if as_json:
            answer(told)
    say(f"{len(lines) - n_bad} of {len(lines)} lines spoken to {out_dir}, {all_seconds:.1f} s of speech.")
    return 1 if n_bad else 0


def _processes(speaker: "Speaker", n_lines: int) -> int:
    """How many processes speak a table: one for each thread that one may have, if there is memory for it.

    A GPU is not to be forked.
    """
    if speaker.cloner.device != "cpu" or sys.platform != "linux":
        return 1
    import torch

    room = _available_mb() // (LEARNING_MB if speaker.learns else PROCESS_MB)
    return max(1, min(torch.get_num_threads(), room, n_lines // PART_LINES))


def _available_mb() -> int:
    """Memory that Linux can give without swapping."""
    (kilobytes,) = re.findall(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(kilobytes) // 1000


def _parts(lines: list[Numbered], count: int) -> Iterator[list[Numbered]]:
    """Yield lines of one voice each, of none more than one of so many equal parts of the table has."""
    size = max(PART_LINES, math.ceil(len(lines) / count))

    def voice(numbered: Numbered) -> str:
        return numbered[1].get("voice", "")

    for _, group in groupby(sorted(lines, key=voice), voice):
        of_one = list(group)
        yield from (of_one[first : first + size] for first in range(0, len(of_one), size))


def _each(told_of: Callable[[int, Line], Told], parts: Iterator[list[Numbered]], processes: int) -> Iterator[Told]:
    """Yield what told_of tells of each line of each part, in this order.  Raises ProcessEnded."""
    global _told_of
    _told_of = told_of
    if processes == 1:
        for part in parts:
            yield from (told_of(*numbered) for numbered in part)
        return
    with ProcessPoolExecutor(processes, get_context("fork"), _begin) as pool:
        try:
            for told in pool.map(_told_of_part, parts):
                yield from told
        except BrokenProcessPool as fault:
            raise ProcessEnded(
                "A process that spoke lines was ended, perhaps as memory ran out. With OMP_NUM_THREADS=1 there is one."
            ) from fault


_told_of: Callable[[int, Line], Told]  # in a forked process, with the networks and all else that it closes over


def _told_of_part(part: list[Numbered]) -> list[Told]:
    return [_told_of(*numbered) for numbered in part]


def _begin() -> None:
    """Begin a forked process: with one thread, since those that computed with the forking one are not there, and to be
    ended by Ctrl-C at once, or when the forking one ends."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def read_lines(path: Path) -> Iterator[tuple[int, Line]]:
    """Yield number and cells of each line of a table: tabs between cells, no quoting, empty lines skipped.

    A line with too many or too few cells has its id alone.  Raises BadLine if the file is no such table, and OSError.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, restkey="")
        try:
            header = table.fieldnames or ()
            if missing := [column for column in COLUMNS if column not in header and column != "language"]:
                template = "%(path)s has no column %(column)s; its first line must name %(columns)s."
                raise BadLine(template, path=path, column=missing[0], columns=", ".join(COLUMNS))
            for line in table:
                if any(line.values()):
                    is_whole = "" not in line and None not in line.values()
                    yield table.line_num, line if is_whole else {"id": line["id"] or ""}
        except (UnicodeDecodeError, csv.Error) as error:
            raise BadLine("%(path)s is not UTF-8 text in a table: %(reason)s.", path=path, reason=error) from error


def _fault_of(line: Line, taken: set[str]) -> BadLine | None:
    """What is wrong with a line, if anything."""
    try:
        _check_line(line, taken)
    except BadLine as fault:
        return fault
    return None


def _check_line(line: Line, taken: set[str]) -> None:
    """Validate a line, add its id to `taken`, and undo escapes in its text.  Raises BadLine."""
    if "text" not in line:
        raise BadLine("The line has more or fewer cells than the first one.")
    name = line["id"]
    if not re.fullmatch(r"[\w -][\w .,+=@()-]*", name) or not name.strip() or len(name.encode()) > MAX_ID_BYTES:
        template = "An id is a file name of letters, digits, - and _, at most %(limit)d bytes long."
        raise BadLine(template, limit=MAX_ID_BYTES)
    if name in taken:
        raise BadLine("Another line has this id.")
    if line.setdefault("language", "") not in ("", *LANGUAGES):
        template = "The language is %(given)s; it can be %(languages)s, or left empty."
        raise BadLine(template, given=repr(line["language"]), languages=" or ".join(LANGUAGES))
    taken.add(name)
    line["text"] = re.sub(r'\\(["\\])', r"\1", line["text"])  # csv writers that may not quote escape these two
