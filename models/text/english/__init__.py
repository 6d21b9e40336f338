"""English text: what is written -> words in full -> phones.

normalise.py    words in full: quantities.py, hibari's own rules, then the numbers that are left by counting.py
g2p.py          hibari's dictionary, tagger and network, corrected by heteronyms.py
phones.py       their alphabet to SYMBOLS
"""

from .normalise import normalise
from .phones import pause_of, phones

__all__ = ["normalise", "pause_of", "phones"]
