"""The bank in a real browser: a voice from its first recording to the file that another Tembr imports."""

import urllib.request

import pytest

from tests.browser import PHONE, TEXT, address, chromium, page

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

__all__ = ["address", "chromium", "page"]


@pytest.fixture
def recordings(tmp_path, recording):
    """Paths of two recordings of one person."""
    paths = [tmp_path / "first.wav", tmp_path / "second.wav"]
    for path, seconds in zip(paths, (3.0, 6.0), strict=True):
        path.write_bytes(recording(seconds=seconds))
    return [str(path) for path in paths]


def _without_scripts(page):
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})


def _add(page, path, name):
    page.open("/voices")
    page.choose(path)
    page.type("#name", name)
    page.press("#consent")
    page.press("#add .big")
    page.see(f"“{name}” was added", ".notice.done")


def _rename(page, name):
    page.find("#name").clear()
    page.type("#name", name)
    page.press("#card .second")
    page.see("Changes saved.", ".notice.done")
    assert page.find("h1").text == name


def _add_another(page, path):
    page.press(".fold summary")
    page.choose(path, "#another #recording")
    page.press("#another #consent")
    page.press("#another .big")
    page.see("Recording added.", ".notice.done")


def _exported(page, path, link="[data-export]"):
    with urllib.request.urlopen(page.find(link).get_property("href")) as answer:
        assert "tembr-voice" in answer.headers["Content-Disposition"]
        path.write_bytes(answer.read())
    return str(path)


def _delete(page):
    page.press("section.card > .actions .confirm summary")
    page.wait("section.card > .actions .danger").click()
    page.see("and its recordings were deleted.", ".notice.done")


def _import(page, path, name=""):
    page.open("/voices/import")
    page.type("#voice_file", path)
    page.type("#name", name)
    page.press("#consent")
    page.press("#import .big")


def test_voice_is_kept_renamed_merged_exported_deleted_and_imported(page, recordings, tmp_path):
    _add(page, recordings[0], "Нина")
    page.press("#voice-2 h3 a")
    page.wait("#card")
    _rename(page, "Нина Ивановна")
    _add_another(page, recordings[1])
    assert "9.0 s" in page.find(".facts").text and "recordings compared" in page.find(".facts").text
    assert "Anna: " in page.find(".facts").text  # the nearest
    file = _exported(page, tmp_path / "a.tembr-voice")
    _delete(page)
    assert page.driver.find_elements(By.CSS_SELECTOR, "#voice-2") == []
    page.press(".fold > .centred a")
    page.wait("#import")
    _import(page, file)
    page.see("“Нина Ивановна” was added", ".notice.done")
    page.press("#voice-3 .round")
    page.wait("#voice-3 .round.playing")
    page.press(".notice.done a")
    page.wait("#text")
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.see("Spoken by Нина Ивановна", "#result-title")


def test_taken_name_keeps_the_chosen_file_and_another_name_is_taken(page, recordings, tmp_path):
    page.open("/voices/1")
    _import(page, _exported(page, tmp_path / "a.tembr-voice", "[href$='sample=0']"))
    page.see("“Anna 2”", "#name-error")
    assert page.find("#name").get_property("value") == "Anna"
    page.find("#name").clear()
    page.type("#name", "Anna 2")
    page.press("#import .big")
    page.see("“Anna 2” was added", ".notice.done")


def test_double_click_adds_a_recording_once(page, recordings):
    _add(page, recordings[0], "Нина")
    page.open("/voices/2")
    page.press(".fold summary")
    page.choose(recordings[1], "#another #recording")
    page.press("#another #consent")
    ActionChains(page.driver).double_click(page.find("#another .big")).perform()
    page.see("Recording added.", ".notice.done")
    assert len(page.driver.find_elements(By.CSS_SELECTOR, ".recording")) == 2


def test_everything_of_the_bank_works_without_scripts(page, recordings, tmp_path):
    _without_scripts(page)
    _add(page, recordings[0], "Нина")
    page.press("#voice-2 h3 a")
    page.wait("#card")
    _rename(page, "Нина Ивановна")
    _add_another(page, recordings[1])
    page.press("#recording-3 form .quiet")
    page.see("This recording is now the voice's sample.", ".notice.done")
    page.press("#recording-2 .confirm summary")
    page.wait("#recording-2 .confirm .danger").click()
    page.see("Recording removed", ".notice.done")
    file = _exported(page, tmp_path / "a.tembr-voice")
    _delete(page)
    _import(page, file)
    page.see("“Нина Ивановна” was added", ".notice.done")
    page.type("#q", "ивановна" + Keys.ENTER)
    page.see("Search results", "#bank")
    assert page.find("#voice-3 h3").text == "Нина Ивановна"
    assert page.driver.find_elements(By.CSS_SELECTOR, "#voice-1") == []


@pytest.fixture
def long_bank(page, bank):
    bank(*(f"Voice {number}" for number in range(40)))
    return page


def _names(page):
    return [name.text for name in page.driver.find_elements(By.CSS_SELECTOR, ".choice .name")]


def test_long_bank_is_searched_as_one_types_and_the_choice_stays(long_bank):
    long_bank.open("/")
    assert len(_names(long_bank)) == 30
    long_bank.press(".choice:nth-child(2) label")
    long_bank.type("#find", "voice 27")
    long_bank.until(lambda: _names(long_bank) == ["Voice 38", "Voice 27"])
    assert long_bank.find(".choice :checked").get_property("value") == "40"
    assert long_bank.find("[data-found]").get_property("textContent") == "2 voices"
    long_bank.type("#find", Keys.ENTER)  # speaks nothing
    long_bank.press(".choice:nth-child(2) label")
    long_bank.type("#text", TEXT)
    long_bank.press("#speak .big")
    long_bank.see("Spoken by Voice 27", "#result-title")


def test_long_bank_is_searched_without_scripts_and_the_text_stays(long_bank):
    _without_scripts(long_bank)
    long_bank.open("/")
    long_bank.type("#text", TEXT)
    long_bank.type("#find", "voice 27" + Keys.ENTER)
    long_bank.until(lambda: _names(long_bank) == ["Voice 39", "Voice 27"])
    assert long_bank.find("#text").get_property("value") == TEXT
    long_bank.press(".choice:nth-child(2) label")
    long_bank.press("#speak .big")
    long_bank.see("Spoken by Voice 27", "#result-title")


@pytest.mark.parametrize("path", ["/voices", "/voices?q=a", "/voices?q=nobody", "/voices/1", "/voices/import"])
def test_pages_of_the_bank_fit_a_phone_and_name_their_controls(page, path):
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.driver.get_log("browser")  # what earlier tests left
    page.open(path)
    for summary in page.driver.find_elements(By.TAG_NAME, "summary"):
        if summary.is_displayed() and not summary.find_element(By.XPATH, "..").get_attribute("open"):
            summary.click()
    assert not page.is_wider_than_the_screen()
    for control in page.driver.find_elements(By.CSS_SELECTOR, "input, select, textarea, button, a, audio, summary"):
        if control.is_displayed() and not control.get_attribute("aria-hidden"):
            assert control.accessible_name, control.get_attribute("outerHTML")
    assert page.driver.get_log("browser") == []
