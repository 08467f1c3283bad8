"""The web service's pages in a browser.

The service is real, but a test moves its jobs on and refuses requests. test_story.py has a worker
as well.
"""

import base64
import socket
from pathlib import Path

import pytest
from support.gallery import published, record
from support.polling import until
from support.web_page import answered, chosen_photos, end_undo, jpeg, slide, staged, styled

from painterly.engine.schedule import total_work
from painterly.jobs.estimates import USUAL_PHOTO
from painterly.jobs.schemas import Preset
from painterly.jobs.worker.desk import Refusal
from painterly.settings import ready_styles
from painterly.settings.kindness import KIND_TO, Subject
from painterly.settings.settings import Settings
from painterly.web.sessions import COOKIE

pytestmark = pytest.mark.slow  # A browser starts.

PASSWORD = "a long password"
PHOTO = base64.b64encode(jpeg("red")).decode()
# Timers run ten times as fast.
TOLD = "document.querySelector('.told p')?.textContent"
HASTE = """
const real = setTimeout;
window.setTimeout = (what, ms, ...others) => real(what, ms / 10, ...others);
const realInterval = setInterval;
window.setInterval = (what, ms) => realInterval(what, ms / 10);
"""
DROP = """
const photo = Uint8Array.from(atob(arguments[2]), (c) => c.charCodeAt(0));
const files = new DataTransfer();
for (const [name, size] of arguments[1])
  files.items.add(new File([size === "photo" ? photo : new Uint8Array(size)], name));
const how = { bubbles: true, cancelable: true, dataTransfer: files };
for (const kind of ["dragover", "drop"])
  document.querySelector(arguments[0]).dispatchEvent(new DragEvent(kind, how));
"""
PASTE = """
const files = new DataTransfer();
const photo = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
files.items.add(new File([photo], "image.jpg", { type: "image/jpeg" }));
document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, clipboardData: files }));
"""


@pytest.fixture
def place(tmp_path):
    """Folders with named paintings, and the variables that name them."""
    more = {"STYLE_STRENGTH": "0.7", "WEB_MAX_MEGABYTES": "2"}
    return styled(tmp_path, "mosaic", "waves") | more


