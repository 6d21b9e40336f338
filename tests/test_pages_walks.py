"""Walks from the first page to the last in a real browser, and what goes wrong on the way."""

import io

import pytest
import soundfile

from models import SpeechFile
from tests.browser import TEXT, address, page, started, stop

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.webdriver.common.by import By

__all__ = ["address", "page", "stop"]  # fixtures


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser with a microphone, which hears beeps."""
    microphone = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    yield from started(tmp_path_factory.mktemp("browser"), *microphone)


def _speak(page):
    page.type("#text", TEXT)
    page.press("#speak .big")


def _keep_and_speak(page, name):
    page.type("#name", name)
    page.press("#consent")
    page.press("#add .big")
    page.see(f"“{name}” was added", ".notice.done")
    page.press(".notice.done a")
    page.wait("#text")
    _speak(page)
    page.see(f"Spoken by {name}", "#result-title")
    page.wait_for_player()


def assert_download_is_speech(page):
    waveform, rate = soundfile.read(io.BytesIO(page.download()))
    assert len(waveform) / rate == pytest.approx(len(TEXT) * 0.06, abs=0.15)
    assert abs(waveform).max() > 0.2


def test_upload_is_looked_into_kept_and_speaks(page, recording, tmp_path):
    (tmp_path / "voice.wav").write_bytes(recording())
    page.open("/voices")
    page.choose(str(tmp_path / "voice.wav"))
    _keep_and_speak(page, "Нина")
    assert_download_is_speech(page)


def test_voice_is_recorded_kept_and_speaks(page):
    page.open("/voices")
    page.wait("[data-record]").click()
    page.wait("[data-stop]")
    page.until(lambda: page.find("[data-clock]").text >= "0:03")
    page.press("[data-stop]")
    page.wait("[data-keep]").click()
    page.see("My recording.webm", "[data-chosen]")
    page.see("This recording is good.", "[data-check]")
    _keep_and_speak(page, "Мой голос")
    assert_download_is_speech(page)


def test_two_tabs_speak_one_after_the_other(page, stop):
    page.open("/?voice=1")
    _speak(page)
    page.wait("[data-job]")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open("/?voice=1")
    page.type("#text", "Another text. ")
    _speak(page)
    page.until(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "[data-job]")) == 2)  # that of the first tab too
    stop.release(100)
    page.see("Spoken by Anna", "#result-title")
    assert page.find("#text").get_property("value") == "Another text. " + TEXT
    page.driver.close()
    page.driver.switch_to.window(first)
    page.wait_for_player()
    assert page.find("#text").get_property("value") == TEXT


def test_full_disk_is_said_and_the_text_speaks_once_there_is_room(page, monkeypatch):
    def full(_file, _waveform):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(SpeechFile, "write", full)
        page.open("/?voice=1")
        _speak(page)
        page.see("(No space left on device), so nothing was saved.", "#speak [data-alert]")
    assert page.find("#text").get_property("value") == TEXT
    page.press("#speak .big")
    page.wait_for_player()


def test_speech_whose_file_is_missing_is_said_and_spoken_again(page, tmp_path):
    page.open("/?voice=1")
    _speak(page)
    page.wait_for_player()
    for file in (tmp_path / "instance" / "speeches").iterdir():
        file.unlink()
    for path in ("/speeches", "/speeches/1"):
        page.open(path)
        page.see("The audio file is missing from the disk.", ".error")
        assert not page.driver.find_elements(By.CSS_SELECTOR, "audio[src*=speeches]")
    page.press("#again button")
    page.until(lambda: page.driver.current_url.endswith("/speeches/2"))
    page.wait_for_player()


def test_back_button_leaves_the_form_to_speak_again(page):
    page.open("/?voice=1")
    _speak(page)
    page.wait_for_player()
    page.driver.back()
    page.until(lambda: page.driver.current_url == page.address + "/?voice=1")
    page.until(lambda: page.find("#text").get_property("value") == TEXT)
    page.press("#speak .big")
    page.until(lambda: page.driver.current_url.endswith("/speeches/2"))
    page.wait_for_player()


def test_whole_task_is_seen_at_once_on_a_desk(page):
    page.open("/")
    page.wait("#speak .big")
    page.press(".choice label")
    below = "return document.querySelector('#speak .big').getBoundingClientRect().bottom - window.innerHeight"
    assert page.driver.execute_script(below) < 0
