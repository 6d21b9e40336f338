"""The examples of docs/api.md, as they are printed, at a running site."""

import io
import os
import re
import shutil
import subprocess
import sys

import av
import pytest

from app import create_app, tokens
from config import ROOT, Config
from models.speech_file import encode
from tests.served import served
from tests.speech import harmonic_tone

EXAMPLES = re.findall(r"^```(sh|python)\n(.*?)^```$", (ROOT / "docs" / "api.md").read_text("utf-8"), re.M | re.S)
SHELL = [code for language, code in EXAMPLES if language == "sh" and code.startswith("curl")]
PYTHON = [code for language, code in EXAMPLES if language == "python"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the examples run: with the recordings that they name, and a curl that fails at a refusal."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("consent.m4a", "anna.m4a"):
        (folder / name).write_bytes(encode(harmonic_tone(150, 3.0), 16_000, "wav"))
    (folder / ".curlrc").write_text("fail\nsilent\nshow-error\n")
    return folder


@pytest.fixture(scope="module")
def environment(folder):
    """What the examples take from the environment: a running site and a token of it."""
    with served(folder) as start:
        site = start(0.0)
        settings = {"INSTANCE": folder / "instance", "SQLALCHEMY_DATABASE_URI": None}
        with create_app(type("Settings", (Config,), settings)).app_context():
            token = tokens.make("examples")
        shown = {"OPENAI_BASE_URL": f"{site.address}/v1", "OPENAI_API_KEY": token, "CURL_HOME": str(folder)}
        yield os.environ | shown | {"NO_PROXY": "127.0.0.1"}


def seconds(path) -> float:
    with av.open(io.BytesIO(path.read_bytes())) as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))


def test_there_are_examples():
    assert len(SHELL) >= 3 and len(PYTHON) >= 2


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("code", SHELL, ids=lambda code: code.split()[1])
def test_commands_do_what_they_say(folder, environment, code):
    code = code.replace("name=Anna ", "name=Annabel ")  # the site has an Anna
    ran = subprocess.run(["sh", "-ec", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    if "-o hello.mp3" in code:
        assert seconds(folder / "hello.mp3") > 0.5
    else:
        assert '"id"' in ran.stdout


@pytest.mark.parametrize("code", PYTHON, ids=["client", "plain"])
def test_programs_do_what_they_say(folder, environment, code):
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "bytes to play" in ran.stdout or ran.stdout.split()[2::3] == "A good day to you.".split()
    assert seconds(folder / ("hello.wav" if "hello.wav" in code else "hello.mp3")) > 0.5
