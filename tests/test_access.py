"""Who is answered, and who is not."""

import pytest

from app.access import host_of


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_route_answers_under_a_strangers_name(app, method):
    rules = [rule for rule in app.url_map.iter_rules() if method.upper() in rule.methods]
    assert len(rules) > 8
    for rule in rules:
        arguments = dict.fromkeys(rule.arguments, "tembr.css" if rule.endpoint == "static" else "1")
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
