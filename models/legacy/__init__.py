"""The published networks of Real-Time-Voice-Cloning, written afresh; their tensors load under their own names.

published.py   a file that a person brings -> a network, or why not
library.py     imported networks on disk, and which are in use
speech.py      sentences to mels; a few imported networks in memory
alignment.py   what attention tells of a sentence: faults, overlong silences
symbols.py     what the synthesizer reads
tacotron.py    characters to mel, frame by frame, by location-sensitive attention
wavernn.py     mel to samples, one by one
Its speaker encoder is models/speaker_encoder.py.
"""

ENCODER, SYNTHESIZER, VOCODER = KINDS = ("encoder", "synthesizer", "vocoder")
OWN = "tembr"  # the name of the networks that ship
IMPORTED = "imported"  # the folder of imported networks, in that of an owner's weights
