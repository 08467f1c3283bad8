"""The gallery in a browser."""

import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote
from urllib.request import urlopen

import pytest
from PIL import Image
from selenium.webdriver import Keys
from support.gallery import HOSTILE, LONG, published, record
from support.serving import serving

from painterly.gallery import gallery, page

pytestmark = pytest.mark.slow  # A browser starts.

STYLES = ("monet", "ünï & co")


ROWS = """() => {
  const rows = new Map(), wall = pictures.getBoundingClientRect();
  for (const each of document.querySelectorAll("figure")) {
    const box = each.getBoundingClientRect(), at = Math.round(box.bottom);
    rows.set(at, [...(rows.get(at) || []), box]);
  }
  return [...rows.values()].map((row) => ({
    isWhole: Math.abs(row[0].left - wall.left) < 2 && Math.abs(row.at(-1).right - wall.right) < 3,
    isEven: row.every(({ height }) => Math.abs(height - row[0].height) < 1),
  }));
}"""


@pytest.mark.parametrize("scheme", ["file", pytest.param("http", marks=pytest.mark.story)])
def test_all_results_are_seen_and_downloaded_whatever_their_names_and_nobody_else_is_asked(
    viewer, gallery_address, folder, scheme
):
    address = gallery_address if scheme == "http" else (folder / "index.html").as_uri()
    origin, seen = address.removesuffix("index.html"), []
    viewer.look(address)
    viewer.until("[...document.images].every(i => !i.src || i.complete && i.naturalWidth)")
    viewer.open()
    for number in range(6):
        if number:
            viewer.one("#next").click()
        viewer.large()
        link = viewer.one("#download")
        target = link.get_property("href")
        key = unquote(target.removeprefix(origin))
        seen.append(key)
        with urlopen(target) as got:
            assert got.read() == (folder / key).read_bytes()
        name = key.partition("/")[2].replace("\n", "\\n")
        assert viewer.one("#where").text == f"{name.removesuffix('.jpg')} · {number + 1} of 6"
        assert link.get_attribute("download") == name.rpartition("/")[2]
    assert not viewer.js("next.checkVisibility({ visibilityProperty: true })")
    assert sorted(seen) == sorted(
        f"{style}/{name}" for style in STYLES for name in ("beach.jpg", HOSTILE, LONG)
    )
    asked = viewer.requests()
    assert len(asked) >= (2 if scheme == "http" else 1), "a browser notes no other files"
    assert all(each.startswith(origin) for each in asked)
    assert viewer.errors() == []


