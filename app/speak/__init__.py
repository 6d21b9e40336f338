"""Text to speech: the form, the reading, the queue and its worker, the progress, the result."""
