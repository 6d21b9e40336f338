"""The password in a real browser: sign in, speak, sign out, be refused."""

import pytest

from tests.browser import DESK, TEXT, Page, chromium, served

PASSWORD = "верный пароль"


@pytest.fixture
def page(chromium, make_app, bank):
    """A page of a site that has a password and one voice."""
    bank("Anna")
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", DESK)
    with served(make_app(WTF_CSRF_ENABLED=True, TESTING=False, PASSWORD=PASSWORD)) as address:
        yield Page(chromium, address)


def test_person_signs_in_speaks_signs_out_and_is_refused(page):
    page.open("/speeches")
    assert page.find("h1").text == "Sign in"
    page.type("#password", "wrong")
    page.press("#sign-in .big")
    page.see("Wrong password", "#password-error")
    page.type("#password", PASSWORD)
    page.press("#sign-in .big")
    page.see("Speeches", "h1")
    page.open("/")
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.wait_for_player()
    speech = page.driver.current_url
    page.press("[action='/sign-out'] button")
    page.wait("#password")
    page.driver.get(speech)
    assert page.find("h1").text == "Sign in"
    page.driver.back()
    page.driver.back()
    page.until(lambda: page.find("h1").text == "Sign in")


def test_script_of_a_page_left_open_is_told_to_sign_in(page):
    page.open("/")
    page.type("#password", PASSWORD)
    page.press("#sign-in .big")
    page.wait("#text")
    page.driver.delete_all_cookies()
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.see("You have been signed out", "[data-alert]")
    assert page.find("#text").get_property("value") == TEXT
