"""What people stumbled over on the page: each test is one fault, and says what they expect."""

import pytest
from support.web_page import (
    ACTS,
    answered,
    chosen_photos,
    end_undo,
    jpeg,
    preview,
    previewed,
    slide,
    staged,
    styled,
    visit,
)

from painterly.jobs.schemas import Preset

pytestmark = pytest.mark.slow  # A browser starts.

FULL = (429, "the queue is full: 5 photos are waiting", 600)
SENT = "!document.querySelector('#photos .unsent, #paint[aria-disabled]')"
IS_FULL = "document.querySelector('#queue-full').textContent"


@pytest.fixture
def place(tmp_path):
    """Folders with named paintings, and the variables that name them."""
    return styled(tmp_path, "mosaic", "rings", "waves")


@pytest.fixture
def server(place):
    """The service, whose previews are blue."""
    with staged(place) as running:
        yield answered(running)


@pytest.fixture
def photos(tmp_path):
    """The paths of photos to choose."""
    for name in ("beach.jpg", "lake.jpg", "town.jpg"):
        (tmp_path / name).write_bytes(jpeg("red"))
    return [str(tmp_path / name) for name in ("beach.jpg", "lake.jpg", "town.jpg")]


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
    preview(page, server, *photos)
    server.refusals.stay = True
    server.refusals["POST", "/api/jobs"] = (*FULL[:2], 1)
    page.click("#paint", IS_FULL)
    page.js("document.querySelector('[data-paper=A4]').click()")
    server.refusals.clear()
    page.until("!document.querySelector('#paint[aria-disabled]')")
    papers = [each.settings.get("paper") for each in server.ordered]
    assert papers.count("A4") == 1 and len(papers) == 4


HELD_UPLOAD = """
window.bodies = 0;
window.held = new Promise((release) => { window.release = release; });
const { send } = XMLHttpRequest.prototype;
XMLHttpRequest.prototype.send = async function (body) {
  if (body.get("photo").name === "beach.jpg") bodies += 1; // And not the sample.
  window.sending = this.upload;
  await held;
  send.call(this, body);
};
"""


def test_a_photo_that_is_on_its_way_is_sent_once(page, server, photos):
    page.begin_with(HELD_UPLOAD)
    visit(page, server, photos[0])
    page.until("window.bodies === 1")
    page.js("document.querySelector('#paint').click()")
    page.js("release()")
    page.until("document.querySelectorAll('#queue li').length === 1")
    page.until(SENT)
    assert page.js("bodies") == 1


def test_a_job_is_changed_without_losing_the_chosen_photos(page, server, photos):
    server.end(server.add("old.jpg"))
    preview(page, server, *photos)
    page.one("#finished .cell").click()
    page.js("document.querySelector('#again-with').click()")
    assert chosen_photos(page) == ["old.jpg"]
    page.until("document.querySelector('.told button')?.hidden === false")
    page.one(".told button").click()
    assert {"beach.jpg", "lake.jpg", "town.jpg"} <= {*chosen_photos(page)}


def test_once_a_refused_photo_is_removed_the_red_button_leads_to_the_other_one(
    page, server, photos
):
    preview(page, server, *photos[:2])
    page.all("#photos .cell")[0].click()
    previewed(page)
    server.refusals["POST", "/api/jobs"] = (422, "size is 5", None)
    page.click("#paint", "refused.textContent && !document.querySelector('#paint[aria-disabled]')")
    page.js("document.querySelectorAll('#photos .x')[0].click()")
    page.all("#photos .cell")[0].click()
    previewed(page)
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    assert [each.photo for each in server.ordered] == ["lake.jpg"]


def test_a_double_click_orders_and_cancels_nothing(page, server, photos):
    preview(page, server, photos[0])
    middle = "(b => [b.x + b.width / 2, b.y + b.height / 2])(paint.getBoundingClientRect())"
    x, y = page.js(middle)

    def press(count):
        how = {"x": x, "y": y, "button": "left", "clickCount": count}
        for kind in ("mousePressed", "mouseReleased"):
            page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, **how})

    press(1)
    page.until(f"{ACTS} === 'painting'")
    press(2)
    [job] = server.ordered
    server.paint(job, step=10, fraction=0.1)
    page.until("document.querySelector('#progress').value === 0.1")
    assert page.js(ACTS) == "painting" and not page.all(".told")


