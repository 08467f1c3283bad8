"""What a browser makes of the web service's page. The server is a stand-in that does what a test
wants; the whole story with the real one is in test_story.py."""

import re
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from support.browser import Viewer, count_changes_of_address, hold
from support.polling import until
from support.web_page import PageServer, jpeg

from styletransfer.web import api_jobs

pytestmark = pytest.mark.slow  # A browser starts.

MOSAIC = [{"name": "mosaic.jpg", "share": 1.0}]
DROP = """
const files = new DataTransfer();
for (const [name, size] of arguments[1]) files.items.add(new File([new Uint8Array(size)], name));
const how = { bubbles: true, cancelable: true, dataTransfer: files };
for (const kind of ["dragover", "drop"])
  document.querySelector(arguments[0]).dispatchEvent(new DragEvent(kind, how));
"""
PASTE = """
const files = new DataTransfer();
files.items.add(new File([new Uint8Array(9)], "image.png", { type: "image/png" }));
document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, clipboardData: files }));
"""


@pytest.fixture
def server():
    running = PageServer()
    yield running
    running.stop()


@pytest.fixture
def page(chromium, server):
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    yield Viewer(chromium)
    chromium.get("about:blank")  # Leaves the event stream.


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in ("beach.jpg", "town.jpg"):
        (folder / name).write_bytes(jpeg("red"))
    return [str(folder / name) for name in ("beach.jpg", "town.jpg")]


def visit(page, server, width=1280, path="/"):
    page.look(server.address + path, width, 860)
    page.until("document.querySelectorAll('[name=look]').length > 1")
    return page


def choose(page, photos, *looks):
    if photos:
        page.one("#photo-files").send_keys("\n".join(photos))
    for each in looks:
        page.js("document.querySelectorAll('[name=look]')[arguments[0]].click()", each)


def queued(page, count):
    page.until(f"document.querySelectorAll('#queue > li').length === {count}")


def ordered(page):
    """Waits for the order's answer. The queue alone may show its jobs before, as it is polled."""
    page.until("!document.querySelector('#photos li, #paint[aria-disabled]')")


def test_from_the_login_to_a_download(page, server, photos):
    server.password = "a password"
    page.look(server.address)
    page.one("#password").send_keys("a password\n")
    page.until("document.querySelectorAll('[name=look]').length === 3")
    choose(page, photos, 0, 1)
    assert page.one("#paint").text == "Paint 4 pictures"
    page.all("[name=blend]")[1].click()
    page.js(
        "(s => { s.value = 100; s.dispatchEvent(new Event('input')); })(arguments[0])",
        page.all("#shares input")[0],
    )
    assert [each.text for each in page.all("#shares output")] == ["67 %", "33 %"]
    assert page.one("#paint-time").text == "about 2 min in all"
    page.one("#paint").click()
    ordered(page)
    queued(page, 2)
    sent = server.received[0]
    assert sent["paintings"] == pytest.approx({"mosaic.jpg": 2 / 3, "waves.jpg": 1 / 3}, abs=1e-3)
    assert [each["photo"] for each in server.received] == ["beach.jpg", "town.jpg"]
    assert page.one("#said").get_attribute("textContent") == "2 pictures added to the queue"

    server.go_on(1, state="painting", step=60, steps=100, fraction=0.3, seconds_left=42)
    page.until("document.querySelector('#queue img').src.includes('preview')")
    painting, waiting = page.all("#queue > li")
    assert "beach.jpg in mosaic and waves\nPainting, about 40 s left" in painting.text
    assert painting.find_element("css selector", "progress").get_property("value") == 0.3
    assert "Waiting, next in line" in waiting.text
    waiting.find_element("css selector", "button").click()
    page.until("document.querySelector('#finished > li')")
    assert "Cancelled" in page.one("#finished > li").text

    server.go_on(1, state="done")
    queued(page, 0)
    done = page.one("#finished [data-state=done]")
    compare, download, _ = done.find_elements("css selector", ".actions > *")
    assert urlsplit(download.get_property("href")).query == "download=1"
    compare.click()
    page.until("document.querySelector('dialog').open && before.naturalWidth && after.naturalWidth")
    assert [page.colour("#stage", x) for x in (0.3, 0.7)] == ["red", "blue"]
    page.driver.back()
    page.until("!document.querySelector('dialog').open")
    assert page.errors() == []
    page.one("#log-out").click()
    page.until("location.pathname === '/login'")


