"""What people stumbled over on the page: each test is one fault, and says what they expect."""

import threading
from types import SimpleNamespace

import pytest
from support.polling import until
from support.web_page import jpeg, staged

from painterly.jobs.schemas import Preset

pytestmark = [pytest.mark.group("chromium"), pytest.mark.slow]  # A browser starts.

ACTS = "document.body.dataset.acts"
FULL = (429, "the queue is full: 5 photos are waiting", 600)
SENT = "!document.querySelector('#photos .unsent, #paint[aria-disabled]')"
IS_FULL = "document.querySelector('#queue-full').textContent"


@pytest.fixture
def place(tmp_path):
    """Three styles of a painting each, and the variables of a service that offers them."""
    for name in ("mosaic", "rings", "waves"):
        file = tmp_path / "paintings" / f"{name}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(jpeg("green"))
    names = {"SOURCE": "photos", "STYLE": "paintings", "RESULT": "out"}
    return {f"BUCKET_{name}": str(tmp_path / folder) for name, folder in names.items()}


@pytest.fixture
def server(place):
    """The service, whose previews are blue."""
    with staged(place) as running:
        previews = running.service.previews

        def send(kind, request):
            if kind == "preview":
                answer = (request.number, jpeg("blue"), None)
                threading.Thread(target=previews.answer, args=answer).start()
            return True

        previews._supervisor = SimpleNamespace(problem="", send=send)
        yield running


@pytest.fixture
def photos(tmp_path):
    for name in ("beach.jpg", "lake.jpg", "town.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    return [str(tmp_path / name) for name in ("beach.jpg", "lake.jpg", "town.jpg")]


def visit(page, server, *files, style=0):
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length === 3")
    page.js("document.querySelectorAll('[name=style]')[arguments[0]].click()", style)
    if files:
        page.one("#photo-files").send_keys("\n".join(map(str, files)))


def previewed(page):
    shown = "document.querySelector('#painting-side').src"
    saved = "['save', 'save-now'].some((id) => document.getElementById(id).href === %s)"
    page.until(f"{ACTS} === 'preview' && {saved % shown}")


def chosen(page):
    return page.js("[...document.querySelectorAll('#photos .said')].map(e => e.textContent)")


def test_each_of_several_damaged_photos_is_named(page, server, tmp_path):
    names = ("one.jpg", "two.jpg", "three.jpg")
    for name in names:
        (tmp_path / name).write_bytes(jpeg("red")[:300])
    (tmp_path / "notes.txt").write_text("no picture")
    visit(page, server, *(tmp_path / name for name in (*names, "notes.txt")))
    page.until("!document.querySelector('#photos li')")
    said = page.one("#refused").text
    assert [name for name in (*names, "notes.txt") if name not in said] == []


def test_what_is_asked_for_while_pictures_are_sent_is_ordered_too(page, server, photos):
    visit(page, server, *photos)
    previewed(page)
    server.refusals.stay = True
    server.refusals["POST", "/api/jobs"] = (*FULL[:2], 1)
    page.one("#paint").click()
    page.until(IS_FULL)
    page.js("document.querySelector('[data-paper=A4]').click()")
    server.refusals.clear()
    page.until("!document.querySelector('#paint[aria-disabled]')")
    papers = [each.settings.get("paper") for each in server.ordered]
    assert papers.count("A4") == 1 and len(papers) == 4


SLOW_UPLOAD = """
window.bodies = 0;
const direct = fetch;
window.fetch = async (address, how = {}) => {
  if (how.body?.get?.("photo") && !/preview|suited/.test(address)) bodies += 1;
  if (String(address).endsWith("/api/photos")) await new Promise((done) => setTimeout(done, 700));
  return direct(address, how);
};
"""


def test_a_photo_that_is_on_its_way_is_sent_once(page, server, photos):
    page.begin_with(SLOW_UPLOAD)
    visit(page, server, photos[0])
    page.until("window.bodies === 1")
    page.js("document.querySelector('#paint').click()")
    page.until("document.querySelectorAll('#queue li').length === 1")
    page.until(SENT)
    assert page.js("bodies") == 1


def test_a_job_is_changed_without_losing_the_chosen_photos(page, server, photos):
    server.end(server.add("old.jpg"))
    visit(page, server, *photos)
    previewed(page)
    page.one("#finished .cell").click()
    page.js("document.querySelector('#again-with').click()")
    assert "old.jpg" in chosen(page)
    told = page.js("document.querySelector('.told button')?.hidden === false")
    assert told or len(chosen(page)) == 4, "they stay, or can be brought back"


def test_once_a_refused_photo_is_removed_the_others_can_be_ordered_again(page, server, photos):
    visit(page, server, *photos[:2])
    previewed(page)
    page.all("#photos .cell")[0].click()
    previewed(page)
    server.refusals["POST", "/api/jobs"] = (422, "size is 5", None)
    page.one("#paint").click()
    page.until("refused.textContent && !document.querySelector('#paint[aria-disabled]')")
    before = len(server.ordered)
    page.js("document.querySelectorAll('#photos .x')[0].click()")
    page.all("#photos .cell")[0].click()
    previewed(page)
    page.one("#paint").click()
    page.until(f"document.querySelectorAll('#queue li').length === {before + 1}")


def test_a_double_click_orders_and_cancels_nothing(page, server, photos):
    visit(page, server, photos[0])
    previewed(page)
    at = "(e => { const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })"
    x, y = page.js(f"{at}(document.querySelector('#paint'))")

    def press(count):
        how = {"x": x, "y": y, "button": "left", "clickCount": count}
        for kind in ("mousePressed", "mouseReleased"):
            page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, **how})

    press(1)
    page.until(f"{ACTS} === 'painting'")
    press(2)
    import time

    time.sleep(1)
    assert [str(each.state) for each in server.ordered] == ["queued"]
    assert page.js(ACTS) == "painting"


