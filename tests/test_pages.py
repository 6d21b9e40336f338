"""The pages in a real browser, as a person walks through them."""

import io
import threading

import pytest
import soundfile

import models.text
from tests.browser import PHONE, TEXT, address, chromium, page

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

VOWEL = "[data-reading] [name=stress]"
REMEMBER = "[data-reading] [name=remember]"
SPY = """
const ask = window.fetch;
window.sent = [];
window.fetch = (address, ...wish) => {
  window.sent.push(new URL(address, location).pathname);
  return ask(address, ...wish);
};
"""


@pytest.fixture
def voice_file(tmp_path, recording):
    path = tmp_path / "my voice.wav"
    path.write_bytes(recording())
    return str(path)


def assert_is_speech(audio):
    waveform, rate = soundfile.read(io.BytesIO(audio))
    assert len(waveform) / rate == pytest.approx(len(TEXT) * 0.06, abs=0.15)
    assert abs(waveform).max() > 0.2


def test_first_visit_ends_with_a_player_and_a_download(page):
    page.open("/")
    page.press(".choice label")
    page.type("#text", TEXT)
    assert "17 of 20,000" in page.find("[data-counter]").text
    page.press("#speak .big")
    page.wait_for_player()
    assert_is_speech(page.download())
    assert page.find("#text").get_property("value") == TEXT


def test_recording_speaks_once_and_then_another_take(page, voice_file):
    page.open("/")
    page.choose(voice_file)
    assert "my voice.wav" in page.find("[data-chosen]").text
    assert page.find("[value=recording]").is_selected()
    page.press("#consent")
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.wait_for_player()
    first = page.download()
    page.press(".result button")
    page.until(lambda: page.driver.current_url.endswith("/speeches/2"))
    page.wait_for_player()
    assert page.download() != first


def test_added_voice_appears_in_the_bank_and_speaks(page, voice_file):
    page.open("/voices")
    page.choose(voice_file)
    page.type("#name", "Мой голос")
    page.press("#consent")
    page.press("#add .big")
    page.see("“Мой голос” was added", ".notice.done")
    assert "Мой голос" in page.find("#voice-2").text
    page.press(".notice.done a")
    page.wait("#text")
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.see("Spoken by Мой голос", "#result-title")


def test_refusal_keeps_the_text_and_the_chosen_file(page, voice_file):
    page.open("/")
    page.choose(voice_file)
    page.type("#text", "!!!")
    page.press("#speak .big")
    page.see("Tick this box", "#consent-error")
    page.press("#consent")
    page.press("#speak .big")
    page.see("nothing to say", "#text-error")
    assert page.find("#text").get_property("value") == "!!!"
    page.type("#text", Keys.END + Keys.BACKSPACE * 3 + TEXT)
    page.press("#speak .big")
    page.wait_for_player()


def test_too_large_file_is_refused_before_it_is_sent(page, tmp_path):
    (tmp_path / "large.wav").write_bytes(bytes(2_500_000))
    page.open("/")
    page.driver.execute_script(SPY)
    page.type("#text", TEXT)
    page.type("#recording", str(tmp_path / "large.wav"))
    page.see("2.5 MB. The limit is 1 MB", "[data-chosen]")
    page.press("#speak .big")
    page.until(lambda: page.driver.switch_to.active_element == page.find("#recording"))
    assert "/" not in page.driver.execute_script("return window.sent")
    assert page.find("#text").get_property("value") == TEXT


def test_far_too_large_request_gets_an_answer_that_a_browser_shows(page, tmp_path):
    (tmp_path / "huge.wav").write_bytes(bytes(20_000_000))
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.open("/voices")
    page.type("#recording", str(tmp_path / "huge.wav"))
    page.press("#add .big")
    page.see("20.0 MB. The limit for a recording is 1 MB.", "[data-message]")


def test_everything_works_without_scripts(page, voice_file):
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.open("/")
    page.type("#text", "!!!")
    page.press("#speak .big")
    page.see("nothing to say", "#text-error")
    page.press("[value=recording]")
    page.choose(voice_file)
    page.press("#consent")
    page.find("#text").clear()
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.wait(".result audio")
    assert_is_speech(page.download())
    page.press(".result button")
    page.until(lambda: page.driver.current_url.endswith("/speeches/2"))
    page.open("/speeches")
    page.press(".confirm summary")
    page.wait(".confirm button").click()
    page.see("Speech deleted.", ".notice.done")