def test_photos_are_dropped_and_pasted_and_what_is_none_is_named(page, server):
    visit(page, server)
    page.driver.execute_script(
        DROP, "body", [["beach.jpg", 9], ["notes.pdf", 9], ["big.png", 3_000_000], ["a folder", 0]]
    )
    page.driver.execute_script(PASTE)
    names = "[...document.querySelectorAll('#photos .name')].map(e => e.textContent)"
    assert page.js(names) == ["beach.jpg", "pasted-1.png"]
    page.driver.execute_script(
        DROP, "#photos", [["notes.pdf", 9], ["big.png", 3_000_000], ["folder", 0]]
    )
    assert page.one("#photos-refused").text == (
        "notes.pdf cannot be read here; these can: JPG, PNG, WEBP, TIFF, HEIC. "
        "big.png has 3.0 MB; at most 2.0 MB can be sent. "
        "folder is empty, or a folder without pictures."
    )
    page.one("#photos button").click()
    assert page.js(names) == ["pasted-1.png"]
    assert page.js("document.activeElement.ariaLabel") == "Remove pasted-1.png"


def test_a_folder_that_is_dropped_gives_its_pictures(page, server, tmp_path):
    (tmp_path / "trip" / "later").mkdir(parents=True)
    (tmp_path / "empty.jpg").mkdir()
    for name in ("10.jpg", "9.jpg", ".hidden.jpg", "notes.txt", "later/town.png"):
        (tmp_path / "trip" / name).write_bytes(jpeg("red"))
    visit(page, server)
    dragged = {"items": [], "dragOperationsMask": 1}
    dragged["files"] = [str(tmp_path / name) for name in ("trip", "empty.jpg")]
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": 100, "y": 200, "data": dragged}
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", event)
    page.until("document.querySelector('#photos-refused').textContent")
    names = "[...document.querySelectorAll('#photos .name')].map(e => e.textContent)"
    assert page.js(names) == ["9.jpg", "10.jpg", "town.png"]
    refused = "empty.jpg is empty, or a folder without pictures."
    assert page.one("#photos-refused").text == refused


def test_looks_and_pictures_that_did_not_come_are_asked_for_again(page, server):
    server.add("beach.jpg", "mosaic", MOSAIC)
    server.refusals["GET", "/api/looks"] = (503, "the storage does not answer", None)
    server.refusals["GET", "/picture/photo"] = (503, "the storage does not answer", None)
    page.look(server.address)
    page.until("document.querySelector('#looks-away').textContent")
    assert page.one("#looks-away").text == "The storage does not answer."
    page.js("document.dispatchEvent(new Event('visibilitychange'))")
    page.until("document.querySelectorAll('[name=look]').length === 3")
    assert page.one("#looks-away").text == ""
    server.paintings.pop()  # Somebody else has deleted it.
    page.js("document.dispatchEvent(new Event('visibilitychange'))")
    page.until("document.querySelectorAll('[name=look]').length === 2")
    page.until("document.querySelector('#queue img').src.includes('/picture/photo')")
    assert not server.refusals


def test_a_painting_is_added_chosen_and_deleted(page, server):
    visit(page, server)
    server.refusals["POST", "/api/paintings"] = (422, "notes.png is text", None)
    page.driver.execute_script(DROP, "#painting-zone", [["notes.png", 9]])
    page.until("document.querySelector('#looks-refused').textContent")
    assert page.one("#looks-refused").text == "notes.png is text."
    page.driver.execute_script(DROP, "#painting-zone", [["starry night.png", 9]])
    page.until("document.querySelector('[name=look]:checked')")
    chosen = "document.querySelector('[name=look]:checked').closest('label').innerText"
    assert page.js(chosen) == "starry night"
    page.all(".remove")[1].click()
    page.driver.switch_to.alert.accept()
    page.until("document.querySelectorAll('[name=look]').length === 3")
    assert not page.js("document.querySelector('[name=look]:checked')")


