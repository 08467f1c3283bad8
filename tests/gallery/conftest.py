"""A browser, and galleries for it to look at."""

import io
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image
from support.gallery import HOSTILE, LONG, published, record

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"),
    *("--disable-background-networking", "--no-first-run", "--disable-sync"),
    *("--disable-component-update", "--disable-default-apps", "--hide-scrollbars"),
)


@pytest.fixture(scope="module")
def chromium():
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="needs selenium: pip install -r requirements-dev.txt"
    )
    browsers = ("chromium", "chromium-browser", "google-chrome")
    binary, driver = next(filter(None, map(shutil.which, browsers)), None), "chromedriver"
    if not binary or not shutil.which(driver):
        pytest.skip("needs Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in FLAGS:
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which(driver))
    running = webdriver.Chrome(options=options, service=service)
    yield running
    running.quit()


class Viewer:
    """A browser looking at one gallery, with what the tests ask of it."""

    def __init__(self, driver):
        self.driver = driver

    def look(self, address, width=1280, height=860):
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get(address)
        return self

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def js(self, script, *arguments):
        return self.driver.execute_script(f"return {script}", *arguments)

    def until(self, script, *arguments):
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self.driver, 10, 0.03).until(lambda _: self.js(script, *arguments))

    def open(self, number=0):
        self.all(".card a")[number].click()
        self.until("document.querySelector('dialog').open")

    def large(self):
        """Waits until the slider's pictures are no longer the embedded thumbnails."""
        for name in ("before", "after"):
            self.until(f"!{name}.src.startsWith('data:') && {name}.complete")

    def colour(self, selector, x, y=0.2):
        """The colour seen at a place of an element, 0…1 of its width and height, on the screen."""
        left, top, width, height = self.js(
            "(r => [r.left, r.top, r.width, r.height])(arguments[0].getBoundingClientRect())",
            self.one(selector),
        )
        screen = Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")
        pixel = screen.getpixel((int(left + x * width), int(top + y * height)))
        return ["red", "green", "blue"][int(np.argmax(pixel))]

    def errors(self):
        return [each["message"] for each in self.driver.get_log("browser")]

    def requests(self):
        events = (json.loads(each["message"])["message"] for each in self.logged())
        sent = (each["params"] for each in events if each["method"] == "Network.requestWillBeSent")
        addresses = {each["request"]["url"] for each in sent}
        return {each for each in addresses if not each.startswith(("data:", "about:"))}

    def logged(self):
        return self.driver.get_log("performance")


@pytest.fixture
def viewer(chromium):
    return Viewer(chromium)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("gallery with space #1")
    looks = ("monet", "ünï & co")
    names = ("beach.jpg", HOSTILE, LONG)
    published(path, [record(photo, look) for photo in names for look in looks])
    return path


class Handler(SimpleHTTPRequestHandler):
    alone = False  # True: as with a presigned URL, nothing but the page is allowed.

    def do_GET(self):
        if self.alone and not self.path.startswith("/index.html"):
            self.send_error(403)
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


class Alone(Handler):
    alone = True


def serve(handler, folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def web(folder):
    yield from serve(Handler, folder)


@pytest.fixture(scope="module")
def presigned(folder):
    for address in serve(Alone, folder):
        yield f"{address}?X-Amz-Signature=abc&X-Amz-Expires=600"


@pytest.fixture(params=["file", "http"])
def address(request, folder):
    if request.param == "file":
        return (folder / "index.html").as_uri()
    return request.getfixturevalue("web")
