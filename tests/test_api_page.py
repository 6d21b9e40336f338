"""The page of programs: tokens are made, shown once and revoked; what is tried is what programs do."""

import re

import pytest

from app import tokens
from tests.test_api_errors import error_of


def test_token_is_shown_once_and_lets_a_program_in(client):
    page = client.post("/api", data={"name": "My bot"}).text
    token = re.search(r"<code data-token>(sk-tembr-[\w-]+)</code>", page)[1]
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    again = client.get("/api")
    assert "My bot" in again.text and token not in again.text and f"…{token[-4:]}" in again.text
    assert again.headers["Cache-Control"] == "no-store"
    assert token not in str(client.get_cookie("tembr"))


def test_page_says_where_programs_go_and_that_none_can_without_a_token(client):
    page = client.get("/api").text
    assert "<code>http://localhost/v1</code>" in page and "No tokens yet" in page
    assert 'href="/api"' in client.get("/").text


@pytest.mark.parametrize(("name", "said"), [("", "Name the program"), ("x" * 61, "limit is 60"), (None, "Name the")])
def test_name_is_refused_at_its_field(client, name, said):
    answer = client.post("/api", data={"name": name} if name is not None else {})
    assert answer.status_code == 422 and said in answer.text.split('id="name-error"')[1].split("</p>")[0]


def test_name_given_twice_is_refused(client):
    client.post("/api", data={"name": "bot"})
    answer = client.post("/api", data={"name": "bot"}, headers={"Accept-Language": "ru"})
    assert answer.status_code == 422 and "Токен с именем «bot» уже есть." in answer.text


def test_token_is_revoked_once(app, client):
    with app.app_context():
        token = tokens.make("bot")
    assert "Token revoked." in client.post("/api/tokens/1/revoke", follow_redirects=True).text
    assert "already revoked" in client.post("/api/tokens/1/revoke", follow_redirects=True).text
    answer = client.get("/v1/models", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401 and error_of(answer)


def test_page_asks_for_the_password(make_app):
    client = make_app(PASSWORD="secret").test_client()
    assert client.get("/api").status_code == client.post("/api/tokens/1/revoke").status_code == 401


def test_form_that_tries_it_offers_the_voices_of_the_bank(client, bank):
    bank("Anna <b>")
    form = client.get("/api").text.split("data-try=")[1]
    assert "<option>Anna &lt;b&gt;</option>" in form and form.startswith('"/v1/audio/speech"')
