"""benchmarks.compare: an engine that is not here is left out, and the reason is said."""

import io
import subprocess
import sys
import wave

import pytest

from benchmarks import compare
from benchmarks.speed import TEXTS
from config import ROOT

HERE = {"others": None, "rtvc": None, "threads": 1, "takes": 1}


@pytest.mark.parametrize(
    ("engine", "reason"),
    [("RHVoice", "install rhvoice-wrapper"), ("Kokoro (int8)", "kokoro"), ("RTVC", "--rtvc names no checkout")],
)
def test_engine_that_is_not_here_ends_with_its_reason(engine, reason):
    command = [sys.executable, "benchmarks/compare.py", "--engine", engine]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and reason in done.stderr and "Traceback" not in done.stderr


def test_folder_without_a_checkout_is_said(tmp_path):
    asked = type("Asked", (), HERE | {"rtvc": str(tmp_path)})
    with pytest.raises(compare.Missing, match="cannot be imported"):
        compare.measured("RTVC", "en", asked)


def test_reason_of_an_engine_that_fails_is_its_last_line():
    with pytest.raises(compare.Missing, match="names no environment"):
        compare.measured("Piper (medium)", "en", type("Asked", (), HERE))


def test_engine_whose_threads_go_on_ends_when_it_has_spoken(monkeypatch, tmp_path):
    (tmp_path / "rhvoice_wrapper.py").write_text(
        "import threading\n"
        "class TTS:\n"
        "    def __init__(self, threads):\n"
        "        threading.Thread(target=threading.Event().wait).start()\n"
        "    def get(self, text, voice, format_):\n"
        "        return bytes(28) + (32_000).to_bytes(4, 'little') + bytes(12) + bytes(64_000)\n"
    )
    command = [sys.executable, "benchmarks/compare.py", "--engine", "RHVoice", "--language", "ru"]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, timeout=60)
    assert done.returncode == 0 and b'"seconds": 2.0' in done.stdout


def test_seconds_of_a_wav_that_was_sent_as_it_was_spoken():
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, 22_050, 0, "NONE", None))
        written.writeframes(bytes(2 * 22_050 * 3))
    unknown_length = bytearray(file.getvalue())
    unknown_length[40:44] = b"\x00\xf0\xff\x7f"
    assert compare.wav_seconds(bytes(unknown_length)) == 3.0


def test_every_engine_says_the_paragraphs_of_the_speed_benchmark():
    assert {name[:2]: text for name, (_, text) in TEXTS.items() if "paragraph" in name} == compare.TEXTS
