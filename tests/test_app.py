"""The site as a whole: its secret key, the headers of every page, what is refused from elsewhere."""

import re
import stat

import pytest

from app import _duration


def test_secret_key_is_made_once_and_for_its_owner_only(make_app, tmp_path):
    first, second = make_app(), make_app()
    path = tmp_path / "instance" / "secret_key"
    assert first.config["SECRET_KEY"] == second.config["SECRET_KEY"] == path.read_text()
    assert len(path.read_text()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("address", ["/", "/voices", "/speeches", "/dictionary", "/nowhere", "/static/tembr.css"])
def test_every_answer_allows_only_this_site(client, address):
    headers = client.get(address).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
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


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0:00"), (7.2, "0:07"), (61, "1:01"), (3723, "1:02:03")])
def test_durations_read_like_a_clock(seconds, shown):
    assert _duration(seconds) == shown
