"""A browser that tests look at pages with."""

import base64
import io
import re
import shutil
from contextlib import contextmanager
from importlib.resources import files
from itertools import product

import numpy as np
import pytest
from PIL import Image

from painterly.words.texts import table, texts_of
from support.polling import DEADLINE_S

CLICK_S = 10  # the longest wait before a click
# Added to those that chromedriver passes.
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"),
    *("--disable-component-update", "--hide-scrollbars"),
)

# Nothing moves by itself: a test would look, or click, while it does.
STILL = """
const still = new CSSStyleSheet();
still.replaceSync(`*, *::before, *::after, *::backdrop {
  animation: none !important; transition: none !important; scroll-behavior: auto !important;
}`);
document.adoptedStyleSheets.push(still);
"""
# A later test's server may have the port of this one's, and so its origin: what a page has stored
# must not meet it there, and what it is about to store neither.
FORGET = """
if (location.origin !== "null") {
  for (const storage of [sessionStorage, localStorage]) storage.clear();
  Storage.prototype.setItem = () => {};
}
"""
# A page moves what is on it as pictures and answers arrive, too. Waits until an element is where it
# was a frame ago, and a click would hit it; or for so long that the click itself says why not.
HOLDS_STILL = """
const [clicked, deadline, done] = arguments, ends = performance.now() + deadline;
const element = clicked.closest("select") || clicked;  // An option has no place of its own.
element.scrollIntoView({ block: "nearest", inline: "nearest" });
const middle = () => {
  const [box] = element.getClientRects();
  return box && [box.left + box.width / 2, box.top + box.height / 2];
};
let before, frames = 0;
const look = () => {
  const at = middle(), hit = at && document.elementFromPoint(...at);
  frames = element.contains(hit) && String(at) === String(before) ? frames + 1 : 0;
  before = at;
  if (frames === 2 || performance.now() > ends) done();
  else requestAnimationFrame(look);
};
look();
"""


@pytest.fixture
def chromium(running_chromium):
    """A browser without cookies, which leaves its page, and what was set, with the test."""
    running_chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    yield running_chromium
    leave(running_chromium)


def leave(driver):
    """Leave the page, with all that it has stored and all that was set for it."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    driver.execute_script(FORGET)
    driver.get("about:blank")  # Ends streams of events.
    speak(driver, "en-US,en")
    while driver.begun_with:
        added = driver.begun_with.pop()
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.execute_cdp_cmd("Browser.resetPermissions", {})


def speak(driver, languages):
    """Set the languages that the user of a browser prefers."""
    agent = driver.execute_script("return navigator.userAgent")
    how = {"userAgent": agent, "acceptLanguage": languages}
    driver.execute_cdp_cmd("Network.setUserAgentOverride", how)


@pytest.fixture(scope="session")
def running_chromium():
    """Chromium, started once; take `chromium`."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="needs selenium: ./start.sh setup --dev"
    )
    # Debian's shell is the same engine without windows, which take a quarter of the time. Its
    # script in /usr/bin would be ended instead of it.
    shell = "/usr/lib/chromium/chromium-headless-shell"
    browsers = (shell, "chromium", "chromium-browser", "google-chrome")
    binary, driver = next(filter(None, map(shutil.which, browsers)), None), "chromedriver"
    if not binary or not shutil.which(driver):
        pytest.skip("needs Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    # Without "performance", a log of all that is requested, which takes a fifth of a test's time.
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in FLAGS:
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which(driver))
    running = webdriver.Chrome(options=options, service=service)
    running.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": STILL})
    running._web_element_cls = _clicked_when_still()
    running.begun_with = []
    yield running
    running.quit()


def still(element):
    """Wait until an element holds still, and return it."""
    element.parent.execute_async_script(HOLDS_STILL, element, CLICK_S * 1000)
    return element


def _clicked_when_still():
    """Return the class of elements that are clicked as soon as they hold still."""
    from selenium.webdriver.remote.webelement import WebElement

    class Element(WebElement):
        def click(self):
            still(self)
            super().click()

    return Element


# Nothing but colours depends on light and dark.
RUN_AXE = """
const [dark, done] = arguments;
const usual = { rules: { "target-size": { enabled: true } } };
const asked = dark ? { runOnly: ["color-contrast"] } : usual;
axe.run({ ...asked, resultTypes: ["violations"] }).then(({ violations }) => done(violations));
"""


# The arrow keys move between the radio buttons of a group, so Tab reaches only the chosen one.
MARK_CONTROLS = """(() => {
const top = document.querySelector("dialog[open]") || document;
const all = top.querySelectorAll("a[href], button, input, select, summary, textarea");
const used = [...all].filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true })
  && e.type !== "hidden"
  && !(e.type === "radio" && !e.checked));
for (const each of used) each.dataset.unseen = "";
// Hidden inputs show the focus on what stands for them.
window.seen ||= document.addEventListener("focusin", ({ target }) => {
  const next = target.nextElementSibling;
  const faces = [[target], [next], [next, "::after"]]
    .filter(([e]) => e && getComputedStyle(e).opacity !== "0");
  if (faces.some((face) => getComputedStyle(...face).outlineStyle === "solid"))
    delete target.dataset.unseen;
}) ?? true;
return used.length;
})()
"""


ALL_TEXTS = """(() => {
const shown = [document.title];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const { data, parentElement } = walker.currentNode, whole = data.trim();
  if (!parentElement.closest("script, template, style"))
    shown.push(whole, ...whole.split(/(?<=[.!?]) |, /));
}
for (const each of document.querySelectorAll("*"))
  for (const name of ["alt", "title", "aria-label", "aria-valuetext"])
    if (each.getAttribute(name)) shown.push(each.getAttribute(name));
return [document.documentElement.lang, shown];
})()
"""


