"""What several tests need: a site without networks, its client, and recordings; and how processes share the tests."""

import os
import subprocess
import sys

import numpy as np
import pytest
from flask.testing import FlaskClient

from config import ROOT, Config


class Client(FlaskClient):
    """Reads each answer whole and closes what was sent, so that no file stays open."""

    def open(self, *arguments, buffered=True, **named):
        answer = super().open(*arguments, buffered=buffered, **named)
        for request in (answer.request, *(step.request for step in answer.history)):
            request.environ["wsgi.input"].close()
        return answer


MAX_PROCESSES = 4  # each loads the networks


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config) -> int:
    """Processes of `-n auto`: no more than cores, files to test and MAX_PROCESSES.  0: the tests run in this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    processes = min(cores, MAX_PROCESSES)
    named = {argument.partition("::")[0] for argument in config.args}
    if all(map(os.path.isfile, named)):
        processes = min(processes, len(named))
    return processes if processes > 1 else 0


def pytest_configure(config):
    """Part the threads of the networks among the processes, which inherit the environment."""
    processes = getattr(config.option, "numprocesses", None)
    if processes:
        threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count())
        os.environ["OMP_NUM_THREADS"] = str(max(1, threads // processes))


@pytest.fixture(scope="session", autouse=True)
def messages():
    """Compiles the sentences of the pages that changed; ./tembr does so at a start."""
    for source in ROOT.glob("translations/*/LC_MESSAGES/messages.po"):
        compiled, draft = source.with_suffix(".mo"), source.with_suffix(f".{os.getpid()}")
        if not compiled.exists() or compiled.stat().st_mtime <= source.stat().st_mtime:
            command = [sys.executable, "-m", "babel.messages.frontend", "compile"]
            command += ["--input-file", source, "--output-file", draft]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
            draft.replace(compiled)  # other processes of the tests may be reading it


@pytest.fixture
def cloner():
    from tests.fakes import FakeCloner  # here, so that tests of other parts need not load the networks

    return FakeCloner()


@pytest.fixture
def make_app(tmp_path, cloner):
    """Makes a site with its own instance folder; settings may be changed."""
    from app import create_app, startup

    def make(**changes):
        settings = {
            "INSTANCE": tmp_path / "instance",
            "READY_VOICES": tmp_path / "ready",
            "SQLALCHEMY_DATABASE_URI": None,
            "SECRET_KEY": None,
            "LEARN": False,  # but where a test is about it
            "RATELIMIT_ENABLED": False,  # a test asks more often than a person
            "TESTING": True,
            "WAIT_SECONDS": 300.0,
            "WTF_CSRF_ENABLED": False,
        }
        app = create_app(type("Settings", (Config,), settings | changes), cloner)
        app.test_client_class = Client
        with app.app_context():
            startup.bring_up_to_date()
        return app

    return make


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def with_token():
    """Makes a client of a site that shows a token, as programs do."""
    from app import tokens

    def make(app):
        client = app.test_client()
        with app.app_context():
            token = tokens.make(f"program {len(tokens.listed())}")
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    return make


@pytest.fixture
def program(app, with_token):
    return with_token(app)


@pytest.fixture(scope="session")
def recording():
    """Makes a recording: a buzz at 120 Hz.  seconds, loudness 0..1, kind mp3 or wav -> bytes."""

    from models.speech_file import encode

    def make(seconds=3.0, loudness=0.3, kind="wav"):
        time = np.arange(int(seconds * 16_000)) / 16_000
        return encode(loudness * np.sign(np.sin(2 * np.pi * 120 * time)), 16_000, kind)

    return make


@pytest.fixture(scope="session")
def prepared_corpus(tmp_path_factory):
    """A folder with six real recordings, prepared to learn from as the documentation says."""
    folder = tmp_path_factory.mktemp("corpus") / "cache"
    manifest = ROOT / "tests" / "data" / "corpus" / "metadata.csv"
    command = [sys.executable, "-W", "ignore", "-m", "models.training.corpus", str(manifest), str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    return folder


@pytest.fixture
def bank(app):
    """Adds voices to the bank by name; returns their ids."""
    from app.db import Voice
    from app.voices import recordings

    def add(*names):
        with app.app_context():
            made = [recordings.begin(Voice(name=name), _profile(), b"ID3 sample of " + name.encode()) for name in names]
            return [voice.id for voice in made]

    return add


def _profile():
    from models import VoiceProfile

    return VoiceProfile(np.eye(256)[0], np.array([5.0, 0.1]), np.zeros(80), 3.0)
