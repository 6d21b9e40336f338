"""The page that says whether a file was made here."""

import io

import numpy as np
import pytest

from app import storage
from app.db import Speech, now
from app.history import provenance
from models import SpeechFile, synthetic_tags


def _payload(content, name="speech.mp3"):
    return {"file": (io.BytesIO(content), name)}


@pytest.fixture
def made(app, recording):
    """The content of a file that was made here, with the voice Аня."""
    content = recording(kind="mp3")
    with app.app_context():
        sha256 = provenance.hash_of(io.BytesIO(content))
        speech = Speech(text="Hello", voice_name="Аня", seed=0, format="mp3", seconds=3.0, sha256=sha256)
        storage.keep(speech, content, "mp3")
    return content


def test_page_asks_for_a_file(client):
    page = client.get("/verify").text
    assert 'type="file" id="file" name="file"' in page and "Not recognised" not in page


def test_file_of_this_box_is_answered_with_voice_date_and_link(client, made):
    answer = client.post("/verify", data=_payload(made, "renamed.mp3"))
    assert answer.status_code == 200
    assert "Made here" in answer.text and "“Аня” on <time" in answer.text
    assert 'href="/speeches/1"' in answer.text and "renamed.mp3" in answer.text


def test_file_is_known_also_after_its_speech_was_deleted(client, made):
    client.post("/speeches/1/delete")
    page = client.post("/verify", data=_payload(made)).text
    assert "Made here" in page and "speech itself has been deleted" in page and 'href="/speeches/1"' not in page


def test_voice_is_not_named_when_only_the_hash_is_kept(make_app, app, made):
    app.test_client().post("/speeches/1/delete")
    page = make_app(KEEP_HASH_VOICES=False).test_client().post("/verify", data=_payload(made)).text
    assert "made here on <time" in page and "Аня" not in page


def test_deleted_speech_is_not_known_when_no_hashes_are_kept(make_app, app, made):
    app.test_client().post("/speeches/1/delete")
    assert "Not recognised" in make_app(KEEP_HASHES=False).test_client().post("/verify", data=_payload(made)).text


def test_file_that_only_says_it_is_synthetic_is_told_apart(client, tmp_path):
    path = tmp_path / "other.mp3"
    with SpeechFile(path, 16_000, "mp3", synthetic_tags("Hello", "Boris", now())) as file:
        file.write(0.3 * np.sin(np.arange(16_000) / 20))
    page = client.post("/verify", data=_payload(path.read_bytes())).text
    assert "Made with Tembr, but not recognised here" in page and "Made here" not in page
    assert "or from the command line" in page  # which keeps no hashes


@pytest.mark.parametrize("content", [b"text", bytes(600_000)])
def test_other_file_is_not_known(client, content):
    page = client.post("/verify", data=_payload(content, "<b>notes.txt")).text
    assert "Not recognised" in page and "That proves nothing" in page
    assert "&lt;b&gt;notes.txt" in page and "<b>notes" not in page


def test_missing_file_is_said_at_its_field(client):
    answer = client.post("/verify", data={})
    assert answer.status_code == 422
    assert 'id="file-error" role="alert">Choose a file.' in answer.text


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "This file is empty."), (bytes(1_200_000), "too large: 1.2 MB. The limit is 1 MB.")],
)
def test_file_that_cannot_be_looked_up_is_refused_at_its_field(make_app, content, message):
    answer = make_app(MAX_VERIFY_MEGABYTES=1).test_client().post("/verify", data=_payload(content))
    assert answer.status_code == 422
    assert message in answer.text.split('id="file-error" role="alert">')[1].split("</p>")[0]


def test_request_that_is_too_large_to_be_looked_at_is_answered_with_the_limit_of_this_page(make_app):
    client = make_app(MAX_CONTENT_LENGTH=1_000_000, MAX_VERIFY_MEGABYTES=1).test_client()
    answer = client.post("/verify", data=_payload(bytes(1_200_000)))
    assert answer.status_code == 413
    assert "This file is too large: 1.2 MB. The limit is 1 MB." in answer.text


def test_full_disk_is_said(client, monkeypatch):
    def refuse(_path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(provenance, "find", refuse)
    answer = client.post("/verify", data=_payload(b"x"))
    assert answer.status_code == 422 and "Could not write to the disk" in answer.text


def test_nothing_of_the_file_is_kept(app, client, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = sorted(app.config["INSTANCE"].rglob("*"))
    client.post("/verify", data=_payload(bytes(1_000_000)))
    assert list((tmp_path / "temporary").iterdir()) == []
    assert sorted(app.config["INSTANCE"].rglob("*")) == before


def test_request_from_elsewhere_is_refused(make_app, made):
    app = make_app(WTF_CSRF_ENABLED=True)
    assert app.test_client().post("/verify", data=_payload(made)).status_code == 400


def test_speeches_page_leads_to_it(client):
    assert 'href="/verify"' in client.get("/speeches").text
