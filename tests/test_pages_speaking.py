"""Speaking in a real browser: progress, cancel, coming back, the options, and what the result shows."""

import io
import threading
from dataclasses import replace

import pytest
import soundfile

from tests.browser import PHONE, address, chromium, page, stop
from tests.fakes import read

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.by import By

TEXT = "One is a number. Two is a number. Three is a number. Four is a number."
PICTURES = "return [...document.querySelectorAll('.result img')].every(one => one.complete && one.naturalWidth > 0)"


@pytest.fixture(autouse=True)
def sentences(cloner):
    """A text is read as its sentences."""
    cloner.reader = lambda text, language=None, dictionary=None: [
        replace(read(part)[0], words=part) for part in text.split(". ")
    ]


def _fill_in(page, text=TEXT):
    page.open("/")
    page.press(".choice label")
    page.type("#text", text)


def _value(page):
    return float(page.find("[data-job] progress").get_property("value"))


def _speeches(app_folder):
    return [path.name for path in (app_folder / "speeches").iterdir()]


def _is_speaking():
    return any(thread.name == "speaking" for thread in threading.enumerate())


def test_progress_is_shown_sentence_by_sentence_until_the_speech_plays(page, stop):
    _fill_in(page)
    page.press("#speak .big")
    page.see("Sentence 1 of 4", "[data-words]")
    assert page.find("[data-job] h2").text == "Anna is speaking"
    assert page.find("#speak").get_attribute("aria-busy") == "true"
    stop.release(2)
    page.see("Sentence 3 of 4 · about 0:", "[data-words]")
    assert 0.4 < _value(page) < 0.8
    assert page.find("[data-job] [role=status]").get_attribute("textContent")
    stop.release(2)
    page.wait(".result audio")
    assert page.driver.current_url.endswith("/speeches/1")
    waveform, rate = soundfile.read(io.BytesIO(page.download()))
    assert len(waveform) / rate > 3
    page.press(".figures summary")
    page.until(lambda: page.driver.execute_script(PICTURES))
    assert page.find("#text").get_property("value") == TEXT
    page.driver.back()
    page.until(lambda: page.driver.current_url == page.address + "/")
    page.until(lambda: page.find("#text").get_property("value") == TEXT)
    page.until(lambda: not page.driver.find_elements(By.CSS_SELECTOR, "[data-job]"))
    page.until(lambda: not page.find("#speak").get_attribute("aria-busy"))


def test_cancel_keeps_the_form_and_leaves_no_file(page, stop, tmp_path):
    _fill_in(page)
    page.press("#speak .big")
    page.see("Sentence 1 of 4", "[data-words]")
    page.press("[data-cancel] button")
    page.see("Cancelled. Nothing was saved.", "[data-jobs] .notice")
    stop.release(1)
    assert page.find("#text").get_property("value") == TEXT
    page.until(lambda: not page.find("#speak").get_attribute("aria-busy"))
    page.until(lambda: not _speeches(tmp_path / "instance"))
    stop.release(100)
    page.press("#speak .big")
    page.wait(".result audio")
    assert len(_speeches(tmp_path / "instance")) == 1


def test_page_that_is_reloaded_shows_the_progress_again_and_then_the_way_to_the_speech(page, stop):
    _fill_in(page)
    page.press("#speak .big")
    page.see("Sentence 1 of 4", "[data-words]")
    page.open("/voices")
    page.open("/")
    page.see("Sentence 1 of 4", "[data-words]")
    stop.release(4)
    page.wait("[data-job] [data-listen]").click()
    page.wait(".result audio")


def test_double_click_speaks_once(page, stop, tmp_path):
    _fill_in(page)
    script = "const button = document.querySelector('#speak .big'); button.click(); button.click();"
    page.driver.execute_script(script)
    page.see("Sentence 1 of 4", "[data-words]")
    stop.release(100)
    page.wait(".result audio")
    page.until(lambda: not _is_speaking())
    assert len(_speeches(tmp_path / "instance")) == 1


def test_fault_while_it_speaks_comes_to_the_form_with_text_and_choices(page, stop, cloner):
    _fill_in(page)
    page.press(".more summary")
    page.press("#speak [value=wav]")
    cloner.fault = MemoryError()
    page.press("#speak .big")
    stop.release(1)
    page.see("There was not enough memory", "#speak [data-alert]")
    assert page.find("#text").get_property("value") == TEXT
    assert page.find("#speak [value=wav]").is_selected()
    stop.release(100)
    page.press("#speak .big")
    page.wait(".result audio")
    assert page.find(".result a[download]").text == "Download WAV"


def test_voice_deleted_in_another_tab_is_said_at_the_voice(page):
    _fill_in(page)
    front = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open("/voices/1")
    form = "form[action='/voices/1/delete']"
    page.driver.execute_script(f'document.querySelector("{form}").closest("details").open = true')
    page.press(f"{form} button")
    page.wait(".notice.done")
    page.driver.close()
    page.driver.switch_to.window(front)
    page.press("#speak .big")
    page.see("This voice has been deleted", "#voice-error")
    assert page.find("#text").get_property("value") == TEXT


