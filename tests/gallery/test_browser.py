"""The gallery in a browser."""

import shutil
from urllib.parse import unquote
from urllib.request import urlopen

import pytest
from PIL import Image
from support.gallery import HOSTILE, LONG, published, record

pytestmark = [pytest.mark.group("chromium"), pytest.mark.slow]  # A browser starts.


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_all_results_are_seen_and_downloaded_whatever_their_names_and_nobody_else_is_asked(
    viewer, web, folder, scheme
):
    address = web if scheme == "http" else (folder / "index.html").as_uri()
    viewer.look(address)
    viewer.until("[...document.images].every(i => !i.src || i.complete && i.naturalWidth)")
    assert viewer.requests() == {address}, "until a painting is opened, the page is all"
    viewer.open()
    viewer.large()
    origin, seen = address.removesuffix("index.html"), []
    order = ("#style-after", "#next", "#style-before", "#next", "#style-after")
    for button in (None, *order):
        if button:
            viewer.one(button).click()
        viewer.large()
        link = viewer.one("#download")
        target = link.get_property("href")
        key = unquote(target.removeprefix(origin))
        seen.append(key)
        with urlopen(target) as got:
            assert got.read() == (folder / key).read_bytes()
        name = key.partition("/")[2].replace("\n", "\\n")
        assert viewer.one("#title").text == name
        assert link.get_attribute("download") == name.rpartition("/")[2]
    assert not viewer.one("#next").is_enabled()
    styles = ("monet", "ünï & co")
    assert sorted(seen) == sorted(
        f"{style}/{name}" for style in styles for name in ("beach.jpg", HOSTILE, LONG)
    )
    asked = viewer.requests()
    assert len(asked) >= 2 and all(each.startswith(origin) for each in asked)
    assert viewer.errors() == []


def test_an_open_result_has_a_slider_its_details_and_its_settings(viewer, web):
    from selenium.webdriver import ActionChains, Keys

    permissions = {
        "origin": web.removesuffix("/index.html"),
        "permissions": ["clipboardReadWrite"],
    }
    viewer.driver.execute_cdp_cmd("Browser.grantPermissions", permissions)
    viewer.look(web).open()
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
    assert slider.get_attribute("aria-valuetext").startswith("3% photo")
    viewer.one("#settings-of summary").click()
    about = viewer.one(".about").text
    for part in ("monet.jpg", "47 s", "96 × 64 px", "CPU", "content weight"):
        assert part in about
    viewer.one("#use").click()
    viewer.until("copied.textContent")
    assert viewer.one("#copied").text == "Copied. Paste them into styles.toml."
    text = viewer.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert text.startswith('[monet]\npaintings = ["monet.jpg"]\nsize = 96\ncontent_weight = 0.02\n')
    # In Safari a click on a button leaves the focus nowhere; the keys work nevertheless.
    viewer.js("document.activeElement.blur()")
    assert viewer.js("document.activeElement === document.body")
    ActionChains(viewer.driver, duration=0).send_keys(Keys.ARROW_DOWN).perform()
    assert viewer.one("#subtitle").text == "Ünï & co"


def test_the_filter_leaves_one_style_and_the_address_keeps_it(viewer, web):
    from selenium.webdriver.support.select import Select

    viewer.look(web)
    cards = "[...document.querySelectorAll('.card')]"
    shown = f"{cards}.filter(c => c.offsetWidth).map(c => c.innerText.trim())"
    assert len(viewer.js(shown)) == 6
    viewer.all("input[name=style]")[2].click()
    assert viewer.js(shown) == ["Ünï & co"] * 3
    assert viewer.one("#status").text == "3 results in the style Ünï & co"
    assert viewer.one("#chosen").text == "ünï & co.jpg"
    viewer.open(1)
    assert viewer.one("#subtitle").text == "Ünï & co"
    viewer.one("#next").click()
    assert viewer.one("#subtitle").text == "Ünï & co", "the next of those that are shown"
    viewer.driver.back()
    viewer.until("!document.querySelector('dialog').open")
    viewer.all("input[name=style]")[0].click()
    assert len(viewer.js(shown)) == 6
    viewer.all("input[name=style]")[1].click()
    Select(viewer.one("#sort")).select_by_value("newest")
    assert viewer.driver.current_url.endswith("#?style=monet&sort=newest")
    viewer.driver.refresh()
    viewer.until("document.querySelector('#status').textContent")
    assert viewer.one("#status").text == "3 results in the style Monet"
    viewer.driver.back()
    viewer.until("document.querySelector('#sort').value === 'name'")
    viewer.driver.back()
    viewer.until("document.querySelector('#status').textContent === ''")


