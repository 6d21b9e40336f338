"""The published networks of Real-Time-Voice-Cloning, reimplemented; tensor names are those of the published files.

published.py   a published file -> a network, or why it is refused
library.py     imported networks on disk, and which are in use
speech.py      sentences to mels; a few imported networks in memory
alignment.py   attention alignments: faults, silences that are too long
symbols.py     the synthesizer's character set
tacotron.py    characters to mel, frame by frame, by location-sensitive attention
wavernn.py     mel to samples, one by one
Its speaker encoder is models/speaker_encoder.py.
"""

ENCODER, SYNTHESIZER, VOCODER = KINDS = ("encoder", "synthesizer", "vocoder")
OWN = "tembr"  # the name of the networks that ship
IMPORTED = "imported"  # the folder of imported networks, in that of an owner's weights