def test_another_take_shows_its_progress_above_the_speech(page, stop):
    stop.release(4)
    _fill_in(page)
    page.press("#speak .big")
    page.wait(".result audio")
    page.press("#again button")
    page.see("Sentence 1 of 4", "[data-words]")
    stop.release(4)
    page.until(lambda: page.driver.current_url.endswith("/speeches/2"))
    page.see("take 2", ".result .hint")


def test_options_reach_the_networks_and_stay_for_the_next(page, cloner):
    _fill_in(page, "A text of some words.")
    page.press(".more summary")
    set_value = "const [id, value] = arguments; const input = document.getElementById(id); input.value = value;"
    for name, value in (("pitch", "2.5"), ("pauses", "1.5"), ("kbits", "64")):
        page.driver.execute_script(set_value + " input.dispatchEvent(new Event('input', {bubbles: true}))", name, value)
    assert page.find("[data-value-of=pitch]").text == "+2.5 semitones"
    page.press("#best")
    page.press("#speak .big")
    page.wait(".result audio")
    assert [(said["pitch"], said["pauses"], said["seed"]) for said in cloner.said] == [(2.5, 1.5, n) for n in range(3)]
    assert page.find(".words .more").get_attribute("open")
    assert page.find("#pitch").get_property("value") == "2.5" and page.find("#kbits").get_property("value") == "64"
    page.press("#speak [value=wav]")
    assert not page.find("#kbits").is_displayed()


def test_progress_and_result_fit_a_phone(page, stop):
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    _fill_in(page)
    page.press(".more summary")
    assert not page.is_wider_than_the_screen()
    page.press("#speak .big")
    page.see("Sentence 1 of 4", "[data-words]")
    assert not page.is_wider_than_the_screen()
    stop.release(100)
    page.wait(".result audio")
    page.press(".figures summary")
    page.until(lambda: page.driver.execute_script(PICTURES))
    assert not page.is_wider_than_the_screen()


LONG = ". ".join(f"This is sentence {number}, and it goes" + " on and on" * 15 for number in (1, 2, 3))
PLAYED = "return document.querySelector('[data-player]').currentTime"
TO_THE_END = "const player = document.querySelector('[data-player]'); player.currentTime = player.duration - 0.2"


def test_first_sentences_are_heard_while_the_others_are_spoken(page, stop):
    _fill_in(page, LONG)
    page.press("#speak .big")
    page.see("Sentence 1 of 3", "[data-words]")
    assert not page.find("[data-player]").is_displayed()
    stop.release(1)
    player = page.wait("[data-player]")
    assert player.get_attribute("aria-label") == "Speech of Anna" and player.get_attribute("controls")
    page.until(lambda: page.driver.execute_script(PLAYED) > 0.3)
    page.see("Sentence 2 of 3", "[data-words]")
    stop.release(2)
    page.see("Done.", "[data-words]")
    assert page.find("[data-result]").is_displayed() and not page.find("[data-cancel]").is_displayed()
    assert not page.find("#speak").get_attribute("aria-busy")
    page.until(lambda: page.driver.execute_script("return isFinite(document.querySelector('[data-player]').duration)"))
    page.driver.execute_script(TO_THE_END)
    page.wait(".result audio")
    assert page.driver.current_url.endswith("/speeches/1")


def test_speech_is_not_interrupted_by_whoever_writes_the_next_text(page, stop):
    _fill_in(page, LONG)
    page.press("#speak .big")
    stop.release(1)
    page.until(lambda: page.wait("[data-player]") and page.driver.execute_script(PLAYED) > 0)
    page.type("#text", " And more.")
    stop.release(2)
    page.see("Done.", "[data-words]")
    page.until(lambda: page.driver.execute_script("return isFinite(document.querySelector('[data-player]').duration)"))
    page.driver.execute_script(TO_THE_END)
    page.until(lambda: page.driver.execute_script("return document.querySelector('[data-player]').ended"))
    assert page.find("#text").get_property("value") == LONG + " And more."
    page.press("[data-result]")
    page.wait(".result audio")


def test_fault_after_the_first_sentence_ends_its_sound_and_is_shown(page, stop, cloner):
    _fill_in(page, LONG)
    page.press("#speak .big")
    stop.release(1)
    page.until(lambda: page.wait("[data-player]") and page.driver.execute_script(PLAYED) > 0)
    cloner.fault = MemoryError()
    stop.release(1)
    page.see("There was not enough memory", "#speak [data-alert]")
    assert not page.driver.find_elements(By.CSS_SELECTOR, "[data-player]")


def test_player_that_cannot_play_says_so_and_the_speech_comes_at_the_end(page, stop):
    _fill_in(page, LONG)
    page.press("#speak .big")
    page.see("Sentence 1 of 3", "[data-words]")
    script = "document.querySelector('[data-player]').dispatchEvent(new Event('error'))"
    stop.release(1)
    page.wait("[data-player]")
    page.driver.execute_script(script)
    page.see("cannot be played here", "[data-unheard-note]")
    stop.release(2)
    page.until(lambda: page.driver.current_url.endswith("/speeches/1"))
