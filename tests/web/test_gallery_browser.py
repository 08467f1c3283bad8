"""Pictures that are chosen, downloaded and deleted on the service's pages."""

import io
import zipfile
from pathlib import Path

import pytest
from selenium.webdriver import Keys
from support.gallery import add_result, published, record
from support.polling import until
from support.web_page import end_undo, jpeg

from painterly.gallery.gallery import Gallery

pytestmark = pytest.mark.slow  # A browser starts.


@pytest.fixture
def jobs(server, place):
    """Three finished jobs with their results, newest first, and a result of a batch."""
    ended = [server.add(f"{name}.jpg") for name in "abc"]
    published(Path(place["BUCKET_RESULT"]), [record("batch.jpg", "mosaic")])
    bucket = server.buckets.result
    for n, job in enumerate(ended):
        server.end(job)
        finished = f"2026-11-2{n + 1}T10:00:00+00:00"
        photo = {"photo_etag": "c" if n == 2 else "a and b"}
        each = record(job.photo_key, "mosaic", finished=finished, result_size=1_400_000, **photo)
        add_result(Gallery(bucket), bucket, each)
        bucket.write(job.record_key, each.to_bytes())
    return [job.id for job in reversed(ended)]


def look(page, server):
    page.look(f"{server.address}/gallery/")
    page.until("document.querySelectorAll('.card').length === 4")


def hung(page):
    alts = page.js("[...document.querySelectorAll('.card img')].map((each) => each.alt)")
    return [each.rpartition(" ")[2] for each in alts]


@pytest.mark.story
def test_several_pictures_are_chosen_and_deleted_and_an_undo_brings_them_back(page, server, jobs):
    look(page, server)
    page.js("document.querySelector('.card a').focus()")
    page.press("x", Keys.ARROW_RIGHT, "x")
    assert page.one("#many").text == "2 selected"
    assert page.one("#zip button").text == "Download\n2.8 MB"
    page.one("#delete").click()
    assert hung(page) == ["a.jpg", "batch.jpg"]
    assert page.one(".told p").text == "2 pictures deleted."
    assert not page.one("#tray").is_displayed()
    page.press("z", held=Keys.CONTROL)
    page.until("document.querySelectorAll('.card').length === 4")
    assert not page.all(".told") and not server.jobs.deleted()
    page.js("document.querySelector('.card a').focus()")
    page.press("x", Keys.ARROW_RIGHT, "x")
    page.one("#delete").click()
    assert len(hung(page)) == 2 and page.errors() == []
    page.driver.get("about:blank")  # There is no time for an undo then.
    until(lambda: server.jobs.deleted() == {*jobs[:2]})
    server.leaves_nothing_of(*jobs[:2])


def test_while_a_picture_is_painted_the_wall_loads_itself_but_never_ends_an_undo(
    page, server, jobs, monkeypatch
):
    monkeypatch.setattr("painterly.gallery.page.RELOAD_S", 0.5)
    waiting = server.add("d.jpg")
    look(page, server)
    said = page.one("#unfinished").text
    assert said == "More pictures are on their way. This page updates itself."
    page.js("document.querySelector('.card a').focus()")
    page.press(Keys.DELETE)
    page.js("window.isOld = true")
    later = page.js("performance.now() + 2000")
    page.until(f"performance.now() > {later}")
    assert page.js("window.isOld") and page.all(".told") and not server.jobs.deleted()
    page.press("z", held=Keys.CONTROL)
    page.until("!window.isOld")
    server.end(waiting)
    page.until("!document.querySelector('#unfinished')")


def test_the_key_deletes_the_picture_with_the_focus_but_none_of_a_batch(page, server, jobs):
    look(page, server)
    page.js("document.querySelectorAll('.card a')[3].focus()")
    page.press(Keys.DELETE)
    assert len(hung(page)) == 4, "the next run would paint it again"
    page.js("document.querySelectorAll('.card a')[1].focus()")
    page.press(Keys.DELETE)
    assert hung(page) == ["c.jpg", "a.jpg", "batch.jpg"]
    assert page.js("document.activeElement.firstChild.alt").endswith(" a.jpg")
    end_undo(page)
    until(lambda: server.jobs.deleted() == {jobs[1]})
    page.driver.refresh()
    page.until("document.querySelectorAll('.card').length === 3")


def test_in_full_screen_the_next_picture_follows_a_deleted_one(page, server, jobs):
    look(page, server)
    page.click(".card a", "document.querySelector('dialog').open")
    page.press(Keys.DELETE)
    page.until("where.textContent === 'b · 1 of 3'")
    page.click(".told button", "document.querySelectorAll('.card').length === 4")
    end_undo(page)
    assert not server.jobs.deleted() and page.errors() == []


def test_a_photo_is_deleted_with_all_its_pictures_and_an_undo_brings_them_back(page, server, jobs):
    newest, second, oldest = (server.jobs.stored(each) for each in jobs)
    server.buckets.source.write(newest.photo_key, jpeg("green"))  # The others have one photo.

    def remove(job):
        page.click(f".card a[href*='{job.id}']", "document.querySelector('dialog').open")
        page.one("#inform").click()
        page.click("#remove-photo", "!document.querySelector('dialog').open")

    look(page, server)
    remove(second)
    page.until("document.querySelectorAll('.card').length === 2")
    assert hung(page) == ["c.jpg", "batch.jpg"]
    assert page.one(".told p").text == "2 pictures deleted."
    page.click(".told button", "document.querySelectorAll('.card').length === 4")
    remove(oldest)
    page.until("document.querySelectorAll('.card').length === 2")
    assert not server.jobs.deleted()
    end_undo(page)
    server.leaves_nothing_of(second.id, oldest.id)
    assert server.buckets.source.find(newest.photo_key)
    page.driver.refresh()
    page.until("document.querySelectorAll('.card').length === 2")
    assert hung(page) == ["c.jpg", "batch.jpg"] and page.errors() == []


