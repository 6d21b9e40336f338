"""Recording in a real browser, whose microphone hears a file, and what is found in it before the form is sent."""

import pytest

from app.db import Voice, db
from app.voices import recordings
from models.recording import load_recording
from models.speech_file import encode
from tests.browser import PHONE, TEXT, Page, address, page, started
from tests.speech import kathleen

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.fakes import finding

__all__ = ["address", "page"]  # fixtures
NOISY = finding("noisy")
FILE = "return document.getElementById('recording').files[0]?.name"
TRACKS = "return window.tracks.map((track) => track.readyState)"
SPY = """
window.tracks = [];
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => {
  const stream = await ask(wish);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""
AT_FIRST = """
const live = document.querySelector('[data-live]');
const clock = live.querySelector('[data-clock]');
const look = () => { window.atFirst = live.hidden ? null : (window.atFirst ?? clock.textContent); };
new MutationObserver(look).observe(live, { attributes: true });
"""
REFUSE = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', arguments[0]))"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser whose microphone hears the real voice of the test data, again and again."""
    heard = tmp_path_factory.mktemp("microphone") / "kathleen.wav"
    heard.write_bytes(encode(kathleen(), 16_000, "wav"))
    microphone = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    yield from started(
        tmp_path_factory.mktemp("browser"), *microphone, f"--use-file-for-fake-audio-capture={heard.resolve()}"
    )


def _seconds(page):
    minutes, seconds = page.find("[data-clock]").text.split(":")
    return 60 * int(minutes) + int(seconds)


def _record(page, seconds=3):
    """Press record, speak, press stop."""
    page.wait("[data-record]").click()
    page.wait("[data-stop]")
    page.until(lambda: _seconds(page) >= seconds)
    page.press("[data-stop]")
    page.wait("[data-keep]")


def test_voice_is_recorded_listened_to_and_kept(page, app, cloner):
    page.open("/voices")
    page.driver.execute_script(SPY)
    cloner.found = [NOISY]
    page.wait("[data-record]").click()
    page.see("baker", ".studio blockquote")
    page.until(lambda: page.find("[data-level]").get_property("value") > -45)
    page.until(lambda: _seconds(page) >= 3)
    page.press("[data-stop]")
    page.see("Listen to it", "[data-told]")
    assert page.driver.execute_script(TRACKS) == ["ended"]  # the browser's sign of a recording goes out
    page.until(lambda: page.find("[data-take]").get_property("readyState") > 0)  # nothing forbids to hear it
    page.see("There is a lot of noise", "[data-check]")  # before it is kept
    assert page.driver.execute_script(FILE) is None
    page.press("[data-keep]")
    assert page.driver.execute_script(FILE) == "My recording.webm"
    page.see("My recording.webm", "[data-chosen]")
    page.see("There is a lot of noise", "[data-check]")
    page.type("#name", "Kathleen")
    page.press("#consent")
    page.press("#add .big")
    page.see("There is a lot of noise", ".notice.warning")
    with app.app_context():
        voice = Voice.named("Kathleen")
        kept = load_recording(app.config["INSTANCE"] / voice.folder / voice.file_name, max_seconds=60)
    assert len(kept) / 16_000 > 2.5
    assert abs(kept).max() > 0.05


def test_recording_is_made_again_and_the_first_one_forgotten(page):
    page.open("/voices")
    _record(page, 2)
    first = page.find("[data-take]").get_attribute("src")
    page.driver.execute_script(AT_FIRST)
    page.press("[data-again]")
    page.wait("[data-stop]")
    assert page.driver.execute_script("return window.atFirst") == "0:00"  # not the time of the first one
    page.until(lambda: _seconds(page) >= 2)
    page.press("[data-stop]")
    page.wait("[data-keep]")
    assert page.find("[data-take]").get_attribute("src") != first
    page.press("[data-drop-take]")
    page.wait("[data-record]")
    assert page.driver.execute_script(FILE) is None
    page.until(lambda: page.find("[data-check]").text == "")


def test_recording_speaks_at_the_front_page_by_keyboard_alone(page):
    page.open("/")
    page.wait("[data-record]").send_keys(Keys.ENTER)
    page.wait("[data-stop]")
    page.until(lambda: _seconds(page) >= 3)
    assert page.driver.switch_to.active_element == page.find("[data-stop]")
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.wait("[data-keep]")
    assert page.driver.switch_to.active_element == page.find("[data-keep]")
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert page.driver.switch_to.active_element == page.find("[data-record]")
    assert page.find("[value=recording]").is_selected()
    page.see("This recording is good.", "[data-check]")
    page.press("#consent")
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.wait(".result audio")
    page.see("Spoken by My recording", "#result-title")


def test_form_that_is_sent_takes_the_recording_that_was_not_kept_yet_along(page):
    page.open("/voices")
    _record(page, 2)
    page.see("This recording is good.", "[data-check]")
    page.type("#name", "Kathleen")
    page.press("#consent")
    page.press("#add .big")
    page.see("“Kathleen” was added", ".notice.done")


def test_recording_that_was_not_kept_yet_speaks(page):
    page.open("/")
    _record(page, 2)
    page.see("This recording is good.", "[data-check]")
    page.press("#consent")
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.see("Spoken by My recording", "#result-title")


def test_voice_that_is_chosen_after_a_recording_speaks_and_the_recording_is_not_lost(page):
    page.open("/")
    _record(page, 2)
    page.see("This recording is good.", "[data-check]")
    assert page.find("[value=recording]").is_selected()
    page.press("[data-choices] label")
    page.press("#speak .big")
    page.see("Enter a text", "#text-error")
    assert page.driver.execute_script(FILE) == "My recording.webm"
    page.type("#text", TEXT)
    page.press("#speak .big")
    page.see("Spoken by Anna", "#result-title")


