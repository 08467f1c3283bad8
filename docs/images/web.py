"""Makes the picture of the web service's page.

    .venv/bin/python docs/images/web.py

Serves the ready styles, shows the landscape in all of them, and takes the page's picture with
Chromium. Takes half a minute on two processor cores.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from PIL import Image
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parent.parent
PHOTO = REPOSITORY / "samples" / "photos" / "landscape.jpg"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WINDOW = (1280, 800)  # px
WIDTH = 1024  # width of the picture in px
LINE = 34  # the line's place in percent of the stage's width
QUALITY = 88  # JPEG quality
LONGEST_S = 900


def main() -> None:
    """Serves, takes the picture and writes web.jpg."""
    options = webdriver.ChromeOptions()
    options.binary_location = find_browser()
    for each in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"):
        options.add_argument(each)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with tempfile.TemporaryDirectory() as temporary, served(Path(temporary)) as address:
        browser = webdriver.Chrome(options=options, service=service)
        try:
            screen = {"width": WINDOW[0], "height": WINDOW[1]}
            metrics = {**screen, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            browser.get(address)
            watch(browser)
            page = browser.get_screenshot_as_png()
        finally:
            browser.quit()
    save(page)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Return the address of a service with the ready styles."""
    (folder / "photos").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    buckets = {"SOURCE": "photos", "RESULT": "results"}
    environment = {
        **os.environ,
        **{f"BUCKET_{name}": str(folder / each) for name, each in buckets.items()},
        **{"VGG_WEIGHTS": "builtin", "WEB_HOST": "127.0.0.1", "WEB_PORT": str(port)},
    }
    command = [sys.executable, "-m", "painterly", "web"]
    running = subprocess.Popen(command, env=environment, cwd=REPOSITORY)
    try:
        poll(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        yield f"http://127.0.0.1:{port}"
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(60)


def watch(browser: webdriver.Chrome) -> None:
    """Show a photo in every style, and the sharp picture in one."""
    run = browser.execute_script
    until: Callable[[str], Any] = lambda script: WebDriverWait(browser, LONGEST_S, 0.1).until(  # noqa: E731
        lambda _: run(f"return {script}")
    )
    style = "document.querySelector('[value=\"style van-gogh-wheat-field\"]')"
    until(style)
    run(f"{style}.click()")
    browser.find_element("id", "photo-files").send_keys(str(PHOTO))
    side = "document.querySelector('#painting-side').src"
    until("document.body.dataset.acts === 'preview'")
    until(f"document.querySelector('#save').href === {side}")
    until("!document.querySelector('.waits')")
    run(f"line.value = {LINE}; line.dispatchEvent(new Event('input', {{ bubbles: true }}))")
    run("document.activeElement.blur()")
    time.sleep(2)  # Until the line has stopped.


def find_browser() -> str:
    """Return the path of an installed browser. Exits if none is installed."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"none of {', '.join(BROWSERS)} is installed; one of them takes the picture")
    return browser


def save(page: bytes) -> None:
    """Write the picture of the page, a file's bytes, into this folder."""
    with Image.open(BytesIO(page)) as whole:
        picture = whole.convert("RGB")
    picture.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    picture.save(FOLDER / "web.jpg", quality=QUALITY, optimize=True)


def poll(ready: Callable[[], bool]) -> None:
    """Wait until something is ready."""
    deadline = time.monotonic() + LONGEST_S
    while not ready():
        if time.monotonic() > deadline:
            sys.exit("the service does not start")
        time.sleep(0.2)


def answers(address: str) -> bool:
    """Return whether a server answers there."""
    try:
        with urlopen(address) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


if __name__ == "__main__":
    main()
