"""A mask that is drawn in the browser, and the picture that is painted with it."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from support.browser import still
from support.pictures import gradient, saved

# A browser starts, and pictures are painted.
pytestmark = [pytest.mark.group("chromium"), pytest.mark.slow]

SIZE = (96, 64)  # width and height of the upright photo
DRAWING = "document.querySelector('#mask').open"
ROTATED = 6  # EXIF's orientation of a phone held upright


@pytest.fixture
def photo(tmp_path):
    """A colourful photo that a phone has stored turned."""
    turned = gradient(*SIZE).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = ROTATED
    file = tmp_path / "beach.jpg"
    file.write_bytes(saved(turned, "JPEG", exif=exif, quality=98, subsampling=0))
    return file


@pytest.fixture
def open_mask(page, server, photo):
    """Choose the photo and a style, and open its mask."""

    def opened(width=1280, height=860):
        page.look(server.address, width, height)
        page.until("document.querySelectorAll('[name=style]').length > 1")
        page.js("document.querySelector('[name=preset][value=instant]').click()")
        page.js("document.querySelector('[name=style]').click()")
        page.one("#photo-files").send_keys(str(photo))
        page.one("#mask-open").click()
        page.until(DRAWING)

    return opened


@pytest.fixture
def painted(page, server, worker):
    """Close the mask, order the picture and paint it. Return where it differs from the photo."""

    def changed():
        if page.js(DRAWING):
            page.one("#mask-done").click()
        page.one("#paint").click()
        page.until("!document.querySelector('#photos .unsent, #paint[aria-disabled]')")
        assert page.one("#refused").text == ""
        assert worker.paint()
        server.jobs.refresh()
        job = server.jobs.all()[0]
        assert job.state == "done", job.error
        result = server.client.get(job.links.result).content
        result, before = (
            ImageOps.exif_transpose(Image.open(io.BytesIO(each))).convert("RGB")
            for each in (result, server.client.get(job.links.photo).content)
        )
        assert before.size == SIZE
        before = before.resize(result.size, Image.Resampling.BOX)
        return np.abs(np.float32(result) - np.float32(before)).mean(2)

    return changed


def keeps(changed, part):
    """Return whether a part keeps the photo's pixels, as well as a JPEG can."""
    return changed[part].mean() < 4


LEFT, RIGHT = np.s_[4:-4, :16], np.s_[4:-4, -16:]


def drag(page, kind, *lines):
    """Draw lines between places of the photo, each with 0…1 of its width and height."""
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    stage = still(page.one("#mask-stage"))
    width, height = stage.size["width"], stage.size["height"]
    chain = ActionChains(page.driver, duration=30, devices=[PointerInput(kind, kind)])
    pointer = chain.w3c_actions.pointer_action
    for line in lines:
        for at, (x, y) in enumerate(line):
            pointer.move_to(stage, round((x - 0.5) * width), round((y - 0.5) * height))
            if not at:
                pointer.pointer_down()
        pointer.pointer_up()
    chain.w3c_actions.perform()


def paint_again(page):
    """Fill the form with the newest result's order."""
    page.one("#finished .cell").click()
    page.js("document.querySelector('#again-with').click()")


def said(page):
    return page.one("#mask-status").text


@pytest.mark.parametrize(
    ("kind", "width"), [("mouse", 1280), ("touch", 390), ("pen", 390)], ids=lambda each: str(each)
)
def test_only_what_is_drawn_by_pointer_is_painted_also_in_a_turned_photo(
    page, open_mask, painted, kind, width
):
    open_mask(width, 844)
    page.js("document.querySelector('#mask-brush').value = 40")
    drag(page, kind, [(0.15, 0), (0.15, 1)])
    changed = painted()
    assert keeps(changed, RIGHT) and not keeps(changed, LEFT)
    assert page.errors() == []


