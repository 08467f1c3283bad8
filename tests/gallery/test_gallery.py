"""The gallery: what lies in the page, and what a real browser makes of it."""

import base64
import hashlib
import html.parser
import io
import json
import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname, urlopen

import numpy as np
import pytest
from PIL import Image

from styletransfer.gallery import thumbnails
from styletransfer.gallery.page import page, url
from styletransfer.gallery.publisher import Gallery
from styletransfer.gallery.thumbnails import picture_key, preview, thumbnail
from styletransfer.images import arrays
from styletransfer.images.encode import encode
from styletransfer.images.output import OutputFormat
from styletransfer.storage.base import ObjectError, UnavailableError
from styletransfer.storage.folder import FolderBucket

RED, BLUE, GREEN = (0.8, 0.1, 0.1), (0.1, 0.1, 0.8), (0.1, 0.6, 0.1)
HOSTILE = "<script>alert(1)</script> \"b\" 'c' #?%&+\n{{ 7*7 }}.jpg"
LONG = "x" * 200 + ".jpg"


def flat(colour, height=64, width=96):
    return np.broadcast_to(np.float32(colour), (height, width, 3))


def record(photo="beach.jpg", look="monet", **changes):
    return {
        "photo": photo,
        "look": look,
        "paintings": [{"key": f"{look}.jpg", "share": 1.0, "etag": f"etag of {look}"}],
        "result": f"{look}/{photo}",
        "width": 96,
        "height": 64,
        "settings": {"size": 96, "content_weight": 0.02, "pool_type": "max"},
        "weights": "md5:1",
        "engine": "1",
        "device": "the CPU",
        "losses": {"content": 0.123456, "style": 0.5, "total_variation": 0.25, "total": 1.0},
        "seconds": 47.1,
        "finished": "2026-11-20T07:55:42+00:00",
        "photo_etag": f"etag of {photo}",
        "fingerprint": "f",
    } | changes


def paint(shown, bucket, each):
    """What the runner does: the result first, then the gallery's pictures of it."""
    bucket.write(each["result"], encode(flat(BLUE), OutputFormat("jpg")))
    paintings = {painting["key"]: flat(GREEN) for painting in each["paintings"]}
    shown.add(each, flat(RED), flat(BLUE), paintings)


def published(folder, records):
    bucket = FolderBucket(folder)
    shown = Gallery(bucket, [])
    for each in records:
        paint(shown, bucket, each)
    shown.publish()
    return bucket


def keys(bucket):
    return {entry.key for entry in bucket.list()}


def data_of(text):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1], parse_constant=pytest.fail)


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def count(self, tag):
        return sum(name == tag for name, _ in self.found)


# --- the page as text -----------------------------------------------------------------------


def test_a_name_with_markup_is_only_a_name():
    each = record(HOSTILE, HOSTILE, note=HOSTILE, device=HOSTILE)
    tags = Tags(page([each, record("x.jpg", result=None, error=HOSTILE)], {}))
    assert tags.count("script") == 2
    assert "<script>alert(1)</script> \"b\" 'c' #?%&+\\n{{ 7*7 }}.jpg" in tags.text
    assert "49" not in tags.text


def test_an_address_is_encoded_by_its_parts():
    assert url("a b/ü#?%&+'\"<\n.jpg") == "./a%20b/%C3%BC%23%3F%25%26%2B%27%22%3C%0A.jpg"
    assert url("javascript:alert(1)") == "./javascript%3Aalert%281%29"
    assert url("/lead.jpg") == ".//lead.jpg"
    assert url(b"\xff.jpg".decode("utf-8", "surrogateescape")) == "./%FF.jpg"


@pytest.mark.parametrize("key", ["../x.jpg", "a/../x.jpg", "a/./x.jpg", "\ud800.jpg"])
def test_what_no_address_can_name_has_none(key):
    assert url(key) is None
    assert page([record(result=key)], {})


def test_a_pictures_key_holds_the_key_it_shows():
    assert picture_key("results", "monet/a b#.png") == "_gallery/results/monet/a b#.png.jpg"


