"""What a file of speech says of itself: title, voice, day, and that it is synthetic."""

from datetime import date

import numpy as np
import pytest

from models import FORMATS, SpeechFile, read_tags, says_synthetic, synthetic_tags

DAY = date(2026, 3, 1)


def write(path, format, tags):
    with SpeechFile(path, 16_000, format, tags) as file:
        file.write(0.3 * np.sin(np.arange(16_000) / 20))
    return path


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_that_it_is_synthetic_with_which_voice_and_when(tmp_path, format):
    path = write(tmp_path / "speech", format, synthetic_tags("Добрый день,\nмир!", "Аня", DAY))
    tags = read_tags(path)
    assert tags["comment"] == "Synthetic speech made with Tembr (Синтезированная речь). Voice: Аня"
    assert (tags["title"], tags["artist"], tags["date"]) == ("Добрый день, мир!", "Аня", "2026-03-01")
    assert says_synthetic(path) and says_synthetic(path.read_bytes())


def test_long_text_gives_a_title_of_whole_words():
    title = synthetic_tags("Слово \n" * 200, "Аня", DAY)["title"]
    assert len(title) <= 80 and title.endswith("Слово…") and "\n" not in title


def test_word_without_end_is_cut():
    assert synthetic_tags("о" * 500, "Аня", DAY)["title"] == "о" * 79 + "…"


@pytest.mark.parametrize("tags", [{}, {"comment": "Recorded by hand"}])
def test_other_audio_says_nothing(tmp_path, tags):
    assert not says_synthetic(write(tmp_path / "speech", "wav", tags))


@pytest.mark.parametrize("content", [b"", b"no audio at all", b"ID3" + bytes(100)])
def test_what_is_no_audio_says_nothing(content):
    assert not says_synthetic(content)
