"""The voices that the front page offers: the first of the bank, or those that a search finds, and the chosen one."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app, request
from sqlalchemy import Row

from app.db import Voice, plain_query
from app.i18n import page_language


@dataclass(frozen=True)
class Choices:
    """voices: as Voice.choices gives them.  chosen: the value of the field.  are_more: than those shown."""

    voices: Sequence[Row]
    chosen: str
    query: str
    are_more: bool
    is_found: bool  # whether there is any that was searched for

    @property
    def can_be_searched(self) -> bool:
        return bool(self.are_more or self.query)


def offered(chosen: str | None) -> Choices:
    """Return at most VOICES_OFFERED voices that the search finds, and the chosen one."""
    query, limit = plain_query(request.values.get("find")), current_app.config["VOICES_OFFERED"]
    found = list(Voice.choices(query, limit + 1, language=page_language()))
    voices = found[:limit]
    if chosen and chosen not in {str(voice.id) for voice in voices}:
        voices = [*_chosen(chosen), *voices]
    return Choices(voices, chosen or "", query, len(found) > limit, bool(found))


def _chosen(chosen: str) -> Sequence[Row]:
    """Return the chosen voice as rows; none if it is not in the bank."""
    is_id = chosen.isascii() and chosen.isdigit() and len(chosen) < 19
    return Voice.choices(voice_id=int(chosen)) if is_id else ()


def are_asked_for() -> bool:
    """Return whether the form was sent by the search rather than by the button that speaks."""
    was = request.form.get("found", "")
    return "show" in request.form or request.form.get("find", was) != was