TOO_LARGE = "beach.jpg has 90 megapixels; at most 50 are painted"
REFUSALS = [
    ((413, TOO_LARGE, None), f"{TOO_LARGE}."),
    ((415, None, None), "beach.jpg: This is no picture that can be read here."),
    ((422, "size is 5", None), "beach.jpg: Size is 5."),
    ((422, "beach.jpg: is text, no picture", None), "beach.jpg is text, no picture."),
    ((500, None, None), "Something went wrong on the server. Try again in a while."),
]


def test_a_refusal_is_said_in_words_and_what_was_refused_can_be_sent_again(page, server, photos):
    visit(page, server)
    choose(page, [], 0)
    for number, (refusal, words) in enumerate(REFUSALS, 1):
        choose(page, photos)
        server.refusals["POST", "/api/jobs"] = refusal
        page.one("#paint").click()
        page.until("refused.textContent")
        assert page.one("#refused").text == words
        page.until("!document.querySelector('#paint[aria-disabled]')")
        of_one_photo = refusal[0] in (413, 415, 422)
        assert len(page.all("#photos li")) == (1 if of_one_photo else 2)
        page.one("#paint").click()
        ordered(page)
        queued(page, 2 * number)
        assert page.one("#refused").text == ""


FULL = (429, "the queue is full: 5 photos wait already", 4)
SENDING = "document.querySelector('#paint[aria-disabled]')"


def test_what_a_full_queue_has_no_room_for_is_sent_when_there_is_some(page, server, photos):
    visit(page, server)
    choose(page, photos, 0, 1)
    server.refusals["POST", "/api/jobs"] = FULL
    page.one("#paint").click()
    page.until("document.querySelector('#queue-full').textContent")
    assert page.one("#queue-full").text.startswith("The queue is full. What is left is sent")
    assert page.one("#paint").text == "4 pictures to send…"
    page.one("#photos button").click()  # The first photo is not wanted any more.
    server.refusals["POST", "/api/jobs"] = FULL
    page.until("paint.textContent === '2 pictures to send…'")
    page.until(f"!{SENDING}")
    queued(page, 2)
    assert [each["photo"] for each in server.jobs.values()] == ["town.jpg", "town.jpg"]
    assert page.one("#queue-full").text == page.one("#refused").text == ""
    assert not page.one("#stop-sending").is_displayed()
    assert [each for each in page.errors() if "429" not in each] == []


def test_waiting_for_room_outlives_a_restart_and_can_be_stopped(page, server, photos):
    server.add("lake.jpg", "mosaic", MOSAIC)
    server.go_on(1, state="done")
    visit(page, server)
    choose(page, photos, 0)
    server.refusals["POST", "/api/jobs"] = FULL
    page.one("#paint").click()
    page.until("document.querySelector('#queue-full').textContent")
    server.refusals["POST", "/api/jobs"] = (503, "the storage does not answer", 1)
    until(lambda: not server.refusals)
    queued(page, 2)
    page.until(f"!{SENDING}")
    choose(page, photos)
    server.refusals["POST", "/api/jobs"] = (429, "the queue is full: 5 photos wait already", 600)
    page.one("#paint").click()
    page.until("document.querySelector('#queue-full').textContent")
    page.js("document.querySelector('#finished .actions').lastElementChild.click()")
    assert page.one("#refused").text.startswith("The pictures before it are still being sent.")
    page.one("#stop-sending").click()
    page.until(f"!{SENDING}")
    refused = "The queue is full: 5 photos wait already. Try again in 10 min."
    assert page.one("#refused").text == refused
    assert len(page.all("#photos li")) == 2 and page.js("document.activeElement.id") == "paint"
    page.one("#paint").click()
    ordered(page)
    queued(page, 4)


