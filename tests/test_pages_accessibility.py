"""What axe finds wrong with each page for those who cannot see, hear or point well: nothing serious."""

from importlib.resources import files

import pytest

from app.db import Pronunciation, Voice, db
from tests.browser import DESK, PHONE, TEXT, address, chromium, page, stop
from tests.fakes import finding

pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
LOOK = """
const done = arguments[0];
const ends = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime !== Infinity);
Promise.all(ends.map((one) => one.finished)).catch(() => {})
  .then(() => axe.run({resultTypes: ['violations']}))
  .then((found) => done(found.violations), (error) => done(String(error)));
"""
UNFOLD = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
WIDTHS = {"desk": DESK | {"width": 1100}, "phone": PHONE}
SERIOUS = ("serious", "critical")


@pytest.fixture(autouse=True)
def as_before(page):
    """Leaves the browser without a colour scheme and without cookies."""
    yield
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.driver.delete_all_cookies()


def _faults(page, width, scheme):
    """What axe finds at that width in that colour scheme, in words; what is not serious is printed only."""
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", WIDTHS[width])
    wish = {"name": "prefers-color-scheme", "value": scheme}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wish]})
    found = page.driver.execute_async_script(LOOK)
    assert isinstance(found, list), found
    told = [(fault["impact"], _in_words(fault, node)) for fault in found for node in fault["nodes"]]
    print(*(words for impact, words in told if impact not in SERIOUS), sep="\n")
    return [f"{width}, {scheme}: {words}" for impact, words in told if impact in SERIOUS]


def _in_words(fault, node):
    return f"{fault['impact']} {fault['id']} at {node['html']}: {node['failureSummary']}"


def assert_no_serious_fault(page, widths=("desk", "phone"), schemes=("light", "dark")):
    page.driver.execute_script(UNFOLD)
    page.driver.execute_script(AXE)
    found = [fault for width in widths for scheme in schemes for fault in _faults(page, width, scheme)]
    assert not found, "\n".join(found)


def _fill_in(page):
    page.open("/")
    page.press(".choice label")
    page.type("#text", TEXT)


def test_axe_sees_a_fault_where_there_is_one(page):
    page.open("/nowhere")
    script = "const box = document.createElement('input'); box.id = 'bare'; document.querySelector('main').append(box)"
    page.driver.execute_script(script)
    page.driver.execute_script(AXE)
    assert any("label" in fault and "bare" in fault for fault in _faults(page, "desk", "light"))


@pytest.mark.parametrize("path", ["/", "/voices", "/voices?q=nobody", "/voices/1", "/voices/import", "/speeches"])
def test_page_has_no_serious_fault(page, path):
    page.open(path)
    assert_no_serious_fault(page)


@pytest.mark.parametrize("path", ["/verify", "/dictionary", "/api", "/nowhere"])
def test_lesser_page_has_no_serious_fault(page, path):
    page.open(path)
    assert_no_serious_fault(page)


def test_front_page_with_a_reading_and_then_with_messages(page):
    page.open("/")
    page.type("#text", "Замо\u0301к")
    page.wait("[name=remember]")
    assert_no_serious_fault(page)
    page.press("[value=recording]")
    page.press("#speak .big")
    page.wait("#consent-error")
    assert_no_serious_fault(page)


def test_running_job_and_its_result(page, stop):
    _fill_in(page)
    page.press("#speak .big")
    page.wait("[data-job]")
    assert_no_serious_fault(page)
    stop.release()
    page.wait(".result audio")
    assert_no_serious_fault(page)
    page.open("/speeches")
    page.wait(".speech audio")
    assert_no_serious_fault(page)


def test_what_is_found_in_a_recording(page, cloner, recording, tmp_path):
    cloner.found = [finding("noisy"), finding("no_speech")]
    (tmp_path / "voice.wav").write_bytes(recording())
    page.open("/voices")
    page.type("#recording", str(tmp_path / "voice.wav"))
    page.wait("[data-check] .findings")
    assert_no_serious_fault(page)


def test_empty_bank_and_a_word_of_the_dictionary(page, app):
    with app.app_context():
        db.session.delete(db.session.get(Voice, 1))
        db.session.add(Pronunciation(word="замок", respelling="зам+ок", language="ru"))
        db.session.commit()
    for path in ("/voices", "/dictionary"):
        page.open(path)
        assert_no_serious_fault(page)


def test_file_that_was_looked_up(page, tmp_path):
    (tmp_path / "file.txt").write_text("no sound")
    page.open("/verify")
    page.type("#file", str(tmp_path / "file.txt"))
    page.wait(".finding")
    assert_no_serious_fault(page)


def test_pages_in_russian(page):
    page.open("/")
    page.press("[data-switch] button")
    page.wait("html[lang=ru] main")
    for path in ("/", "/voices", "/voices/1", "/speeches", "/verify", "/dictionary", "/nowhere"):
        page.open(path)
        assert_no_serious_fault(page, widths=["phone"], schemes=["dark"])