LATE_TIMES = """
const direct = fetch;
window.fetch = async (address, how) => {
  const answer = await direct(address, how);
  if (String(address).includes("estimate?size=3840")) await new Promise((done) => setTimeout(done, 900));
  return answer;
};
"""


def test_the_times_are_those_of_the_chosen_size(page, server, photos):
    server.service.jobs.estimates.set_measured(Preset.FINE, 1e-6, "the CPU")
    page.begin_with(LATE_TIMES)
    visit(page, server, photos[0])
    previewed(page)
    page.one("#how").click()
    page.until("document.querySelector('[value=fine] + span time').textContent.match(/[0-9]/)")
    own = page.js("document.querySelector('[value=fine] + span time').textContent")
    page.js("document.querySelector('[value=\"4k\"]').click()")
    page.js("document.querySelector('[value=screen]').click()")
    import time

    time.sleep(1.6)
    assert page.js("document.querySelector('[value=fine] + span time').textContent") == own


def test_the_stage_stays_with_a_picture_while_another_is_deleted(page, server, photos):
    old, other = server.add("old.jpg"), server.add("other.jpg")
    server.end(old, finished="2026-11-20T10:01:00+00:00")
    server.end(other, finished="2026-11-20T10:02:00+00:00")
    visit(page, server)
    page.until("document.querySelectorAll('#finished .cell').length === 2")
    page.all("#finished .cell")[1].click()
    page.js("document.querySelector('#again-with').click()")  # old.jpg is chosen.
    page.all("#finished .cell")[0].click()
    page.until(f"{ACTS} === 'done'")
    page.js("document.querySelectorAll('#finished .x')[1].click()")
    page.until("document.querySelectorAll('#finished .cell').length === 1")
    assert page.js(ACTS) == "done" and "other" in page.js(
        "document.querySelector('#finished .said').textContent"
    )


def test_a_reload_keeps_the_style_and_the_strength(page, server, photos):
    visit(page, server, photos[0], style=2)
    page.js("(strength.value = 0.9, strength.dispatchEvent(new Event('input', { bubbles: true })))")
    page.js("strength.dispatchEvent(new Event('change', { bubbles: true }))")
    previewed(page)
    page.until("!document.querySelector('#photos .unsent')")
    page.driver.refresh()
    page.until("document.querySelectorAll('#photos .said').length")
    previewed(page)
    assert page.js("[heading.textContent, strength.value]") == ["In Waves", "0.9"]
