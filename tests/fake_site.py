"""What a WSGI server serves in tests of stops and crashes: a site whose networks take FAKE_SECONDS for a sentence."""

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from app import create_app, logs, startup
from app.db import Voice, db
from config import Config
from models import VoiceProfile
from tests.fakes import FakeCloner, read


def by_sentence(text, *given):
    (whole,) = read(text, *given)
    return [replace(whole, words=part) for part in re.split(r"(?<=[.!?]) ", text)]


logs.configure("lines")
cloner = FakeCloner()
if "FAKE_SENTENCES" in os.environ:  # else a text is one
    cloner.reader = by_sentence
cloner.between = lambda: time.sleep(float(os.environ["FAKE_SECONDS"]))
settings = {"WTF_CSRF_ENABLED": False, "READY_VOICES": Path("/nowhere"), "SQLALCHEMY_DATABASE_URI": None}
app = create_app(type("Settings", (Config,), settings), cloner)
startup.start(app)
with app.app_context():
    if not Voice.named("Anna"):
        profile = VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)
        db.session.add(Voice(name="Anna", profile=profile, seconds=3.0, file_name=""))
        db.session.commit()