def test_two_styles_are_compared_and_the_address_says_so(viewer, web):
    viewer.look(f"{web}#monet/beach.jpg?with=%C3%BCn%C3%AF+%26+co&view=side")
    viewer.until("document.querySelector('dialog').open")
    viewer.large()
    assert viewer.js("before.src").endswith("results/%C3%BCn%C3%AF%20%26%20co/beach.jpg.jpg")
    assert viewer.js("left.textContent") == "Ünï & co"
    panes = viewer.js("[before, after].map(i => Math.round(i.getBoundingClientRect().left))")
    assert panes[1] - panes[0] >= viewer.js("before.width")
    viewer.one("#views .chip").click()
    assert viewer.driver.current_url.endswith("?with=%C3%BCn%C3%AF+%26+co")
    assert viewer.one("#slider").is_displayed()
    assert viewer.one("#title").text == "beach.jpg"
    viewer.one("#close").click()
    viewer.until("!document.querySelector('dialog').open")
    assert viewer.driver.current_url.startswith(web)
    assert viewer.errors() == []


def test_a_zoomed_picture_is_loaded_in_full_and_can_be_moved(viewer, web):
    from selenium.webdriver import ActionChains

    viewer.look(f"{web}#monet/beach.jpg?view=painting")
    viewer.until("document.querySelector('dialog').open")
    viewer.large()
    stage = viewer.one("#stage")
    ActionChains(viewer.driver, duration=0).double_click(stage).perform()
    viewer.until("after.src.includes('/monet/beach.jpg') && !after.src.includes('_gallery')")
    before = viewer.js("after.getBoundingClientRect().left")
    drag = ActionChains(viewer.driver, duration=20).move_to_element(stage).click_and_hold()
    drag.move_by_offset(60, 10).release().perform()
    assert viewer.js("after.getBoundingClientRect().left") - before == pytest.approx(60, abs=2)
    viewer.one("#fit").click()
    assert viewer.js("after.getBoundingClientRect().left") == viewer.js(
        "stage.getBoundingClientRect().left"
    )
    assert viewer.js("document.activeElement.id") == "stage", "not lost with the button"


def slide(viewer, kind, across):
    """A finger on the slider, as browsers tell it that do not move the slider by themselves."""
    viewer.driver.execute_script(
        "const { left, top, width } = slider.getBoundingClientRect();"
        "slider.dispatchEvent(new PointerEvent(arguments[0], { bubbles: true, pointerId: 7,"
        " pointerType: 'touch', clientX: left + arguments[1] * width, clientY: top + 50 }));",
        kind,
        across,
    )


def test_a_finger_moves_the_line_and_two_fingers_zoom(viewer, web):
    viewer.look(f"{web}#monet/beach.jpg", 390, 844)
    viewer.until("document.querySelector('dialog').open")
    seen = []
    for steps in (
        [("pointerdown", 0.2), ("pointermove", 0.3), ("pointermove", 0.8), ("pointerup", 0.8)],
        [("pointerdown", 0.3), ("pointerup", 0.3)],
        [("pointerdown", 0.6), ("pointermove", 0.7), ("pointercancel", 0)],
    ):
        for step in steps:
            slide(viewer, *step)
        line = viewer.js("stage.style.getPropertyValue('--at')")
        seen.append((viewer.js("slider.value"), line))
    assert seen == [("80", "80%"), ("30", "30%"), ("30", "30%")], "a scroll leaves it alone"
    left, top, height = viewer.js("(r => [r.left, r.top, r.height])(stage.getBoundingClientRect())")

    def touch(kind, *places):
        points = [{"x": left + x, "y": top + height / 2, "id": int(x < 100)} for x in places]
        event = {"type": kind, "touchPoints": points}
        viewer.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    touch("touchStart", 60)
    touch("touchStart", 60, 180)
    for apart in range(5, 35, 5):
        touch("touchMove", 60 - apart, 180 + apart)
    touch("touchEnd")
    viewer.until("stage.classList.contains('zoomed')")
    assert viewer.js("slider.value") == "30", "two fingers leave the line alone"


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


def test_a_key_held_down_goes_on_and_the_address_follows(viewer, web):
    viewer.look(web).open()
    first = viewer.js("location.hash")
    viewer.driver.execute_script(COUNT_CHANGES_OF_ADDRESS)
    viewer.driver.execute_script(HOLD, *["ArrowRight", "ArrowLeft"] * 20, "ArrowDown")
    assert viewer.one("#subtitle").text == "Ünï & co", "the pictures follow at once"
    viewer.until("location.hash.startsWith('#%C3%BCn')")
    assert viewer.js("location.hash").rpartition("/")[2] == first.rpartition("/")[2]
    assert viewer.js("changes") < 20, "Safari refuses a hundred in ten seconds"
    viewer.driver.execute_script(HOLD, "ArrowUp")
    viewer.driver.back()
    viewer.until("!document.querySelector('dialog').open && !location.hash")


def test_a_presigned_page_alone_still_shows_every_picture(viewer, web, folder):
    (folder / "alone").mkdir()
    shutil.copy(folder / "index.html", folder / "alone")
    viewer.look(f"{web.replace('/index', '/alone/index')}?X-Amz-Signature=abc")
    viewer.until("[...document.images].every(i => !i.src || i.complete && i.naturalWidth)")
    assert len(viewer.js("[...document.querySelectorAll('main img')].map(i => i.src)")) == 9
    viewer.open()
    viewer.until("limited.textContent")
    assert [viewer.colour("#stage", x) for x in (0.3, 0.7)] == ["red", "blue"]
    assert viewer.js("before.naturalWidth && after.naturalWidth") == 96
    assert viewer.js("[...document.querySelectorAll('#paintings img')].map(i => i.naturalWidth)")
    assert all("404" in each for each in viewer.errors())


