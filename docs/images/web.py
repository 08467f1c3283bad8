"""Makes the picture of the web service's page.

    .venv/bin/python docs/images/web.py

Serves the samples with the built-in network; paints the still life as a draft
and then the landscape in two paintings blended, and takes the page's picture with Chromium while it
paints. Takes four minutes on two processor cores.
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
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from gallery import REPOSITORY, SAMPLES, find_browser, save
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

WINDOW = (1280, 1150)  # px
STEPS_SHOWN = 0.55  # share of the steps at which the picture is taken
LONGEST_S = 900


def main() -> None:
    """Serves, paints, takes the picture and writes web.jpg."""
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
    save(page, "web")


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
    """Order two pictures, and wait until the second is painted in part."""
    run = browser.execute_script
    until: Callable[[str], Any] = lambda script: WebDriverWait(browser, LONGEST_S, 0.1).until(  # noqa: E731
        lambda _: run(f"return {script}")
    )

    def order(photo: str, styles: tuple[str, ...], preset: str) -> None:
        until("document.querySelectorAll('[name=style]').length")
        file = browser.find_element("id", "photo-files")
        file.send_keys(str(SAMPLES / "photos" / photo))
        run("for (const each of document.querySelectorAll('[name=style]:checked')) each.click()")
        for each in styles:
            run(f"document.querySelector('[value=style-{each}]').click()")
        run(f"document.querySelector('[value={preset}]').click()")

    order("still-life.jpg", ("mosaic",), "draft")
    browser.find_element("id", "paint").click()
    until("document.querySelector('#finished [data-state=done]')")
    order("landscape.jpg", ("hokusai", "klimt"), "fine")
    run("document.querySelectorAll('[name=blend]')[1].click()")
    run(
        "const share = document.querySelector('#shares input');"
        "share.value = 75; share.dispatchEvent(new Event('input'))"
    )
    browser.find_element("id", "paint").click()
    order("still-life.jpg", ("hokusai",), "fine")
    browser.find_element("id", "paint").click()
    order("still-life.jpg", ("hokusai", "klimt"), "fine")
    run("document.querySelectorAll('[name=blend]')[1].click(); scrollTo(0, 0)")
    until(f"(p => p && p.value > {STEPS_SHOWN} * p.max)(document.querySelector('#queue progress'))")
    run("document.activeElement.blur()")
    time.sleep(2)  # Until the latest preview is shown.


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