@pytest.mark.parametrize(
    "key",
    ["/a.jpg", "a//b.jpg", "../a.jpg", ".hidden.jpg", "a\\b.jpg", "ü" * 490 + "x", "y/" * 500],
)
def test_a_key_that_could_not_be_a_file_is_hashed(tmp_path, key):
    made = picture_key("thumbs/paintings", key)
    assert re.fullmatch("_gallery/thumbs/paintings/[0-9a-f]{64}.jpg", made)
    FolderBucket(tmp_path).write(made, b"")


def test_previews_are_as_large_as_asked_and_never_enlarged():
    assert Image.open(io.BytesIO(preview(flat(RED, 300, 600), 200))).size == (200, 100)
    assert Image.open(io.BytesIO(preview(flat(RED, 30, 60), 200))).size == (60, 30)


def test_a_preview_of_a_large_picture_shows_it_in_floats_or_integers():
    waves = np.sin(np.linspace(0, 9, 1203 * 1801 * 3)).reshape(1203, 1801, 3) / 3 + 0.5
    levels = np.rint(255 * waves).astype(np.uint8)
    wanted = arrays.resize(waves, 134, 200)
    for given in (waves.astype(np.float32), levels):
        seen = Image.open(io.BytesIO(preview(given, 200)))
        assert seen.size == (200, 134)
        assert np.abs(np.asarray(seen) / 255 - wanted).mean() < 0.01


def test_thumbnails_of_busy_pictures_stay_small():
    noise = np.random.default_rng(0).random((600, 900, 3), np.float32)
    assert len(thumbnail(noise)) < 20_000
    assert max(Image.open(io.BytesIO(thumbnail(flat(RED, 600, 900)))).size) == thumbnails.THUMBNAIL


def test_the_data_tells_what_the_filter_and_the_details_need():
    blend = [{"key": "w/a.jpg", "share": 7, "etag": "1"}, {"key": "w/b.jpg", "share": 3}]
    text = page([record(), record("boat.jpg"), record(look="waves", paintings=blend)], {})
    data = data_of(text)
    assert data["looks"] == ["monet", "waves"]
    assert [(each["photo"], each["look"]) for each in data["results"]] == [
        *(("beach.jpg", 0), ("beach.jpg", 1), ("boat.jpg", 0))
    ]
    waves = data["results"][1]
    assert [(data["paintings"][n]["name"], share) for n, share in waves["paintings"]] == [
        *(("a.jpg", "70\xa0%"), ("b.jpg", "30\xa0%"))
    ]
    assert ["Time", "47 s"] in waves["facts"]
    assert ["Finished", "20 November 2026, 07:55 UTC"] in waves["facts"]
    assert ["content", "0.1235"] in waves["losses"]
    assert ["content weight", "0.02"] in data["settings"][waves["settings"]]


def test_photos_come_in_the_order_people_count():
    text = page([record(f"beach {n}.jpg") for n in (10, 9, 1)] + [record("Alps.jpg")], {})
    names = [each["photo"] for each in data_of(text)["results"]]
    assert names == ["Alps.jpg", "beach 1.jpg", "beach 9.jpg", "beach 10.jpg"]


ODD = (
    *(None, "", 7, -1.5, True, [], [None, 3, {}], {"key": 1}, {"a": {"b": []}}, "\ud800\u202e"),
    *(float("nan"), float("inf"), 10**400, -(10**400)),
)


@pytest.mark.parametrize("name", [*record(), "note", "error"])
def test_an_odd_field_does_not_break_the_page(name):
    for odd in ODD:
        text = page([record(), record("boat.jpg") | {name: odd}], {})
        text.encode()
        assert data_of(text)["results"]


@pytest.mark.parametrize("lone", [{}, {"result": "a"}, {"error": "no"}, None, "text", ["x"]])
def test_a_record_that_lacks_all_does_not_break_the_page(tmp_path, lone):
    assert page([lone, record()], {})
    Gallery(FolderBucket(tmp_path), [lone]).publish()


def test_a_bucket_without_results_has_a_page_that_says_so():
    assert "Nothing has been painted yet" in page([], {})


