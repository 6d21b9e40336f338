"""Who is answered, and who is not."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app import access, startup
from app.access import host_of
from app.db import SignIn, db, now

FITTING = {"filename": "tembr.css", "kind": "srt"}  # arguments of addresses that cannot be 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_route_answers_under_a_strangers_name(app, method):
    rules = [rule for rule in app.url_map.iter_rules() if method.upper() in rule.methods]
    assert len(rules) > 8
    for rule in rules:
        arguments = {name: FITTING.get(name, "1") for name in rule.arguments}
        with app.test_request_context():
            address = app.url_for(rule.endpoint, **arguments)
        answer = app.test_client().open(address, method=method, headers={"Host": "evil.example"})
        assert answer.status_code == 400, address
        assert "TEMBR_TRUSTED_HOSTS" in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "LOCALHOST"])
def test_this_machines_own_names_are_answered(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b", "[::1"]
)
def test_other_names_are_not(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    ("host", "status"),
    [("tembr.lan", 200), ("tembr.lan:8443", 200), ("voice.example", 200), ("[fd00::5]:5000", 200), ("other.lan", 400)],
)
def test_names_of_the_settings_are_answered(make_app, host, status):
    client = make_app(HOST="fd00::5", HOSTS=("tembr.lan", "Voice.Example:443")).test_client()
    assert client.get("/", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("name", "host"), [("Tembr.lan:80", "tembr.lan"), ("::1", "::1"), ("[::1]:5000", "::1"), ("[::1", ""), ("", "")]
)
def test_host_is_read_from_a_header_or_a_setting(name, host):
    assert host_of(name) == host


# --- the password ---

PASSWORD = "верный пароль"


@pytest.fixture
def closed(make_app):
    """A site with a password."""
    return make_app(PASSWORD=PASSWORD)


@pytest.fixture
def visitor(closed):
    return closed.test_client()


def sign_in(client, password=PASSWORD, address="/sign-in"):
    return client.post(address, data={"password": password})


def reads_pages(client) -> bool:
    return client.get("/speeches").status_code == 200


def test_no_page_is_shown_before_the_password_was_given(closed):
    pages = [rule for rule in closed.url_map.iter_rules() if not rule.rule.startswith(access.FOR_PROGRAMS)]
    rules = [rule for rule in pages if rule.endpoint not in access.OPEN]
    assert len(rules) > 20
    for rule in rules:
        with closed.test_request_context():
            address = closed.url_for(rule.endpoint, **{name: FITTING.get(name, "1") for name in rule.arguments})
        for method in rule.methods & {"GET", "POST"}:
            answer = closed.test_client().open(address, method=method)
            assert answer.status_code == 401, address
            assert "Sign in" in answer.text


def test_browser_is_shown_the_sign_in_page_and_then_what_it_asked_for(visitor):
    answer = visitor.get("/speeches?q=hello+you", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 303 and answer.location.startswith("/sign-in?next=")
    page = visitor.get(answer.location).text
    assert 'type="password"' in page and "Dictionary" not in page
    assert sign_in(visitor, address=answer.location).location == "/speeches?q=hello+you"
    assert reads_pages(visitor) and "Sign out" in visitor.get("/").text


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "http:evil", "/nowhere"]
)
def test_sign_in_leads_to_pages_of_this_site_alone(visitor, wanted):
    location = visitor.post("/sign-in", query_string={"next": wanted}, data={"password": PASSWORD}).location
    assert location in ("/", "/evil.example", "/nowhere")


def test_script_is_told_to_sign_in(visitor):
    answer = visitor.post("/reading", headers={"Accept": "application/json, text/html;q=0.9"})
    assert answer.status_code == 401
    assert "You have been signed out" in answer.text.split("data-message")[1]


@pytest.mark.parametrize("given", ["", "wrong", PASSWORD.upper(), PASSWORD + " ", "x" * 100_000])
def test_another_password_is_refused_at_its_field(visitor, given, caplog):
    answer = sign_in(visitor, given)
    assert answer.status_code == 422
    assert "Wrong password. Try again." in answer.text.split('id="password-error"')[1]
    assert not reads_pages(visitor)
    assert "A wrong password was given from 127.0.0.1" in caplog.text and "wrong\n" not in caplog.text


def test_session_ends_by_itself(closed, visitor):
    sign_in(visitor)
    assert reads_pages(visitor)
    with closed.app_context():
        db.session.execute(update(SignIn).values(ends_at=now()))
        db.session.commit()
    assert not reads_pages(visitor)


def test_cookie_lives_as_long_as_the_session(make_app):
    client = make_app(PASSWORD=PASSWORD, SESSION_HOURS=2.0).test_client()
    sign_in(client)
    left = client.get_cookie("tembr").expires - datetime.now(UTC)
    assert timedelta(hours=1.9) < left <= timedelta(hours=2)


def test_signing_out_ends_a_copied_cookie_too(closed, visitor):
    sign_in(visitor)
    copy = closed.test_client()
    copy.set_cookie("tembr", visitor.get_cookie("tembr").value)
    assert reads_pages(copy)
    assert visitor.post("/sign-out").location == "/sign-in"
    assert not reads_pages(visitor) and not reads_pages(copy)


def test_no_page_of_a_closed_site_stays_in_a_browser(visitor, client):
    sign_in(visitor)
    assert visitor.get("/speeches").cache_control.no_store
    assert visitor.post("/sign-out").headers["Clear-Site-Data"] == '"cache"'
    assert not client.get("/speeches").cache_control.no_store


def test_signing_out_leaves_others_signed_in(closed, visitor):
    other = closed.test_client()
    sign_in(visitor), sign_in(other)
    visitor.post("/sign-out")
    assert reads_pages(other)


def test_signed_in_browser_stays_so_after_a_restart_unless_the_password_changed(make_app, visitor):
    sign_in(visitor)
    cookie = visitor.get_cookie("tembr").value
    for password, stays in ((PASSWORD, True), ("a new one", False)):
        client = make_app(PASSWORD=password).test_client()
        client.set_cookie("tembr", cookie)
        assert reads_pages(client) == stays


def test_sign_in_and_out_need_a_token_of_their_page(make_app):
    client = make_app(PASSWORD=PASSWORD, WTF_CSRF_ENABLED=True).test_client()
    assert sign_in(client).status_code == 400
    token = client.get("/sign-in").text.split('name="csrf_token" value="')[1].partition('"')[0]
    assert client.post("/sign-in", data={"password": PASSWORD, "csrf_token": token}).status_code == 303
    assert client.post("/sign-out").status_code == 400
    assert reads_pages(client)


def test_no_password_is_kept_as_it_was_given(closed):
    assert PASSWORD not in repr(closed.config) + repr(vars(closed.extensions["password"]))
    assert "scrypt:" in repr(vars(closed.extensions["password"]))


def test_site_without_a_password_asks_for_none(client):
    assert client.get("/sign-in").location == "/"
    assert "Sign out" not in client.get("/").text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "tembr.lan", "127.0.0.1.evil.example", ""])
def test_site_for_other_machines_does_not_start_without_a_password(make_app, host):
    with pytest.raises(access.NoPassword, match="TEMBR_PASSWORD"):
        access.check_settings(make_app(HOST=host))
    access.check_settings(make_app(HOST=host, PASSWORD=PASSWORD))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.2"])
def test_site_for_this_machine_starts_without_a_password(make_app, host):
    access.check_settings(make_app(HOST=host))


def test_unknown_settings_are_said_in_one_line_at_the_start(make_app, caplog):
    app = make_app(UNKNOWN=["TEMBR_ALLOW_REMOTE", "TEMBR_PASWORD"])
    startup.start(app)
    app.extensions["serving"].close()
    said = [record for record in caplog.records if "no settings of Tembr" in record.message]
    assert len(said) == 1 and "TEMBR_ALLOW_REMOTE, TEMBR_PASWORD" in said[0].message


# --- proxies and cookies ---


@pytest.mark.parametrize(("n_proxies", "seen"), [(0, "127.0.0.1"), (1, "10.0.0.2"), (2, "10.0.0.1")])
def test_only_as_many_proxies_are_believed_as_there_are(make_app, caplog, n_proxies, seen):
    client = make_app(PASSWORD=PASSWORD, PROXIES=n_proxies).test_client()
    client.post("/sign-in", data={"password": "x"}, headers={"X-Forwarded-For": "9.9.9.9, 10.0.0.1, 10.0.0.2"})
    assert f"given from {seen}\n" in caplog.text + "\n"


def test_proxy_does_not_say_the_name(make_app):
    client = make_app(PROXIES=1).test_client()
    assert client.get("/", headers={"Host": "evil.example", "X-Forwarded-Host": "localhost"}).status_code == 400


@pytest.mark.parametrize(
    ("n_proxies", "scheme", "secure"), [(1, "https", True), (1, "http", False), (0, "https", False)]
)
def test_cookies_of_a_site_behind_https_stay_there(make_app, n_proxies, scheme, secure):
    client = make_app(PASSWORD=PASSWORD, PROXIES=n_proxies).test_client()
    headers = {"X-Forwarded-Proto": scheme}
    signed_in = client.post("/sign-in", data={"password": PASSWORD}, headers=headers).headers["Set-Cookie"]
    language = client.post("/language", data={"page_language": "ru"}, headers=headers).headers["Set-Cookie"]
    for cookie in (signed_in, language):
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
        assert ("Secure" in cookie) == secure
