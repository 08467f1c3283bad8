"""A mask that is drawn in the browser, and the picture that is painted with it."""

import io
import re
from concurrent.futures import Future

import numpy as np
import pytest
from PIL import Image, ImageOps
from support.browser import still
from support.fuzzing import drawn
from support.pictures import gradient, saved
from support.polling import until
from support.web_page import end_undo, jpeg

# A browser starts, and pictures are painted.
pytestmark = pytest.mark.slow

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
        page.click("#mask-open", DRAWING)

    return opened


@pytest.fixture
def painted(page, server, worker):
    """Close the mask, order the picture and paint it. Return where it differs from the photo."""

    def changed():
        if page.js(DRAWING):
            page.one("#mask-done").click()
        page.click("#paint", "!document.querySelector('#photos .unsent, #paint[aria-disabled]')")
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
    ("kind", "width"),
    [
        pytest.param("mouse", 1280, marks=pytest.mark.story),
        *drawn([("touch", 390), ("pen", 390)]),
    ],
    ids=lambda each: str(each),
)
def test_only_what_is_drawn_by_pointer_is_painted_also_in_a_turned_photo(
    page, open_mask, painted, kind, width
):
    open_mask(width, 844)
    page.js("document.querySelector('#mask-brush').value = 40")
    drag(page, kind, [(0.15, 0.02), (0.15, 0.98)])
    changed = painted()
    assert keeps(changed, RIGHT) and not keeps(changed, LEFT)
    assert page.errors() == []


def test_the_brush_is_moved_sized_and_put_down_by_keys_and_the_mask_used_again(
    page, open_mask, painted, server
):
    from selenium.webdriver import Keys

    open_mask()
    assert said(page) == "Brush over what should be painted"
    assert page.js("document.activeElement.id") == "mask-stage", "the keys work at once"
    page.press("]" * 8 + Keys.ARROW_LEFT * 21 + Keys.ARROW_UP * 20)
    page.press(Keys.SPACE)
    assert said(page) == "Brush down. Arrows draw."
    page.press(Keys.ARROW_DOWN * 40 + Keys.SPACE)
    assert re.fullmatch("2[0-4]% is painted", said(page))
    page.press("e" + Keys.SPACE + Keys.ARROW_UP * 40 + Keys.SPACE + "e")
    assert said(page).startswith("0%")
    page.press("z", held=Keys.CONTROL)
    assert re.fullmatch("2[0-4]% is painted", said(page))
    page.js("document.querySelector('[name=mask-side][value=keep]').click()")
    assert re.fullmatch("2[0-4]% stays a photo", said(page))
    page.press(Keys.ENTER)
    page.until("document.querySelector('#mask-open.set')")
    changed = painted()
    assert keeps(changed, LEFT) and not keeps(changed, RIGHT)

    page.until("document.querySelector('#finished [data-state=done]')")
    paint_again(page)
    assert page.one("#mask-row").get_attribute("textContent") == "Change the part"
    assert page.all("#photos .masked")
    again = painted()
    assert keeps(again, LEFT) and not keeps(again, RIGHT), "the mask of the job"

    page.js("document.querySelector('#photos .x').click()")
    ordered = {"again": server.jobs.all()[0].id, "style": "monet", "preset": "instant"}
    stopped = server.client.post("/api/jobs", json=ordered).json()["id"]
    cell = f"#queue [data-of='{stopped}'] .cell"
    page.until("document.querySelector(arguments[0])", cell)
    page.one(cell).click()
    page.one("#cancel").click()
    until(lambda: [*server.buckets.result.list("_web/kept/")])
    end_undo(page)
    server.leaves_nothing_of(stopped)
    assert page.all("#photos .masked")
    again = painted()
    assert keeps(again, LEFT) and not keeps(again, RIGHT), "the mask of the job that was cancelled"

    paint_again(page)
    page.click("#mask-open", DRAWING)
    assert re.match("7[6-9]%|80%", said(page)), "the painted part of the job is marked"
    page.one("#mask-clear").click()
    assert said(page).startswith("0%")
    whole = painted()
    assert not keeps(whole, LEFT) and not keeps(whole, RIGHT)
    masks = [each.links.mask is not None for each in server.jobs.all()]
    assert masks == [False, True, True, True]


def test_strokes_are_erased_undone_and_done_again_one_by_one(page, open_mask, painted, server):
    from selenium.webdriver import Keys

    open_mask()
    across = [(0, 0.5), (1, 0.5)]
    drag(page, "mouse", *([(0.02 + at / 25, 0.5)] for at in range(24)), across)
    before = said(page)
    page.js("document.querySelector('#mask-erase').click()")
    drag(page, "mouse", across)
    assert said(page).startswith("0%") and not before.startswith("0%")
    page.one("#mask-undo").click()
    assert said(page) == before
    page.one("#mask-redo").click()
    assert said(page).startswith("0%")
    page.press("z", held=Keys.CONTROL)
    assert said(page) == before
    page.js("[...Array(24)].forEach(() => document.querySelector('#mask-undo').click())")
    page.one("#mask-undo").click()
    assert said(page) == "Brush over what should be painted"
    assert page.js("document.querySelector('#mask-undo').disabled")
    assert page.js("document.activeElement.id") == "mask-stage"
    changed = painted()
    assert not keeps(changed, LEFT) and not keeps(changed, RIGHT), "nothing drawn is no mask"
    assert server.jobs.all()[0].links.mask is None