def test_a_rectangle_is_moved_sized_and_kept_by_keyboard_and_the_mask_used_again(
    page, open_mask, painted, server
):
    from selenium.webdriver import ActionChains, Keys

    open_mask()

    def press(keys, held=None):
        chain = ActionChains(page.driver, duration=0)
        if held:
            chain.key_down(held)
        chain.send_keys(keys)
        if held:
            chain.key_up(held)
        chain.perform()

    assert page.js("document.activeElement.id") == "mask-stage", "the keys work at once"
    press(Keys.ARROW_LEFT * 15 + Keys.ARROW_UP * 15)
    press(Keys.ARROW_DOWN * 25 + Keys.ARROW_LEFT * 5, held=Keys.SHIFT)
    press(Keys.ENTER)
    assert said(page).startswith("40%")
    press(Keys.ARROW_RIGHT * 30 + Keys.ENTER)
    assert said(page).startswith("80%")
    press("z", held=Keys.CONTROL)
    assert said(page).startswith("40%")
    page.js("document.querySelector('[name=mask-side][value=keep]').click()")
    changed = painted()
    assert keeps(changed, LEFT) and not keeps(changed, RIGHT)

    page.until("document.querySelector('#finished [data-state=done]')")
    paint_again(page)
    assert page.one("#mask-row").get_attribute("textContent") == "Change mask"
    assert page.all("#photos .masked")
    again = painted()
    assert keeps(again, LEFT) and not keeps(again, RIGHT), "the mask of the job"

    paint_again(page)
    page.one("#mask-open").click()
    page.until(DRAWING)
    assert said(page).startswith("60%"), "the painted part of the job is marked"
    page.one("#mask-clear").click()
    assert said(page).startswith("0%")
    whole = painted()
    assert not keeps(whole, LEFT) and not keeps(whole, RIGHT)
    masks = [each.links.mask is not None for each in server.jobs.all()]
    assert masks == [False, True, True]


def test_strokes_are_erased_and_undone_one_by_one(page, open_mask, painted, server):
    open_mask()
    across = [(0, 0.5), (1, 0.5)]
    drag(page, "mouse", *([(0.02 + at / 25, 0.5)] for at in range(24)), across)
    before = said(page)
    page.js("document.querySelector('#mask-erase').click()")
    drag(page, "mouse", across)
    assert said(page).startswith("0%") and not before.startswith("0%")
    page.one("#mask-undo").click()
    assert said(page) == before
    page.js("[...Array(24)].forEach(() => document.querySelector('#mask-undo').click())")
    page.one("#mask-undo").click()
    assert said(page).startswith("0%")
    assert page.js("document.querySelector('#mask-undo').disabled")
    assert page.js("document.activeElement.id") == "mask-stage"
    changed = painted()
    assert not keeps(changed, LEFT) and not keeps(changed, RIGHT), "nothing drawn is no mask"
    assert server.jobs.all()[0].links.mask is None


def test_a_photo_that_the_browser_cannot_show_has_a_line_instead_until_it_was_sent(
    page, server, tmp_path
):
    file = tmp_path / "phone.heic"
    file.write_bytes(saved(gradient(*SIZE), "HEIF"))
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    page.driver.execute_script(
        "const real = fetch; let held = new Promise((r) => { window.release = r; });"
        "window.fetch = async (...all) => {"
        "  if (all[0] === '/api/photos') await held; return real(...all); };"
    )
    page.one("#photo-files").send_keys(str(file))
    page.until("document.querySelector('#mask-row').hidden")
    assert not page.one("#mask-open").is_displayed()
    assert "so no mask can be drawn" in page.one("#mask-for").get_attribute("textContent")
    assert page.one("#about").text.startswith("This browser cannot show the photo.")
    page.driver.execute_script("window.release()")
    page.until("document.querySelector('#photo-side').naturalWidth === arguments[0]", SIZE[0])
    assert page.one("#mask-open").is_displayed()
    assert page.one("#refused").text == ""
