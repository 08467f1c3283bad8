"""The stage in a browser: the preview is the result, and a finer picture covers it step by step.

The service is real. A test answers its previews, and moves its jobs on.
"""

import pytest
from support.fuzzing import drawn
from support.polling import until
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

from painterly.jobs import requests
from painterly.jobs.schemas import Preset
from painterly.jobs.worker.desk import Refusal
from painterly.settings.installation import install_command
from painterly.words.texts import LANGUAGES, Texts

pytestmark = pytest.mark.slow  # A browser starts.


@pytest.fixture
def place(tmp_path):
    """Folders with named paintings, and the variables that name them."""
    return styled(tmp_path, "mosaic", "rings", "waves")


@pytest.fixture
def server(place):
    """The service. `server.asked` has the orders of previews, `server.busy` says whether they are
    refused for the moment, `server.rough` whether those for a result are, and `server.broken` why
    the photo half.jpg is."""
    with staged(place) as running:
        running.busy, running.rough, running.broken = False, False, ""

        def answer(order):
            if running.broken and "half" in str(order.photo):
                return None, Refusal(running.broken, is_of_photo=True)
            is_busy = running.busy or (running.rough and whole([order]))
            return None if is_busy else jpeg("blue"), None

        yield answered(running, answer)


@pytest.fixture
def beach(tmp_path):
    """The path of a photo."""
    (tmp_path / "beach.jpg").write_bytes(jpeg("red"))
    return tmp_path / "beach.jpg"


def whole(orders):
    """Return those of them for a result, painted from the photo itself."""
    return [order for order in orders if isinstance(order.photo, str)]


def test_the_preview_is_saved_at_once_and_kept_among_the_results(page, server, beach):
    shown = preview(page, server, beach)
    save = page.one("#save")
    assert save.get_property("href") == shown and shown.startswith("blob:")
    assert save.get_property("download") == "beach - Mosaic.jpg"
    assert page.one("#paint-said").text == "Paint it fine"
    for _ in range(2):
        save.click()
    until(lambda: server.ordered)
    page.until("document.querySelector('#queue > li')")
    assert (
        page.js(ACTS) == "preview"
        and page.js("document.querySelector('#painting-side').src") == shown
    )
    [job] = server.ordered
    assert (job.photo, job.style, job.preset) == ("beach.jpg", "mosaic", "instant")
    assert job.settings == dict(whole(server.asked)[0].style.settings.given) or job.settings == {
        "timelapse": False
    }
    # With preset instant, there is nothing to add.
    page.js("document.querySelector('[name=preset][value=instant]').click()")
    assert page.one("#save").is_displayed() and page.one("#save").get_property("href") == shown
    assert not page.one("#paint").is_displayed() and "strong" in save.get_attribute("class")
    assert page.errors() == []


def test_a_finer_picture_is_laid_over_the_one_before_which_stays_if_that_is_stopped(
    page, server, beach
):
    shown = preview(page, server, beach)
    page.click("#paint", f"{ACTS} === 'painting'")
    [job] = server.ordered
    assert (job.preset, job.photo) == ("fine", "beach.jpg")
    server.paint(job, step=0, fraction=None)
    page.until("document.querySelector('#about').innerText === 'Getting ready'")
    server.paint(job, step=40, fraction=0.42, seconds_left=26)
    page.until("document.querySelector('#progress').value === 0.42")
    assert page.one("#about").text == "Painting, 42%, about 25 s left"
    assert page.colour("#picture", 0.3) == "blue", "the picture before, not the photo"
    assert page.one("#cancel").text == "Stop here"
    assert page.js("document.activeElement.id") == "cancel"
    assert page.one("#save").is_displayed(), "of what is there"
    page.one("#cancel").click()
    assert previewed(page) == shown and page.one("#paint").is_displayed()
    assert not page.all("#finished > li"), "nothing is left of it"
    end_undo(page)
    server.leaves_nothing_of(job.id)
    page.click("#paint", f"{ACTS} === 'painting'")
    server.end(server.jobs.stored(server.ordered[-1].id))
    page.until(f"{ACTS} === 'done'")
    assert page.js("document.activeElement.id") == "save"
    assert page.one("#line").get_property("value") == "34"
    page.until("document.querySelector('#photo-side').src.includes('/photo')")
    assert [page.colour("#picture", x) for x in (0.15, 0.6)] == ["red", "blue"]
    assert page.errors() == []