def test_voice_is_renamed_and_deleted(page):
    page.open("/voices")
    page.press("#voice-1 .confirm summary")
    page.wait("#name-1").clear()
    page.type("#name-1", "Анна" + Keys.ENTER)
    page.see("Renamed to “Анна”.", ".notice.done")
    page.press("#voice-1 .confirm:last-child summary")
    page.wait("#voice-1 .danger").click()
    page.see("“Анна” and its recordings were deleted", ".notice.done")
    assert "No voices yet" in page.find(".empty").text


def test_front_page_is_filled_in_by_keyboard_alone(page):
    page.open("/")
    page.find(".choice [type=radio]").send_keys(Keys.SPACE)
    reached = []
    for _ in range(12):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        focused = page.driver.switch_to.active_element
        reached.append(focused.get_attribute("name") or focused.tag_name)
        if focused.get_attribute("name") == "text":
            focused.send_keys(TEXT)
            page.until(lambda: _reading(page) == "До́брый де́нь, ми́р!")
        if focused.tag_name == "button" and not focused.get_attribute("name"):
            assert page.driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
            focused.send_keys(Keys.ENTER)
            break
    assert reached[-4:] == ["text", "stress", "summary", "button"]
    page.wait_for_player()


def test_every_control_has_a_name_that_is_read_aloud(page):
    for path in ("/", "/voices", "/speeches", "/dictionary"):
        page.open(path)
        if path == "/":
            page.type("#text", "Замо\u0301к")
            page.until(lambda: _reading(page) == "Замо\u0301к")
            page.wait(REMEMBER)
        for control in page.driver.find_elements(By.CSS_SELECTOR, "input, select, textarea, button, a, audio, summary"):
            if control.is_displayed() and not control.get_attribute("aria-hidden"):
                assert control.accessible_name, control.get_attribute("outerHTML")


def test_nothing_is_wider_than_a_phone(page, voice_file):
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.open("/")
    page.choose(voice_file)
    page.press("#consent")
    text = "Превысокомногорассмотрительствующий" * 3
    page.type("#text", text)
    page.until(lambda: _reading(page).replace("\u0301", "") == text)
    assert not page.is_wider_than_the_screen()
    page.press("#speak .big")
    page.wait(".result audio")
    page.wait(VOWEL)
    assert not page.is_wider_than_the_screen()
    page.open("/dictionary")
    page.type("#word", "Превысокомногорассмотрительствующий")
    page.type("#respelling", "превысокомногорассмотр+ительствующий")
    page.press("#add .big")
    page.wait("#entry-1")
    for path in ("/voices", "/speeches", "/dictionary", "/nowhere"):
        page.open(path)
        for summary in page.driver.find_elements(By.TAG_NAME, "summary"):
            summary.click()
        assert not page.is_wider_than_the_screen(), path


def test_browser_has_nothing_to_complain_of(page):
    page.driver.get_log("browser")  # what earlier tests left
    for path in ("/", "/voices", "/speeches", "/dictionary"):
        page.open(path)
    assert page.driver.get_log("browser") == []


def _reading(page):
    return page.find("[data-preview]").text.split("\n")[0]


def _text(page):
    return page.find("#text").get_property("value")


def test_reading_follows_the_text_and_a_pressed_vowel_changes_both(page):
    page.open("/")
    page.type("#text", "Вот 2 замка")
    page.until(lambda: _reading(page) == "Во́т мно́го чи́сел за́мка")
    page.until(lambda: page.find("[data-announce]").get_property("textContent") == "Во́т мно́го чи́сел за́мка")
    assert page.find("[data-announce]").get_attribute("aria-live") == "polite"
    vowels = page.driver.find_elements(By.CSS_SELECTOR, VOWEL)
    assert [vowel.text for vowel in vowels] == ["о́", "а́", "а"]  # none of the number's words
    vowels[2].click()
    page.until(lambda: _reading(page) == "Во́т мно́го чи́сел замка́")
    assert _text(page) == "Вот 2 замка́"
    assert "12 of 20,000" in page.find("[data-counter]").text
    page.driver.find_elements(By.CSS_SELECTOR, VOWEL)[2].click()
    page.until(lambda: _text(page) == "Вот 2 замка")
    page.until(lambda: _reading(page) == "Во́т мно́го чи́сел за́мка")


