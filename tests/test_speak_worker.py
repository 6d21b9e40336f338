"""What becomes of a speech: its options, its file's tags, its similarity in words, its pictures, the best of three."""

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile
from PIL import Image

from app.db import Speech, Voice, db
from app.history import pictures
from app.voices.similarity import HEARD_SECONDS, Heard, in_words
from models import RecordingTooShort, read_tags

TEXT = "Thirty letters are two seconds."


def _payload(**changes):
    return {"voice": "1", "text": TEXT, "format": "wav"} | changes


def _speech(app, number=1):
    with app.app_context():
        return db.session.get(Speech, number)


def _folder(app):
    return app.config["INSTANCE"] / "speeches"


@pytest.fixture
def voice(bank):
    return bank("Anna")[0]


def test_pitch_and_pauses_reach_the_networks_and_are_kept(app, client, cloner, voice):
    assert client.post("/", data=_payload(pitch="-3.5", pauses="1.5")).status_code == 303
    assert (cloner.said[0]["pitch"], cloner.said[0]["pauses"]) == (-3.5, 1.5)
    assert _speech(app).knobs.items() >= {"speed": 1.0, "pitch": -3.5, "pauses": 1.5, "kbits": 128}.items()
    client.post("/speeches/1/again")
    assert cloner.said[1] == cloner.said[0] | {"seed": 1}


@pytest.mark.parametrize(
    ("field", "given", "message"),
    [
        ("pitch", "6.5", "The pitch must be between -6 and 6 semitones; 6.5 was given."),
        ("pitch", "high", "The pitch must be between -6 and 6 semitones; high was given."),
        ("pauses", "0.4", "The pauses must be between 0.5 and 2 times as long; 0.4 was given."),
        ("pauses", "nan", "The pauses must be between 0.5 and 2 times as long; nan was given."),
        ("seed", "2147483648", "2147483647"),
    ],
)
def test_option_out_of_its_range_is_refused_at_its_field(client, cloner, voice, field, given, message):
    page = client.post("/", data=_payload(**{field: given})).text
    assert message in page.split(f'id="{field}-error" role="alert">')[1].split("</p>")[0]
    assert re.search(r'<details class="more" open', page) and cloner.said == []


@pytest.mark.parametrize("changes", [{"kbits": "127"}, {"kbits": "x"}, {"format": "aac"}])
def test_format_that_no_page_offers_is_refused(client, cloner, voice, changes):
    assert client.post("/", data=_payload(**changes)).status_code == 422
    assert cloner.said == []


def test_bit_rate_of_an_mp3_is_what_was_asked_for(client, voice):
    sizes = []
    for number, kbits in enumerate(("64", "160"), start=1):
        client.post("/", data=_payload(format="mp3", kbits=kbits))
        sizes.append(len(client.get(f"/speeches/{number}/audio").data))
    assert sizes[1] == pytest.approx(sizes[0] * 160 / 64, rel=0.1)


@pytest.mark.parametrize("format", ["mp3", "wav", "flac", "ogg"])
def test_every_format_plays_and_says_that_it_is_synthetic(client, voice, format):
    client.post("/", data=_payload(format=format))
    audio = client.get("/speeches/1/audio").data
    waveform, rate = soundfile.read(io.BytesIO(audio))
    assert len(waveform) / rate == pytest.approx(len(TEXT) * 0.06, abs=0.15)
    tags = read_tags(audio)
    assert tags["title"] == TEXT and tags["artist"] == "Anna"
    assert "Synthetic" in tags["comment"] and "Tembr" in tags["comment"]


def _alike(similarity):
    """An embedding of that cosine with the voices of the bank."""
    return np.array([similarity, np.sqrt(1 - similarity**2), *np.zeros(254)])


@pytest.mark.parametrize(
    ("similarity", "words"),
    [(0.95, "very alike"), (0.8, "alike"), (0.7, "somewhat alike"), (0.3, "not alike")],
)
def test_similarity_is_said_in_words(app, similarity, words):
    with app.app_context():
        assert in_words(similarity) == words


def test_similarity_and_the_nearest_other_voice_are_shown_with_their_figures(app, client, cloner, bank, monkeypatch):
    bank("Anna", "Boris")
    monkeypatch.setattr(cloner, "embed", lambda waveform, sample_rate: _alike(0.91))
    with app.app_context():
        db.session.get(Voice, 1).self_similarity = 0.88
        db.session.commit()
    page = client.post("/", data=_payload(), follow_redirects=True).text
    assert "Speech and voice: very alike" in page
    assert "<dt>With Anna</dt><dd>0.91</dd>" in page
    assert "<dt>What the voice scores with itself</dt><dd>0.88</dd>" in page
    assert re.search(r"<dt>With Boris, the nearest other voice</dt><dd>-?\d\.\d\d</dd>", page)
    assert "Anna, the nearest other voice" not in page


def test_speech_too_short_to_compare_says_so(app, client, voice):
    page = client.post("/", data=_payload(text="Yes."), follow_redirects=True).text
    assert _speech(app).similarity is None
    assert "It is too short to tell how alike it sounds" in page


def test_first_seconds_of_a_speech_alone_are_compared_at_its_own_rate_and_once(app, cloner, monkeypatch):
    compared = []
    monkeypatch.setattr(cloner, "embed", lambda *given: compared.append(given) or _alike(0.9))
    heard = Heard(24_000)
    for _ in range(100):
        heard.add(np.ones(24_000))
    with app.app_context():
        assert heard.embedding is heard.embedding
    [(waveform, sample_rate)] = compared
    assert sample_rate == 24_000 and len(waveform) == HEARD_SECONDS * 24_000


def test_best_of_three_keeps_the_take_closest_to_the_voice(app, client, cloner, voice, monkeypatch):
    scores = iter([0.5, 0.9, 0.7, 0.9])
    monkeypatch.setattr(cloner, "embed", lambda waveform, sample_rate: _alike(next(scores)))
    assert client.post("/", data=_payload(seed="4", best="y")).location == "/speeches/1"
    assert [said["seed"] for said in cloner.said] == [4, 5, 6]
    assert (_speech(app).seed, _speech(app).similarity) == (5, 0.9)
    best = client.get("/speeches/1/audio").data
    client.post("/", data=_payload(seed="5"))
    assert client.get("/speeches/2/audio").data == best
    assert len(list(_folder(app).iterdir())) == 2


def test_best_of_three_too_short_to_compare_keeps_the_first(app, client, cloner, voice, monkeypatch):
    def refuse(waveform, sample_rate):
        raise RecordingTooShort(0.3)

    monkeypatch.setattr(cloner, "embed", refuse)
    client.post("/", data=_payload(text="Yes.", seed="4", best="y"))
    assert (_speech(app).seed, _speech(app).similarity) == (4, None)


def test_fault_in_a_later_take_leaves_no_file_of_the_earlier(app, client, cloner, voice):
    def fail_later():
        if cloner.said:
            cloner.fault = MemoryError()

    cloner.between = fail_later
    assert client.post("/", data=_payload(best="y")).status_code == 422
    assert list(_folder(app).iterdir()) == [] and _speech(app) is None


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
    assert answer.status_code == 404 and "no longer on the disk" in answer.text
    assert client.get("/speeches/1").status_code == 200
    assert client.post("/speeches/1/again").status_code == 303
