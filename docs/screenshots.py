"""Take the pictures of README from a running site with an empty history.

    ./tembr serve
    .venv/bin/python docs/screenshots.py [http://127.0.0.1:5000]

Needs requirements-dev.txt, Chromium and its driver.  Writes docs/pictures/{speak,result,voices}.png.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PICTURES = Path(__file__).parent / "pictures"
TEXT = "Good evening! On 21 June at 7:30 the new library opens, and everybody is invited."
SIZE, COLOURS = (1180, 960), 64
PATIENCE = 60  # s, for a speech


def take(browser: Chrome, name: str) -> None:
    """Keep what the browser shows, in few colours."""
    browser.execute_script("window.scrollTo(0, 0)")
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    picture.quantize(COLOURS).save(PICTURES / f"{name}.png", optimize=True)


def main(site: str) -> None:
    options = ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--lang=en", f"--window-size={SIZE[0]},{SIZE[1]}"):
        options.add_argument(argument)
    PICTURES.mkdir(exist_ok=True)
    with Chrome(options, Service(shutil.which("chromedriver"))) as browser:
        wait = WebDriverWait(browser, PATIENCE)
        browser.get(site)
        browser.find_element(By.NAME, "text").send_keys(TEXT)
        wait.until(lambda _: browser.find_elements(By.CSS_SELECTOR, "button[name=stress]"))
        take(browser, "speak")
        browser.find_element(By.CSS_SELECTOR, "button.big.wide").click()
        wait.until(lambda _: "/speeches/" in browser.current_url)
        wait.until(lambda _: browser.find_elements(By.TAG_NAME, "audio"))
        take(browser, "result")
        browser.get(f"{site}/voices")
        take(browser, "voices")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5000")