def test_text_written_while_a_reading_is_made_is_read_too(page, cloner):
    page.open("/")
    page.type("#text", "Кот")
    page.until(lambda: _reading(page) == "Ко́т")
    reader, is_asked, may = cloner.reader, threading.Event(), threading.Event()
    cloner.reader = lambda *asked: (is_asked.set(), may.wait(60)) and reader(*asked)
    page.type("#text", " и")
    assert is_asked.wait(20)
    page.type("#text", " пёс")
    page.driver.execute_async_script("setTimeout(arguments[0], 450)")  # after the 400 ms that end the typing
    may.set()
    page.until(lambda: _reading(page) == "Ко́т и́ пё́с")
    assert _text(page) == "Кот и пёс"


def test_remembered_word_is_in_the_dictionary_and_wins(page):
    page.open("/")
    page.type("#text", "Замок")
    page.until(lambda: _reading(page) == "За́мок")
    page.driver.find_elements(By.CSS_SELECTOR, VOWEL)[1].click()
    page.wait(REMEMBER).click()
    page.see("замо́к was added to", "[data-preview]")
    page.find("#text").clear()
    page.type("#text", "замок")
    page.until(lambda: _reading(page) == "замо́к")
    page.press("nav [href='/dictionary']")
    page.see("замок is read as замо́к", "#entry-1")
    page.press("#entry-1 .confirm summary")
    page.wait("#respelling-1").clear()
    page.type("#respelling-1", "з+амок" + Keys.ENTER)
    page.see("замок is read as за́мок", "#entry-1")
    page.press("#entry-1 .confirm:last-child summary")
    page.wait("#entry-1 .danger").click()
    page.see("“замок” was deleted", ".notice.done")


def test_stress_is_moved_and_remembered_by_keyboard_alone(page):
    def press(*keys):
        for key in keys:
            page.driver.switch_to.active_element.send_keys(key)
        return page.driver.switch_to.active_element

    page.open("/")
    page.type("#text", "Вот замок и кот")
    page.until(lambda: _reading(page) == "Во́т за́мок и́ ко́т")
    assert press(Keys.TAB).accessible_name == "о, letter 2 of Вот"
    assert press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).accessible_name == "о, letter 4 of замок"
    assert press(Keys.END).accessible_name == "о, letter 2 of кот"
    assert press(Keys.ARROW_RIGHT, Keys.HOME, Keys.ARROW_LEFT).accessible_name == "о, letter 2 of Вот"
    press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.SPACE)
    page.until(lambda: _text(page) == "Вот замо́к и кот")
    stressed = page.until(lambda: press() if press().get_attribute("aria-pressed") == "true" else None)
    assert stressed.accessible_name == "о, letter 4 of замок"  # the focus stays where it was
    assert press(Keys.TAB).accessible_name == "Always read it as замо́к"
    press(Keys.ENTER)
    page.see("замо́к was added to", "[data-preview]")
    page.until(lambda: press().get_attribute("href") == page.address + "/dictionary")
    assert page.driver.current_url == page.address + "/"  # nothing was spoken


def test_reading_is_shown_and_changed_without_scripts(page):
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.open("/")
    page.press(".choice label")
    page.type("#text", "Вот замок")
    page.press("[name=read]")
    page.until(lambda: _reading(page) == "Во́т за́мок")
    page.driver.find_elements(By.CSS_SELECTOR, VOWEL)[2].click()
    page.until(lambda: _reading(page) == "Во́т замо́к")
    assert _text(page) == "Вот замо́к"
    page.wait(REMEMBER).click()
    page.see("замо́к was added to", "[data-preview]")
    page.press("#speak .big")
    page.wait(".result audio")


def test_reading_is_that_of_the_reader_that_speaks(page, cloner):
    cloner.reader = models.text.read
    page.open("/")
    page.type("#text", "25 рублей за замок")
    page.until(lambda: "два́дцать пя́ть рубле́й" in _reading(page), seconds=120)
    assert "Два́дцать" not in _text(page)
