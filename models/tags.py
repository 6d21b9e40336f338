"""The tags of a file of speech: that it is synthetic, with which voice and when it was made."""

from datetime import date
from pathlib import Path

from models.speech_file import read_tags

SOFTWARE = "Tembr"
MARK = "Synthetic speech made with Tembr"  # never translated, since says_synthetic searches for it
MARK_RUSSIAN = "Синтезированная речь"
MAX_TITLE_CHARACTERS = 80


def synthetic_tags(text: str, voice_name: str, made_on: date) -> dict[str, str]:
    """Tags of a SpeechFile that says this text in this voice; its title is the first words of the text."""
    title = " ".join(text.split())
    if len(title) > MAX_TITLE_CHARACTERS:
        title = title[: MAX_TITLE_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"
    return {
        "title": title,
        "artist": voice_name,
        "comment": f"{MARK} ({MARK_RUSSIAN}). Voice: {voice_name}",
        "date": made_on.strftime("%Y-%m-%d"),
        "software": SOFTWARE,
    }


def says_synthetic(source: bytes | Path) -> bool:
    """Tell whether an audio file's tags say that Tembr made it; False for other files."""
    try:
        return any(MARK.casefold() in value.casefold() for value in read_tags(source).values())
    except (ValueError, OSError):
        return False
