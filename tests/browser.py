"""A real browser at a running site.  Test modules import the fixtures: chromium, address, page, stop."""

import os
import shutil
import threading
import urllib.request
from contextlib import contextmanager
from functools import partial

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: no test in a browser")

from selenium.common.exceptions import WebDriverException  # noqa: E402 (only once selenium is known to be there)
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --autoplay-policy=no-user-gesture-required"
)
TEXT = "Добрый день, мир!"
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    yield from started(tmp_path_factory.mktemp("browser"))


def started(profile, *more_flags):
    """A browser with its profile in that folder, until it is no longer needed."""
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if not all(programs):
        reason = "chromium and chromedriver are not installed (Debian: apt-get install chromium chromium-driver)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in [*FLAGS.split(), f"--user-data-dir={profile}", *more_flags]:
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": "en-US,en"})  # whatever the machine speaks
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    driver.set_script_timeout(120)  # a busy machine is slow, and no fault
    yield driver
    driver.quit()


class Handler(WSGIRequestHandler):
    """Closes what it was sending when a browser leaves, as the site's own server does; Werkzeug's leaves it open."""

    def connection_dropped(self, error, environ=None):
        if environ and "tests.answer" in environ:
            environ["tests.answer"].close()


@contextmanager
def served(app):
    """The address of a site, which runs meanwhile."""

    def answer(environ, start_response):
        environ["tests.answer"] = app(environ, start_response)
        return environ["tests.answer"]

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def address(make_app, bank):
    """A running site with one voice in its bank, tokens and all; its address."""
    app = make_app(WTF_CSRF_ENABLED=True, TESTING=False, MAX_UPLOAD_MEGABYTES=1, MAX_CONTENT_LENGTH=5_000_000)
    bank("Anna")
    with served(app) as address:
        yield address


@pytest.fixture
def stop(cloner):
    """The networks wait before each sentence until they may go on."""
    may = threading.Semaphore(0)
    cloner.between = may.acquire
    yield may
    may.release(1000)


@pytest.fixture
def page(chromium, address):
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", DESK)
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    return Page(chromium, address)


class Page:
    """What a person does at a page, and sees there."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def open(self, path):
        self.driver.get(self.address + path)

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def press(self, css):
        self.find(css).click()

    def type(self, css, text):
        self.find(css).send_keys(text)

    def choose(self, path, css="#recording"):
        """Choose a good recording; what the scripts say of it is there afterwards, and moves nothing any more."""
        self.type(css, path)
        if self.driver.find_elements(By.CSS_SELECTOR, ".js"):
            self.see("This recording is good.", "[data-check]")

    def until(self, happened, seconds=20):
        """What `happened` returns, once it is true of a page that is loaded."""
        loaded = "return document.readyState === 'complete'"
        goes = [WebDriverException]  # a page may go as it is asked
        wait = WebDriverWait(self.driver, seconds, ignored_exceptions=goes)
        return wait.until(lambda driver: driver.execute_script(loaded) and happened())

    def wait(self, css):
        """The first such element that is seen."""
        elements = partial(self.driver.find_elements, By.CSS_SELECTOR, css)
        return self.until(lambda: next((element for element in elements() if element.is_displayed()), None))

    def see(self, text, css):
        """Waits until such an element shows the text."""
        elements = partial(self.driver.find_elements, By.CSS_SELECTOR, css)
        self.until(lambda: any(text in element.text for element in elements()))

    def wait_for_player(self):
        player = self.wait(".result audio")
        seconds = self.until(lambda: player.get_property("duration"))
        assert seconds == pytest.approx(len(TEXT) * 0.06, abs=0.15)

    def download(self):
        with urllib.request.urlopen(self.find(".result a[download]").get_property("href")) as answer:
            assert "attachment" in answer.headers["Content-Disposition"]
            return answer.read()

    def is_wider_than_the_screen(self):
        return self.driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth")