class Viewer:
    """A browser looking at one page, with what the tests ask of it."""

    def __init__(self, driver):
        self.driver = driver

    def begin_with(self, script):
        """Run a script at the beginning of each page, until the test ends."""
        source = {"source": script}
        added = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        self.driver.begun_with.append(added)

    def look(self, address, width=1280, height=860):
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.resize(width, height)
        self.driver.get(address)
        return self

    def resize(self, width, height):
        """Set the size of the window in px. A narrow one is a phone's."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def click(self, selector, until):
        """Click on an element, and wait until a script is true."""
        self.one(selector).click()
        self.until(until)

    def js(self, script, *arguments):
        return self.driver.execute_script(f"return {script}", *arguments)

    def until(self, script, *arguments):
        from selenium.webdriver.support.wait import WebDriverWait

        return WebDriverWait(self.driver, DEADLINE_S, 0.03).until(
            lambda _: self.js(script, *arguments)
        )

    def colour(self, selector, x, y=0.2):
        """The colour seen at a place of an element, 0…1 of its width and height, on the screen."""
        left, top, width, height = self.js(
            "(r => [r.left, r.top, r.width, r.height])(arguments[0].getBoundingClientRect())",
            self.one(selector),
        )
        screen = Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB")
        pixel = screen.getpixel((int(left + x * width), int(top + y * height)))
        return ["red", "green", "blue"][int(np.argmax(pixel))]

    def point(self, element, duration=0):
        """Return actions that begin with the pointer on an element, which holds still.

        Args:
            element: The element.
            duration: The milliseconds of each move.
        """
        from selenium.webdriver import ActionChains

        return ActionChains(self.driver, duration=duration).move_to_element(still(element))

    def press(self, *keys, held=None):
        """Press keys, one after another, while one is held down."""
        from selenium.webdriver import ActionChains

        chain = ActionChains(self.driver, duration=0)
        if held:
            chain.key_down(held).send_keys(*keys).key_up(held).perform()
        else:
            chain.send_keys(*keys).perform()

    def touch(self, kind, *places):
        """Touch the screen with a finger at each of these places."""
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        event = {"type": kind, "touchPoints": points}
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    def errors(self):
        return [each["message"] for each in self.driver.get_log("browser")]

    def requests(self):
        """Return the addresses of the page and of all that it has loaded."""
        entries = "['navigation', 'resource'].flatMap((each) => performance.getEntriesByType(each))"
        addresses = self.js(f"{entries}.map((each) => each.name)")
        return {each for each in addresses if not each.startswith(("data:", "blob:"))}

    def printed(self):
        """Prints the page; returns the number of its sheets and of the pictures on them."""
        pdf = base64.b64decode(self.driver.print_page())
        return len(re.findall(rb"/Type /Page\b", pdf)), pdf.count(b"/Subtype /Image")

    def speak(self, languages):
        """Says which languages the user prefers, as `fr-CH,fr`."""
        speak(self.driver, languages)

    def choose_language(self, name):
        """Choose a language from the menu, and wait for the page in it."""
        self.driver.execute_script("window.isOld = true")
        self.one("#languages summary").click()
        [button] = [each for each in self.all("#languages button") if each.text == name]
        button.click()
        self.until("!window.isOld && document.readyState === 'complete'")

    def english(self, *places):
        """Return the English texts that a page in another language shows or has read aloud."""
        language, shown = self.js(ALL_TEXTS)
        own = {key: texts[language] for key, texts in table().items()}
        texts = texts_of("en", *places).items()
        whole = {text for key, text in texts if text not in own.values() and "{" not in text}
        assert len(whole) > 40
        return whole.intersection(shown)

    def dark(self, preferred):
        """Says whether the user prefers dark pages."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if preferred else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def violations(self):
        """Return what axe-core finds wrong, light and dark, on a phone and a desktop."""
        found, before = set(), self.js("[innerWidth, innerHeight]")
        for (width, height), dark in product(((390, 844), (1280, 860)), (False, True)):
            self.resize(width, height)
            self.dark(dark)
            if not self.js("Boolean(window.axe)"):
                axe = files("axe_playwright_python") / "axe.min.js"
                self.driver.execute_script(axe.read_text("utf-8"))
            for each in self.driver.execute_async_script(RUN_AXE, dark):
                found |= {(each["id"], *node["target"], node["html"]) for node in each["nodes"]}
        self.dark(False)
        self.resize(*before)
        return found

    def hidden_from_keyboard(self):
        """Press Tab until all has had the focus. Return the controls that never got it, or that
        got it and did not show it."""
        from selenium.webdriver import Keys

        count = self.js(MARK_CONTROLS)
        for _ in range(count + 3):  # The browser's own controls take the focus, too.
            self.press(Keys.TAB)
        assert count > 2
        return self.js("[...document.querySelectorAll('[data-unseen]')].map(e => e.outerHTML)")

    def width_with_large_text(self):
        """Return the page's width in a window of 320 px with text of twice the usual size."""
        self.resize(320, 860)
        with self.large_text():
            return self.js("document.documentElement.scrollWidth")

    @contextmanager
    def large_text(self):
        """Show text of twice the usual size."""
        self.driver.execute_cdp_cmd("Page.setFontSizes", {"fontSizes": {"standard": 32}})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Page.setFontSizes", {"fontSizes": {"standard": 16}})

    def small(self):
        """Return the controls that are smaller than a finger."""
        return self.js(
            "[...document.querySelectorAll('button, .button, .card a, .chip, .preset, nav a')]"
            ".filter(e => e.offsetWidth && (e.offsetWidth < 44 || e.offsetHeight < 44))"
            ".map(e => e.outerHTML)"
        )