def test_nothing_is_painted_twice_whose_answer_was_lost(page, server, photos):
    visit(page, server)
    choose(page, photos[:1], 0)
    page.driver.execute_script(
        "const real = fetch; let first = true; window.fetch = async (...a) => {"
        " const answer = await real(...a);"
        " if (first && a[1].method === 'POST') { first = false; throw new TypeError(); }"
        " return answer; }"
    )
    page.one("#paint").click()
    page.until("refused.textContent")
    assert page.one("#refused").text.startswith("The server cannot be reached. Nothing is lost")
    page.one("#paint").click()
    page.until("!document.querySelector('#photos li')")
    assert len(server.received) == 2 and len(server.jobs) == 1


def test_the_page_goes_on_by_itself_when_the_server_was_away(page, server):
    server.add("beach.jpg", "mosaic", MOSAIC, state="painting", step=10, steps=100, fraction=0.1)
    visit(page, server)
    queued(page, 1)
    server.stop()
    page.until("away.textContent")
    assert page.one("#away").text.startswith("The server is away for the moment.")
    server.start()
    server.go_on(1, step=90, fraction=0.9)
    page.until("!away.textContent && document.querySelector('#queue progress').value === 0.9")
    server.go_on(1, state="done")
    page.until("document.querySelector('#finished [data-state=done]')")


REST = """
const seen = (hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
};
const Real = EventSource;
window.EventSource = function (...how) { return window.opened = new Real(...how); };
window.EventSource.CLOSED = Real.CLOSED;
seen(true);
seen(false);
window.leave = () => { seen(true); window.opened.dispatchEvent(new Event("error")); };
"""


def test_the_end_of_a_connection_that_the_page_has_left_means_nothing(page, server):
    """Safari says so when somebody comes back to the page."""
    visit(page, server)
    page.driver.execute_script(REST)
    page.until("window.opened && window.opened.readyState === 1")
    page.driver.execute_script("window.leave()")
    assert page.errors() == []


HOLD = """
const real = fetch;
window.fetch = async (...asked) => {
  const answer = await real(...asked), json = answer.json.bind(answer);
  if (asked[0] !== "/api/jobs") return answer;
  answer.json = async () => { setTimeout(() => { window.taken = true; }, 50); return json(); };
  await new Promise((resolve) => { window.release = resolve; });
  return answer;
};
document.dispatchEvent(new Event("visibilitychange"));
"""


def test_an_answer_that_is_late_does_not_undo_what_has_happened_meanwhile(page, server):
    server.add("beach.jpg", "mosaic", MOSAIC, state="painting", step=10, steps=100, fraction=0.1)
    visit(page, server)
    queued(page, 1)
    page.driver.execute_script(HOLD)
    page.until("Boolean(window.release)")
    server.add("town.jpg", "mosaic", MOSAIC)
    server.go_on(1, state="done")
    page.until("document.querySelector('#finished [data-state=done]')")
    page.driver.execute_script("window.release()")
    page.until("window.taken")
    assert [each.text.split()[0] for each in page.all("#queue h3, #finished h3")] == [
        *("town.jpg", "beach.jpg")
    ]
    assert len(page.all("#queue > li")) == 1


def test_a_refusal_to_cancel_goes_when_the_job_is_cancelled_after_all(page, server):
    server.add("beach.jpg", "mosaic", MOSAIC)
    visit(page, server)
    queued(page, 1)
    server.refusals["POST", "/api/jobs/j1/cancel"] = (503, "storage is away", None)
    page.one("#queue button").click()
    page.until("document.querySelector('#queue .words .refusal').textContent")
    page.one("#queue button").click()
    page.until("document.querySelector('#finished > li')")
    assert page.one("#finished > li").text.split("\n")[1:3] == ["Cancelled", "Paint it after all"]


def test_only_what_is_shown_is_loaded(page, server):
    for number in range(1, 15):
        server.add(f"{number}.jpg", "mosaic", MOSAIC)
        server.go_on(number, state="done", finished=f"2026-11-20T10:{number:02d}:00+00:00")
        server.jobs[f"j{number}"]["links"]["result"] = f"/picture/result/{number}"
    visit(page, server)
    loaded = "document.querySelectorAll('#finished img:not([hidden])').length === 12"
    page.until(loaded)
    asked = {
        int(each.split("/")[-1].split("?")[0]) for each in page.requests() if "result/" in each
    }
    assert asked == set(range(3, 15))