def test_a_page_that_is_closed_deletes_whatever_it_still_waits_for(page, server, jobs):
    """Such as a copy of the photo that is on the stage."""
    look(page, server)
    page.driver.execute_async_script(
        """
        const [job, done] = arguments, { deleteJobs } = await import("/static/deleting.js");
        deleteJobs([job], () => {}, false, () => new Promise(() => {}));
        done();
        """,
        jobs[0],
    )
    assert not server.jobs.deleted()
    page.driver.get("about:blank")
    until(lambda: server.jobs.deleted() == {jobs[0]})


def test_the_message_stays_while_it_is_pointed_at_and_then_the_picture_is_deleted(
    page, server, jobs
):
    page.begin_with(
        "const realInterval = setInterval;"
        "window.setInterval = (what, ms) => realInterval(what, ms / 20);"
    )
    look(page, server)
    page.js("document.querySelector('.card a').focus()")
    page.press(Keys.DELETE)
    page.point(page.one(".told")).perform()
    left = "Number(getComputedStyle(document.querySelector('.told')).getPropertyValue('--left'))"
    page.until(f"document.querySelector('.told').matches(':hover') && {left} > 0")
    held = page.js(left)
    page.js("new Promise((after) => { setTimeout(after, 200); })")  # Four seconds of the message's.
    assert abs(page.js(left) - held) < 0.1 and not server.jobs.deleted()
    page.point(page.one("h1")).perform()
    page.until("!document.querySelector('.told')")
    until(lambda: server.jobs.deleted() == {jobs[0]})


def test_the_strip_and_the_menu_delete_with_an_undo_and_other_pages_hear_of_it(page, server, jobs):
    page.look(server.address)
    cells = "document.querySelectorAll('#finished li').length"
    page.until(f"{cells} === 3")
    page.driver.execute_script("document.querySelector('#finished .cell').focus()")
    page.press(Keys.DELETE)
    page.until(f"{cells} === 2")
    page.press("z", held=Keys.CONTROL)
    page.until(f"{cells} === 3")
    page.one("#finished .cell").click()
    page.one("#more-menu summary").click()
    page.click("#delete", f"{cells} === 2")
    server.jobs.poll_now()  # News of it does not show it again.
    page.click(".told button", f"{cells} === 3")
    assert not server.jobs.deleted()
    server.client.delete(f"/api/jobs/{jobs[0]}")  # Another page.
    page.until(f"{cells} === 2")
    assert page.errors() == []


def test_a_picture_that_is_being_painted_goes_with_an_undo_and_is_painted_on_until_then(
    page, server, jobs
):
    job = server.add("d.jpg")
    page.look(server.address)
    server.paint(job, step=10, fraction=0.1)
    page.until("document.querySelectorAll('#queue li').length === 1")
    page.click("#queue .x", "!document.querySelector('#queue li')")
    assert page.one(".told p").text == "Picture deleted."
    server.paint(job, step=20, fraction=0.2)
    assert server.jobs.stored(job.id).state == "painting"
    page.one(".told button").click()
    page.until("document.querySelector('#queue .said').textContent.startsWith('20%')")
    page.one("#queue .cell").click()
    page.click("#cancel", "!document.querySelector('#queue li')")
    server.end(server.jobs.stored(job.id))  # It has ended meanwhile.
    assert page.js("document.querySelectorAll('#finished li').length") == 3
    end_undo(page)
    server.leaves_nothing_of(job.id)
    assert page.js("document.querySelectorAll('#finished li').length") == 3
    assert page.errors() == []


def names(answer):
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def test_a_zip_has_all_pictures_or_the_chosen_ones(page, server, jobs):
    every = server.client.get("/api/gallery.zip")
    assert every.headers["content-type"] == "application/zip"
    assert names(every) == [f"{name} - mosaic.jpg" for name in ("c", "b", "a", "batch")]
    chosen = {"id": [jobs[0], "mosaic/batch.jpg"]}
    for answer in (
        server.client.get("/api/gallery.zip", params=chosen),
        server.client.post("/api/gallery.zip", data=chosen),
    ):
        assert names(answer) == ["c - mosaic.jpg", "batch - mosaic.jpg"]
    server.client.delete(f"/api/jobs/{jobs[0]}")
    assert server.client.get("/api/gallery.zip", params={"id": jobs[0]}).status_code == 404
    look_at = f"{server.address}/gallery/"
    page.look(look_at)
    page.until("document.querySelectorAll('.card').length === 3")
    page.one("#select").click()
    page.one("#every").click()
    assert page.one("#many").text == "3 selected" and not page.one("#delete").is_displayed()
    named = "[...new FormData(zip).getAll('id')]"
    assert page.js(named) == [], "all, also more than a form may name"
    left = [f"{name} - mosaic.jpg" for name in ("b", "a", "batch")]
    assert names(server.client.post("/api/gallery.zip")) == left
    page.one(".card .tick").click()
    sent = {"id": page.js(named)}
    assert names(server.client.post("/api/gallery.zip", data=sent)) == left[1:]
