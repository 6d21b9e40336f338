"""Russian text: what is written -> words in full -> words with stress -> phones.

normalise.py    words in full: addresses, abbreviations, ordinals, numbers, money, ru-normalizr, initialisms
cases.py        which case follows a word; counting.py and morphology.py put numbers and nouns into it
stress.py       the model of accentor.py, corrected by homographs.py, agreement.py and derived.py
phones.py       letters to sounds, after spellings.py
"""

from .normalise import normalise
from .phones import phones
from .stress import accent

__all__ = ["accent", "normalise", "phones"]