def test_a_page_that_nobody_sees_leaves_its_connection_to_others(page, chromium, web):
    """A browser has six to a server in all: with a stream of events each, a seventh tab would
    never load."""
    visit(page, SimpleNamespace(address=str(web.base_url)))
    board, seen = web.service.board, chromium.current_window_handle
    until(lambda: board.listeners == 1)
    chromium.switch_to.new_window("tab")
    until(lambda: board.listeners == 0)
    form = {"request": '{"look": "monet"}'}
    web.post("/api/jobs", data=form, files={"photo": ("beach.jpg", jpeg("red"))})
    chromium.close()
    chromium.switch_to.window(seen)
    queued(page, 1)
    until(lambda: board.listeners == 1)


def test_what_ends_between_the_list_and_the_stream_of_events_is_not_missed(page, web, monkeypatch):
    form = {"request": '{"look": "monet"}'}
    sent = web.post("/api/jobs", data=form, files={"photo": ("beach.jpg", jpeg("red"))}).json()

    job_changes = api_jobs.job_changes

    def late(board, *about):
        board.cancel(sent["id"])
        return job_changes(board, *about)

    monkeypatch.setattr(api_jobs, "job_changes", late)
    visit(page, SimpleNamespace(address=str(web.base_url)))
    page.until("document.querySelector('#finished [data-state=cancelled]')")


def test_who_is_no_longer_logged_in_gets_the_login(page, server):
    visit(page, server)
    server.password = "changed"
    page.js("document.dispatchEvent(new Event('visibilitychange'))")
    page.until("location.pathname === '/login'")


def test_a_logout_that_is_refused_says_so(page, server):
    page.look(server.address + "/gallery")
    page.until("!empty.hidden")
    server.refusals["POST", "/logout"] = (503, "the storage does not answer; try again", None)
    page.one("#log-out").click()
    page.until("away.textContent")
    assert page.one("#away").text == "The storage does not answer; try again."


def test_what_is_chosen_outlasts_a_login(page, server, photos):
    visit(page, server)
    leaves = "window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert page.js(leaves)
    choose(page, photos, 0)
    assert not page.js(leaves), "the browser asks whether to leave"
    server.password = "a password"
    page.one("#paint").click()
    page.until("refused.textContent")
    assert page.one("#refused").text == (
        "You are no longer logged in. Log in in another tab: what you have chosen here stays."
    )
    cookie = {"name": "session", "value": "yes", "url": server.address}
    page.driver.execute_cdp_cmd("Network.setCookie", cookie)
    page.one("#paint").click()
    ordered(page)
    queued(page, 2)
    assert page.one("#refused").text == ""


def test_a_picture_is_ordered_again_with_other_settings(page, server):
    blend = [{"name": "waves.jpg", "share": 0.75}, {"name": "mine.jpg", "share": 0.25}]
    settings = {"strength": 0.8, "stroke_size": 1.3, "preserve_color": True}
    server.add("beach.jpg", "a blend", blend, "draft", settings)
    server.go_on(1, state="done")
    visit(page, server)
    page.until("document.querySelector('#finished [data-state=done]')")
    compare, _, repaint = page.all("#finished .actions > *")
    server.pictures["photo"] = b""
    compare.click()
    page.until("limited.textContent")
    assert page.one("#limited").text == "The photo beach.jpg cannot be loaded."
    assert page.js("document.querySelector('#again').matches(':any-link')"), "Tab reaches it"
    page.one("#close").click()
    page.until("!document.querySelector('dialog').open")
    repaint.click()
    assert page.js("[...document.querySelectorAll('#photos .name')].map(e => e.textContent)") == [
        "beach.jpg"
    ]
    assert [each.text for each in page.all("#shares output")] == ["75 %", "25 %"]
    page.one("[value=print]").click()
    page.one("#paint").click()
    queued(page, 1)
    assert server.received == [
        {
            **{"again": "j1", "photo": None, "quality": "print", "settings": settings},
            "paintings": {"waves.jpg": 0.75, "mine.jpg": 0.25},
        }
    ]