def test_rows_are_as_wide_as_the_wall_and_days_stand_over_their_first_picture(viewer, tmp_path):
    now = datetime.now(UTC)
    sizes = [(64, 96), (96, 64), (64, 64), (40, 120)]
    records = [
        record(
            f"{n}.jpg",
            height=sizes[n % 4][0],
            width=sizes[n % 4][1],
            finished=(now - timedelta(days=n // 5)).isoformat(),
        )
        for n in range(20)
    ]
    published(tmp_path, [*records, record("torn.jpg", finished="?")])
    viewer.look((tmp_path / "index.html").as_uri())
    for width in (1440, 820, 390):
        viewer.resize(width, 900)
        viewer.until(f"({ROWS})().slice(0, -1).every((row) => row.isWhole && row.isEven)")
        assert len(viewer.js(f"({ROWS})()")) > 3
    heads = viewer.js("[...document.querySelectorAll('.day h2')].map(e => e.textContent)")
    assert heads[:2] == ["Today", "Yesterday"] and len(heads) == 4
    assert len(viewer.all(".today")) == 1


def test_the_line_waits_at_the_edge_and_is_moved_by_key_and_mouse(viewer, gallery_address):
    viewer.look(gallery_address).open()
    viewer.large()
    seen = lambda: [viewer.colour("#sight", x) for x in (0.25, 0.75)]  # noqa: E731
    assert seen() == ["blue", "blue"], "the picture fills the window"
    viewer.press("c")
    assert seen() == ["red", "blue"] and viewer.one("#right").text == "Monet"
    width = viewer.js("sight.getBoundingClientRect().width")
    drag = viewer.point(viewer.one("#handle"), 20).click_and_hold()
    drag.move_by_offset(int(0.3 * width), 0).release().perform()
    viewer.until("Math.abs(slider.value - 80) < 3")
    assert seen() == ["red", "red"]
    viewer.driver.execute_script("slider.value = 20; slider.focus();")
    viewer.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert viewer.js("slider.value") == "30"
    assert viewer.js("slider.getAttribute('aria-valuetext')").startswith("30% Photo")
    assert "1 of 6" in viewer.one("#where").text, "the arrows turned no page"
    viewer.press("c")
    assert seen() == ["blue", "blue"]


def test_two_paintings_of_one_photo_are_compared(viewer, gallery_address):
    from selenium.webdriver.support.select import Select

    viewer.look(f"{gallery_address}#monet/beach.jpg")
    viewer.until("document.querySelector('dialog').open")
    viewer.large()
    assert len(viewer.all("#others img")) == 2
    viewer.press("c")
    Select(viewer.one("#against")).select_by_visible_text("Ünï & co")
    viewer.until("before.src.includes('%C3%BCn%C3%AF%20%26%20co/beach.jpg')")
    assert viewer.one("#title").text == "After “Monet”"
    viewer.all("#others button")[1].click()
    assert viewer.one("#title").text == "After “Ünï & co”"
    assert viewer.js("slider.value") == "0"
    viewer.click("#close", "!document.querySelector('dialog').open")
    assert viewer.errors() == []


def test_the_facts_tell_how_it_was_painted_and_a_command_paints_it_again(viewer, gallery_address):
    permissions = {
        "origin": gallery_address.removesuffix("/index.html"),
        "permissions": ["clipboardReadWrite"],
    }
    viewer.driver.execute_cdp_cmd("Browser.grantPermissions", permissions)
    viewer.look(f"{gallery_address}#monet/beach.jpg")
    viewer.until("document.querySelector('dialog').open")
    viewer.press("i")
    facts = viewer.one("#facts").text
    for part in ("monet.jpg", "47 s", "96 × 64 px", "1 × 1 cm at 300 dpi", "60%", "beach.jpg"):
        assert part in facts
    viewer.click("#command", "copied.textContent")
    assert viewer.one("#copied").text == "Copied. Paste it into a terminal."
    text = viewer.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert text == (
        "painterly beach.jpg monet.jpg beach-monet.jpg --preset draft --size 96 --preserve_color"
    )
    viewer.press(Keys.ESCAPE)
    assert not viewer.one("#facts").is_displayed()
    assert viewer.js("document.querySelector('dialog').open"), "Esc closes the facts first"


def test_the_command_of_a_clip_writes_a_clip_and_names_an_upload_as_its_user_did(viewer, tmp_path):
    painting = {"key": "_web/0123456789ab-my painting.jpg", "share": 1.0, "etag": "1"}
    given = {"size": 96, "preserve_color": True, "deterministic": False}
    published(tmp_path, [record("walk.mp4", "mine", paintings=[painting], given=given)])
    viewer.look(f"{(tmp_path / 'index.html').as_uri()}#mine/walk.mp4")
    viewer.until("document.querySelector('dialog').open")
    viewer.press("i")
    viewer.click("#command", "copied.textContent")
    line = viewer.js("document.querySelector('#command-text').value")
    flags = "--size 96 --preserve_color"
    assert line == f"painterly walk.mp4 'my painting.jpg' walk-mine.mp4 {flags}"


def test_paper_has_the_picture_in_full_screen_alone_or_else_the_wall(viewer, gallery_address):
    viewer.look(gallery_address)
    viewer.until("[...document.images].every(i => !i.src || i.complete && i.naturalWidth)")
    _, pictures = viewer.printed()
    assert pictures > 1
    viewer.open()
    viewer.large()
    assert viewer.printed() == (1, 1)


def test_a_chip_leaves_one_master_and_the_address_keeps_it(viewer, gallery_address):
    viewer.look(gallery_address)
    assert len(viewer.hung()) == 6 and viewer.one("#status").text == "6 pictures"
    viewer.one(".chips [data-style='ünï & co']").click()
    assert viewer.hung() == ["After “Ünï & co”"] * 3
    assert viewer.one("#status").text == "3 pictures"
    assert viewer.one(".chips [aria-current]").text.startswith("Ünï & co")
    viewer.open(1)
    assert viewer.one("#where").text.endswith("2 of 3"), "of those that hang"
    viewer.driver.back()
    viewer.until("!document.querySelector('dialog').open")
    viewer.driver.refresh()
    viewer.until("document.querySelectorAll('.card').length === 3")
    viewer.driver.back()
    viewer.until("document.querySelectorAll('.card').length === 6")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Photos of articles. Two could not be painted, and another one not in all styles."""
    path = tmp_path_factory.mktemp("shop")
    records = [
        record(f"{folder}/SKU-{n:03}.jpg", style, finished=f"2026-01-{1 + n % 28:02}T00:00:00Z")
        for n in range(1, 21)
        for folder, style in (("été", "monet"), ("winter", "munch"))
    ]
    failed = [
        record(name, style, result=None, error=f"{name}: is torn")
        for name in ("été/SKU-099.jpg", "torn.jpg")
        for style in ("monet", "munch", "klimt", "hokusai")
    ]
    alone = record("winter/SKU-001.jpg", "klimt", result=None, error="needs 9 GB of memory")
    published(path, [*records, *failed, alone])
    return (path / "index.html").as_uri()


def test_a_shop_finds_an_article_by_its_name_and_its_address_names_the_search(viewer, shop):
    viewer.look(shop)
    assert viewer.names()[0] == "été/SKU-020" and len(viewer.names()) == 40
    viewer.find("sku 017")
    assert viewer.names() == ["été/SKU-017", "winter/SKU-017"]
    assert viewer.one("#status").text == "2 pictures"
    viewer.find("ETE 017")
    viewer.until("document.querySelectorAll('.card').length === 1")
    viewer.open()
    assert viewer.one("#where").text == "été/SKU-017 · 1 of 1"
    viewer.press(Keys.ESCAPE)
    viewer.until("decodeURIComponent(location.hash).includes('find=ETE+017')")
    viewer.driver.refresh()
    viewer.until("document.querySelector('#find').value === 'ETE 017'")
    assert viewer.names() == ["été/SKU-017"]
    viewer.find("nothing")
    assert viewer.one("#none").text == "No picture has this name."
    viewer.find("munch 003")
    assert viewer.names() == ["winter/SKU-003"]


def test_pictures_hang_by_time_under_their_days_or_by_name(viewer, shop):
    from selenium.webdriver.support.select import Select

    viewer.look(shop)
    assert viewer.all(".day h2")
    Select(viewer.one("#by")).select_by_visible_text("By name")
    places = ("été", "winter")
    assert viewer.names() == [f"{place}/SKU-{n:03}" for place in places for n in range(1, 21)]
    assert not viewer.all(".day h2")
    viewer.driver.refresh()
    viewer.until("document.querySelector('#by').value === 'name'")
    viewer.driver.back()
    viewer.until("document.querySelector('#by').value === ''")
    assert viewer.names()[0] == "été/SKU-020"


def test_photos_that_failed_are_named_on_top_and_found(viewer, shop):
    viewer.look(shop)
    failed = viewer.one("#failed")
    assert failed.text.startswith("3 photos could not be painted")
    assert failed.rect["y"] < viewer.one("#pictures").rect["y"]
    lines = [each.text for each in viewer.all("#failed li")]
    assert lines == [
        "été/SKU-099.jpg · Hokusai, Klimt, Monet + 1 · is torn",
        "torn.jpg · Hokusai, Klimt, Monet + 1 · is torn",
        "winter/SKU-001.jpg · Klimt · needs 9 GB of memory",
    ]
    viewer.until("document.querySelector('#failed img').naturalWidth")
    assert len(viewer.all("#failed img")) == 1, "a photo that another style was painted of"
    viewer.find("099")
    assert [each.text.split()[0] for each in viewer.all("#failed li") if each.text] == [
        "été/SKU-099.jpg"
    ]
    viewer.find("017")
    assert not failed.is_displayed()


def test_a_page_with_a_search_and_failures_suits_everybody(viewer, shop):
    viewer.look(shop)
    assert viewer.violations() == set()
    for width in (320, 390, 1440):
        viewer.resize(width, 800)
        assert viewer.js("document.documentElement.scrollWidth <= innerWidth")
    viewer.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    viewer.look(shop)
    said = viewer.one("main").text
    assert "3 photos could not be painted" in said and "SKU-017.jpg" in said
    assert not viewer.one("#find").is_displayed()


def test_the_page_of_a_run_under_way_says_so_and_loads_itself_unless_it_is_used(
    viewer, tmp_path, monkeypatch
):
    monkeypatch.setattr(page, "RELOAD_S", 0.5)
    records = [record(f"{n}.jpg") for n in range(3)]
    bucket = published(tmp_path, records[:1])
    thumbnails = gallery.Gallery(bucket).thumbnails(records)

    def write(count):
        text = page.render_page(records[:count], thumbnails, unfinished=count < 3)
        bucket.write("index.html", text.encode())

    write(0)
    viewer.look((tmp_path / "index.html").as_uri())
    said = viewer.one(".bare").text
    assert said == "The first picture is on its way\nThis page updates itself."
    write(1)
    viewer.until("document.querySelectorAll('.card').length === 1")
    assert "More pictures are on their way. This page updates itself." in viewer.one("main").text
    viewer.js("document.querySelector('#find').focus()")  # It does not load itself any more.
    viewer.find("jpg")
    write(2)
    viewer.driver.execute_script("window.isOld = true")
    until_later = "performance.now() > {}".format(viewer.js("performance.now() + 1500"))
    viewer.until(until_later)
    assert viewer.js("window.isOld"), "somebody is searching"
    viewer.driver.execute_script("document.activeElement.blur()")
    viewer.until("document.querySelectorAll('.card').length === 2")
    assert viewer.js("document.querySelector('#find').value") == "jpg"
    write(3)
    viewer.until("!document.querySelector('#unfinished')")


def test_stars_stay_in_this_browser_and_are_a_filter(viewer, gallery_address):
    viewer.look(gallery_address)
    viewer.one(".chips [data-style='☆']").click()
    assert viewer.hung() == [] and viewer.one("#none").is_displayed()
    viewer.one(".chips [data-style='']").click()
    viewer.js("document.querySelectorAll('.card a')[1].focus()")
    viewer.press("s")
    assert viewer.one("#said").get_property("textContent") == "Added to the favourites."
    viewer.open(2)
    viewer.press("s")
    assert viewer.one("#star").get_attribute("aria-pressed") == "true"
    viewer.press(Keys.ESCAPE)
    viewer.driver.refresh()
    viewer.one(".chips [data-style='☆']").click()
    assert len(viewer.hung()) == 2
    viewer.js("localStorage.clear()")


def test_a_zoomed_picture_is_loaded_in_full_and_can_be_moved(viewer, gallery_address):
    viewer.look(f"{gallery_address}#monet/beach.jpg")
    viewer.until("document.querySelector('dialog').open")
    viewer.large()
    stage = viewer.one("#stage")
    viewer.point(stage).double_click().perform()
    viewer.until("after.src.includes('/monet/beach.jpg') && !after.src.includes('_gallery')")
    before = viewer.js("sight.getBoundingClientRect().left")
    viewer.point(stage, 20).click_and_hold().move_by_offset(60, 10).release().perform()
    assert viewer.js("sight.getBoundingClientRect().left") - before == pytest.approx(60, abs=2)
    for _ in range(5):
        drag = viewer.point(stage, 20).click_and_hold()
        drag.move_by_offset(400, 300).release().perform()
    assert viewer.js("sight.getBoundingClientRect().left") <= 1, "no edge leaves the window's"
    viewer.press("0")
    inside = "(r => [r.width <= innerWidth + 1, r.height <= innerHeight + 1])"
    assert viewer.js(f"{inside}(sight.getBoundingClientRect())") == [True, True]


def swipe(viewer, right, down=0):
    viewer.touch("touchStart", (200, 300))
    for part in (0.3, 0.7, 1):
        viewer.touch("touchMove", (200 + part * right, 300 + part * down))
    viewer.touch("touchEnd")


def test_fingers_turn_zoom_hide_and_close(viewer, gallery_address):
    viewer.look(gallery_address, 390, 844).open()
    assert viewer.one("#where").text.endswith("1 of 6")
    swipe(viewer, -120)
    viewer.until("where.textContent.endsWith('2 of 6')")
    swipe(viewer, 120)
    viewer.until("where.textContent.endsWith('1 of 6')")
    viewer.touch("touchStart", (200, 300))
    viewer.touch("touchEnd")
    viewer.until("one.classList.contains('idle')")
    viewer.touch("touchStart", (200, 300))
    viewer.touch("touchEnd")
    viewer.until("!one.classList.contains('idle')")
    viewer.touch("touchStart", (150, 400))
    viewer.touch("touchStart", (150, 400), (250, 400))
    for apart in range(5, 60, 5):
        viewer.touch("touchMove", (150 - apart, 400), (250 + apart, 400))
    viewer.touch("touchEnd")
    viewer.until("stage.classList.contains('zoomed')")
    viewer.press("0")
    swipe(viewer, 0, 150)
    viewer.until("!document.querySelector('dialog').open")


COUNT_CHANGES_OF_ADDRESS = """
window.changes = 0;
const real = history.replaceState.bind(history);
history.replaceState = (...how) => { window.changes += 1; real(...how); };
"""
HOLD = """
for (const key of arguments) {
  const how = { key, bubbles: true, cancelable: true, repeat: true };
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", how));
}
"""


def test_a_key_held_down_goes_on_and_the_address_follows(viewer, gallery_address):
    viewer.look(gallery_address).open()
    first = viewer.js("location.hash")
    viewer.driver.execute_script(COUNT_CHANGES_OF_ADDRESS)
    viewer.driver.execute_script(HOLD, *["ArrowRight", "ArrowLeft"] * 20, "ArrowRight")
    assert viewer.one("#where").text.endswith("2 of 6"), "the pictures follow at once"
    viewer.until(f"location.hash !== {first!r}")
    assert viewer.js("changes") < 20, "Safari refuses a hundred in ten seconds"
    viewer.driver.execute_script(HOLD, "ArrowLeft")
    viewer.driver.back()
    viewer.until("!document.querySelector('dialog').open && !location.hash")


def test_a_presigned_page_alone_still_shows_every_picture(viewer, gallery_address, folder):
    (folder / "alone").mkdir()
    shutil.copy(folder / "index.html", folder / "alone")
    viewer.look(f"{gallery_address.replace('/index', '/alone/index')}?X-Amz-Signature=abc")
    viewer.until("document.querySelectorAll('main .card img').length === 6")
    viewer.until("[...document.images].every(i => !i.src || i.complete && i.naturalWidth)")
    viewer.open()
    viewer.until("limited.textContent")
    viewer.press("c")
    assert [viewer.colour("#sight", x) for x in (0.25, 0.75)] == ["red", "blue"]
    assert viewer.js("before.naturalWidth && after.naturalWidth") == 96
    assert viewer.js("[...document.querySelectorAll('#paintings img')].map(i => i.naturalWidth)")
    assert all("404" in each for each in viewer.errors())


def test_the_keyboard_alone_walks_opens_compares_and_closes(viewer, gallery_address):
    viewer.look(gallery_address)
    viewer.js("document.querySelector('.card a').focus()")
    at = "[...document.querySelectorAll('.card a')].indexOf(document.activeElement)"
    viewer.press(Keys.ARROW_RIGHT)
    assert viewer.js(at) == 1
    viewer.resize(390, 844)
    tops = viewer.js(
        "[...document.querySelectorAll('.card a')].map(e => e.getBoundingClientRect().top)"
    )
    viewer.press(Keys.ARROW_DOWN)
    assert tops[viewer.js(at)] > tops[1]
    viewer.press(Keys.ARROW_UP, Keys.ENTER)
    viewer.until("document.activeElement.id === 'stage'")
    shown, seen = viewer.one("#where").text, []
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_LEFT, "+", "+", "0"):
        viewer.press(key)
        zoomed = viewer.js("stage.style.getPropertyValue('--zoom')")
        seen.append((viewer.one("#where").text == shown, float(zoomed)))
    assert seen == [(False, 1), (True, 1), (True, 1.5), (True, 2.25), (True, 1)]
    behind = "getComputedStyle(document.documentElement).overflowY"
    assert viewer.js(behind) == "hidden", "a wheel does not scroll the page behind"
    viewer.press(Keys.ESCAPE)
    viewer.until("!document.querySelector('dialog').open")
    viewer.until("document.activeElement.closest('.card') !== null")
    assert viewer.js(behind) == "visible"
    assert viewer.errors() == []


def test_controls_fade_unless_the_keyboards_focus_is_on_them(viewer, gallery_address):
    viewer.look(gallery_address).open()
    viewer.until("one.classList.contains('idle')")
    viewer.press(Keys.TAB)
    assert not viewer.js("one.classList.contains('idle')")
    assert viewer.js("getComputedStyle(document.querySelector('.scrim')).opacity") == "1"
    viewer.js("stage.focus()")
    viewer.until("one.classList.contains('idle')")


def test_a_picture_that_cannot_be_loaded_keeps_its_name_for_screen_readers(viewer, gallery_address):
    viewer.look(gallery_address)
    viewer.js(
        "(i => { i.removeAttribute('srcset'); i.src = 'missing.jpg'; })"
        "(document.querySelector('.card img'))"
    )
    viewer.until("document.querySelector('.card .blank')")
    assert viewer.js("document.querySelector('.card .blank').ariaLabel").startswith("After “")


@pytest.mark.parametrize("embedded", [True, False])
def test_after_an_outage_a_picture_is_shown_in_full_width(viewer, tmp_path, monkeypatch, embedded):
    if not embedded:
        monkeypatch.setattr(gallery, "EMBEDDED_BYTES", 0)
    published(tmp_path, [record()])
    refused = []

    class Away(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            if "/_gallery/" in self.path and len(refused) < 3:
                refused.append(self.path)
                self.send_error(503)
            else:
                super().do_GET()

    with serving(ThreadingHTTPServer(("", 0), partial(Away, directory=tmp_path))) as server:
        viewer.look(f"http://127.0.0.1:{server.server_port}/index.html")
        viewer.until(
            "document.querySelector('.card img[src]')?.naturalWidth"
            " && document.querySelector('.card img').currentSrc.includes('_gallery/results')"
        )
    assert len(refused) == 3 == len(viewer.errors())


def test_a_gallery_of_many_pictures_hangs_them_by_pages(viewer, tmp_path):
    published(tmp_path, [record(f"{n:03}.jpg") for n in range(3)])
    page = (tmp_path / "index.html").read_text().replace('data-most="300"', 'data-most="2"')
    (tmp_path / "two.html").write_text(page)
    viewer.look((tmp_path / "two.html").as_uri())
    assert len(viewer.hung()) == 2 and not viewer.one("#newer").is_displayed()
    viewer.click("#older", "document.querySelectorAll('.card').length === 1")
    assert not viewer.one("#older").is_displayed()
    viewer.open()
    assert viewer.one("#where").text.endswith("3 of 3")
    viewer.press(Keys.ARROW_LEFT)
    assert viewer.one("#where").text.endswith("2 of 3"), "that hangs on the page before"
    viewer.press(Keys.ESCAPE)
    viewer.click("#newer", "document.querySelectorAll('.card').length === 2")


def test_a_time_lapse_plays_when_it_is_opened_so_that_nothing_moves_unasked(viewer, tmp_path):
    film = {"key": "monet/a film é.timelapse.webp", "etag": "e"}
    published(tmp_path, [record("a.jpg", timelapse=film), record("b.jpg")])
    first, *others = (Image.new("RGB", (60, 40), colour) for colour in ("red", "green", "blue"))
    first.save(tmp_path / film["key"], save_all=True, append_images=others, duration=40, loop=0)
    viewer.look(f"{(tmp_path / 'index.html').as_uri()}#monet/a.jpg")
    viewer.press("i")
    summary = viewer.one("#film summary")
    assert summary.is_displayed() and summary.text == "Time-lapse"
    assert viewer.js("timelapse.naturalWidth") == 0, "not even loaded"
    summary.click()
    viewer.until("timelapse.naturalWidth === 60")
    assert viewer.one("#timelapse").is_displayed()
    viewer.js("document.querySelector('#next').click()")
    viewer.until("where.textContent.startsWith('b ')")
    assert not summary.is_displayed()
    assert viewer.errors() == []


def test_the_page_speaks_the_readers_language_and_remembers_another(viewer, gallery_address):
    viewer.speak("fr-CH,fr,en")
    viewer.look(f"{gallery_address}#monet/beach.jpg")
    viewer.until("document.querySelector('dialog').open")
    assert viewer.js("[document.title, document.documentElement.lang]") == ["Galerie", "fr"]
    viewer.press("c", "i")
    facts = viewer.one("#facts").text
    assert (
        "20 novembre 2026" in facts
        and "le réseau intégré" in facts
        and "Durée\n47 s" in facts
        and "Supprimer" not in facts
    )
    said = viewer.one("#slider").get_attribute("aria-valuetext")
    assert said.replace("\u202f", "\xa0").startswith("50\xa0% Photo à gauche")
    assert viewer.english("gallery") == set()
    viewer.press(Keys.ESCAPE, Keys.ESCAPE)
    viewer.until("!document.querySelector('dialog').open")
    viewer.choose_language("Deutsch")
    assert viewer.js("document.documentElement.lang") == "de"
    assert viewer.one("#status").text == "6 Bilder"
    assert viewer.english("gallery") == set()
    viewer.look(gallery_address)
    assert viewer.js("document.documentElement.lang") == "de", "it is remembered"
    assert viewer.errors() == []
    viewer.js("localStorage.clear()")
    viewer.speak("pt-BR,pt")
    viewer.look(gallery_address)
    assert viewer.one("#status").text == "6 pictures"


def test_without_scripts_the_pictures_are_links_in_english(viewer, gallery_address):
    viewer.speak("fr")
    viewer.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    viewer.look(gallery_address)
    text = viewer.one("main").text
    links = [each.get_attribute("href") for each in viewer.all(".plain a")]
    viewer.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "Gallery" in text and "This page needs JavaScript" in text
    assert (
        len(links) == 6 and f"{gallery_address.removesuffix('index.html')}monet/beach.jpg" in links
    )