def finished(page, server, **about):
    """Show a finished job on the stage; return it."""
    job = server.add(**about)
    server.end(job)
    visit(page, server)
    page.until("document.querySelector('#finished .cell')")
    page.click("#finished .cell", f"{ACTS} === 'done'")
    return job


def test_a_finished_picture_is_refined_in_place_and_stays_if_that_is_stopped(page, server):
    old = finished(page, server, preset="instant")
    page.click("#about button", f"{ACTS} === 'painting'")
    new = server.ordered[-1]
    assert (new.preset, new.photo) == ("fine", "beach.jpg") and new.id != old.id
    server.paint(new, step=40, fraction=0.42)
    page.until("document.querySelector('#progress').value === 0.42")
    assert page.colour("#picture", 0.3) == "blue", "the picture before, not the photo"
    save = page.one("#save")
    assert save.get_property("href").endswith(f"{old.id}/result?download=1")
    assert page.one("#cancel").text == "Stop here"
    page.click("#cancel", f"{ACTS} === 'done'")
    assert page.one("#save").get_property("href").endswith(f"{old.id}/result?download=1")
    assert page.errors() == []


def test_a_finished_picture_is_refined_once_the_service_is_ready_or_its_user_stops_that(
    page, server
):
    old, starting = finished(page, server, preset="instant"), (503, None, 1)
    waits = "document.querySelector('#queue-full').textContent"
    server.refusals["POST", "/api/jobs"] = starting
    page.click("#about button", waits)
    page.click("#stop-sending", f"!{waits} && document.querySelector('#refused').textContent")
    server.refusals["POST", "/api/jobs"] = starting
    page.click("#about button", f"{ACTS} === 'painting'")
    assert page.one("#refused").text == page.one("#queue-full").text == ""
    [new] = [each for each in server.ordered if each.id != old.id]
    assert (new.preset, new.photo) == ("fine", "beach.jpg")


def test_a_picture_of_another_size_is_painted_again_on_paper(page, server):
    finished(page, server, settings={"size": 3840, "strength": 0.4})
    page.one("#print-menu summary").click()
    page.click("[data-paper=A4]", f"{ACTS} === 'painting'")
    settings = server.ordered[-1].settings
    assert (settings["paper"], settings["strength"], settings.get("size")) == ("A4", 0.4, None)


def test_of_several_photos_the_one_on_the_stage_is_painted_on_paper_and_on_a_sheet(
    page, server, beach
):
    town = beach.with_name("town.jpg")
    town.write_bytes(jpeg("green"))
    visit(page, server, beach, town)
    page.one("#photos .cell").click()
    previewed(page)
    page.one("#print-menu summary").click()
    page.click("[data-paper=A4]", f"{ACTS} === 'painting'")
    page.one("#photos .cell").click()
    page.until(f"{ACTS} === 'preview' && !document.querySelector('#paint[aria-disabled]')")
    page.one("#print-menu summary").click()
    page.one("#print-sheet").click()
    until(lambda: len(server.ordered) == 2)
    page.until("!document.querySelector('#paint[aria-disabled]')")
    assert [each.photo for each in server.ordered] == ["beach.jpg", "beach.jpg"]
    assert server.ordered[0].settings["paper"] == "A4" and server.ordered[1].sheet


@pytest.mark.parametrize(
    ("style", "menu", "button", "said", "heading"),
    [
        ("story", "#more-menu", "#story", "Story for your phone, 8 s", "as a story"),
        ("sheet", "#print-menu", "#print-sheet", "All masters on one sheet", "by all the masters"),
    ],
)
def test_a_story_and_a_sheet_of_all_masters_are_ordered_from_their_menus(
    page, server, beach, style, menu, button, said, heading
):
    preview(page, server, beach)
    page.one(f"{menu} summary").click()
    assert page.one(button).text.startswith(said)
    page.click(button, f"{ACTS} === 'painting'")
    [job] = server.ordered
    assert (job.photo, job.sheet, job.preset) == ("beach.jpg", "en", "instant")
    assert (job.style, job.story) == (style, style == "story")
    assert not job.paintings and not job.settings
    assert page.one("#cancel").text == "Cancel", "it does not refine the preview"
    server.end(server.jobs.stored(job.id))
    page.until(f"{ACTS} === 'done'")
    assert page.one("#heading").text == f"Your photo, {heading}"
    if style == "story":
        for each in ("#print-menu", "#copy"):
            assert not page.one(each).is_displayed(), "it would not move"
    page.one(f"{menu} summary").click()
    if style == "sheet":
        assert page.one("#print-now").is_displayed(), "it is printed as it is"
        assert not page.one("[data-paper=A4]").is_displayed(), "and not for another paper"
    assert not page.one(button).is_displayed()
    page.js("document.querySelector('#again-with').click()")
    until(lambda: len(server.ordered) == 2)
    assert (server.ordered[1].sheet, server.ordered[1].story) == ("en", style == "story")
    assert page.errors() == []


