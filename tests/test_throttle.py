"""One visitor may ask for what costs work so often, and is told when it may again."""

import io

import pytest
from flask import Flask

from app import throttle

LOOSE = dict.fromkeys(throttle.LIMITED, "2 per minute")


@pytest.fixture
def limited(make_app):
    """Makes a site that answers two requests of a kind in a minute, unless the settings say otherwise."""
    return lambda **changes: make_app(RATELIMIT_ENABLED=True, **LOOSE | changes)


def statuses(client, address: str, times: int, **request) -> list[int]:
    return [client.post(address, **request).status_code for _ in range(times)]


def test_every_limited_endpoint_is_a_view_that_takes_posts(app):
    methods = {rule.endpoint: rule.methods for rule in app.url_map.iter_rules()}
    for endpoints in throttle.LIMITED.values():
        assert all("POST" in methods[endpoint] for endpoint in endpoints)


def test_every_upload_and_every_work_of_the_networks_is_limited(app):
    """A new view that takes POST is limited, or does so little that it need not be."""
    cheap = """access.sign_out i18n.choose progress.cancel history.delete history.delete_all voices.rename voices.delete
    voice.page voice.remove voice.remove_audio voice.make_sample dictionary.words dictionary.change
    voice.learn voice.cancel_lesson voice.forget_learned dictionary.delete api.consents.rename programs.page
    programs.revoke""".split()
    posts = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in rule.methods}
    assert posts == {*cheap, *(endpoint for endpoints in throttle.LIMITED.values() for endpoint in endpoints)}


@pytest.mark.parametrize(
    ("address", "first"), [("/", 422), ("/reading", 200), ("/voices", 422), ("/verify", 422), ("/sign-in", 422)]
)
def test_third_request_of_a_kind_is_told_when_to_try_again(limited, address, first):
    client = limited(PASSWORD="x" if address == "/sign-in" else "").test_client()
    assert statuses(client, address, 2) == [first, first]
    answer = client.post(address)
    assert answer.status_code == 429
    assert 50 <= int(answer.headers["Retry-After"]) <= 61
    assert f"the limit is 2 in 60 s. Try again in {answer.headers['Retry-After']} seconds." in answer.text
    assert client.get(address if address != "/reading" else "/").status_code == 200


def test_refusal_is_in_the_language_of_the_page(limited):
    client = limited().test_client()
    statuses(client, "/", 2)
    assert "Слишком много запросов" in client.post("/", headers={"Accept-Language": "ru"}).text


def test_uploads_are_counted_together_and_apart_from_speaking(limited):
    client = limited().test_client()
    assert statuses(client, "/voices", 1) + statuses(client, "/recording/check", 1) == [422, 422]
    upload = {"file": (io.BytesIO(b"x"), "a.mp3")}
    assert client.post("/verify", data=upload).status_code == 429
    assert statuses(client, "/", 1) == [422]


def test_right_passwords_are_counted_too_and_no_more_are_tried_then(limited):
    client = limited(PASSWORD="right").test_client()
    assert statuses(client, "/sign-in", 3, data={"password": "wrong"}) == [422, 422, 429]
    assert statuses(client, "/sign-in", 1, data={"password": "right"}) == [429]


def test_who_is_not_signed_in_uses_up_nothing(limited):
    client = limited(PASSWORD="right").test_client()
    assert statuses(client, "/", 3) == [401, 401, 401]
    client.post("/sign-in", data={"password": "right"})
    assert statuses(client, "/", 1) == [422]


def test_visitors_are_counted_apart(limited):
    client = limited(PROXIES=1).test_client()
    by = {"X-Forwarded-For": "10.0.0.1"}
    assert statuses(client, "/", 3, headers=by) == [422, 422, 429]
    assert statuses(client, "/", 1, headers={"X-Forwarded-For": "10.0.0.2"}) == [422]


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:aaaa::1", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::7", "2001:0db8:0001:0002"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_addresses_of_one_network_are_one_visitor(address, seen):
    with Flask("test").test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert throttle.visitor() == seen


def test_setting_may_turn_a_limit_off_or_is_refused_by_its_name(limited):
    client = limited(LIMIT_SPEECHES="no").test_client()
    assert statuses(client, "/", 5) == [422] * 5
    with pytest.raises(ValueError, match="TEMBR_LIMIT_UPLOADS=often is no limit"):
        limited(LIMIT_UPLOADS="often")
