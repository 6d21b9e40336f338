"""benchmarks.compare: an engine that is not here is left out, and the reason is said."""

import subprocess
import sys

import pytest

from benchmarks import compare
from benchmarks.speed import TEXTS
from config import ROOT


@pytest.mark.parametrize(("engine", "reason"), [("RHVoice", "install rhvoice-wrapper"), ("Kokoro (int8)", "kokoro")])
def test_engine_that_is_not_here_ends_with_its_reason(engine, reason):
    command = [sys.executable, "benchmarks/compare.py", "--engine", engine]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and reason in done.stderr and "Traceback" not in done.stderr


def test_reason_of_an_engine_that_fails_is_its_last_line():
    asked = type("Asked", (), {"others": None, "rtvc": None, "threads": 1, "takes": 1})
    with pytest.raises(compare.Missing, match="names no environment"):
        compare.measured("Piper (medium)", "en", asked)


def test_every_engine_says_the_paragraphs_of_the_speed_benchmark():
    assert {name[:2]: text for name, (_, text) in TEXTS.items() if "paragraph" in name} == compare.TEXTS
