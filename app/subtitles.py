"""The words of a speech with their times: as its row keeps them, and as subtitles, .srt and .vtt.

Subtitles follow the practice of broadcasters (BBC Subtitle Guidelines, Netflix Timed Text Style Guide): two lines of at
most 42 characters, shown for some seconds, parted where sentences and clauses end.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models import Word

MAX_LINE = 42  # characters
MAX_SECONDS = 7.0  # of one subtitle; a word that takes longer is not parted
MIN_SECONDS = 1.0  # a shorter one is shown on into the silence after it, or with its neighbour
KINDS = {"srt": "application/x-subrip", "vtt": "text/vtt"}

_PAUSE_MARK = re.compile(r"\[\s*(?:pause|пауза)[^\]\n]*\]", re.IGNORECASE)
_BREAK = re.compile(r"\r\n|[\r\n\v\f\x85\u2028\u2029]")
_STRESS = re.compile(r"(?<!\d)\+(?=[аеёиоуыэюяaeiouy])", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…]+[\"'»”’)\]]*(?:\s*[—–-])?$")
_CLAUSE_END = re.compile(r"(?:[,;:—–]|[)»”])[\"'»”’)\]]*$")


@dataclass(frozen=True)
class Subtitle:
    """start, end: seconds from the beginning of the speech."""

    start: float
    end: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    """A word, or a part of an overlong one, as it is shown.  is_last: the text has a break or a pause after it."""

    text: str
    start: float
    end: float
    is_last: bool


def to_row(words: Iterable["Word"]) -> list[list[int]]:
    """Write words for a row: place and length in the text, start and end in ms.

    A word that was said in parts, being too long for one sentence, is one again.
    """
    kept: list[list[int]] = []
    for word in words:
        start, end = round(1000 * word.start), round(1000 * word.end)
        if kept and kept[-1][0] == word.place:
            kept[-1][3] = end
        else:
            kept.append([word.place, len(word.text), start, end])
    return kept


def from_row(kept: Sequence[Sequence[int]], text: str) -> list["Word"]:
    """Read the words of a text as to_row wrote them."""
    from models import Word  # here: it is wanted only where a speech is

    return [Word(text[place : place + length], place, start / 1000, end / 1000) for place, length, start, end in kept]


def segments(words: Sequence["Word"], text: str) -> list[list]:
    """Cut a text for a player: [what stands before a word, the word, start, end], and at last [the rest]."""
    found, end = [], 0
    for word in words:
        found.append([text[end : word.place], word.text, word.start, word.end])
        end = word.place + len(word.text)
    return [*found, [text[end:]]]


def write(words: Sequence["Word"], text: str, kind: str) -> str:
    """Write the subtitles of a speech as a file of one of KINDS, without marks of stress and pauses."""
    is_vtt = kind == "vtt"
    blocks = ["WEBVTT"] if is_vtt else []
    for number, shown in enumerate(subtitles(words, text), 1):
        times = " --> ".join(_clock(time, "." if is_vtt else ",") for time in (shown.start, shown.end))
        lines = [_escaped(line) if is_vtt else line.replace("-->", "→") for line in shown.lines]
        blocks.append("\n".join([*([] if is_vtt else [str(number)]), times, *lines]))
    return "".join(f"{block}\n\n" for block in blocks)


def _clock(seconds: float, point: str) -> str:
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def subtitles(words: Sequence["Word"], text: str) -> list[Subtitle]:
    """Part the words of a text into subtitles, in order, none before the one before it has ended."""
    found, block = [], []
    for piece in _pieces(words, text):
        block.append(piece)
        if piece.is_last:
            found += _parted(block)
            block = []
    ends = [*(after.start for after in found[1:]), float("inf")]  # until when each may be shown
    return [
        replace(one, end=max(one.end, min(one.start + MIN_SECONDS, end))) for one, end in zip(found, ends, strict=False)
    ]


def _pieces(words: Sequence["Word"], text: str) -> Iterator[_Piece]:
    """Words as they are shown, with the signs beside them that are not said; an overlong one in several."""
    before = _PAUSE_MARK.sub("\n", text[: words[0].place] if words else "")
    opening = _BREAK.split(before)[-1]
    for word, after in zip(words, [*words[1:], None], strict=False):
        between = _PAUSE_MARK.sub("\n", text[word.place + len(word.text) : after.place if after else None])
        closing, *breaks = _BREAK.split(between)
        shown = " ".join(_STRESS.sub("", f"{opening}{word.text}{closing}").split())
        opening = breaks[-1] if breaks else ""
        cuts = [shown[first : first + MAX_LINE] for first in range(0, len(shown), MAX_LINE)]
        length = (word.end - word.start) / len(cuts)
        for i, cut in enumerate(cuts):
            is_last = i == len(cuts) - 1 and (after is None or bool(breaks))
            yield _Piece(cut, word.start + i * length, word.start + (i + 1) * length, is_last)


def _parted(pieces: Sequence[_Piece]) -> list[Subtitle]:
    """The subtitles of a paragraph, so that their sum of _cost is least."""
    best: list[tuple[float, int]] = [(0.0, 0)]  # up to each piece: the cost, and where the last subtitle begins
    for end in range(1, len(pieces) + 1):
        ways = []
        for first in range(end - 1, -1, -1):
            too_long = pieces[end - 1].end - pieces[first].start > MAX_SECONDS
            if end - first > 1 and (too_long or not _fit(pieces[first:end])):
                break
            ways.append((best[first][0] + _cost(pieces, first, end), first))
        best.append(min(ways))
    found, end = [], len(pieces)
    while end:
        first = best[end][1]
        found.append(Subtitle(pieces[first].start, pieces[end - 1].end, _lines(pieces[first:end])))
        end = first
    return found[::-1]


def _cost(pieces: Sequence[_Piece], first: int, end: int) -> float:
    """How unwelcome a subtitle of these pieces is: it may end inside a clause, run over sentences, or flash by."""
    last = pieces[end - 1].text
    ending = 0.0 if _SENTENCE_END.search(last) or end == len(pieces) else 0.3 if _CLAUSE_END.search(last) else 1.2
    crossed = sum(bool(_SENTENCE_END.search(piece.text)) for piece in pieces[first : end - 1])
    seconds = pieces[end - 1].end - pieces[first].start
    return 1.0 + ending + 1.2 * crossed + max(0.0, MIN_SECONDS - seconds)


def _fit(pieces: Sequence[_Piece]) -> bool:
    """Whether pieces fit into two lines."""
    n_lines, length = 1, -1
    for piece in pieces:
        length += 1 + len(piece.text)
        if length > MAX_LINE:
            n_lines, length = n_lines + 1, len(piece.text)
    return n_lines <= 2


def _lines(pieces: Sequence[_Piece]) -> tuple[str, ...]:
    """One line, or the two that are most alike in length and part at a clause, of pieces that fit into two."""
    words = [piece.text for piece in pieces]
    if len(whole := " ".join(words)) <= MAX_LINE:
        return (whole,)
    ways = []
    for i in range(1, len(words)):
        first, second = " ".join(words[:i]), " ".join(words[i:])
        if max(len(first), len(second)) <= MAX_LINE:
            within = 0 if _CLAUSE_END.search(first) or _SENTENCE_END.search(first) else 10  # characters
            ways.append((abs(len(first) - len(second)) + within, first, second))
    return min(ways)[1:]
