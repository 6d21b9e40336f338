"""Pictures of a speech: its waveform and its mel."""

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile
from PIL import Image

from app.history import pictures

TEXT = "Thirty letters are two seconds."


def _payload(**changes):
    return {"voice": "1", "text": TEXT, "format": "wav"} | changes


def _folder(app):
    return app.config["INSTANCE"] / "speeches"


@pytest.fixture
def voice(bank):
    return bank("Anna")[0]


def test_waveform_is_a_picture_of_the_file(client, voice):
    client.post("/", data=_payload())
    answer = client.get("/speeches/1/waveform.svg")
    assert answer.mimetype == "image/svg+xml"
    path = ET.fromstring(answer.text)[0].get("d")
    assert path.count("M") == pictures.N_BARS
    assert "style" not in answer.text  # the page's policy allows none


def test_waveform_is_high_where_it_is_loud(tmp_path):
    path = tmp_path / "speech.wav"
    loud = np.sin(np.arange(16_000) / 10)
    soundfile.write(path, np.concatenate([0.01 * loud, loud]), 16_000)
    heights = [float(height) for height in re.findall(r"v([\d.]+)", pictures.waveform(path))]
    half = pictures.N_BARS // 2
    assert max(heights[: half - 1]) < min(heights[half + 1 :]) / 10


@pytest.mark.parametrize("hertz", [300, 3000])
def test_mel_is_bright_at_the_pitch_that_sounds(tmp_path, hertz):
    path = tmp_path / "speech.flac"
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hertz * np.arange(32_000) / 16_000), 16_000)
    picture = np.asarray(Image.open(io.BytesIO(pictures.mel(path))).convert("L"), dtype=float)
    assert picture.shape == (80, 161)
    from_below = 1 - picture.mean(axis=1).argmax() / 80
    assert from_below == pytest.approx(0.1 if hertz == 300 else 0.7, abs=0.12)


def test_pictures_of_a_long_speech_are_no_larger(tmp_path):
    path = tmp_path / "speech.wav"
    soundfile.write(path, np.random.default_rng(0).normal(size=120 * 16_000) * 0.1, 16_000)
    assert Image.open(io.BytesIO(pictures.mel(path))).size == (pictures.MAX_COLUMNS, 80)
    assert pictures.waveform(path).count("M") == pictures.N_BARS


@pytest.mark.parametrize("name", ["waveform.svg", "mel.png"])
def test_picture_is_drawn_once_for_a_browser(client, voice, name):
    client.post("/", data=_payload())
    answer = client.get(f"/speeches/1/{name}")
    assert "immutable" in answer.headers["Cache-Control"] and "private" in answer.headers["Cache-Control"]
    again = client.get(f"/speeches/1/{name}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["waveform.svg", "mel.png"])
def test_picture_of_a_file_that_is_gone_is_said_and_the_page_still_shows(app, client, voice, name):
    client.post("/", data=_payload())
    next(_folder(app).iterdir()).unlink()
    answer = client.get(f"/speeches/1/{name}")
    assert answer.status_code == 404 and "missing from the disk" in answer.text
    assert client.get("/speeches/1").status_code == 200
    assert client.post("/speeches/1/again").status_code == 303
