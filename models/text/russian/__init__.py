"""Russian text: what is written -> words in full -> words with stress -> phones."""

from .normalise import normalise
from .phones import phones
from .stress import accent

__all__ = ["accent", "normalise", "phones"]