def test_the_keyboard_alone_opens_compares_and_closes(viewer, web):
    from selenium.webdriver import ActionChains, Keys

    viewer.look(web)
    press = lambda *keys: ActionChains(viewer.driver, duration=0).send_keys(*keys).perform()  # noqa: E731
    press(*[Keys.TAB] * 4, Keys.ENTER)  # After the languages, the filter and the order.
    viewer.until("document.activeElement.id === 'stage'")
    seen = []
    for key in (Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_UP, Keys.ARROW_LEFT, "+", "+", "0"):
        press(key)
        zoomed = viewer.js("getComputedStyle(after).transform.split(',')[0].slice(7)")
        seen.append((viewer.one("#title").text[:5], viewer.one("#subtitle").text, float(zoomed)))
    first = HOSTILE[:5]
    assert seen == [
        *((first, "Ünï & co", 1), ("beach", "Ünï & co", 1), ("beach", "Monet", 1)),
        *((first, "Monet", 1), (first, "Monet", 1.5), (first, "Monet", 2.25)),
        (first, "Monet", 1),
    ]
    behind = "getComputedStyle(document.documentElement).overflowY"
    assert viewer.js(behind) == "hidden", "a wheel does not scroll the page behind"
    press(Keys.ESCAPE)
    viewer.until("!document.querySelector('dialog').open")
    viewer.until("document.activeElement.closest('.card') !== null")
    assert viewer.js(behind) == "visible"
    assert viewer.errors() == []


def test_a_picture_that_cannot_be_loaded_keeps_its_name_for_screen_readers(viewer, web):
    viewer.look(web)
    viewer.js("document.querySelector('.card img').src = 'missing.jpg'")
    viewer.until("document.querySelector('.card .blank')")
    assert viewer.js("document.querySelector('.card .blank').ariaLabel").endswith(".jpg after “”")


def test_a_time_lapse_plays_when_it_is_opened_so_that_nothing_moves_unasked(viewer, tmp_path):
    film = {"key": "monet/a film é.timelapse.webp", "etag": "e"}
    published(tmp_path, [record("a.jpg", timelapse=film), record("b.jpg")])
    first, *others = (Image.new("RGB", (60, 40), colour) for colour in ("red", "green", "blue"))
    first.save(tmp_path / film["key"], save_all=True, append_images=others, duration=40, loop=0)
    viewer.look((tmp_path / "index.html").as_uri()).open()
    summary = viewer.one("#film summary")
    assert summary.is_displayed() and summary.text == "Time-lapse"
    assert viewer.js("timelapse.naturalWidth") == 0, "not even loaded"
    summary.click()
    viewer.until("timelapse.naturalWidth === 60")
    assert viewer.one("#timelapse").is_displayed()
    viewer.one("#next").click()
    viewer.until("title.textContent === 'b.jpg'")
    assert not summary.is_displayed()
    viewer.one("#previous").click()
    viewer.until("title.textContent === 'a.jpg'")
    assert summary.is_displayed() and not viewer.one("#timelapse").is_displayed()
    assert viewer.errors() == []


def test_the_page_speaks_the_readers_language_and_remembers_another(viewer, web):
    viewer.speak("fr-CH,fr,en")
    viewer.look(f"{web}#monet/beach.jpg")
    viewer.until("document.querySelector('dialog').open")
    assert viewer.js("[document.title, document.documentElement.lang]") == ["Galerie", "fr"]
    about = viewer.one(".about").text
    assert (
        "20 novembre 2026" in about
        and "le réseau intégré" in about
        and "Durée\n47 s" in about
        and "Télécharger" in about
    )
    said = viewer.one("#slider").get_attribute("aria-valuetext")
    assert said.replace("\u202f", "\xa0") == "50\xa0% photo à gauche, 50\xa0% résultat à droite"
    assert viewer.english("gallery") == set()
    viewer.one("#close").click()
    viewer.until("!document.querySelector('dialog').open")
    viewer.choose_language("Deutsch")
    assert viewer.js("document.documentElement.lang") == "de"
    assert viewer.one("header .quiet").text == "6 Ergebnisse: 3 Fotos in 2 Stilen"
    assert viewer.english("gallery") == set()
    viewer.look(web)
    assert viewer.js("document.documentElement.lang") == "de", "it is remembered"
    assert viewer.errors() == []
    viewer.js("localStorage.clear()")
    viewer.speak("pt-BR,pt")
    viewer.look(web)
    assert viewer.one("header .quiet").text == "6 results: 3 photos in 2 styles"


def test_without_scripts_the_page_is_english(viewer, web):
    viewer.speak("fr")
    viewer.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    viewer.look(web)
    text = viewer.one("header").text
    viewer.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert text.startswith("Gallery\n6 results: 3 photos in 2 styles\nThis page needs JavaScript.")