def test_what_could_not_be_painted_is_listed_with_its_reason(tmp_path):
    shown = Gallery(FolderBucket(tmp_path), [record()])
    shown.fail({"photo": "torn.jpg", "look": "monet", "error": "torn.jpg: is damaged"})
    shown.publish()
    text = Tags((tmp_path / "index.html").read_text()).text
    assert "Could not be painted" in text
    assert "torn.jpg in monet: is damaged" in text, "the photo is named once"


def test_a_photo_painted_after_all_is_no_longer_listed_as_failed(tmp_path):
    bucket = FolderBucket(tmp_path)
    shown = Gallery(bucket, [{"photo": "beach.jpg", "look": "monet", "error": "was torn"}])
    paint(shown, bucket, record())
    shown.publish()
    assert "was torn" not in (tmp_path / "index.html").read_text()


def test_only_the_pages_own_script_and_style_may_run():
    text = page([record()], {})
    for tag in ("script", "style"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text.replace("&#39;", "'")
    assert "unsafe" not in text and " style=" not in text and "onclick" not in text


# --- the bucket -----------------------------------------------------------------------------


def test_nothing_is_written_but_the_page_and_the_gallerys_own_keys(tmp_path):
    bucket = FolderBucket(tmp_path)
    shown = Gallery(bucket, [])
    shown.add(record(), flat(RED), flat(BLUE), {"monet.jpg": flat(GREEN)})
    shown.publish()
    pictures = ("results/monet/beach.jpg.jpg", "photos/beach.jpg.jpg", "paintings/monet.jpg.jpg")
    expected = {f"_gallery/{kind}{each}" for kind in ("", "thumbs/") for each in pictures}
    assert keys(bucket) == {"index.html", *expected}


def test_a_photo_and_a_painting_are_stored_once(tmp_path):
    class Counting(FolderBucket):
        def write(self, key, data, content_type=None):
            written.append(key)
            super().write(key, data, content_type)

    written = []
    shown = Gallery(Counting(tmp_path), [])
    for photo, look in (("a.jpg", "x"), ("a.jpg", "y"), ("b.jpg", "x")):
        shown.add(record(photo, look), flat(RED), flat(BLUE), {f"{look}.jpg": flat(GREEN)})
    assert len(written) == len(set(written)) == 2 * (3 + 2 + 2)
    changed = record("a.jpg", "x", photo_etag="another")
    shown.add(changed, flat(RED), flat(BLUE), {"x.jpg": flat(GREEN)})
    assert written.count("_gallery/photos/a.jpg.jpg") == 2
    assert written.count("_gallery/paintings/x.jpg.jpg") == 1


def test_a_later_run_shows_the_thumbnails_of_the_earlier_one(tmp_path):
    before = published(tmp_path, [record()]).read("index.html")
    (tmp_path / "index.html").unlink()
    Gallery(FolderBucket(tmp_path), [record()]).publish()
    assert (tmp_path / "index.html").read_bytes() == before


def test_a_missing_thumbnail_is_no_error(tmp_path):
    published(tmp_path, [record()])
    (tmp_path / picture_key("thumbs/results", "monet/beach.jpg")).unlink()
    Gallery(FolderBucket(tmp_path), [record()]).publish()
    text = (tmp_path / "index.html").read_text()
    assert text.count("no preview</span>") == 1
    assert text.count("data:image/jpeg") == 2


def test_somebody_elses_page_is_left_alone_and_told_of_once(tmp_path, caplog):
    theirs = "<!doctype html><title>My holidays</title>"
    (tmp_path / "index.html").write_text(theirs)
    shown = Gallery(FolderBucket(tmp_path), [record()])
    shown.publish()
    shown.publish()
    assert (tmp_path / "index.html").read_text() == theirs
    assert [each.levelname for each in caplog.records] == ["WARNING"]


def test_a_preview_that_cannot_be_stored_is_told_and_the_rest_goes_on(tmp_path, caplog):
    class Refusing(FolderBucket):
        def write(self, key, data, content_type=None):
            if "/photos/" in key:
                raise ObjectError("no place for it")
            super().write(key, data, content_type)

    shown = Gallery(Refusing(tmp_path), [])
    shown.add(record(), flat(RED), flat(BLUE), {})
    shown.publish()
    assert "no place for it" in caplog.text
    assert "_gallery/results/monet/beach.jpg.jpg" in keys(FolderBucket(tmp_path))


def test_a_bucket_that_is_gone_is_told_to_the_runner(tmp_path):
    class Gone(FolderBucket):
        def write(self, key, data, content_type=None):
            raise UnavailableError("gone")

    with pytest.raises(UnavailableError):
        Gallery(Gone(tmp_path), []).add(record(), flat(RED), flat(BLUE), {})


# --- in a browser ---------------------------------------------------------------------------

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


def test_the_page_works_without_errors_and_asks_nobody_else(viewer, address):
    viewer.look(address)
    viewer.until("[...document.images].every(i => !i.src || i.complete && i.naturalWidth)")
    assert viewer.requests() == {address}, "until a painting is opened, the page is all"
    viewer.open()
    viewer.large()
    asked = viewer.requests()
    assert len(asked) >= 2
    assert all(each.startswith(address.removesuffix("index.html")) for each in asked)
    assert viewer.errors() == []


def test_the_slider_follows_mouse_and_keyboard(viewer, address):
    from selenium.webdriver import ActionChains, Keys

    viewer.look(address).open()
    viewer.large()
    assert [viewer.colour("#stage", x) for x in (0.3, 0.7)] == ["red", "blue"]
    slider = viewer.one("#slider")
    width = slider.size["width"]
    drag = ActionChains(viewer.driver, duration=20).move_to_element(slider).click_and_hold()
    drag.move_by_offset(int(0.3 * width), 0).release().perform()
    viewer.until("Math.abs(slider.value - 80) < 3")
    assert [viewer.colour("#stage", x) for x in (0.3, 0.7, 0.9)] == ["red", "red", "blue"]
    slider.send_keys(Keys.HOME)
    assert [viewer.colour("#stage", x) for x in (0.1, 0.7)] == ["blue", "blue"]
    slider.send_keys(Keys.ARROW_RIGHT * 3)
    assert slider.get_property("value") == "3"
    assert slider.get_attribute("aria-valuetext").startswith("3 % photo")


def test_the_filter_leaves_one_look(viewer, web):
    viewer.look(web)
    cards = "[...document.querySelectorAll('.card')]"
    shown = f"{cards}.filter(c => c.offsetWidth).map(c => c.innerText.trim())"
    assert len(viewer.js(shown)) == 6
    viewer.all("input[name=look]")[2].click()
    assert viewer.js(shown) == ["ünï & co"] * 3
    assert viewer.one("#status").text == "3 paintings in the look ünï & co"
    assert viewer.one("#chosen").text == "ünï & co.jpg"
    viewer.open(1)
    assert viewer.one("#subtitle").text == "ünï & co"
    viewer.one("#next").click()
    assert viewer.one("#subtitle").text == "ünï & co", "the next of those that are shown"
    viewer.driver.back()
    viewer.until("!document.querySelector('dialog').open")
    viewer.all("input[name=look]")[0].click()
    assert len(viewer.js(shown)) == 6


def test_every_painting_can_be_downloaded_and_seen_whatever_its_name(viewer, address, folder):
    viewer.look(address).open()
    seen = []
    while True:
        viewer.large()
        link = viewer.one("#download")
        target = link.get_property("href")
        key = unquote(target.removeprefix(address.removesuffix("index.html")))
        seen.append(key)
        with urlopen(target) as got:
            assert got.read() == (folder / key).read_bytes()
        assert link.get_attribute("download") == key.rpartition("/")[2].replace("\n", "\\n")
        if not viewer.one("#next").is_enabled():
            break
        viewer.one("#next").click()
    looks = ("monet", "ünï & co")
    assert sorted(seen) == sorted(
        f"{look}/{name}" for look in looks for name in ("beach.jpg", HOSTILE, LONG)
    )
    if address.startswith("file"):
        assert Path(url2pathname(urlsplit(target).path)).is_file()
    assert viewer.errors() == []


def test_a_name_with_markup_is_shown_as_it_is(viewer, web):
    viewer.look(web)
    number = [each.text for each in viewer.all("main h2")].index(HOSTILE.replace("\n", "\\n"))
    viewer.open(2 * number)
    assert viewer.one("#title").text == HOSTILE.replace("\n", "\\n")
    assert viewer.errors() == []


def test_the_details_of_a_painting_are_told(viewer, web):
    viewer.look(web).open()
    viewer.one("#settings-of summary").click()
    told = viewer.one(".about").text
    for part in ("monet.jpg", "47 s", "96 × 64 px", "0.1235", "total variation", "content weight"):
        assert part in told


@pytest.mark.parametrize("selector", [None, "dialog"])
def test_a_phone_needs_no_sideways_scrolling(viewer, web, selector):
    from selenium.webdriver import Keys

    viewer.look(web, 390, 844)
    if selector:
        viewer.open(5)  # The name without a place to break.
        viewer.large()
        viewer.one("#slider").send_keys(Keys.END)
    wide = viewer.js(f"(document.querySelector('{selector or 'html'}')).scrollWidth")
    assert wide == viewer.js("innerWidth") == 390
    small = viewer.js(
        "[...document.querySelectorAll('button, .button, .card a, .chip')]"
        ".filter(e => e.offsetWidth && (e.offsetWidth < 44 || e.offsetHeight < 44)).length"
    )
    assert small == 0, "a finger needs 44 px"


def test_a_presigned_page_alone_still_shows_every_picture(viewer, presigned):
    viewer.look(presigned)
    viewer.until("[...document.images].every(i => !i.src || i.complete && i.naturalWidth)")
    assert len(viewer.js("[...document.querySelectorAll('main img')].map(i => i.src)")) == 9
    viewer.open()
    viewer.until("limited.textContent")
    assert [viewer.colour("#stage", x) for x in (0.3, 0.7)] == ["red", "blue"]
    assert viewer.js("before.naturalWidth && after.naturalWidth") == 96
    assert viewer.js("[...document.querySelectorAll('#paintings img')].map(i => i.naturalWidth)")
    assert all("403" in each for each in viewer.errors())


def test_the_keyboard_alone_opens_compares_and_closes(viewer, web):
    from selenium.webdriver import ActionChains, Keys

    viewer.look(web)
    press = lambda *keys: ActionChains(viewer.driver, duration=0).send_keys(*keys).perform()  # noqa: E731
    press(Keys.TAB)
    assert viewer.js("document.activeElement.name") == "look"
    press(Keys.TAB)
    assert viewer.js("document.activeElement.closest('.card') !== null")
    assert viewer.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(Keys.ENTER)
    viewer.until("document.activeElement.id === 'slider'")
    press(Keys.ESCAPE)
    viewer.until("!document.querySelector('dialog').open")
    viewer.until("document.activeElement.closest('.card') !== null")
    assert viewer.errors() == []


def test_a_link_leads_to_one_painting_and_closing_it_to_the_gallery(viewer, web):
    viewer.look(f"{web}#monet/beach.jpg")
    viewer.until("document.querySelector('dialog').open")
    assert viewer.one("#title").text == "beach.jpg"
    viewer.one("#close").click()
    viewer.until("!document.querySelector('dialog').open")
    assert viewer.driver.current_url.startswith(web)


def test_everything_that_can_be_used_has_a_name_for_screen_readers(viewer, web):
    viewer.look(web).open()
    tree = viewer.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {"button", "link", "slider", "radio", "image", "dialog"}
    nodes = [each for each in tree if each.get("role", {}).get("value") in roles]
    assert {"button", "link", "slider", "image", "dialog"} <= {e["role"]["value"] for e in nodes}
    nameless = [e for e in nodes if not e.get("ignored") and not e.get("name", {}).get("value")]
    assert nameless == []


def test_the_page_is_dark_where_that_is_preferred(viewer, web):
    grounds = []
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        viewer.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        viewer.look(web)
        grounds.append(viewer.js("getComputedStyle(document.body).backgroundColor"))
    viewer.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    light, dark = (sum(map(int, re.findall(r"\d+", each))) for each in grounds)
    assert light > 700 and dark < 100
