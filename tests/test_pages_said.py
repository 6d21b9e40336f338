"""The word that is being said is marked while a speech plays, in a real browser."""

import pytest

from app import storage
from app.db import Speech
from tests.browser import PHONE, address, chromium, page

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

TEXT = "Раз — два, <b>три</b>! [pause 0.5]\nFour five."
WORDS = ["Раз", "два,", "<b>три</b>!", "Four", "five."]
TIMES = [[0, 3, 0, 500], [6, 4, 500, 1000], [11, 11, 1000, 1500], [35, 4, 2000, 2500], [40, 5, 2500, 3000]]
MARKED = "return [...document.querySelectorAll('.said .now')].map(one => one.textContent)"
NOTE_MARKS = """
window.marks = [];
const note = () => document.querySelectorAll(".said .now").forEach(word => marks.push(word.textContent));
new MutationObserver(note).observe(document.querySelector(".said"), { subtree: true, attributeFilter: ["class"] });
document.querySelector(".result audio").play();
"""
SEEK = "const player = document.querySelector('.result audio'); player.currentTime = arguments[0]"


@pytest.fixture
def keep(app, recording):
    """Keeps a speech of 3 s of the running site; returns its address."""

    def kept(text=TEXT, times=TIMES, seconds=3.0):
        content = recording(seconds=seconds, kind="mp3")
        given = {"text": text, "voice_name": "Anna", "seed": 0, "format": "mp3", "sha256": "x", "times": times}
        with app.app_context():
            speech = Speech(**given, seconds=seconds, size=len(content))
            storage.keep(speech, content, "mp3")
            return f"/speeches/{speech.id}"

    return kept


def _marked(page):
    return page.driver.execute_script(MARKED)


def _open(page, path):
    page.open(path)
    page.wait(".said span")
    page.until(lambda: page.find(".result audio").get_property("readyState"))


def test_the_text_stands_as_written_with_a_word_in_each_span(page, keep):
    _open(page, keep())
    assert page.find(".said").get_attribute("textContent") == TEXT
    assert [word.text for word in page.driver.find_elements(By.CSS_SELECTOR, ".said span")] == WORDS
    assert _marked(page) == []


@pytest.mark.parametrize(("seconds", "word"), [(0.7, "два,"), (1.2, WORDS[2]), (1.8, WORDS[2]), (2.2, "Four")])
def test_the_word_at_the_place_of_the_player_is_marked(page, keep, seconds, word):
    _open(page, keep())
    page.driver.execute_script(SEEK, seconds)
    page.until(lambda: _marked(page) == [word])


def test_marks_move_on_while_it_plays_and_go_at_its_end(page, keep):
    _open(page, keep())
    page.driver.execute_script(NOTE_MARKS)
    page.until(lambda: page.find(".result audio").get_property("ended"))
    page.until(lambda: _marked(page) == [])
    marks = page.driver.execute_script("return marks")
    assert list(dict.fromkeys(marks)) == WORDS


def test_a_click_on_a_word_plays_from_there(page, keep):
    _open(page, keep())
    page.press(".said span:nth-of-type(4)")
    page.until(lambda: page.find(".result audio").get_property("currentTime") >= 2.0)
    assert not page.find(".result audio").get_property("paused")


def test_what_a_screen_reader_hears_and_the_keyboard_reaches_stay_as_they_are(page, keep):
    _open(page, keep())
    assert page.driver.find_elements(By.CSS_SELECTOR, ".said [tabindex], .said [role], .said[tabindex]") == []
    assert page.driver.find_elements(By.CSS_SELECTOR, ".result [aria-live], .result [role=status]") == []


def test_a_long_text_scrolls_to_its_word_and_by_the_keyboard(page, keep):
    text = "слово " * 500
    times = [[6 * i, 5, 10 * i, 10 * i + 10] for i in range(500)]
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    _open(page, keep(text, times, seconds=5.0))
    said = page.find(".said")
    assert said.get_attribute("tabindex") == "0" and said.get_attribute("aria-label") == "Text of the speech"
    assert not page.is_wider_than_the_screen()
    page.driver.execute_script(SEEK, 4.9)
    page.until(lambda: said.get_property("scrollTop") > 500)
    said.send_keys(Keys.HOME)
    page.until(lambda: said.get_property("scrollTop") == 0)


def test_without_scripts_the_page_shows_no_second_text(page, keep):
    path = keep()
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.open(path)
    page.wait(".result audio")
    assert not page.find(".said").is_displayed()
    assert page.find("#text").get_property("value") == TEXT


def test_a_speech_without_times_has_its_player_alone(page, keep):
    page.open(keep(times=None))
    page.wait(".result audio")
    assert page.driver.find_elements(By.CSS_SELECTOR, ".said") == []