LATE_TIMES = """
const direct = fetch;
window.fetch = async (address, how) => {
  const answer = await direct(address, how), json = answer.json.bind(answer);
  if (!String(address).includes("estimate?size=3840")) return answer;
  await new Promise((done) => setTimeout(done, 900));
  answer.json = async () => { setTimeout(() => { window.isTaken = true; }, 50); return json(); };
  return answer;
};
"""


def test_the_times_are_those_of_the_chosen_size(page, server, photos):
    server.service.jobs.estimates.set_measured(Preset.FINE, 1e-6, "the CPU")
    page.begin_with(LATE_TIMES)
    preview(page, server, photos[0])
    page.one("#how").click()
    page.until("document.querySelector('[value=fine] + span time').textContent.match(/[0-9]/)")
    own = page.js("document.querySelector('[value=fine] + span time').textContent")
    page.js("document.querySelector('[value=\"4k\"]').click()")
    page.js("document.querySelector('[value=screen]').click()")
    page.until("window.isTaken")
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
    slide(page, 0.9)
    previewed(page)
    page.until("!document.querySelector('#photos .unsent')")
    page.driver.refresh()
    page.until("document.querySelectorAll('#photos .said').length")
    previewed(page)
    assert page.js("[heading.textContent, strength.value]") == ["In Waves", "0.9"]


def test_the_picture_on_the_stage_is_the_one_that_is_painted_on_it(page, server, photos):
    preview(page, server, *photos[:2])
    assert (
        page.js("document.querySelector('#photos [aria-current] .said').textContent") == "lake.jpg"
    )
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    assert "lake" in page.js("document.querySelector('#photo-side').alt")


def test_a_picture_that_was_ordered_is_not_painted_again_with_the_next_photo(page, server, photos):
    preview(page, server, photos[0])
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    page.one("#photo-files").send_keys(photos[1])
    previewed(page)
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    assert sorted(each.photo for each in server.ordered) == ["beach.jpg", "lake.jpg"]


def draw(page):
    """Draw a mask on the photo on the stage."""
    from selenium.webdriver import Keys

    page.click("#mask-open", "document.querySelector('#mask').open")
    page.one("#mask-stage").send_keys(" ", Keys.ARROW_RIGHT * 3, " ", Keys.ENTER)
    page.until("!document.querySelector('#mask').open")


def has_mask(server, job):
    return server.client.get(f"/api/jobs/{job.id}/mask").status_code == 200


@pytest.fixture
def mask(page, server, photos):
    """A photo with a mask, which the server has."""
    preview(page, server, photos[0])
    draw(page)
    previewed(page)
    page.until("document.querySelector('#photos .masked:not(.unsent)')")


def test_an_order_that_waits_is_painted_as_it_was_though_a_mask_is_drawn(page, server, photos):
    preview(page, server, photos[0])
    server.refusals.stay = True
    server.refusals["POST", "/api/jobs"] = (*FULL[:2], 1)
    page.click("#paint", IS_FULL)
    draw(page)
    server.refusals.clear()
    page.until(f"document.querySelector('#queue li') && {SENT}")
    page.js("document.querySelector('#photos .cell').click()")
    page.click("#paint", f"document.querySelectorAll('#queue li').length === 2 && {SENT}")
    assert [has_mask(server, job) for job in server.ordered] == [False, True]


@pytest.fixture
def painted(page, server, mask):
    """The job of a picture that was painted with a mask, and whose photo is on the stage again."""
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    [job] = server.ordered
    server.end(server.jobs.stored(job.id))
    page.until(f"{ACTS} === 'done'")
    page.js("document.querySelector('#again-with').click()")
    page.until(f"document.querySelectorAll('#photos .masked').length === 1 && {SENT}")
    return job


def test_a_mask_outlasts_its_picture_and_a_reload(page, server, painted):
    end_undo(page)
    page.js("document.querySelector('#finished .x').click()")
    page.until("!document.querySelector('#finished li')")
    page.until("document.querySelector('#photos img').src.includes('/api/photos/')")
    end_undo(page)
    server.leaves_nothing_of(painted.id)
    page.driver.refresh()
    page.until("document.querySelector('#photos .masked')")
    previewed(page)
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    assert has_mask(server, server.ordered[-1])