@pytest.fixture
def locked_server(place):
    """The service with a password, for a browser."""
    with staged(place | {"WEB_PASSWORD": PASSWORD}) as running:
        yield running


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """The paths of photos to choose."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("beach.jpg", "town.jpg"):
        (folder / name).write_bytes(jpeg("red"))
    return [str(folder / name) for name in ("beach.jpg", "town.jpg")]


def visit(page, server, photos=(), *styles):
    """Open the page, and choose what is named."""
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    choose(page, photos, *styles)


def choose(page, photos, *styles):
    """Add photos; choose one style, or several for a blend."""
    if photos:
        page.one("#photo-files").send_keys("\n".join(photos))
    if len(styles) > 1:
        page.js("several.checked || several.click()")
    for each in styles:
        box = "document.querySelectorAll('[name=style]')[arguments[0]]"
        page.js(f"{box}.checked || {box}.click()", each)


def drop(page, where, files):
    """Drop files, each a name and its bytes of 0, or `photo`."""
    page.driver.execute_script(DROP, where, files, PHOTO)


def show_photo(page, number=0):
    """Put a chosen photo back on the stage, where a picture that is painted now was."""
    page.all("#photos .cell")[number].click()


def one_picture_each(page):
    page.js("document.querySelector('[name=blend][value=\"\"]').click()")


def queued(page, count):
    page.until(f"document.querySelectorAll('#queue > li').length === {count}")


def order(page):
    """Click on Paint, and wait until all has been sent."""
    if not page.one("#paint").is_displayed():
        show_photo(page)
    page.click("#paint", "!document.querySelector('#photos .unsent, #paint[aria-disabled]')")


def label(page):
    """Return the title of the picture on the stage, and the line below it."""
    return page.one("#heading").text, page.one("#about").text


def log_in(page, locked_server):
    """Enter with a cookie; return it."""
    answer = locked_server.client.post("/login", data={"password": PASSWORD, "next": "/"})
    cookie = {"name": COOKIE, "value": answer.cookies[COOKIE], "url": locked_server.address}
    page.driver.execute_cdp_cmd("Network.setCookie", cookie)
    return cookie


def test_the_page_says_how_long_pictures_take_and_how_far_they_are(page, locked_server, photos):
    rate = 50 / total_work(*USUAL_PHOTO, Settings(size=512, strength=0.7))
    locked_server.service.jobs.estimates.set_measured(Preset.FINE, rate, "the CPU")
    log_in(page, locked_server)
    visit(page, locked_server)
    page.until("document.querySelector('[value=fine] + span time').textContent.startsWith('about')")
    choose(page, photos, 0, 1)
    page.js("document.querySelector('[value=fine]').click()")
    one_picture_each(page)
    assert page.one("#paint-said").text == "Paint 4 pictures"
    page.js("document.querySelector('[name=blend]').click()")
    assert page.one("#paint-time").text == "5 min"
    order(page)
    queued(page, 2)
    assert page.one("#said").get_attribute("textContent") == "2 pictures added to the queue"
    beach, town = locked_server.ordered
    assert (beach.photo, town.photo) == ("beach.jpg", "town.jpg")
    assert label(page)[1].startswith("Waiting, number 2 in the queue"), "town.jpg is on the stage"
    locked_server.paint(beach, step=60, fraction=0.3, seconds_left=42)
    page.click("#queue .cell", "document.querySelector('#queue img').src.includes('preview')")
    assert label(page) == (
        "In Mosaic and Waves",
        "Painting, 30%, about 40 s left, then 1 more picture",
    )
    assert page.one("#progress").get_property("value") == 0.3
    painting, waiting = page.all("#queue .cell")
    assert painting.text.startswith("Mosaic and Waves\n30%, 40 s left\n")
    assert waiting.text.startswith("Mosaic and Waves\nnext, ready in ")
    waiting.click()
    assert label(page)[1].startswith("Waiting, next in the queue, ready in about")
    assert page.errors() == []
    page.one("#languages summary").click()
    page.click("#log-out", "location.pathname === '/login'")


def test_the_time_is_said_however_late_the_worker_has_measured_it(page, server, photos):
    hurried = HASTE.replace("10", "200")
    page.begin_with(f"{hurried} performance.setResourceTimingBufferSize(2000);")
    visit(page, server, photos[:1], 0)
    entries = "performance.getEntriesByType('resource')"
    page.until(f"{entries}.filter((each) => each.name.endsWith('/api/system')).length > 15")
    assert page.one("#paint-time").text == ""
    rate = 50 / total_work(*USUAL_PHOTO, Settings(size=512, strength=0.7))
    server.service.jobs.estimates.set_measured(Preset.FINE, rate, "the CPU")
    server.service.jobs.estimates.set_measured(Preset.INSTANT, rate, "the CPU")
    page.until("document.querySelector('#paint-time').textContent")


def test_photos_and_folders_are_dropped_or_pasted_and_other_files_are_refused(
    page, server, tmp_path
):
    (tmp_path / "trip" / "later").mkdir(parents=True)
    (tmp_path / "empty.jpg").mkdir()
    for name in ("10.jpg", "9.jpg", ".hidden.jpg", "notes.txt", "later/town.png"):
        (tmp_path / "trip" / name).write_bytes(jpeg("red"))
    visit(page, server)
    files = [["beach.jpg", "photo"], ["notes.pdf", 9], ["big.png", 3_000_000], ["a folder", 0]]
    drop(page, "body", files)
    page.driver.execute_script(PASTE, PHOTO)
    assert chosen_photos(page) == ["beach.jpg", "pasted-1.jpg"]
    drop(page, "#photos", [["notes.pdf", 9], ["big.png", 3_000_000], ["folder", 0]])
    assert page.one("#refused").text.split(". ") == [
        "notes.pdf is not in a supported format: JPG, PNG, HEIC, WEBP, TIFF and others",
        "big.png is too large (3 MB); the limit is 2 MB",
        "folder is empty, or a folder without pictures.",
    ]
    page.js("document.querySelector('#photos .x').focus()")
    page.one("#photos .x").click()
    assert chosen_photos(page) == ["pasted-1.jpg"]
    assert page.js("document.activeElement.innerText") == "Remove pasted-1.jpg"
    page.until(f"{TOLD} === 'beach.jpg removed'")
    page.one(".told button").click()
    assert chosen_photos(page) == ["beach.jpg", "pasted-1.jpg"]
    page.driver.execute_script(HASTE)
    page.click("#photos .x", f"{TOLD} === 'beach.jpg removed'")
    page.until(f"!{TOLD}")
    assert page.one("#refused").text == "", "a change clears what was refused"
    dragged = {"items": [], "dragOperationsMask": 1}
    dragged["files"] = [str(tmp_path / name) for name in ("trip", "empty.jpg")]
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": 100, "y": 200, "data": dragged}
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", event)
    refused = "empty.jpg is empty, or a folder without pictures."
    page.until("document.querySelector('#refused').textContent === arguments[0]", refused)
    assert chosen_photos(page) == ["pasted-1.jpg", "9.jpg", "10.jpg", "town.png"]


def test_what_an_order_lacked_is_said_until_the_order_has_it(page, server, photos):
    visit(page, server, photos[:1], 0)
    page.one("#photos .x").click()
    page.js("document.querySelector('#order').requestSubmit()")
    page.until("refused.textContent === 'Choose at least one photo.'")
    page.until("document.querySelector('.told button')")
    page.click(".told button", "!refused.textContent")
    assert chosen_photos(page) == ["beach.jpg"]


@pytest.mark.story
def test_a_result_takes_the_stage_and_the_next_style_is_one_click_away(page, server, photos):
    from selenium.webdriver import Keys

    visit(page, server, photos[:1], 0)
    order(page)
    [job] = server.ordered
    assert page.one("#cancel").is_displayed()
    server.end(server.jobs.stored(job.id), started="2026-11-20T10:01:30+00:00")
    page.until("document.body.dataset.acts === 'done'")
    page.until("document.querySelector('#painting-side').src.includes('/result')")
    said = "Painted in 30 s. 96 × 64 px: sharp on paper up to 1 × 1 cm."
    assert label(page) == ("In Mosaic", said)
    assert [page.colour("#picture", x) for x in (0.15, 0.6)] == ["red", "blue"]
    line = page.one("#line")
    line.send_keys(Keys.HOME)
    assert page.colour("#picture", 0.15) == "blue"
    line.send_keys(Keys.ARROW_RIGHT)
    assert line.get_attribute("aria-valuetext").startswith("1% photo on the left")
    assert page.one("#save").get_property("href").endswith("/result?download=1")
    page.all("#styles .tile")[1].click()
    assert page.one("#paint").is_displayed() and label(page)[0] == "In Waves"
    order(page)
    assert [each.style for each in server.ordered] == ["mosaic", "waves"]


def test_a_picture_that_was_painted_becomes_a_sheet_in_the_language_of_the_page(
    page, server, photos
):
    page.speak("de")
    visit(page, server, photos[:1], 0)
    order(page)
    [painted] = server.ordered
    server.end(server.jobs.stored(painted.id))
    page.until("document.body.dataset.acts === 'done'")
    page.resize(390, 844)
    page.one("#print-menu summary").click()
    page.one("#print-sheet").click()
    queued(page, 1)
    assert (server.ordered[1].photo, server.ordered[1].sheet) == ("beach.jpg", "de")
    page.until("document.body.dataset.acts === 'painting'")
    page.click("#cancel", "document.body.dataset.acts !== 'painting'")
    assert page.errors() == []


def test_the_first_screen_is_light(page, place):
    with staged(place | {"STYLES": "all"}) as server:
        page.look(server.address, 1440, 900)
        page.until("document.querySelectorAll('.sampled').length > 15")
        page.until("document.querySelector('#painting-side').naturalWidth")
        entries = "performance.getEntriesByType('resource')"
        page.until(f"{entries}.some((each) => each.name.endsWith('/api/jobs'))")
        loaded = page.js(
            "performance.getEntries().filter(e => e.transferSize !== undefined)"
            ".map(e => [e.name, e.transferSize])"
        )
        assert 100_000 < sum(size for _, size in loaded) < 400_000
        addresses = [address for address, _ in loaded]
        # A slow page polls more than once, and has time for paintings below the first screen.
        assert len({each for each in addresses if not each.endswith("/thumbnail")}) <= 31
        assert addresses.count(f"{server.address}/api/jobs") == 1


def test_what_the_storage_refused_is_requested_again(page, server):
    job = server.add()
    photo = f"/api/jobs/{job.id}/photo"
    server.refusals["GET", "/styles"] = (503, "the storage does not answer", None)
    server.refusals["GET", photo] = (503, "the storage does not answer", None)
    page.look(server.address)
    page.until("document.querySelector('#styles-away').textContent")
    assert page.one("#styles-away").text == "The storage does not answer."
    page.js("document.dispatchEvent(new Event('visibilitychange'))")
    page.until("document.querySelectorAll('[name=style]').length === 2")
    assert page.one("#styles-away").text == ""
    page.until(f"document.querySelector('#queue img').src.includes('{photo}')")
    assert not server.refusals
    server.refusals["POST", f"/api/jobs/{job.id}/photo"] = (503, "no storage", None)
    page.one("#queue .cell").click()
    page.click("#cancel", f"{TOLD} === 'Could not delete it. The picture is back.'")
    assert len(page.all("#queue > li")) == 1, "its photo could not be kept"
    page.click("#queue .x", "!document.querySelector('#queue > li')")
    assert label(page)[0] == "In Mosaic"
    assert chosen_photos(page) == ["beach.jpg"], "as it was"
    assert page.one("#paint").is_displayed() and not page.one("#retry").is_displayed()
    assert not page.all("#finished > li"), "nothing is left of it"
    until(lambda: [*server.buckets.result.list("_web/kept/")])
    end_undo(page)
    server.leaves_nothing_of(job.id)
    page.click("#paint", "document.querySelector('#queue > li')")
    (again,) = server.jobs.all()
    assert (again.photo, again.style, again.state) == ("beach.jpg", "mosaic", "queued")
    page.click("#queue .x", "!document.querySelector('#queue > li')")
    end_undo(page)
    (copy,) = [entry.key for entry in server.buckets.result.list("_web/kept/")]
    page.click("#photos .x", f"{TOLD} === 'beach.jpg removed'")
    assert chosen_photos(page) == []
    page.one(".told button").click()
    assert chosen_photos(page) == ["beach.jpg"] and server.buckets.result.find(copy)
    page.click("#photos .x", f"{TOLD} === 'beach.jpg removed'")
    page.driver.get("about:blank")  # There is no time for an undo then.
    server.leaves_nothing_of(again.id, copy.split("/")[-1].removesuffix(".json"))
    until(lambda: not [*server.buckets.source.list()])


def test_the_focus_stays_with_a_picture_that_leaves_the_queue(page, server):
    from selenium.webdriver import Keys

    server.add("beach.jpg")
    visit(page, server)
    queued(page, 1)
    page.one("#queue .cell").send_keys(Keys.ENTER)
    page.one("#cancel").send_keys(Keys.ENTER)
    page.until("document.activeElement.id === 'heading'")
    town = server.add("town.jpg")
    queued(page, 1)
    page.js("document.querySelector('#queue .cell').focus()")
    server.end(town)
    page.until("document.activeElement.closest('#finished')")
    assert "town.jpg" in page.js("document.activeElement.textContent")


def test_a_painting_is_added_chosen_deleted_and_brought_back(page, server, tmp_path):
    visit(page, server)
    drop(page, "#masters", [["notes.png", 9]])
    page.until("document.querySelector('#refused').textContent")
    assert page.one("#refused").text.startswith("notes.png is not a picture that can be read")
    (tmp_path / "starry night.png").write_bytes(jpeg("blue"))
    page.one("#painting-files").send_keys(str(tmp_path / "starry night.png"))
    page.until("document.querySelector('[name=style]:checked')")
    assert page.one("#refused").text == ""
    chosen = "document.querySelector('[name=style]:checked').closest('label').innerText"
    assert page.js(chosen).strip() == "“Starry night”"
    page.js("document.querySelector('.remove').focus()")
    page.click(".remove", "document.querySelectorAll('li:not([hidden]) [name=style]').length === 2")
    assert not page.js("document.querySelector('[name=style]:checked')")
    page.until("document.querySelector('.told p')?.textContent.includes('Starry night')")
    page.click(".told button", "document.querySelector('[name=style]:checked')")
    assert page.js(chosen).strip() == "“Starry night”"
    page.js("document.querySelector('.remove').focus()")
    page.click(".remove", "document.querySelector('.told')")
    end_undo(page)
    page.until("document.querySelectorAll('[name=style]').length === 2")
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(jpeg("blue", (64 + number, 64)))
    page.one("#painting-files").send_keys("\n".join(str(tmp_path / f"{n}.png") for n in range(2)))
    page.until("document.querySelectorAll('[name=style]').length === 4")
    page.until("!document.querySelector('#styles-status').textContent")
    assert not page.js("document.querySelector('[name=style]:checked')"), "of many, none is chosen"


TOO_LARGE = "beach.jpg has 90 megapixels; at most 52 are painted"
REFUSALS = [
    ((413, TOO_LARGE, None), f"{TOO_LARGE}."),
    ((415, None, None), "beach.jpg: This file format is not supported."),
    ((422, "size is 5", None), "beach.jpg: Size is 5."),
    ((422, "beach.jpg: is text, no picture", None), "beach.jpg is text, no picture."),
    ((500, None, None), "beach.jpg: Something went wrong on the server. Try again later."),
]


def test_the_page_explains_a_refusal_and_the_photo_can_be_sent_again(page, server, photos):
    visit(page, server, [], 0)
    choose(page, photos)
    for number, (refusal, words) in enumerate(REFUSALS, 1):
        show_photo(page)
        slide(page, number / 10)
        server.refusals["POST", "/api/jobs"] = refusal
        page.one("#paint").click()
        page.until("refused.textContent && !document.querySelector('#paint[aria-disabled]')")
        assert page.one("#refused").text == words
        assert page.one("#refused").is_displayed()
        queued(page, 2 * number - 1)
        order(page)
        queued(page, 2 * number)  # The accepted one is not painted twice.
        assert page.one("#refused").text == ""


def test_an_order_waits_for_a_service_that_is_not_ready(page, server, photos):
    visit(page, server, photos[:1], 0)
    server.refusals["POST", "/api/jobs"] = (503, None, None)
    page.click("#paint", "document.querySelector('#queue-full').textContent")
    assert page.one("#queue-full").text == "The server is not ready yet."
    queued(page, 1)
    page.until(f"!{SENDING}")
    assert page.one("#queue-full").text == page.one("#refused").text == ""


FULL = (429, "the queue is full: 5 photos are waiting", 4)
IS_FULL = "document.querySelector('#queue-full').textContent"
SENDING = "document.querySelector('#paint[aria-disabled]')"


def test_a_full_queue_is_waited_for_also_in_an_outage_until_the_user_stops_that(
    page, server, photos
):
    server.end(server.add("lake.jpg"))
    visit(page, server, photos, 0, 1)
    page.driver.execute_script(HASTE)
    one_picture_each(page)
    server.refusals.stay = True
    server.refusals["POST", "/api/jobs"] = FULL
    page.click("#paint", IS_FULL)
    assert page.one("#queue-full").text.startswith("The queue is full. The rest will be sent")
    assert page.one("#paint-said").text == "4 pictures to send…"
    page.js("document.querySelector('#photos .x').click()")  # The user removes the first photo.
    page.until("document.querySelector('#paint-said').textContent === '2 pictures to send…'")
    server.refusals.clear()
    page.until(f"!{SENDING}")
    queued(page, 2)
    assert [each.photo for each in server.ordered] == ["town.jpg", "town.jpg"]
    assert page.one("#queue-full").text == page.one("#refused").text == ""
    assert not page.one("#stop-sending").is_displayed()
    assert [each for each in page.errors() if "429" not in each] == []
    choose(page, photos)
    server.refusals["POST", "/api/jobs"] = FULL
    page.click("#paint", IS_FULL)
    server.refusals["POST", "/api/jobs"] = (503, "the storage does not answer", 1)
    server.refusals.stay = False
    until(lambda: not server.refusals)
    queued(page, 4)  # Those of town.jpg are there.
    page.until(f"!{SENDING}")
    show_photo(page)
    slide(page, 0.9)
    server.refusals.stay = True
    server.refusals["POST", "/api/jobs"] = (429, "the queue is full: 5 photos are waiting", 600)
    page.click("#paint", IS_FULL)
    page.one("#finished .cell").click()
    page.js("document.querySelector('#again-with').click()")
    assert page.one("#refused").text.startswith("Pictures are still being sent.")
    show_photo(page)
    page.click("#stop-sending", f"!{SENDING}")
    server.refusals.clear()
    refused = "The queue is full: 5 photos are waiting. Try again in 10 min."
    assert page.one("#refused").text == refused
    assert len(page.all("#photos li")) == 2 and page.js("document.activeElement.id") == "paint"
    order(page)
    queued(page, 8)


# The connection breaks after each request that `cut` names.
CUT = """
const direct = fetch;
window.fetch = async (...asked) => {
  const answer = await direct(...asked), isOrder = asked[0] === "/api/jobs" && asked[1].method;
  if (isOrder && cut(asked[1].body)) throw new TypeError();
  return answer;
};
"""


def test_a_picture_whose_answer_was_lost_is_not_painted_twice(page, server, photos):
    visit(page, server, photos[:1], 0)
    page.driver.execute_script(f"{HASTE} let first = 1; const cut = () => first--; {CUT}")
    order(page)
    assert len(server.ordered) == 1
    assert page.one("#refused").text == ""


def test_a_connection_that_breaks_for_one_photo_alone_is_said_of_that_photo(page, server, photos):
    visit(page, server, photos, 0)
    cut = "const cut = (body) => body.get('photo').name === 'beach.jpg';"
    page.driver.execute_script(HASTE + cut + CUT)
    page.click("#paint", f"refused.textContent && !{SENDING}")
    assert page.one("#refused").text.startswith("beach.jpg: It could not be sent, though")
    assert "town.jpg" in [each.photo for each in server.ordered]


def test_a_file_that_changed_or_went_is_named_and_the_others_are_sent(page, server, tmp_path):
    files = [tmp_path / f"{name}.jpg" for name in "abcd"]
    for file in files:
        file.write_bytes(jpeg("red"))
    visit(page, server)
    page.driver.execute_script(HASTE)
    choose(page, [str(file) for file in files], 0)
    page.until("[...document.querySelectorAll('#photos img')].every(e => e.naturalWidth)")
    files[0].write_bytes(jpeg("red", (99, 64)))
    server.refusals.stay = True
    server.refusals["POST", "/api/jobs"] = FULL
    page.click("#paint", IS_FULL)
    gone = "a.jpg has changed or is gone; choose it again."
    assert page.one("#refused").text == gone, "at once, while others wait"
    files[2].unlink()
    server.refusals.clear()
    page.until(f"!{SENDING}")
    assert page.one("#refused").text == f"{gone} {gone.replace('a.jpg', 'c.jpg')}"
    assert page.one("#queue-full").text == ""
    assert {each.photo for each in server.ordered} == {"b.jpg", "d.jpg"}
    assert chosen_photos(page) == ["b.jpg", "d.jpg"]
    choose(page, [str(files[0])])
    order(page)
    assert server.ordered[-1].photo == "a.jpg" and len(server.ordered) == 3
    page.js("File.prototype.arrayBuffer = () => new Promise((_, reject) => setTimeout(reject))")
    page.one("#painting-files").send_keys(str(files[1]))
    page.until("refused.textContent")
    assert page.one("#refused").text == gone.replace("a.jpg", "b.jpg")


def test_the_page_recovers_by_itself_after_an_outage(page, place):
    with staged(place) as server:
        job, port = server.add(), server.client.base_url.port
        server.paint(job, step=10, fraction=0.1)
        visit(page, server)
        queued(page, 1)
    page.until("!away.hidden")
    assert page.one("#away").text.startswith("The server is not responding\nNext try in ")

    def is_closed():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port))

    until(is_closed)
    said = "document.querySelector('#queue .said').textContent"
    with staged(place, port=port) as server:
        server.paint(job, step=90, fraction=0.9)
        page.until(f"away.hidden && {said} === '90%'")
        server.end(job)
        page.until("document.querySelector('#finished [data-state=done]')")


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


def test_a_late_answer_does_not_undo_newer_events(page, server):
    job = server.add()
    server.paint(job, step=10, fraction=0.1)
    visit(page, server)
    queued(page, 1)
    page.driver.execute_script(HOLD)
    page.until("Boolean(window.release)")
    server.add("town.jpg")
    server.end(job)
    page.until("document.querySelector('#finished [data-state=done]')")
    page.driver.execute_script("window.release()")
    page.until("window.taken")
    cells = "[...document.querySelectorAll('.film:not(#chosen) .cell')].map(e => e.innerText)"
    assert page.js(cells) == ["Mosaic\nnext\ntown.jpg", "Mosaic\nbeach.jpg"]
    assert len(page.all("#queue > li")) == 1


def test_a_deleted_painting_is_named_in_words(page, server):
    name = "_web/6998e338636f-signac-calanque.jpg"
    server.end(server.add("beach.jpg", "signac-calanque", {name: 1.0}))
    visit(page, server)
    page.until("document.querySelector('#finished .cell')")
    assert page.one("#finished .cell").text == "Signac calanque\nbeach.jpg"


def test_only_the_pictures_that_are_shown_are_loaded(page, server):
    jobs = [server.add(f"{number}.jpg") for number in range(14)]
    for number, job in enumerate(jobs, 10):
        server.end(job, finished=f"2026-11-20T10:{number}:00+00:00")
    visit(page, server)
    page.until("document.querySelectorAll('#finished img:not([hidden])').length === 12")
    loaded = {each.split("/")[-2] for each in page.requests() if "/result?" in each}
    assert loaded == {job.id for job in jobs[2:]}


def test_a_hidden_page_closes_its_connection(page, chromium, server):
    """A browser has six to a server in all: with a stream of events each, a seventh tab would
    never load."""
    visit(page, server)
    service, shown = server.service, chromium.get_window_rect()
    until(lambda: service.events.streams == 1)
    chromium.minimize_window()
    until(lambda: service.events.streams == 0)
    server.add()
    chromium.set_window_rect(**shown)
    queued(page, 1)
    until(lambda: service.events.streams == 1)


def test_a_job_that_ends_between_the_list_and_the_stream_of_events_is_not_missed(
    page, server, monkeypatch
):
    job, changes = server.add(), server.jobs.changes

    def late(since=None, **about):
        if since is None:  # A stream begins.
            server.jobs.cancel(job.id)
        return changes(since, **about)

    monkeypatch.setattr(server.jobs, "changes", late)
    visit(page, server)
    page.until("!document.querySelector('#queue > li')")


def test_the_end_of_a_session_leads_to_the_login_unless_photos_are_chosen(
    page, locked_server, photos
):
    cookie = log_in(page, locked_server)
    visit(page, locked_server)
    leaves = "window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert page.js(leaves)
    choose(page, photos, 0)
    assert not page.js(leaves), "the browser asks whether to leave"
    page.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    page.click("#paint", "refused.textContent")
    assert page.one("#refused").text == (
        "You are logged out. Log in again in another tab; your selection here is kept."
    )
    page.driver.execute_cdp_cmd("Network.setCookie", cookie)
    order(page)
    queued(page, 2)
    assert page.one("#refused").text == ""
    page.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    page.js("document.dispatchEvent(new Event('visibilitychange'))")
    page.until("location.pathname === '/login'")


def test_a_picture_is_painted_again_with_other_settings(page, server):
    file = {"file": ("mine.jpg", jpeg("blue"))}
    mine = server.client.post("/api/paintings", files=file).json()["name"]
    settings = {"strength": 0.8, "stroke_size": 1.3, "preserve_color": True, "timelapse": True}
    blend = {"waves.jpg": 0.75, mine: 0.25}
    job = server.add("beach.jpg", "a blend", blend, settings=settings, named_style=False)
    server.end(job, timelapse="a blend/beach.timelapse.webp")
    visit(page, server)
    page.until("document.querySelector('#finished [data-state=done]')")
    server.refusals["GET", f"/api/jobs/{job.id}/photo"] = (404, "it is gone", None)
    page.one("#finished .cell").click()
    page.click("#full-screen", "before.src")
    page.one("#inform").click()
    assert page.js("document.querySelector('#again').matches(':any-link')"), "Tab reaches it"
    assert page.one("#film summary").is_displayed()
    assert page.js("timelapse.src").endswith(f"/{job.id}/timelapse")
    page.one("#facts-close").click()
    page.click("#close", "!document.querySelector('dialog').open")
    page.one("#more-menu summary").click()
    page.one("#again-with").click()
    assert chosen_photos(page) == ["beach.jpg"]
    assert [each.text for each in page.all("#shares b")] == ["75% Waves", "25% “Mine”"]
    page.js("document.querySelector('[value=paper]').click()")
    page.js("document.querySelector('[value=fine]').click()")
    order(page)
    queued(page, 1)
    [again] = server.ordered
    assert (again.photo, again.preset) == ("beach.jpg", "print"), "fine, on paper"
    assert again.settings == {**settings, "paper": "A4", "dpi": 300}
    assert {each.name: each.share for each in again.paintings} == blend


def test_a_size_is_shown_to_scale_with_its_pixels_and_its_time(page, locked_server, photos):
    rate = 50 / total_work(*USUAL_PHOTO, Settings(size=512, strength=0.7))
    locked_server.service.jobs.estimates.set_measured(Preset.FINE, rate, "the CPU")
    locked_server.service.jobs.estimates.set_measured(Preset.INSTANT, rate, "the CPU")
    log_in(page, locked_server)
    visit(page, locked_server, photos[:1], 0)
    page.one("#how").click()

    def seconds():
        return page.js(
            "[...document.querySelectorAll('#cares time')].map(each => each.textContent)"
        )

    usual = seconds()
    assert page.all("#cares [value=print]") == []
    for extent, words in (("paper", "Fine, A4, 30 × 21 cm"), ("4k", "Fine, 3840 × 2560 px")):
        page.js(f"document.querySelector('[value=\"{extent}\"]').click()")
        page.js("document.querySelector('[value=fine]').click()")
        assert page.one("#sum").text == words
        page.until("document.querySelector('#cares time').textContent !== arguments[0]", usual[0])
    page.js("document.querySelector('[value=paper]').click()")
    page.js("(paper.value = 'A2', paper.dispatchEvent(new Event('change', { bubbles: true })))")
    assert page.one("#sum").text == "Fine, A2, 59 × 42 cm"
    parts = page.js(
        "[...document.querySelectorAll('#sizes img')].map(each => each.clientWidth"
        " / each.parentElement.clientWidth)"
    )
    assert parts[2] == 1 and 0.5 < parts[1] < 0.6 and parts[0] < 0.2, "to scale"
    page.resize(390, 844)
    under = (
        "document.querySelector('#paper-for').offsetTop > paper.offsetTop + paper.offsetHeight - 1"
    )
    assert page.js(under), "stacked on a phone"
    page.resize(1280, 860)
    page.one("#paint").click()
    queued(page, 1)
    [job] = locked_server.ordered
    assert (job.preset, job.settings) == ("print", {"paper": "A2", "dpi": 218})
    assert page.errors() == []


def test_the_sizes_show_the_whole_of_an_upright_photo(page, server, tmp_path):
    (tmp_path / "tower.jpg").write_bytes(jpeg("red", (60, 120)))
    visit(page, server, [str(tmp_path / "tower.jpg")], 0)
    page.until("document.querySelector('#photo-side').naturalHeight === 120")
    page.one("#how").click()
    for width, height in ((1280, 860), (390, 844)):
        page.resize(width, height)
        images = "[...document.querySelectorAll('#sizes img')]"
        shapes = page.js(f"{images}.map((each) => each.clientWidth / each.clientHeight)")
        assert shapes == pytest.approx([0.5] * 3, abs=0.06)
        tall = page.js(f"{images}.map((e) => e.clientHeight - e.parentElement.clientHeight)")
        assert max(tall) <= 1, "within its card"
    page.resize(1280, 860)


# Has pictures of one kind load after all others.
LOADED_LATE = """
const { get, set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
Object.defineProperty(HTMLImageElement.prototype, "src", { get, set(address) {
  setTimeout(() => set.call(this, address), address.includes("/%s") ? 500 : 0);
} });
"""


@pytest.mark.parametrize("late", ["photo", "result"])
def test_a_photo_that_cannot_be_loaded_is_named(page, server, late):
    """Whether the picture next to it is loaded before or after that."""
    job = server.add()
    server.end(job)
    server.buckets.source.delete(job.photo_key)
    page.begin_with(LOADED_LATE % late)
    page.look(f"{server.address}/#{job.id}")
    page.until("limited.textContent")
    page.until("after.naturalWidth")
    assert page.one("#limited").text == "Cannot be loaded: The photo beach.jpg."


def test_only_settings_that_were_set_on_the_page_are_sent(page, server, photos):
    """All others are the style's own, or else the service's."""
    from selenium.webdriver import Keys

    visit(page, server)
    assert page.one("#strength").get_property("value") == "0.7"
    choose(page, photos[:1], 0)
    order(page)
    page.js("strength.dispatchEvent(new Event('input', { bubbles: true }))")
    page.one("#how").click()
    assert page.one("[name=faces]").is_selected()
    for name in ("preserve_color", "timelapse", "faces"):
        page.one(f"[name={name}]").click()
    order(page)
    settings = [each.settings for each in server.ordered]
    changed = {"strength": 0.7, "preserve_color": True, "timelapse": True, "faces": 0}
    assert settings == [{}, changed]
    slider, said = page.one("#stroke_size"), page.one("#stroke_size-value")
    assert said.text == "normal"
    for key, size in (
        *((Keys.END, 4), (Keys.ARROW_LEFT, 2.83), (Keys.ARROW_LEFT, 2)),
        (Keys.HOME, 0.25),
    ):
        slider.send_keys(key)
        order(page)
        assert server.ordered[-1].settings["stroke_size"] == size, "the slider's steps multiply"
    assert slider.get_attribute("aria-valuetext") == "0.25, very fine"


def test_the_form_shows_a_styles_own_settings_until_others_are_set(page, server, place, photos):
    mosaic = '[mosaic]\npaintings = ["mosaic.jpg"]\nstrength = 0.9\nstroke_size = 2.0\n'
    waves = '[waves]\npaintings = ["waves.jpg"]\n'
    nearly = '[wet]\npaintings = { "mosaic.jpg" = 0.99999, "waves.jpg" = 0.00001 }\n'
    text = f"{mosaic}preserve_color = true\n{waves}{nearly}"
    Path(place["BUCKET_STYLE"], "styles.toml").write_text(text)
    visit(page, server)
    shown = lambda: (  # noqa: E731
        page.one("#strength").get_property("value"),
        page.one("#stroke_size").get_property("value"),
        page.one("[name=preserve_color]").is_selected(),
    )
    tiles = page.all("#styles li label")
    page.js("document.querySelector('#several').click()")
    one_picture_each(page)
    assert shown() == ("0.7", "0", False)
    tiles[0].click()
    assert shown() == ("0.9", "1", True)
    assert page.one("#strength-value").get_attribute("textContent") == "very strong"
    tiles[1].click()  # The second style does not set them.
    assert shown() == ("0.7", "0", False)
    tiles[1].click()
    page.js("document.querySelector('[name=preserve_color]').click()")
    tiles[0].click()
    tiles[0].click()
    assert shown() == ("0.9", "1", False)
    choose(page, photos[:1], 2)
    page.js("document.querySelector('[name=blend]').click()")
    order(page)
    paintings = [each.name for each in server.ordered[0].paintings]
    assert paintings == ["mosaic.jpg"], "a tiny share is left out of a blend"


@pytest.mark.story
def test_the_keyboard_alone_orders_a_picture_and_is_led_to_a_missing_field(page, server, photos):
    """Tab reaches all fields in test_accessibility_browser.py."""
    from selenium.webdriver import Keys

    visit(page, server)
    styles = page.all("[name=style]")
    styles[0].send_keys(Keys.SPACE)
    styles[0].send_keys(Keys.ENTER)
    assert page.one("#refused").text == "Choose at least one photo."
    assert page.js("document.activeElement.id") == "photo-files"
    page.one("#photo-files").send_keys(photos[0])
    assert page.one("#refused").text == ""
    page.js("document.querySelector('#several').focus()")
    page.driver.switch_to.active_element.send_keys(Keys.SPACE)
    styles[0].send_keys(Keys.SPACE)
    page.one("#paint").send_keys(Keys.ENTER)
    assert page.one("#refused").text == "Choose at least one style."
    assert page.js("document.activeElement.name") == "style"
    page.driver.switch_to.active_element.send_keys(Keys.SPACE)
    assert page.one("#refused").text == ""
    page.one("#paint").send_keys(Keys.ENTER)
    queued(page, 1)
    assert server.ordered[0].style == "mosaic"


def test_the_first_screen_stays_whole_where_the_style_of_its_picture_is_not_offered(page, server):
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length > 1")
    assert not page.all("[name=style][value=boccioni]")
    said = [page.one(each).text for each in ("#heading", "#side")]
    assert said == ["Your photo, after Boccioni", "Boccioni"]
    page.until("document.querySelector('#painting-side').naturalWidth")


def test_a_newcomer_without_a_photo_or_a_painting_uses_the_sample_in_ready_styles(
    page, place, tmp_path
):
    (tmp_path / "nothing").mkdir()
    ready = {"BUCKET_STYLE": str(tmp_path / "nothing"), "STYLES": "hokusai,boccioni"}
    with staged(place | ready) as server:
        page.look(server.address)
        page.until("document.querySelectorAll('[name=style]').length === 2")
        page.until("document.querySelector('#about').textContent.startsWith('Dynamism')")
        assert page.one("#heading").text == "Your photo, after Boccioni"
        assert page.one("#side").text == "Boccioni"
        large = page.js(
            "fetch(original.href).then(a => a.blob()).then(createImageBitmap)"
            ".then(picture => Math.max(picture.width, picture.height))"
        )
        assert large > 600, "the painting beside the label opens large"
        page.click("#sample-photo", "document.querySelector('#photos .cell')")
        page.look(f"{server.address}/gallery/")
        page.one(".bare .button:not(.strong)").click()
        page.until("location.search === '' && document.querySelector('#photos .cell')")
        assert chosen_photos(page) == ["portrait.webp"], "from the gallery, while it is empty"
        page.js("document.querySelector('[value=instant]').click()")
        order(page)
        queued(page, 1)
        [job] = server.ordered
        assert (job.photo, job.style, job.preset) == ("portrait.webp", "boccioni", "instant")
        page.until("document.querySelector('.tile .why').textContent")
        page.all("#styles .tile")[1].click()
        assert label(page) == ("After Hokusai", "The Great Wave, 1831, colour woodblock print")
        order(page)  # The photo has stayed.
        queued(page, 2)
        assert server.ordered[1].style == "hokusai"
        assert page.errors() == []


def test_the_wall_begins_with_the_masters_who_suit_the_photo_and_says_why(page, place, tmp_path):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "stone.jpg").write_bytes(jpeg("grey"))
    _, first, second, *_ = kind = KIND_TO[Subject.FACES]  # The sample is in the kindest.
    others = [each for each in ready_styles.tables() if each not in kind][:2]
    ready = {"BUCKET_STYLE": str(tmp_path / "nothing")}
    ready["STYLES"] = ",".join([*others, second, first])
    chosen = "document.querySelector('[name=style]:checked')?.value"
    wall = "[...document.querySelectorAll('[name=style]')].map((each) => each.value)"
    why = "[...document.querySelectorAll('.tile .why')].map((each) => each.textContent)"
    with staged(place | ready) as server:
        page.look(server.address)
        page.until("document.querySelectorAll('[name=style]').length === 4")
        page.click("#sample-photo", f"{chosen} === 'style {first}'")
        assert page.js(wall)[:2] == [f"style {first}", f"style {second}"]
        assert page.js(why)[:4] == ["good for faces", "good for faces", "", ""]
        assert label(page)[1].endswith(", good for faces")
        page.all("#styles .tile")[3].click()
        mine = page.js(chosen)
        assert "good for" not in label(page)[1]
        page.one("#photo-add").send_keys(str(tmp_path / "stone.jpg"))
        page.until(f"!{why}.join('')")
        assert page.js(chosen) == mine, "what the user chose stays"
        page.click("#photos .cell", f"{why}[0] === 'good for faces'")
        assert page.js(chosen) == mine
        assert page.errors() == []


def test_the_gallery_shows_the_newest_first_and_leads_back_to_the_form(page, server, place):
    job = server.add("town.jpg")
    painted = record(f"{job.id}/town.jpg", "mosaic", finished="2026-11-21T10:00:00+00:00")
    published(Path(place["BUCKET_RESULT"]), [record("beach.jpg", "mosaic"), painted])
    page.look(f"{server.address}/gallery/")
    assert page.js("[...document.querySelectorAll('.card img')].map((each) => each.alt)") == [
        "After “Mosaic”: town.jpg",
        "After “Mosaic”: beach.jpg",
    ]
    page.one(".card a").click()
    page.until("document.querySelector('dialog').open && before.naturalWidth && after.naturalWidth")
    page.click("#compare-both", "slider.value === '50'")
    assert [page.colour("#sight", x) for x in (0.3, 0.7)] == ["red", "blue"]
    link = page.driver.current_url
    page.one("#next").click()
    assert page.one("#where").text == "beach · 2 of 2"
    page.one("#inform").click()
    assert not page.one("#again").is_displayed(), "its photo is not one of the service's"
    page.look(link)
    page.until("document.querySelector('dialog').open")
    assert page.errors() == []
    page.one("#inform").click()
    page.click("#again", "location.pathname === '/' && document.querySelector('#photos li')")
    assert chosen_photos(page) == ["town.jpg"]


def test_a_tile_whose_painting_is_refused_says_why(page, server, photos):
    refusal = Refusal("painting mosaic.jpg: is too large", is_of_photo=False)
    answered(server, lambda order: (None, refusal))
    visit(page, server, photos[:1], 0)
    page.until("document.querySelector('#styles li').title.includes('mosaic.jpg is too large')")
