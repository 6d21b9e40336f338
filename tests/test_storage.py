"""Files beside rows: their kinds, and how they are sent."""

import numpy as np
import pytest

from app import storage
from app.db import Voice
from app.voices import recordings
from models import VoiceProfile

PROFILE = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"RIFF1234WAVE", "wav"),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90", "mp3"),
        (b"\xff\xf1\x50", "aac"),
        (b"fLaC", "flac"),
        (b"OggS", "ogg"),
        (b"\0\0\0\x20ftypM4A ", "m4a"),
        (b"\x1aE\xdf\xa3", "webm"),
        (b"<html>", "audio"),
        (b"", "audio"),
    ],
)
def test_kind_of_a_recording_is_told_by_its_first_bytes(start, kind):
    assert storage.kind_of(start) == kind


def test_file_of_no_known_kind_is_only_ever_downloaded(app, client):
    with app.app_context():
        recordings.begin(Voice(name="Anna"), PROFILE, b"<html>")
    sample = client.get("/voices/1/sample")
    assert sample.mimetype == "application/octet-stream"
    assert sample.headers["Content-Disposition"].startswith("attachment")