def test_of_the_settings_only_what_was_set_on_the_page_is_sent(page, server, photos):
    """All others are the look's own, or else the service's."""
    visit(page, server)
    assert page.one("#strength").get_property("value") == "0.7"
    choose(page, photos[:1], 0)
    page.one("#paint").click()
    ordered(page)
    page.js("strength.dispatchEvent(new Event('input'))")
    page.one("[name=preserve_color]").click()
    choose(page, photos[:1])
    page.one("#paint").click()
    ordered(page)
    assert [each["settings"] for each in server.received] == [
        *({}, {"strength": 0.7, "preserve_color": True})
    ]


def test_each_step_of_the_strokes_slider_is_as_much_larger_as_the_one_before(page, server, photos):
    from selenium.webdriver import Keys

    visit(page, server)
    slider, said = page.one("#stroke_size"), page.one("#stroke_size-said")
    assert said.text == "as usual"
    for key, size in (
        (Keys.END, 4),
        (Keys.ARROW_LEFT, 2.83),
        (Keys.ARROW_LEFT, 2),
        (Keys.HOME, 0.25),
    ):
        slider.send_keys(key)
        choose(page, photos[:1], *([0] if size == 4 else []))
        page.one("#paint").click()
        ordered(page)
        assert server.received[-1]["settings"] == {"stroke_size": size}
    assert slider.get_attribute("aria-valuetext") == "0.25, very fine"


def test_the_form_shows_a_looks_own_settings_until_others_are_set(page, server):
    own = {"strength": 0.9, "stroke_size": 2.0, "preserve_color": True, "iterations": 40}
    server.looks[0]["settings"] = own
    visit(page, server)
    shown = lambda: (  # noqa: E731
        page.one("#strength").get_property("value"),
        page.one("#stroke_size").get_property("value"),
        page.one("[name=preserve_color]").is_selected(),
    )
    tiles = page.all("#looks li label")
    assert shown() == ("0.7", "0", False)
    tiles[0].click()
    assert shown() == ("0.9", "1", True)
    assert page.one("#strength-said").text == "very free"
    tiles[1].click()  # Of two looks, one says nothing of them.
    assert shown() == ("0.7", "0", False)
    tiles[1].click()
    page.one("[name=preserve_color]").click()
    tiles[0].click()
    tiles[0].click()
    assert shown() == ("0.9", "1", False)


def test_a_share_too_small_to_matter_is_left_out_of_a_blend(page, server, photos):
    tiny = [{"name": "mosaic.jpg", "share": 0.99999}, {"name": "waves.jpg", "share": 0.00001}]
    server.looks.insert(0, {**server.looks[0], "name": "nearly mosaic", "paintings": tiny})
    visit(page, server)
    choose(page, photos[:1], 0, 1)
    page.all("[name=blend]")[1].click()
    page.one("#paint").click()
    ordered(page)
    assert server.received[0]["paintings"] == {"mosaic.jpg": 1}


def test_the_keyboard_alone_orders_a_picture(page, server, photos):
    from selenium.webdriver import ActionChains, Keys

    visit(page, server)
    page.one("#photo-files").send_keys(photos[0])
    press = lambda *keys: ActionChains(page.driver, duration=0).send_keys(*keys).perform()  # noqa: E731
    page.js("document.getElementById('main').focus()")
    seen = []
    while "paint" not in seen and len(seen) < 30:
        press(Keys.TAB)
        seen.append(page.js("(e => e.id || e.name || e.ariaLabel)(document.activeElement)"))
        assert page.js(
            "[document.activeElement, document.activeElement.nextElementSibling]"
            ".some(e => e && getComputedStyle(e).outlineStyle !== 'none')"
        ), f"{seen[-1]} shows the focus"
        if seen.count("look") == 1 and seen[-1] == "look":
            press(Keys.SPACE)
    fields = {"photo-files", "look", "painting-files", "quality", "preserve_color"}
    assert fields | {"strength", "stroke_size"} < set(seen)
    press(Keys.ENTER)
    queued(page, 1)
    assert server.received[0]["look"] == "mosaic"