def test_without_tensorflow_a_sheet_of_paper_is_painted_by_preset_instant(
    page, server, beach, monkeypatch
):
    monkeypatch.setattr(requests, "find_spec", lambda _: None)
    server.service.jobs.estimates.set_measured(Preset.INSTANT, 1e-6, "the CPU")
    preview(page, server, beach)
    page.until("document.querySelector('[data-paper=A4] .time').textContent")
    page.one("#print-menu summary").click()
    page.one("[data-paper=A4]").click()
    page.until(f"{ACTS} === 'painting' || document.querySelector('#refused').textContent")
    assert page.one("#refused").text == ""
    [job] = server.ordered
    assert (job.preset, job.settings["paper"]) == ("instant", "A4")


@pytest.mark.parametrize("language", drawn([*LANGUAGES]))
def test_without_tensorflow_the_settings_say_how_to_install_preset_fine(
    page, server, beach, monkeypatch, language
):
    monkeypatch.setattr(requests, "find_spec", lambda _: None)
    page.speak(language)
    preview(page, server, beach)
    page.one("#how").click()
    said = page.js("document.querySelector('.lacking').textContent")
    text = Texts(language).text
    assert text("page.preset.fine") in said and text("page.fine_needs") in said
    command = page.one("#fine-command").get_property("value")
    assert command == install_command("cpu")
    page.one("#fine-copy").click()
    assert page.one("#said").get_property("textContent") == text("gallery.copied")
    assert page.violations() == set() and page.small() == []
    assert page.errors() == []


def test_with_tensorflow_the_settings_offer_preset_fine_itself(page, server, beach):
    visit(page, server, beach)
    assert page.js("document.querySelector('[name=preset][value=fine]').checked")
    assert not page.all(".lacking")


def test_the_chosen_picture_is_painted_first_and_then_the_wall(page, server, beach):
    visit(page, server, beach, style=2)
    until(lambda: len(server.asked) >= 4)
    page.until("!document.querySelector('.waits')")
    # The sample photo may have been painted in this style before.
    first = next(at for at, order in enumerate(server.asked) if "beach" in str(order.photo)[-9:])
    names = [order.style.name for order in server.asked]
    assert names[first] == "waves" and "waves" in names[:first], "roughly before"
    # One of the wall may be painted while the photo is on its way; the tile of waves needs nothing.
    assert {*names} == {"mosaic", "rings", "waves"} and "waves" not in names[first + 1 :]
    assert {order.style.settings.size for order in server.asked[first + 1 :]} == {320}


def test_while_there_is_no_memory_for_previews_the_page_says_when_they_come(page, server, beach):
    server.busy = True
    job = server.add("town.jpg")
    server.paint(job, step=10, fraction=0.1)
    visit(page, server, beach)
    page.until("document.querySelector('#works small').textContent === 'after this picture'")
    assert page.one("#works").is_displayed() and "Painting" in page.one("#works").text
    page.until("document.querySelector('#styles-count').textContent === 'after this picture'")
    server.busy = False
    previewed(page)
    page.until("!document.querySelector('.waits')")
    assert (
        page.one("#styles-count").text == "quick sketches" and not page.one("#works").is_displayed()
    )


