"""The bank of voices: add one, look after it, find it, exchange it as a file."""