def test_what_is_missing_is_said_where_it_is_missing(page, server, photos):
    visit(page, server)
    page.one("#paint").click()
    assert page.one("#refused").text == "Choose at least one photo."
    assert page.js("document.activeElement.id") == "photo-files"
    choose(page, photos[:1])
    page.one("#paint").click()
    assert page.one("#refused").text == "Choose at least one painting."
    assert page.js("document.activeElement.name") == "look"


@pytest.mark.parametrize("path", ["/", "/gallery"])
def test_the_pages_suit_a_phone_and_a_screen_reader(page, server, photos, path):
    server.gallery = [item(0)]
    for number, state in enumerate(("painting", "queued", "done", "failed"), 1):
        server.add("x" * 120 + ".jpg", "mosaic", MOSAIC)
        server.go_on(number, state=state, step=3, steps=9)
    page.look(server.address + path, 390, 844)
    page.until(
        "document.querySelector('.card') || document.querySelectorAll('#queue > li').length === 2"
    )
    if path == "/":
        page.until("document.querySelectorAll('[name=look]').length > 1")
        choose(page, photos, 0, 1)
        page.all("[name=blend]")[1].click()
    page.until("document.getElementById('system').textContent.includes('the CPU')")
    assert page.js("document.documentElement.scrollWidth") == 390
    assert page.small() == [] and page.nameless() == []
    ids = page.js("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert sorted(ids) == sorted(set(ids))
    grounds = []
    for preferred in (False, True):
        page.dark(preferred)
        grounds.append(page.js("getComputedStyle(document.body).backgroundColor"))
    page.dark(False)
    light, dark = (sum(map(int, re.findall(r"\d+", each))) for each in grounds)
    assert light > 700 and dark < 100
    assert page.width_with_large_text() == 320
    assert page.errors() == []


def item(number):
    return {
        **{"photo": f"photo {number}.jpg", "look": "mosaic", "result": f"/picture/result/{number}"},
        **{"original": "/picture/photo", "thumbnail": "/picture/thumbnail"},
        **{"width": 96, "height": 64, "made": "2026-11-20T10:02:00+00:00", "network": "small"},
        **{"settings": {}},
    }


def test_the_gallery_comes_in_pages_and_opens_what_its_address_names(page, server):
    server.gallery = [item(number) for number in range(60)]
    page.look(server.address + "/gallery")
    page.until("document.querySelectorAll('.card').length === 48")
    page.one("#more").click()
    page.until("document.querySelectorAll('.card').length === 60")
    assert page.js("document.activeElement.textContent").startswith("photo 48.jpg")
    assert not page.one("#more").is_displayed() and page.one("#count").text == "60 paintings"
    page.one(".card a").click()
    page.until("document.querySelector('dialog').open && before.naturalWidth && after.naturalWidth")
    link = page.driver.current_url
    page.one("#next").click()
    assert page.one("#title").text == "photo 1.jpg"
    page.look(link)
    page.until("document.querySelector('dialog').open")
    assert page.one("#title").text == "photo 0.jpg"
    page.one("#close").click()
    assert page.js("document.querySelector('dialog').open") is False
    page.all(".card a")[47].click()
    page.until("!next.disabled")
    assert page.js("document.querySelectorAll('.card').length") == 60
    page.look(link.replace("result%2F0", "result%2F55"))
    page.until("document.querySelector('dialog').open")
    assert page.one("#title").text == "photo 55.jpg"
    changes = count_changes_of_address(page)
    for key in ("ArrowLeft", "ArrowRight") * 4 + ("ArrowRight",) * 4:
        hold(page, key)
    assert page.one("#title").text == "photo 59.jpg"
    page.until("location.hash.endsWith('result%2F59')")
    assert page.js(changes) < 8, "Safari refuses a hundred in ten seconds"
    assert page.errors() == []
    server.pictures |= {"result": b"", "thumbnail": b""}
    page.look(link)
    page.until("limited.textContent")
    assert page.one("#limited").text == "photo 0.jpg in mosaic cannot be loaded."
