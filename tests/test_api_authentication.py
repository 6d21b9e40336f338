"""Programs show a token; without one nothing is told, but to this machine itself if a setting says so."""

import pytest

from app import tokens
from app.api.authentication import OPEN
from tests.test_api_errors import error_of

LOCAL = {"REMOTE_ADDR": "127.0.0.1"}


def test_every_address_asks_for_a_token(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1/") and rule.endpoint not in OPEN]
    assert len(rules) >= 3
    for rule in rules:
        with app.test_request_context():
            address = app.url_for(rule.endpoint, **dict.fromkeys(rule.arguments, "1"))
        for method in rule.methods:
            answer = app.test_client().open(address, method=method)
            assert answer.status_code == 401, (method, address)
            assert method == "HEAD" or error_of(answer)["code"] == "invalid_api_key"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("shown", ["Bearer sk-tembr-wrong", "Bearer", "Bearer \udce9", "Basic dTpw", "sk-tembr-x", ""])
def test_no_other_token_is_good(app, with_token, shown):
    with_token(app)
    answer = app.test_client().get("/v1/models", environ_overrides={"HTTP_AUTHORIZATION": shown})
    assert answer.status_code == 401 and error_of(answer)["type"] == "invalid_request_error"


def test_revoked_token_ends_at_once(app, program):
    assert program.get("/v1/models").status_code == 200
    with app.app_context():
        tokens.revoke("program 0")
    assert "revoked" in error_of(program.get("/v1/models"))["message"]


def test_token_is_asked_for_instead_of_the_password(make_app, with_token):
    app = make_app(PASSWORD="secret")
    assert with_token(app).get("/v1/models").status_code == 200
    assert with_token(app).get("/speeches").status_code == 401
    browser = app.test_client()
    browser.post("/sign-in", data={"password": "secret"})
    assert browser.get("/v1/models").status_code == 401


def test_programs_get_no_cookie_and_need_no_csrf_token(make_app, with_token):
    program = with_token(make_app(WTF_CSRF_ENABLED=True))
    assert "Set-Cookie" not in program.get("/v1/models").headers
    assert program.post("/v1/models").status_code == 405


@pytest.mark.parametrize(
    ("headers", "address", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({}, "::1", 200),
        ({"Authorization": "Bearer whatever"}, "127.0.0.1", 200),
        ({"Origin": "http://localhost:5000"}, "127.0.0.1", 200),
        ({"Origin": "https://evil.example"}, "127.0.0.1", 401),
        ({"Origin": "null"}, "127.0.0.1", 401),
        ({"Origin": "http://[::1"}, "127.0.0.1", 401),
        ({"X-Forwarded-For": "10.0.0.1"}, "127.0.0.1", 401),
        ({}, "10.0.0.1", 401),
    ],
)
def test_setting_lets_programs_of_this_machine_in(make_app, headers, address, status):
    client = make_app(API_LOCAL=True).test_client()
    answer = client.get("/v1/models", headers=headers, environ_overrides={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_without_the_setting_this_machine_shows_a_token_too(client):
    assert client.get("/v1/models", environ_overrides=LOCAL).status_code == 401
