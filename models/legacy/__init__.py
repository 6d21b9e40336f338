"""The published networks of Real-Time-Voice-Cloning, written afresh; their tensors load under their own names.

tacotron.py    characters to mel, frame by frame, by location-sensitive attention
wavernn.py     mel to samples, one by one
Its speaker encoder is models/speaker_encoder.py.
"""
