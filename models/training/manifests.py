"""The manifest of an open corpus as it lies unpacked, or of a folder of one voice's recordings.

    python -m models.training.manifests LAYOUT ROOT OUT.csv [--language ru|en] [--limit-hours H] [--min-votes N] [--add]

LAYOUT is libritts, vctk, common-voice, m-ailabs, sova, ruslan, or folder. OUT.csv receives what models.training.corpus
reads: path|speaker|language|text|seconds|source, paths relative to OUT.csv. With --add, the rows that OUT.csv has are
kept, so that it holds several corpora. Entries that cannot be learned from are left out and counted by their reason.
"""

import argparse
import csv
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np

from models.limits import LANGUAGES
from models.recording import SILENCE_DBFS
from models.training.corpus import MAX_SECONDS, MIN_SECONDS, read_audio

AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".webm", ".aiff")
LIBRITTS_NAME = re.compile(r"(\d+)_\d+_\d+_\d+")  # speaker, chapter, paragraph, sentence
UNSPEAKABLE = re.compile(r"[\s|\x00-\x1f\ufeff]+")  # would break a row of the manifest
UNKNOWN = "\ufffd"  # what stands for bytes that are no UTF-8
SPEAKER_DIGITS = 16  # of Common Voice's 128, enough to tell everyone apart


@dataclass(frozen=True)
class Entry:
    """One recording as a corpus lists it.  text: the transcript, or the file it is in."""

    audio: Path
    speaker: str
    language: str | None  # None where the layout does not say
    text: str | Path
    up_votes: int | None = None


@dataclass(frozen=True)
class Row:
    """One line of the manifest."""

    path: str
    speaker: str
    language: str
    text: str
    seconds: str
    source: str


COLUMNS = tuple(field.name for field in fields(Row))


class LeftOut(ValueError):
    """An entry cannot be learned from; the message says why, the same words for all of a kind."""


class NothingFound(ValueError):
    """A folder holds nothing of the layout named."""


def libritts(root: Path) -> Iterator[Entry]:
    """LibriTTS and LibriTTS-R: SUBSET/SPEAKER/CHAPTER/SPEAKER_CHAPTER_PARAGRAPH_SENTENCE.wav with .normalized.txt.

    arXiv:1904.02882, https://www.openslr.org/60 and /141; as torchaudio/datasets/libritts.py reads it.
    """
    for audio in recordings(root):
        if named := LIBRITTS_NAME.fullmatch(audio.stem):
            yield Entry(audio, f"libritts_{named[1]}", "en", audio.with_suffix(".normalized.txt"))


def vctk(root: Path) -> Iterator[Entry]:
    """VCTK 0.92: wav48_silence_trimmed/p225/p225_001_mic1.flac, txt/p225/p225_001.txt; p315 has no texts.

    The first microphone, which every speaker has.  https://doi.org/10.7488/ds/2645; as torchaudio/datasets/vctk.py
    reads it.
    """
    for audio in recordings(root):
        if audio.stem.endswith("_mic1") and audio.parents[1].name == "wav48_silence_trimmed":
            speaker = audio.parent.name
            text = audio.parents[2] / "txt" / speaker / f"{audio.stem.removesuffix('_mic1')}.txt"
            yield Entry(audio, f"vctk_{speaker}", "en", text)


def common_voice(root: Path) -> Iterator[Entry]:
    """A release of Common Voice: LANGUAGE/validated.tsv and LANGUAGE/clips/*.mp3; client_id tells people apart.

    https://github.com/common-voice/cv-dataset, datasets/scripted-speech/README.md.  Old releases leave out .mp3.
    """
    for table in sorted(root.rglob("validated.tsv")):
        lines = (line.split("\t") for line in lines_of(table))
        columns = next(lines, [])
        for values in lines:
            row = dict(zip(columns, values, strict=False))  # a line broken off has fewer values
            name, votes = row.get("path", ""), row.get("up_votes", "")
            yield Entry(
                table.parent / "clips" / (name if Path(name).suffix else f"{name}.mp3"),
                f"commonvoice_{row.get('client_id', '')[:SPEAKER_DIGITS]}",
                row.get("locale") or language_named(table.parent.name),
                row.get("sentence", ""),
                int(votes) if votes.isdecimal() else 0,
            )


