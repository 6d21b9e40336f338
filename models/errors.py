"""Errors with a message for the user: an English template, and the values that fill it.

The template is written where the error is raised, marked by N_ for pybabel.  The site translates it and formats its
numbers in the page's language; str() gives the English.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


def N_(template: str) -> str:  # noqa: N802 (pybabel's own keyword)
    """Mark a template for translation."""
    return template


def NN_(singular: str, plural: str) -> tuple[str, str]:  # noqa: N802
    """Mark a pair of templates for translation, as ngettext takes them; the value `count` chooses between them."""
    return singular, plural


@dataclass(frozen=True)
class Message:
    """A sentence for a person.

    template: one, or a pair of singular and plural, with places as the % operator takes them: %(name)s for text or
    another Message, %(count)d, %(seconds).1f and %(limit)g for numbers.  values: by the names of the places.
    """

    template: str | tuple[str, str]
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        template = self.template
        if isinstance(template, tuple):
            template = template[self.values["count"] != 1]
        return template % self.values


class TembrError(ValueError):
    """Base of all errors that the user can act on; message says why, and what to do."""

    def __init__(self, template: str | tuple[str, str], /, **values: object):
        self.message = Message(template, values)
        super().__init__(str(self.message))


def is_out_of_memory(fault: Exception) -> bool:
    """Whether memory ran out: on a GPU torch has a class for that, on a CPU only words."""
    return isinstance(fault, MemoryError) or "OutOfMemory" in type(fault).__name__ or "allocate memory" in str(fault)
