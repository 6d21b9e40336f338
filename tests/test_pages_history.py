"""Speeches and the page that looks a file up, in a real browser."""

import pytest

from app import storage
from app.db import Speech
from tests.browser import PHONE, TEXT, address, chromium, page

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


@pytest.fixture
def said(app, recording):
    """Keeps speeches of the running site, with a recording as their file."""

    def keep(*texts, voice_name="Anna"):
        content = recording(seconds=1.0, kind="mp3")
        with app.app_context():
            for text in texts:
                given = {"text": text, "voice_name": voice_name, "seed": 0, "format": "mp3"}
                storage.keep(Speech(**given, seconds=1.0, size=len(content), sha256=text), content, "mp3")

    return keep


@pytest.fixture(params=[False, True], ids=["with-scripts", "without-scripts"])
def either(request, page):
    """The page with its scripts, and without."""
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": request.param})
    yield page
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def _texts(page):
    return [quote.text for quote in page.driver.find_elements(By.TAG_NAME, "blockquote")]


def test_speech_is_searched_for_found_heard_and_deleted(either, said):
    page = either
    said("Ещё один кот", "Hello", "Чёрный кот")
    page.open("/speeches")
    page.see("3 speeches · 0:03", ".hero p")
    page.type("#q", "КОТ еще" + Keys.ENTER)
    page.see("Found: 1", ".found")
    assert _texts(page) == ["Ещё один кот"]
    player = page.wait(".speech audio")
    assert "/speeches/1/audio" in player.get_property("src")
    page.press(".speech .confirm summary")
    page.wait(".speech .danger").click()
    page.see("Speech deleted.", ".notice.done")
    page.see("No speeches match “КОТ еще”.", ".found")
    page.press(".search a")
    page.until(lambda: _texts(page) == ["Чёрный кот", "Hello"])


def test_all_speeches_are_deleted_after_a_question(either, said):
    page = either
    said("One", "Two", "Three")
    page.open("/speeches")
    assert not page.find(".all .danger").is_displayed()
    page.press(".all summary")
    page.see("This deletes 3 speeches and their files. It cannot be undone.", ".all")
    page.wait(".all .danger").click()
    page.see("3 speeches deleted.", ".notice.done")
    page.see("There are no speeches yet.", ".empty")


def test_player_of_the_history_plays(page, said):
    said("Hello")
    page.open("/speeches")
    player = page.wait(".speech audio")
    page.driver.execute_script("arguments[0].play()", player)
    assert page.until(lambda: player.get_property("duration")) == pytest.approx(1.0, abs=0.15)


def test_another_take_starts_from_the_history(page):
    _speak(page)
    page.open("/speeches")
    page.press(".speech form button.second")
    page.until(lambda: page.driver.current_url.endswith("/speeches/2"))
    page.wait_for_player()


def _speak(page):
    page.open("/")
    page.press(".choice label")
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.wait(".result audio")


def _downloaded(page, tmp_path):
    path = tmp_path / "downloaded.mp3"
    path.write_bytes(page.download())
    return path


def test_downloaded_file_is_known_with_its_voice(either, tmp_path):
    page = either
    _speak(page)
    path = _downloaded(page, tmp_path)
    _look_up(page, path)
    page.see("Made here", ".finding")
    page.see("with the voice “Anna” on", ".finding")
    page.press(".finding a")
    page.see("Spoken by Anna", "#result-title")


def _look_up(page, path):
    """Without scripts the button looks the file up, with them it is done once the file is chosen."""
    page.open("/verify")
    page.type("#file", str(path))
    if not page.driver.find_elements(By.CSS_SELECTOR, ".js"):
        page.press("#verify .big")


def test_downloaded_file_is_known_after_its_speech_was_deleted_and_by_its_tags_once_changed(page, tmp_path):
    _speak(page)
    path = _downloaded(page, tmp_path)
    page.open("/speeches")
    page.press(".speech .confirm summary")
    page.wait(".speech .danger").click()
    page.see("Speech deleted.", ".notice.done")
    _look_up(page, path)
    page.see("The speech itself has been deleted.", ".finding")
    path.write_bytes(path.read_bytes() + b"\0")
    _look_up(page, path)
    page.see("Made with Tembr, but not recognised here", ".finding")
    assert page.driver.switch_to.active_element.get_attribute("id") == "finding-title"


def test_second_file_is_looked_up_where_the_first_was(page, tmp_path):
    for name in ("first.txt", "second.txt"):
        (tmp_path / name).write_text(name)
    _look_up(page, tmp_path / "first.txt")
    page.see("first.txt", ".finding .name")
    page.type("#file", str(tmp_path / "second.txt"))
    page.see("second.txt", ".finding .name")
    page.see("Not recognised", "#finding-title")


def test_nothing_is_wider_than_a_phone(page, said, tmp_path):
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    said("Превысокомногорассмотрительствующий" * 9, "Hello", voice_name="Превысокомногорассмотрительствующий" * 2)
    page.open("/speeches?q=превысоко")
    for summary in page.driver.find_elements(By.TAG_NAME, "summary"):
        summary.click()
    assert not page.is_wider_than_the_screen()
    page.open("/speeches")
    page.press(".all summary")
    assert not page.is_wider_than_the_screen()
    path = tmp_path / ("long" * 40 + ".mp3")
    path.write_bytes(b"x")
    _look_up(page, path)
    page.see("Not recognised", "#finding-title")
    assert not page.is_wider_than_the_screen()


def test_every_control_has_a_name_that_is_read_aloud(page, said):
    said("Hello", "Again")
    for path in ("/speeches", "/speeches?q=hello", "/verify"):
        page.open(path)
        for control in page.driver.find_elements(By.CSS_SELECTOR, "input, button, a, audio, summary"):
            if control.is_displayed() and not control.get_attribute("aria-hidden"):
                assert control.accessible_name, control.get_attribute("outerHTML")


def test_browser_has_nothing_to_complain_of(page, said):
    said("Hello", "Again")
    page.driver.get_log("browser")  # what earlier tests left
    for path in ("/speeches", "/speeches?q=hello", "/verify"):
        page.open(path)
    assert page.driver.get_log("browser") == []