def m_ailabs(root: Path) -> Iterator[Entry]:
    """M-AILABS: ru_RU/by_book/GENDER/SPEAKER/BOOK/metadata.csv (id|as printed|as read) and wavs/ID.wav.

    In by_book/mix nobody says who reads: there each clip counts as a speaker of its own.
    https://www.caito.de/2019/01/the-m-ailabs-speech-dataset/
    """
    for table in sorted(root.rglob("metadata.csv")):
        if not (table.parent / "wavs").is_dir():
            continue
        folders = table.parent.resolve().parts
        below = folders[folders.index("by_book") + 1 :] if "by_book" in folders else folders[-3:]
        languages = [language_named(folder) for folder in folders if re.fullmatch(r"[a-z]{2}_[A-Z]{2}", folder)]
        for line in lines_of(table):
            name, *texts = line.split("|")
            speaker = name if below[0] == "mix" else below[1]
            audio = table.parent / "wavs" / f"{name}.wav"
            yield Entry(audio, f"mailabs_{speaker}", languages[-1] if languages else None, texts[-1] if texts else "")


def sova(root: Path) -> Iterator[Entry]:
    """SOVA's RuDevices and RuAudiobooksDevices: 2/b/NAME.wav with NAME.txt, EngAudiobooks* in English.

    Nobody says who speaks: each clip counts as a speaker of its own.  https://github.com/sovaai/sova-dataset
    """
    for audio in recordings(root):
        english = any(folder.startswith("Eng") for folder in audio.resolve().parts)
        yield Entry(audio, f"sova_{audio.stem}", "en" if english else "ru", audio.with_suffix(".txt"))


def ruslan(root: Path) -> Iterator[Entry]:
    """RUSLAN: metadata_RUSLAN_22200.csv (id|text) and ID.wav in a folder of any name.  One man.

    arXiv:1906.11645, https://ruslan-corpus.github.io
    """
    files = {audio.stem: audio for audio in recordings(root)}
    for table in sorted(root.rglob("metadata_RUSLAN*.csv")):
        for line in lines_of(table):
            name, _, text = line.partition("|")
            yield Entry(files.get(name, root / f"{name}.wav"), "ruslan", "ru", text)


def folder(root: Path) -> Iterator[Entry]:
    """One voice: recordings, each with a .txt of the same name beside it.  The voice is named as the folder is."""
    for audio in recordings(root):
        yield Entry(audio, root.resolve().name, None, audio.with_suffix(".txt"))


LAYOUTS: dict[str, Callable[[Path], Iterator[Entry]]] = {
    "libritts": libritts,
    "vctk": vctk,
    "common-voice": common_voice,
    "m-ailabs": m_ailabs,
    "sova": sova,
    "ruslan": ruslan,
    "folder": folder,
}


def recordings(root: Path) -> list[Path]:
    """Every file under root that is named like a recording."""
    return sorted(path for path in root.rglob("*") if path.suffix.lower() in AUDIO and path.name[0] != ".")


def lines_of(table: Path) -> Iterator[str]:
    """The lines of a table that hold something; what is not UTF-8 in them becomes UNKNOWN."""
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        yield from (line.rstrip("\n") for line in file if line.strip())


def language_named(folder_name: str) -> str | None:
    """The language of a folder named ru, ru_RU, en_US…; None for a name of another kind."""
    return folder_name[:2] if re.fullmatch(r"[a-z]{2}([_-]\w+)?", folder_name) else None


def text_of(entry: Entry) -> str:
    """The transcript on one line, without what would break the manifest's."""
    try:
        text = entry.text.read_text(encoding="utf-8-sig") if isinstance(entry.text, Path) else entry.text
    except OSError:
        raise LeftOut("no text") from None
    except UnicodeDecodeError:
        text = UNKNOWN
    if UNKNOWN in text:
        raise LeftOut("the text is not in UTF-8")
    text = UNSPEAKABLE.sub(" ", text).strip()
    if not any(map(str.isalnum, text)):
        raise LeftOut("no text")
    return text


def seconds_of(audio: Path) -> float:
    """How long a recording lasts, decoded to its end."""
    if not audio.is_file():
        raise LeftOut("no recording")
    try:
        waveform, rate = read_audio(audio)
    except ValueError:
        raise LeftOut("the recording cannot be read") from None
    if not np.isfinite(waveform).all():
        raise LeftOut("the recording cannot be read")
    seconds = len(waveform) / rate
    if seconds < MIN_SECONDS:
        raise LeftOut(f"shorter than {MIN_SECONDS:g} s")
    if seconds > MAX_SECONDS:
        raise LeftOut(f"longer than {MAX_SECONDS:g} s")
    if np.abs(waveform).max() < 10 ** (SILENCE_DBFS / 20):
        raise LeftOut("silent")
    return seconds