def test_a_picture_is_not_painted_again_though_the_job_that_had_its_mask_is_deleted(
    page, server, painted
):
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    page.js("document.querySelector('#finished .x').click()")
    page.until("document.querySelector('#photos img').src.includes('/api/photos/')")
    page.js("document.querySelector('#photos .cell').click()")
    page.until(f"{ACTS} !== 'painting'")
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    assert page.js("document.querySelectorAll('#queue li').length") == 1


def test_a_drawn_mask_outlasts_a_reload_and_is_painted(page, server, mask):
    page.driver.refresh()
    page.until("document.querySelector('#photos .masked')")
    previewed(page)
    page.click("#mask-open", "document.querySelector('#mask').open")
    assert "is painted" in page.one("#mask-status").text
    page.one("#mask-cancel").click()
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    [job] = server.ordered
    assert has_mask(server, job)


def test_a_cross_in_the_queue_can_be_taken_back(page, server, photos):
    preview(page, server, photos[0])
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    page.js("document.querySelector('#queue .x').click()")
    page.until("!document.querySelector('#queue li') && document.querySelector('.told')")
    assert chosen_photos(page) == ["beach.jpg"]
    page.click(".told button", "document.querySelector('#queue li')")
    assert [str(each.state) for each in server.ordered] == ["queued"]


def test_another_style_or_strength_can_be_taken_back(page, server, photos):
    from selenium.webdriver import Keys

    preview(page, server, photos[0])
    before = page.js("strength.value")
    for value in (0.8, 0.85, 0.9):
        slide(page, value, released=value == 0.9)
    page.js("document.querySelectorAll('[name=style]')[2].click()")
    state = "[heading.textContent, strength.value]"
    assert page.js(state) == ["In Waves", "0.9"]
    page.press("z", held=Keys.CONTROL)
    assert page.js(state) == ["In Mosaic", "0.9"]
    page.press("z", held=Keys.CONTROL)
    assert page.js(state) == ["In Mosaic", before], "the whole move of the slider"
    previewed(page)


def test_the_tile_of_the_chosen_style_has_the_picture_of_the_stage(page, server, photos):
    visit(page, server, style=1)
    page.until("document.querySelector('#painting-side').src.startsWith('blob:')")
    page.until("document.querySelector('#works').hidden")  # The sample is painted.
    before = len(server.asked)
    page.one("#photo-files").send_keys(photos[0])
    previewed(page)
    page.until("document.querySelector('#styles-count').textContent === 'quick sketches'")
    tile = "document.querySelector(':checked + .face .you').src"
    assert page.js(f"{tile} === document.querySelector('#painting-side').src")
    names = [order.style.name for order in server.asked[before:]]
    assert names.count("rings") == 2, "rough and sharp: it is not painted again for the tile"


def test_many_refusals_are_some_sentences(page, server, tmp_path):
    files = [tmp_path / f"{number}.txt" for number in range(30)]
    for file in files:
        file.write_text("no picture")
    visit(page, server, *files)
    page.until("refused.textContent")
    assert page.one("#refused").text.count(".txt") == 5
    assert page.one("#refused").text.endswith("And 25 more.")


COUNTED = """
window.written = 0;
new MutationObserver((news) => { written += news.length; }).observe(document.body,
  { subtree: true, childList: true, attributes: true, characterData: true });
"""


def test_a_step_of_a_job_is_written_into_its_own_cell_alone(page, server, photos):
    others = [server.add(f"{number}.jpg") for number in range(8)]
    preview(page, server, photos[0])
    server.paint(others[0], step=1, fraction=0.1)
    page.until("document.querySelector('#queue .said').textContent.startsWith('10%')")
    page.until("document.querySelector('#styles-count').textContent === 'quick sketches'")
    page.driver.execute_script(COUNTED)
    server.paint(others[0], step=2, fraction=0.2)
    page.until("document.querySelector('#queue .said').textContent.startsWith('20%')")
    assert page.js("written") < 20


