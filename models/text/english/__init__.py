"""English text: what is written -> words in full -> phones."""

from .normalise import normalise
from .phones import pause_of, phones

__all__ = ["normalise", "pause_of", "phones"]