def test_voice_is_chosen_again_when_the_recording_is_not_kept(page):
    page.open("/")
    page.press("[data-choices] label")
    _record(page, 2)
    page.press("[data-again]")
    page.wait("[data-stop]")
    page.until(lambda: _seconds(page) >= 1)  # a take that is stopped at once is empty
    page.press("[data-stop]")
    page.wait("[data-drop-take]").click()
    assert page.find("[data-choices] [type=radio]").is_selected()


def test_recording_stays_when_another_form_of_the_page_comes_back_with_messages(page):
    page.open("/voices/1")
    page.press(".fold summary")
    _record(page, 2)
    page.type("#note", "note" * 75)
    page.press("#card .second")
    page.see("The note is too long", "#note-error")
    page.press("[data-keep]")
    page.see("My recording.webm", "[data-chosen]")


def test_recording_stays_when_the_form_comes_back_with_messages(page):
    page.open("/voices")
    _record(page, 2)
    page.press("[data-keep]")
    page.see("This recording is good.", "[data-check]")
    page.press("#add .big")
    page.see("Enter a name", "#name-error")
    assert page.driver.execute_script(FILE) == "My recording.webm"
    page.see("This recording is good.", "[data-check]")
    assert page.wait("[data-record]").is_displayed()


@pytest.mark.parametrize(
    "error, advice",
    [
        ("NotAllowedError", "allow the microphone and record again"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "another program may be using it"),
    ],
)
def test_refused_microphone_is_explained_and_a_file_still_works(page, tmp_path, recording, error, advice):
    page.open("/voices")
    page.driver.execute_script(REFUSE, error)
    page.wait("[data-record]").click()
    page.see(advice, "[data-told].error")
    assert page.find("[data-record]").is_enabled()
    (tmp_path / "voice.wav").write_bytes(recording())
    page.type("#recording", str(tmp_path / "voice.wav"))
    page.see("This recording is good.", "[data-check]")


@pytest.fixture
def denying(tmp_path):
    """A browser whose owner answers that this page may not use the microphone."""
    microphone = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny")
    yield from started(tmp_path / "denying", *microphone)


def test_microphone_that_the_browser_denies_is_explained(denying, address):
    page = Page(denying, address)
    page.open("/voices")
    page.wait("[data-record]").click()
    page.see("allow the microphone and record again", "[data-told].error")
    assert page.find("[data-record]").is_enabled()


def test_page_that_is_not_secure_says_how_to_open_it(page):
    page.open("/voices")
    page.driver.execute_script(
        "Object.defineProperty(navigator, 'mediaDevices', {value: undefined});"
        "Object.defineProperty(window, 'isSecureContext', {value: false})"
    )
    page.wait("[data-record]").click()
    page.see("https:// or http://localhost", "[data-told].error")


def test_unreadable_file_is_told_before_it_is_sent(page, tmp_path):
    (tmp_path / "voice.wav").write_bytes(b"no sound in here" * 100)
    page.open("/voices")
    page.type("#recording", str(tmp_path / "voice.wav"))
    page.see("cannot be read as audio", "[data-check] .error")


def test_recorder_is_hidden_without_scripts_and_findings_come_with_the_answer(page, tmp_path, cloner, recording):
    cloner.found = [finding("no_speech")]
    page.open("/voices")
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    page.open("/voices")
    assert not page.find("[data-record]").is_displayed()
    (tmp_path / "voice.wav").write_bytes(recording())
    page.type("#recording", str(tmp_path / "voice.wav"))
    page.type("#name", "Silence")
    page.press("#consent")
    page.press("#add .big")
    page.see("No speech was found", "#recording-error")


@pytest.mark.parametrize("path", ["/", "/voices"])
def test_recorder_fits_a_phone_and_each_of_its_controls_has_a_name(page, cloner, path):
    cloner.found = [NOISY]
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    page.driver.get_log("browser")
    page.open(path)
    page.wait("[data-record]").click()
    page.wait("[data-stop]")
    assert not page.is_wider_than_the_screen()
    page.until(lambda: _seconds(page) >= 2)
    page.press("[data-stop]")
    page.see("There is a lot of noise", "[data-check]")
    page.press("[data-check] summary")
    assert not page.is_wider_than_the_screen()
    for control in page.driver.find_elements(By.CSS_SELECTOR, "[data-recorder] :is(button, audio, meter), summary"):
        if control.is_displayed():
            assert control.accessible_name, control.get_attribute("outerHTML")
    assert page.driver.get_log("browser") == []


def test_sentences_that_were_read_are_kept_with_the_recording(page, app, recording):
    with app.app_context():
        profile = app.extensions["cloner"].listen(recording())
        voice_id = recordings.begin(Voice(name="Kathleen", language="en"), profile, recording()).id
    page.open(f"/voices/{voice_id}")
    page.press("details.fold summary")
    page.wait("[data-record]").click()
    page.see("The morning mist", "[data-prompt]")
    page.press("[data-next]")
    page.see("She usually measures", "[data-prompt]")
    page.until(lambda: _seconds(page) >= 2)
    page.press("[data-stop]")
    page.wait("[data-keep]").click()
    page.press("#consent")
    page.press("#another .big")
    page.see("text known", "main")
    with app.app_context():
        row = db.session.get(Voice, voice_id).recordings[1]
        assert row.text.startswith("The morning mist") and row.text.endswith("wooden spoon.")
        assert row.text_language == "en"
