"""Subtitles: lines that can be read, parted as the text is, at the times of its words."""

import re

import pytest

from app import subtitles
from app.subtitles import MAX_LINE, MAX_SECONDS
from models import Word

LONG = (
    "Сегодня утром мы долго гуляли по старому парку, а потом пошли домой, где нас ждал горячий чай — и новая книга о "
    "птицах, которую мы начали читать в прошлом году. И всё?"
)
TIME = re.compile(r"(\d\d):(\d\d):(\d\d)[,.](\d{3})")


def timed(text, rate=15):
    """The words of a text, said at so many characters a second, with pauses after marks."""
    said = re.sub(r"\[.*?\]", lambda mark: " " * len(mark[0]), text)
    words, now = [], 0.0
    for match in re.finditer(r"\S*\w\S*", said):
        words.append(Word(match[0], match.start(), now, now + len(match[0]) / rate))
        now = words[-1].end + {".": 0.5, "?": 0.5, "!": 0.5, ",": 0.2}.get(match[0][-1], 0.0)
    return words


def shown(text, rate=15):
    return [one.lines for one in subtitles.subtitles(timed(text, rate), text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Да.", [("Да.",)]),
        ("— Привет! Как дела?\n— Хорошо…", [("— Привет! Как дела?",), ("— Хорошо…",)]),
        ("One two. [pause 0.5] Three 👍 four!", [("One two.",), ("Three 👍 four!",)]),
        ("З+амок, C++ и 2+2.", [("Замок, C++ и 2+2.",)]),
        ("«Да» — сказал он. »", [("«Да» — сказал он. »",)]),
    ],
)
def test_text_is_shown_as_it_is_written_without_its_marks(text, expected):
    assert shown(text) == expected


@pytest.mark.parametrize("rate", [6, 15, 30])
@pytest.mark.parametrize(
    "text", [LONG, 20 * "This is a sentence of some words, and here is more. ", "да " * 300, "x" * 200 + " конец."]
)
def test_lines_are_short_two_at_most_and_seen_for_some_seconds(text, rate):
    words = timed(text, rate)
    found = subtitles.subtitles(words, text)
    assert " ".join(line for one in found for line in one.lines).replace(" ", "") == text.replace(" ", "")
    assert all(len(one.lines) <= 2 and len(line) <= MAX_LINE for one in found for line in one.lines)
    assert all(one.end - one.start <= MAX_SECONDS + 1e-6 or " " not in "".join(one.lines) for one in found)
    assert all(one.end <= after.start + 1e-6 for one, after in zip(found, found[1:], strict=False))
    assert found[0].start == words[0].start and found[-1].end >= words[-1].end


def test_a_subtitle_ends_where_a_sentence_or_a_clause_does():
    assert shown(LONG, rate=20) == [
        ("Сегодня утром мы долго", "гуляли по старому парку,"),
        ("а потом пошли домой,", "где нас ждал горячий чай —"),
        ("и новая книга о птицах, которую мы", "начали читать в прошлом году. И всё?"),
    ]
    assert shown("Сегодня мы гуляли. А потом пошли домой.", rate=10) == [
        ("Сегодня мы гуляли.",),
        ("А потом пошли домой.",),
    ]


def test_a_word_that_flashes_by_is_shown_on_into_the_silence():
    text = "Да.\n\nНет."
    first, _ = subtitles.subtitles([Word("Да.", 0, 0.1, 0.3), Word("Нет.", 5, 0.9, 1.2)], text)
    assert (first.start, first.end) == (0.1, 0.9)


def test_srt_is_numbered_and_has_commas():
    assert subtitles.write([Word("a-->b", 0, 3599.9994, 3661.5)], "a-->b", "srt") == (
        "1\n00:59:59,999 --> 01:01:01,500\na→b\n\n"
    )


def test_vtt_escapes_what_is_markup_there():
    assert subtitles.write([Word("<b>&", 0, 0.0, 2.0)], "<b>&", "vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n&lt;b&gt;&amp;\n\n"
    )


def test_a_speech_without_words_has_empty_subtitles():
    assert subtitles.write([], "text", "srt") == ""
    assert subtitles.write([], "text", "vtt") == "WEBVTT\n\n"


def test_words_come_back_from_a_row_to_the_millisecond():
    words = timed(LONG)
    back = subtitles.from_row(subtitles.to_row(words), LONG)
    assert [(word.text, word.place) for word in back] == [(word.text, word.place) for word in words]
    assert [word.start for word in back] == pytest.approx([word.start for word in words], abs=0.0006)


def test_a_word_said_in_parts_is_one_again():
    assert subtitles.to_row([Word("12", 0, 0.0, 1.0), Word("12", 0, 1.2, 2.0)]) == [[0, 2, 0, 2000]]


def test_segments_are_the_whole_text():
    found = subtitles.segments(timed("— Да, [pause 1]\nконечно! »"), "— Да, [pause 1]\nконечно! »")
    assert ["".join(part for part in segment if isinstance(part, str)) for segment in found] == [
        "— Да,",
        " [pause 1]\nконечно!",
        " »",
    ]
