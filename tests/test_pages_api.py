"""The page of programs in a real browser: a token is made, tried, and revoked."""

import pytest

from tests.browser import PHONE, address, chromium, page

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")


def test_token_is_made_tried_and_revoked(page):
    page.open("/")
    page.press("nav a[href='/api']")
    page.type("#name", "My bot")
    page.press("form.card[action='/api'] .big")
    token = page.wait("[data-token]").text
    assert page.find("#try-token").get_property("value") == token
    page.type("#try-input", " It's me.")
    page.press("details:has([data-request]) summary")
    page.see("It'\\''s me.", "[data-request]")
    page.press("[data-try] .big")
    player = page.wait("[data-try] audio")
    assert page.until(lambda: player.get_property("duration")) > 1
    page.press(".entry .actions summary")
    page.press(".entry .actions .danger")
    page.see("Token revoked.", ".notice.done")
    page.type("#try-token", token)
    page.press("[data-try] .big")
    page.see("This token is not valid here.", "[data-answer]")


def test_page_fits_a_phone(page):
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.open("/api")
    page.type("#name", "My bot")
    page.press("form.card[action='/api'] .big")
    page.wait("[data-token]")
    assert not page.is_wider_than_the_screen()