def test_while_a_photo_is_on_its_way_the_page_says_so_and_paints_the_wall(page, server, photos):
    page.begin_with(HELD_UPLOAD)
    visit(page, server, photos[0])
    page.until("document.querySelector('#works em').textContent === 'Sending…'")
    part = "{ loaded: 1, total: 4 }"
    page.js(f"sending.dispatchEvent(new ProgressEvent('progress', {part}))")
    assert page.js("document.querySelector('#works small').textContent") == "25%"
    page.until("!document.querySelector('.waits')")
    assert page.js(ACTS) == "ready"
    page.js("release()")
    previewed(page)


def test_a_photo_that_was_removed_on_its_way_and_is_brought_back_is_sent(page, server, photos):
    page.begin_with(HELD_UPLOAD)
    visit(page, server, photos[0])
    page.until("document.querySelector('#works em').textContent === 'Sending…'")
    page.js("document.querySelector('#photos .x').click()")
    page.until("document.querySelector('.told button')?.hidden === false")
    page.js("release()")
    page.until("!document.querySelector('#photos li')")
    later = page.js("performance.now() + 500")
    page.until(f"performance.now() > {later}")
    page.one(".told button").click()
    previewed(page)
    page.until("!document.querySelector('#photos .unsent')")


def test_a_photo_is_previewed_after_a_slider_went_back_to_its_place(page, server, photos):
    from selenium.webdriver import ActionChains

    preview(page, server, photos[0])
    server.service.jobs.estimates.set_measured(Preset.INSTANT, 1.0, "the CPU")
    page.js("import('/static/settings.js').then(({ loadTimes }) => loadTimes())")
    page.js("strength.addEventListener('change', (event) => event.stopPropagation())")  # Firefox.
    slider = page.one("#strength")
    ActionChains(page.driver).click_and_hold(slider).move_by_offset(40, 0).release().perform()
    page.one("#photo-files").send_keys(photos[1])
    previewed(page)
    assert "lake" in page.js("document.querySelector('#photo-side').alt")


def test_a_picture_is_saved_whose_photo_was_removed(page, server, photos):
    preview(page, server, photos[0])
    page.js("document.querySelector('[name=preset][value=draft]').click()")
    page.click("#paint", f"{ACTS} === 'painting' && {SENT}")
    page.js("document.querySelector('#photos .x').click()")
    page.js("save.addEventListener('click', (event) => event.preventDefault())")
    page.js("document.querySelector('#save').click()")
    assert page.one("#save").is_displayed() and page.one("#refused").text == ""
    assert page.errors() == []


def test_the_red_button_stays_where_it_is_when_its_time_is_known(page, server, photos):
    preview(page, server, photos[0])
    width = "document.querySelector('#paint').offsetWidth"
    before = page.js(width)
    server.service.jobs.estimates.set_measured(Preset.FINE, 1e-6, "the CPU")
    page.js("import('/static/settings.js').then(({ loadTimes }) => loadTimes())")
    page.until("document.querySelector('#paint-time').textContent")
    assert page.js(width) == before


def test_what_was_chosen_yesterday_is_chosen_today(page, server, photos):
    visit(page, server, style=2)
    slide(page, 0.9)
    page.js("document.querySelector('[value=\"4k\"]').click()")
    page.js("sessionStorage.clear()")
    page.look(server.address)
    page.until("document.querySelector('[name=style]:checked')")
    said = page.js("[heading.textContent, strength.value, sizes.querySelector(':checked').value]")
    assert said == ["Your photo, in Waves", "0.9", "4k"]


DROP_ADDRESS = """
const from = new DataTransfer();
from.setData("text/uri-list", "https://example.org/picture.jpg");
for (const kind of ["dragover", "drop"])
  window.isTaken = !document.body.dispatchEvent(new DragEvent(kind,
    { bubbles: true, cancelable: true, dataTransfer: from }));
"""


def test_an_address_that_is_dropped_does_not_leave_the_page(page, server, photos):
    visit(page, server, photos[0])
    page.driver.execute_script(DROP_ADDRESS)
    assert page.js("isTaken"), "the browser does not open it"
    assert page.one("#refused").text.startswith("Only files can be dropped here.")
    assert chosen_photos(page) == ["beach.jpg"]


PRINTS = """
window.printed = [];
window.print = () => {
  const sides = [...document.querySelectorAll(".picture > .after")];
  printed.push(sides.filter((each) => each.checkVisibility()).map((each) => each.src));
  window.dispatchEvent(new Event("afterprint"));
};
"""