@dataclass(frozen=True)
class Builder:
    """What is taken from a corpus.  language: what is spoken where the layout does not say; else the one to take."""

    layout: str
    out: Path
    language: str | None = None
    min_votes: int = 0

    def row(self, entry: Entry) -> Row:
        """The entry's line.  Raises LeftOut."""
        language = entry.language or self.language
        if language not in LANGUAGES or language != (self.language or language):
            raise LeftOut("another language")
        if entry.up_votes is not None and entry.up_votes < self.min_votes:
            raise LeftOut(f"fewer than {self.min_votes} votes")
        path = Path(os.path.relpath(entry.audio.resolve(), self.out.resolve().parent)).as_posix()
        if UNSPEAKABLE.sub(" ", path) != path:
            raise LeftOut("its name has a character that the manifest cannot hold")
        speaker = UNSPEAKABLE.sub(" ", entry.speaker)
        text = text_of(entry)
        return Row(path, speaker, language, text, f"{seconds_of(entry.audio):.2f}", self.layout)

    def row_or_reason(self, entry: Entry) -> Row | str:
        try:
            return self.row(entry)
        except LeftOut as reason:
            return str(reason)


def build(
    builder: Builder, root: Path, limit_hours: float = float("inf"), add: bool = False
) -> tuple[list[Row], Counter[str]]:
    """Write the manifest.  Returns its new rows and how many entries were left out for each reason.

    Under a limit the entries are a fair draw, the same each time.  Raises NothingFound.
    """
    entries = list(LAYOUTS[builder.layout](root))
    if not entries:
        raise NothingFound(f"{root} holds nothing like this: {LAYOUTS[builder.layout].__doc__}")
    random.Random(0).shuffle(entries)
    known = read_rows(builder.out) if add and builder.out.exists() else []
    rows, left_out = drawn(builder, entries, limit_hours, {row.path for row in known})
    if rows:
        write_rows(builder.out, known + rows)
    return rows, left_out


def drawn(
    builder: Builder, entries: Iterable[Entry], limit_hours: float, known: set[str]
) -> tuple[list[Row], Counter[str]]:
    """Rows of the entries up to the limit, in the order of their paths, and the reasons of those left out."""
    rows, left_out, seconds = [], Counter(), 0.0
    with ThreadPool(os.cpu_count()) as pool:
        for found in pool.imap(builder.row_or_reason, entries, chunksize=16):
            if isinstance(found, str) or found.path in known:
                left_out[found if isinstance(found, str) else "already there"] += 1
                continue
            seconds += float(found.seconds)
            if seconds > limit_hours * 3600:
                break
            rows.append(found)
    return sorted(rows, key=astuple), left_out


def read_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE)]


def write_rows(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text("\n".join("|".join(line) for line in [COLUMNS, *map(astuple, rows)]) + "\n", encoding="utf-8")
    partial.replace(path)


def report(rows: list[Row], left_out: Counter[str]) -> str:
    """What was taken, what was not, and why."""
    minutes = sum(float(row.seconds) for row in rows) / 60
    length = f"{minutes / 60:.1f} hours" if minutes >= 60 else f"{minutes:.1f} minutes"
    taken = f"{len(rows)} clips of {len({row.speaker for row in rows})} speakers, {length}"
    return "\n".join([taken, *(f"left out, {reason}: {count}" for reason, count in left_out.most_common())])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layout", choices=LAYOUTS)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language", choices=LANGUAGES)
    parser.add_argument("--limit-hours", type=float, default=float("inf"))
    parser.add_argument("--min-votes", type=int, default=0, help="up-votes that a clip of Common Voice must have")
    parser.add_argument("--add", action="store_true", help="keep the rows that OUT.csv has")
    given = parser.parse_args(arguments)
    if given.layout == "folder" and not given.language:
        parser.error("a folder does not say what is spoken in it: give --language ru or --language en")
    builder = Builder(given.layout, given.out, given.language, given.min_votes)
    try:
        rows, left_out = build(builder, given.root, given.limit_hours, given.add)
    except NothingFound as error:
        parser.error(str(error))
    print(report(rows, left_out), file=sys.stderr)
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