def test_a_chosen_file_that_is_refused_is_told_and_a_damaged_photo_at_once(page, server, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "cut.jpg").write_bytes(jpeg("red")[:300])
    visit(page, server)
    for number, field in enumerate(("photo-files", "painting-files"), start=1):
        page.one(f"#{field}").send_keys(str(tmp_path / "notes.txt"))
        page.until("refused.textContent.startsWith('notes.txt is not in a supported format')")
        page.js("document.querySelectorAll('[name=style]')[arguments[0]].click()", number)
        page.until("!refused.textContent")
    page.one("#photo-files").send_keys(str(tmp_path / "cut.jpg"))
    page.until("refused.textContent === 'cut.jpg is damaged or incomplete.'")
    assert page.js(ACTS) == "first" and not page.all("#photos li")
    # A browser shows half a photo, but it can be painted in no style.
    server.broken = "the photo is damaged or incomplete"
    (tmp_path / "half.jpg").write_bytes(jpeg("red"))
    page.one("#photo-files").send_keys(str(tmp_path / "half.jpg"))
    page.until("refused.textContent === 'half.jpg: The photo is damaged or incomplete.'")
    page.until(f"{ACTS} === 'first' && !document.querySelector('#photos li')")


@pytest.mark.story
def test_a_reload_keeps_the_photos_that_were_on_the_stage_and_their_previews(
    page, server, beach, tmp_path
):
    (tmp_path / "town.jpg").write_bytes(jpeg("red", (64, 96)))
    preview(page, server, beach)
    page.one("#photo-files").send_keys(str(tmp_path / "town.jpg"))
    page.until("document.querySelector('#photos [aria-current=true]')?.innerText.match('town')")
    previewed(page)
    page.click("#photos .cell", "!document.querySelector('#photos .unsent')")
    page.driver.refresh()
    page.until("document.querySelectorAll('#photos .said').length === 2")
    shown = page.js(
        "[...document.querySelectorAll('#photos .cell')].map((cell) => cell.ariaCurrent)"
    )
    assert [*zip(chosen_photos(page), shown, strict=True)] == [
        ("beach.jpg", "true"),
        ("town.jpg", None),
    ]
    page.js("document.querySelectorAll('#photos .x')[1].click()")
    page.until("document.querySelectorAll('[name=style]:checked').length")
    previewed(page)
    assert page.colour("#picture", 0.3) == "blue"
    page.click("#paint", f"{ACTS} === 'painting'")
    assert server.ordered[0].photo == "beach.jpg"


SLOW_PHOTO = """
const { get, set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
window.waiting = [];
const hold = function (address) {
  const load = () => set.call(this, address);
  if (String(address).includes("/api/photos/") && waiting) waiting.push(load); else load();
};
Object.defineProperty(HTMLImageElement.prototype, "src", { get, set: hold });
"""


def test_a_photo_that_is_chosen_right_after_a_reload_stays_on_the_stage(
    page, server, beach, tmp_path
):
    preview(page, server, beach)
    (tmp_path / "town.jpg").write_bytes(jpeg("red", (64, 96)))
    page.begin_with(SLOW_PHOTO)
    page.driver.refresh()
    page.until("window.waiting?.length")
    page.one("#photo-files").send_keys(str(tmp_path / "town.jpg"))
    page.until("document.querySelectorAll('#photos .said').length")
    page.js("waiting.splice(0).forEach((load) => load())")
    page.js("waiting = null")
    previewed(page)
    assert chosen_photos(page) == ["town.jpg"]


def test_the_shares_of_a_blend_add_up_and_the_stage_keeps_its_size(page, server, beach):
    preview(page, server, beach)
    size = "document.querySelector('#picture').offsetHeight"
    # What is written around it comes with the first answers.
    page.until(f"window.was === (window.was = {size})")
    before = page.js(size)
    server.busy = True
    page.js("several.click()")
    for number in (1, 2):
        page.js("document.querySelectorAll('[name=style]')[arguments[0]].click()", number)
    shares = [each.text.partition("%")[0] for each in page.all("#shares b")]
    assert sum(map(int, shares)) == 100 and len(shares) == 3
    page.until(f"{ACTS} === 'ready'")
    assert page.js(size) == before, "while the preview is painted"
    server.busy = False
    previewed(page)
    assert page.js(size) == before


def test_an_own_painting_is_told_from_a_ready_one(page, server, beach, tmp_path):
    (tmp_path / "klimt.png").write_bytes(jpeg("blue"))
    visit(page, server, beach)
    page.one("#painting-files").send_keys(str(tmp_path / "klimt.png"))
    page.until("document.querySelectorAll('[name=style]').length === 4")
    page.until("document.querySelector('#heading').textContent === 'After your painting “Klimt”'")
    assert "“Klimt”" in page.all("#styles .who")[-1].text