@pytest.mark.parametrize("left_by", ["#mask-cancel", "Escape"])
def test_a_mask_that_is_cancelled_stays_as_it_was(page, open_mask, left_by):
    from selenium.webdriver import Keys

    open_mask()
    drag(page, "mouse", [(0.1, 0.02), (0.1, 0.98)])
    drawn = said(page)
    page.one("#mask-done").click()
    page.click("#mask-open", DRAWING)
    assert said(page) == drawn
    drag(page, "mouse", [(0.9, 0.02), (0.9, 0.98)])
    assert said(page) != drawn
    if left_by == "Escape":
        page.press(Keys.ESCAPE)
    else:
        page.one(left_by).click()
    page.until(f"!({DRAWING})")
    page.click("#mask-open", DRAWING)
    assert said(page) == drawn


def test_two_fingers_zoom_the_photo_and_draw_nothing(page, open_mask):
    open_mask(390, 844)
    choices = "[...document.querySelectorAll('#mask-side span')].map(each => each.offsetHeight)"
    assert len(set(page.js(choices))) == 1, "a choice of one line is as high as one of two"
    stage = still(page.one("#mask-stage"))
    box = "(r => [r.left, r.top, r.width, r.height])(arguments[0].getBoundingClientRect())"
    left, top, width, height = page.js(box, stage)
    x, y = left + width / 2, top + height / 2
    page.touch("touchStart", (x, y))
    page.touch("touchStart", (x, y), (x + 40, y))
    for apart in range(40, 100, 10):
        page.touch("touchMove", (x, y), (x + apart, y))
    page.touch("touchEnd")
    larger = page.js(box, stage)
    assert 2 < larger[2] / width < 2.5
    assert said(page) == "Brush over what should be painted"
    assert page.js("document.querySelector('#mask-undo').disabled")
    # A brush that is as large on the photo as before, at the place that the finger touches.
    page.touch("touchStart", (x, y))
    page.touch("touchEnd")
    at = (x - larger[0]) / larger[2], (y - larger[1]) / larger[3]
    assert page.js(COLOUR_AT, *at)[3] > 0 and re.fullmatch("[12]% is painted", said(page))
    page.touch("touchStart", (x, y))
    page.touch("touchStart", (x, y), (x + 90, y))
    for apart in range(90, 5, -10):
        page.touch("touchMove", (x, y), (x + apart, y))
    page.touch("touchEnd")
    assert page.js(box, stage) == pytest.approx([left, top, width, height], abs=1)
    assert page.errors() == []


COLOUR_AT = """(([canvas], x, y) => [...canvas.getContext("2d").getImageData(
  Math.round(x * canvas.width), Math.round(y * canvas.height), 1, 1).data]
)(document.querySelectorAll("#mask-drawn"), ...arguments)"""


def test_the_brush_uncovers_the_painting_on_the_side_that_is_painted(
    page, server, photo, monkeypatch
):
    """The service answers with blue previews."""
    answered = Future()
    answered.set_result(jpeg("blue", (192, 128)))
    monkeypatch.setattr(server.service.previews, "ask", lambda order: (1, answered))
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    page.one("#photo-files").send_keys(str(photo))
    page.js("document.querySelector('[name=style]').click()")
    page.click("#mask-open", DRAWING)
    drag(page, "mouse", [(0.25, 0.02), (0.25, 0.98)])

    def is_blue(x):
        red, _, blue, opacity = page.js(COLOUR_AT, x, 0.5)
        return opacity == 255 and blue > 200 and red < 60

    page.until(f"{COLOUR_AT}[2] > 200", 0.25, 0.5)
    assert is_blue(0.25) and page.js(COLOUR_AT, 0.75, 0.5)[3] == 0, "the photo is under it"
    page.js("document.querySelector('[name=mask-side][value=keep]').click()")
    assert is_blue(0.75) and page.js(COLOUR_AT, 0.25, 0.5)[3] == 0
    page.one("#mask-done").click()
    page.one("#mask-open").click()
    page.until(f"{COLOUR_AT}[2] > 200", 0.75, 0.5)  # It is painted once more, without the mask.


def test_a_photo_that_the_browser_cannot_show_has_a_line_instead_until_it_was_sent(
    page, server, tmp_path
):
    file = tmp_path / "phone.heic"
    file.write_bytes(saved(gradient(*SIZE), "HEIF"))
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    page.driver.execute_script(
        "const held = new Promise((r) => { window.release = r; });"
        "const { send } = XMLHttpRequest.prototype; XMLHttpRequest.prototype.send ="
        "  async function (body) { await held; send.call(this, body); };"
    )
    page.one("#photo-files").send_keys(str(file))
    page.until("document.querySelector('#mask-row').hidden")
    assert not page.one("#mask-open").is_displayed()
    assert "so you cannot mark a part of it" in page.one("#mask-for").get_attribute("textContent")
    assert page.one("#about").text.startswith("This browser cannot show the photo.")
    (tmp_path / "cut.jpg").write_bytes(jpeg("red")[:300])
    page.one("#photo-files").send_keys(str(tmp_path / "cut.jpg"))
    page.until("refused.textContent")
    page.driver.execute_script("window.release()")
    page.until("document.querySelector('#photo-side').naturalWidth === arguments[0]", SIZE[0])
    assert page.one("#mask-open").is_displayed()
    refused = page.one("#refused").text
    assert refused == "cut.jpg is damaged or incomplete.", "what the page does does not clear it"
