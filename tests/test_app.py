"""The site as a whole: what it makes on its first start, what it sends with every page, what it refuses."""

import io
import json
import re
import stat

import pytest
from werkzeug.exceptions import InternalServerError

from app import _duration
from app.db import Voice, db


@pytest.fixture
def ready(tmp_path, cloner, recording):
    """Writes ready voices of the given names, as they are shipped."""

    def write(*names):
        folder = tmp_path / "ready"
        folder.mkdir(exist_ok=True)
        (folder / "x.mp3").write_bytes(recording(kind="mp3"))
        (folder / "x.safetensors").write_bytes(cloner.listen(recording()).to_bytes())
        entry = {
            "language": "ru",
            "origin": "A corpus",
            "licence": "CC0",
            "profile": "x.safetensors",
            "sample": "x.mp3",
        }
        (folder / "index.json").write_text(json.dumps([{"name": name, **entry} for name in names]))
        return folder

    return write


def names(app) -> list[str]:
    with app.app_context():
        return sorted(voice.name for voice in Voice.bank())


def test_secret_key_is_made_once_and_for_its_owner_only(make_app, tmp_path):
    first, second = make_app(), make_app()
    path = tmp_path / "instance" / "secret_key"
    assert first.config["SECRET_KEY"] == second.config["SECRET_KEY"] == path.read_text()
    assert len(path.read_text()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_database_lets_readers_and_a_writer_work_at_once(app):
    with app.app_context():
        assert db.session.scalar(db.text("PRAGMA journal_mode")) == "wal"
        assert db.session.scalar(db.text("PRAGMA foreign_keys")) == 1


def test_site_starts_without_ready_voices(app, client):
    assert names(app) == []
    assert "A recording, used once" in client.get("/").text


def test_ready_voices_are_in_the_bank_with_origin_and_licence(make_app, ready):
    ready("Анна", "Boris")
    app = make_app()
    assert names(app) == ["Boris", "Анна"]
    page = app.test_client().get("/voices").text
    assert "A corpus. Licence: CC0" in page


def test_sample_of_a_ready_voice_plays_and_its_deletion_leaves_the_shipped_file(make_app, ready):
    folder = ready("Анна")
    client = make_app().test_client()
    sample = client.get("/voices/1/sample")
    assert sample.mimetype == "audio/mpeg"
    assert sample.data == (folder / "x.mp3").read_bytes()
    client.post("/voices/1/delete")
    assert (folder / "x.mp3").exists()


def test_deleted_ready_voice_does_not_come_back_but_a_new_one_does(make_app, ready):
    ready("Анна")
    make_app().test_client().post("/voices/1/delete")
    ready("Анна", "Boris")
    assert names(make_app()) == ["Boris"]


def test_ready_voices_are_added_once(make_app, ready):
    ready("Анна")
    make_app()
    assert names(make_app()) == ["Анна"]


def test_ready_voice_that_cannot_be_read_is_left_out(make_app, ready):
    folder = ready("Анна")
    (folder / "x.safetensors").write_bytes(b"no profile")
    app = make_app()
    assert names(app) == []
    assert list((app.config["INSTANCE"] / "voices").iterdir()) == []


@pytest.mark.parametrize("address", ["/", "/voices", "/speeches", "/dictionary", "/nowhere", "/static/tembr.css"])
def test_every_answer_allows_only_this_site(client, address):
    headers = client.get(address).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("address", ["/", "/voices", "/speeches", "/dictionary"])
def test_pages_need_nothing_from_elsewhere_and_nothing_inline(client, bank, address):
    bank("Anna")
    page = client.get(address).text
    sources = re.findall(r'(?:src|href|action)="([^"]+)"', page)
    assert sources and all(source.startswith(("/", "#")) for source in sources)
    assert not re.search(r'\sstyle="|\son\w+="|<script>|<style', page)


def test_session_cookie_is_kept_from_other_sites_and_scripts(make_app):
    cookie = make_app(WTF_CSRF_ENABLED=True).test_client().get("/").headers["Set-Cookie"]
    assert "SameSite=Lax" in cookie and "HttpOnly" in cookie


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/reading",
        "/voices",
        "/voices/1/rename",
        "/voices/1/delete",
        "/speeches/1/again",
        "/speeches/1/delete",
        "/dictionary",
        "/dictionary/1/change",
        "/dictionary/1/delete",
    ],
)
def test_post_from_another_site_is_refused(make_app, address):
    answer = make_app(WTF_CSRF_ENABLED=True).test_client().post(address, data={"text": "Hello"})
    assert answer.status_code == 400
    assert "Reload it and try again" in answer.text


@pytest.mark.parametrize(
    "address", ["/voices/1/delete", "/speeches/1/delete", "/speeches/1/again", "/dictionary/1/delete"]
)
def test_changes_are_not_made_by_following_a_link(client, address):
    assert client.get(address).status_code == 405


def test_request_far_over_the_limit_is_refused_with_limit_and_size(make_app):
    client = make_app(MAX_CONTENT_LENGTH=300_000, MAX_UPLOAD_MEGABYTES=1).test_client()
    answer = client.post("/", data={"text": "Hello", "recording": (io.BytesIO(bytes(400_000)), "a.wav")})
    assert answer.status_code == 413
    assert "0.4 MB" in answer.text and "1 MB" in answer.text


@pytest.mark.parametrize("form", [{"text": "a" * 300_000}, {f"field {n}": "" for n in range(1_100)}])
def test_text_or_form_within_the_limit_of_requests_is_not_taken_for_a_recording(make_app, form):
    client = make_app(MAX_FORM_MEMORY_SIZE=200_000, MAX_TEXT_CHARACTERS=5_000).test_client()
    answer = client.post("/", data=form, content_type="multipart/form-data")
    assert answer.status_code == 413
    assert "The text is too long: at most 5,000 characters can be spoken." in answer.text
    assert "recording" not in answer.text.split("data-message")[1].split("</p>")[0]


class Sent(io.BytesIO):
    """What a browser sends; stays open, to see how much of it was read."""

    def close(self):
        pass


@pytest.mark.parametrize(("size", "is_read"), [(1_500_000, True), (1_500_001, False)])
def test_too_large_request_is_read_to_its_end_within_reason(make_app, size, is_read):
    sent = Sent(bytes(size))
    make_app(MAX_CONTENT_LENGTH=300_000).test_client().post(
        "/", input_stream=sent, content_length=size, content_type="multipart/form-data; boundary=x"
    )
    assert sent.tell() == (size if is_read else 0)


@pytest.mark.parametrize("address", ["/speeches/7", "/speeches/7/audio", "/voices/7/sample", "/nowhere"])
def test_what_is_not_there_is_said_kindly(client, address):
    answer = client.get(address)
    assert answer.status_code == 404
    assert "Not found" in answer.text and "To the front page" in answer.text


def test_unforeseen_fault_shows_a_page_without_its_insides(make_app, cloner, bank):
    app = make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    bank("Anna")
    cloner.fault = ZeroDivisionError("secret insides")
    answer = app.test_client().post("/", data={"voice": "1", "text": "Hello"})
    assert answer.status_code == InternalServerError.code
    assert "That did not work" in answer.text and "secret insides" not in answer.text


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0:00"), (7.2, "0:07"), (61, "1:01"), (3723, "1:02:03")])
def test_durations_read_like_a_clock(seconds, shown):
    assert _duration(seconds) == shown