def test_the_strength_under_the_picture_paints_once_it_is_released(page, server, beach):
    visit(page, server, beach)
    page.js("import('/static/settings.js').then((each) => each.loadTimes())")
    previewed(page)
    before = len(whole(server.asked))
    slide(page, 0.8, released=False)
    assert page.one("#strength-value").text == "strong"
    slide(page, 0.8)
    until(lambda: len(whole(server.asked)) > before)
    assert whole(server.asked)[-1].style.settings.strength == 0.8
    previewed(page)
    assert len(whole(server.asked)) == before + 1


def test_prints_take_the_time_of_their_paper(page, server, beach):
    server.service.jobs.estimates.set_measured(Preset.FINE, 1e-6, "the CPU")
    preview(page, server, beach)
    page.until("document.querySelector('[data-paper] .time').textContent")
    times = [each.get_attribute("textContent") for each in page.all("[data-paper] .time")]
    assert len(set(times)) > 2
    page.one("#print-menu summary").click()
    page.one("[data-paper='30x40cm']").click()
    until(lambda: server.ordered)
    [job] = server.ordered
    assert (job.preset, job.settings["paper"]) == ("print", "30x40cm")
    server.paint(job, step=40, fraction=0.42)
    page.until("document.querySelector('#progress').value === 0.42")
    assert page.colour("#picture", 0.3) == "blue", "the picture before, not the photo"


@pytest.mark.parametrize("language", drawn([*LANGUAGES]))
def test_the_words_of_the_red_button_stay_in_one_row_on_a_phone(page, server, beach, language):
    page.speak(language)
    visit(page, server, beach)
    page.resize(360, 740)
    previewed(page)
    page.one("#how").click()
    page.js("document.querySelector('#sizes [value=paper]').click()")
    texts = Texts(language)
    for preset, said in (("draft", "draft"), ("fine", "print")):
        page.js("document.querySelector('#cares [value=' + arguments[0] + ']').click()", preset)
        assert page.one("#paint-said").text == texts.text(f"page.paint_as.{said}")
        heights = "[...document.querySelector('#paint').children].map((e) => e.offsetHeight)"
        assert max(page.js(heights)) < 30, "one row of words"
    assert page.js("document.documentElement.scrollWidth") == 360


# A browser with a sheet for sharing, which keeps the names and the bytes of the files.
SHARES = """
window.shared = [];
window.failures = 0;
navigator.canShare = ({ files }) => files.length > 0;
navigator.share = async ({ files: [file] }) => {
  if (window.why) { failures += 1; throw new DOMException("no", window.why); }
  shared.push([file.name, file.type, [...new Uint8Array(await file.arrayBuffer())].join()]);
};
"""


def shared_here(page):
    """Share the picture on the stage, then in full screen; return what was shared."""
    before = page.js("shared.length")
    page.one("#share").click()
    full_screen(page)
    page.click("#share-it", f"shared.length === {before + 2}")
    page.one("#close").click()
    return page.js(f"shared.slice({before})")


def test_what_is_shared_is_the_picture_on_the_stage_itself(page, server, beach):
    page.begin_with(SHARES)
    preview(page, server, beach)
    picture = ["beach.jpg", "image/jpeg", ",".join(map(str, jpeg("blue")))]
    assert shared_here(page) == [picture, picture], "the preview, in full screen, too"
    page.click("#paint", f"{ACTS} === 'painting'")
    job = server.jobs.stored(server.ordered[-1].id)
    server.end(job)
    server.buckets.result.write(f"{job.style}/{job.photo_key}", jpeg("green"))
    page.until(f"{ACTS} === 'done'")
    picture[2] = ",".join(map(str, jpeg("green")))
    assert shared_here(page) == [picture, picture], "and the result"
    said = "document.querySelector('#refused').textContent"
    page.js("window.why = 'AbortError'")
    page.click("#share", "failures === 1")
    assert page.js(said) == "", "the user has changed his mind"
    page.js("window.why = 'NotAllowedError'")
    page.click("#share", f"{said} === 'Your browser couldn’t do that.'")
    page.js("window.why = ''")
    assert page.errors() == []