def test_a_picture_too_small_for_paper_is_painted_for_it_and_then_printed(page, server, photos):
    page.begin_with(PRINTS)
    preview(page, server, photos[0])
    page.one("#print-menu summary").click()
    assert page.one("#print-dpi").text == "8 dpi on A4"
    first, second, *_ = page.all("#print-menu li")
    assert first.text.startswith("Paint in A4")
    assert second.text.startswith("Print this picture as it is")
    first.click()
    page.until(f"{ACTS} === 'painting'")
    server.end(server.jobs.stored(server.ordered[-1].id))
    page.until("printed.length === 1")
    [[large]] = page.js("printed")
    assert large.endswith("/result"), "not the small copy"
    page.until("document.querySelectorAll('.picture > .after').length === 1")


@pytest.mark.parametrize("preset", ["fine", "instant"])
def test_a_clip_has_a_quality_of_its_own(page, server, photos, preset):
    preview(page, server, photos[0])
    page.js("document.querySelector('[name=preset][value=fine]').click()")
    care = "document.querySelector('[name=preset]:checked').value"
    state = "import('/static/state.js').then((s) => s.%s)"
    page.js(state % "addPhoto({ name: 'walk.mp4', thumb: s.photo.value.thumb, frames: 9 }).id")
    page.until(f"{care} === 'instant'")
    assert page.one("#paint-said").text == "Paint 2 pictures"
    page.js(f"document.querySelector('[name=preset][value={preset}]').click()")
    page.one("#photos .cell").click()
    assert page.js(care) == "fine", "a photo's stays"
    page.all("#photos .cell")[1].click()
    assert page.js(care) == preset


def test_beside_a_photo_that_is_ordered_the_red_button_names_the_clip(page, server, photos):
    preview(page, server, photos[0])
    page.js("document.querySelector('#paint').click()")
    page.until(f"document.querySelector('#queue li') && {SENT}")
    state = "import('/static/state.js').then((s) => s.%s)"
    page.js(state % "addPhoto({ name: 'walk.mp4', thumb: s.photo.value.thumb, frames: 9 }).id")
    page.until("document.querySelector('#paint-said').textContent === 'Paint the clip'")


DELETIONS = """
const direct = fetch;
window.deletions = [];
window.fetch = async (address, how = {}) => {
  const answer = await direct(address, how);
  if (how.method === "DELETE")
    deletions.push([how.keepalive, answer.status, String(address).split("id=").length - 1]);
  return answer;
};
"""


def test_a_page_that_is_closed_deletes_hundreds_of_pictures_by_a_few_requests(page, server):
    page.begin_with(DELETIONS)
    visit(page, server)
    page.js(
        "import('/static/deleting.js').then(({ deleteJobs }) => deleteJobs("
        "[...Array(450)].map((_, at) => at.toString(16).padStart(20, '0')), () => {}))"
    )
    end_undo(page)
    page.until("deletions.length === 3")
    assert sorted(page.js("deletions")) == [[True, 202, 50], [True, 202, 200], [True, 202, 200]]


def test_on_its_own_computer_page_and_login_speak_of_no_server(page, server, locked):
    for address in (server.address, f"{locked.base_url}/login"):
        page.look(address)
        page.until("document.querySelector('[data-here]').textContent.includes('this computer')")
        assert "server" not in page.one("body").text


def test_advice_is_below_the_wall(page, server):
    page.look(server.address)
    page.one(".advice summary").click()
    assert "a fifth" in page.one(".advice").text


HELD_LOOK = """
const direct = fetch;
window.held = new Promise((release) => { window.release = release; });
window.fetch = async (address, how = {}) => {
  if (String(address).endsWith("/suited")) { window.isLooking = true; await held; }
  return direct(address, how);
};
"""


def test_a_photo_is_painted_that_is_chosen_while_another_one_is_looked_at(page, server, photos):
    page.begin_with(HELD_LOOK)
    visit(page, server, *photos[:2])
    page.until("window.isLooking")
    page.one("#photos .cell").click()
    page.js("release()")
    previewed(page)
    assert page.js("document.querySelector('#photo-side').alt") == "beach.jpg"
