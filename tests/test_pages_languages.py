"""The site in Russian, in a real browser."""

import pytest

from config import Config
from tests.browser import PHONE, TEXT, address, chromium, page

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.by import By


@pytest.fixture
def russian(page):
    """The front page in Russian."""
    page.open("/")
    page.press("[data-switch] button")
    page.wait("html[lang=ru] main")
    yield page
    page.driver.delete_all_cookies()


def test_switch_keeps_what_was_typed_and_chosen_and_the_site_stays_russian(russian):
    russian.press(".choice label")
    russian.type("#text", TEXT)
    russian.press("[data-switch] button")
    russian.wait("html[lang=en] main")
    assert russian.find("#text").get_property("value") == TEXT
    assert russian.find(".choice [type=radio]").is_selected()
    russian.see(f"17 of {Config.MAX_TEXT_CHARACTERS:,}", "[data-counter]")
    russian.press("[data-switch] button")
    russian.see(f"17 из {Config.MAX_TEXT_CHARACTERS:,} знаков".replace(",", " "), "[data-counter]")
    russian.press("nav a[href='/voices']")
    russian.until(lambda: "Голоса" in russian.driver.title)
    assert russian.find("html").get_attribute("lang") == "ru"


def test_switch_keeps_what_was_typed_and_chosen_without_scripts(page):
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.open("/")
    page.press(".choice label")
    page.type("#text", TEXT)
    page.press("[data-switch] button")
    page.wait("html[lang=ru] main")
    assert page.find("#text").get_property("value") == TEXT
    assert page.find(".choice [type=radio]").is_selected()
    page.driver.delete_all_cookies()


def test_voice_that_was_searched_for_speaks_after_a_switch_of_the_language(russian, bank):
    bank(*(f"Voice {number}" for number in range(40)))
    russian.open("/")
    russian.type("#find", "voice 5")
    russian.see("Voice 5", "[data-choices]")  # beyond the first that the page offers
    russian.press("[data-choices] .choice:last-child label")
    russian.type("#text", TEXT)
    russian.press("[data-switch] button")
    russian.wait("html[lang=en] main")
    russian.press("#speak .big")
    russian.see("Spoken by Voice 5", "#result-title")


def test_russian_site_speaks_and_says_what_is_wrong_in_russian(russian):
    russian.press(".choice label")
    russian.press("#speak .big")
    russian.see("Введите текст", "#text-error")
    russian.type("#text", TEXT)
    russian.press("#speak .big")
    russian.wait_for_player()
    russian.open("/speeches")
    month = russian.driver.execute_script("return new Intl.DateTimeFormat('ru', {month: 'short'}).format(new Date())")
    assert month.rstrip(".")[:3] in russian.wait("time").text


def test_script_speaks_russian(russian, tmp_path):
    (tmp_path / "long.wav").write_bytes(bytes(2_500_000))
    russian.find("#recording").send_keys(str(tmp_path / "long.wav"))
    russian.see("Слишком большой файл: 2,5 МБ. Можно не больше 1 МБ.", "[data-chosen]")


@pytest.mark.parametrize("path", ["/", "/voices", "/speeches", "/dictionary", "/api", "/nowhere"])
def test_russian_pages_fit_a_phone(russian, path):
    russian.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    russian.open(path)
    assert not russian.is_wider_than_the_screen()
    places = [link.rect for link in russian.driver.find_elements(By.CSS_SELECTOR, "nav a, [data-switch] button")]
    assert all(place["x"] >= 0 and place["x"] + place["width"] <= PHONE["width"] for place in places)
    assert len({place["y"] for place in places}) <= 2  # the switch above the pages