MIDDLES = """["#sight .rule", "#handle"].map((each) => {
  const { left, right } = document.querySelector(`#one ${each}`).getBoundingClientRect();
  return (left + right) / 2;
})"""
OUTSIDE = """[...document.querySelectorAll("#one .scrim > *")].filter((each) => {
  const { top, right, bottom, left, width } = each.getBoundingClientRect();
  const isInside = top >= 0 && left >= 0 && right <= innerWidth && bottom <= innerHeight;
  return width > 0 && each.checkVisibility() && !isInside;
}).map((each) => each.id)"""


def full_screen(page):
    page.click("#full-screen", "document.querySelector('#one').open")


def test_full_screen_saves_the_preview_and_keeps_it_among_the_results(page, server, beach):
    from selenium.webdriver import Keys

    server.rough = True
    visit(page, server, beach)
    page.until("document.querySelector('#painting-side').src.startsWith('blob:')")
    full_screen(page)
    save = page.one("#download")
    assert not save.is_displayed(), "there is only a rough one"
    server.rough = False
    page.until("!document.querySelector('#download').hidden")
    assert save.get_property("href") == page.js("document.querySelector('#painting-side').src")
    assert save.get_property("download") == "beach - Mosaic.jpg"
    assert not page.one("#star").is_displayed(), "it is no result yet"
    for _ in range(2):
        save.send_keys(Keys.ENTER)  # The focus shows the controls again, which fade.
    page.click("#close", "document.querySelector('#queue > li')")
    [job] = server.ordered
    assert (job.photo, job.style, job.preset) == ("beach.jpg", "mosaic", "instant")
    assert page.errors() == []


def test_a_star_that_is_set_above_the_stage_is_in_the_gallery(page, server):
    finished(page, server)
    full_screen(page)
    page.click("#star", "document.querySelector('#star').ariaPressed === 'true'")
    page.look(f"{server.address}/gallery/")
    page.until("document.querySelector('.card .star')?.ariaPressed === 'true'")
    page.one(".card .star").click()


def test_the_facts_of_a_preview_have_its_strength_and_its_command(page, server, beach):
    visit(page, server, beach)
    slide(page, 0.3)
    until(lambda: any(order.style.settings.strength == 0.3 for order in whole(server.asked)))
    previewed(page)
    page.click("#full-screen", "document.querySelector('#one').open")
    page.one("#inform").click()
    facts = page.js("document.querySelector('#facts-list').innerText").split("\n")
    assert facts[facts.index("Strength") + 1] == "30%"
    assert facts[facts.index("Quality") + 1] == "Instant", "as in the settings"
    page.one("#command").click()
    command = page.js("document.querySelector('#command-text').value")
    assert command == (
        "painterly beach.jpg mosaic.jpg beach-mosaic.jpg --preset instant --strength 0.3"
    )
    assert page.errors() == []


def test_the_sizes_show_the_picture_that_is_on_the_stage(page, server, beach):
    server.busy = True
    visit(page, server, beach)
    page.one("#how").click()
    shown = "[...sizes.querySelectorAll('img')].every(each => each.src === %s)"
    page.until(shown % "document.querySelector('#photos img').src")
    server.busy = False
    page.until(shown % f"'{previewed(page)}'")


def test_in_full_screen_the_grip_is_on_the_line_and_all_buttons_are_in_sight(page, server, beach):
    preview(page, server, beach)
    page.click("#full-screen", "document.querySelector('#one').open && after.naturalWidth")
    page.one("#compare-both").click()
    for width, height in ((1280, 860), (390, 844)):
        page.resize(width, height)
        page.until("stage.style.getPropertyValue('--w') <= innerWidth")
        line, grip = page.js(MIDDLES)
        assert abs(line - grip) <= 2 and abs(line - width / 2) <= 2
        assert page.js(OUTSIDE) == []


def test_paper_has_the_picture_alone_on_the_stage_and_in_full_screen(page, server, beach):
    preview(page, server, beach)
    assert page.printed() == (1, 1)
    page.one("#full-screen").click()
    page.until("document.querySelector('#one').open && document.querySelector('#after').complete")
    assert page.printed() == (1, 1)
    page.click("#close", "!document.querySelector('#one').open")
    assert page.printed() == (1, 1)
