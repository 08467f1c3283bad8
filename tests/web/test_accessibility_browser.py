"""The web service's pages as axe-core sees them, and with the keyboard alone."""

from pathlib import Path

import pytest
from support.browser import Viewer
from support.gallery import published, record
from support.web_page import jpeg, staged

from styletransfer.web.schemas import JobState

pytestmark = pytest.mark.slow  # A browser starts.

PASSWORD = "a long password"


@pytest.fixture
def place(tmp_path):
    """The variables of a service without paintings."""
    (tmp_path / "paintings").mkdir()
    names = {"SOURCE": "photos", "STYLE": "paintings", "RESULT": "out"}
    return {f"BUCKET_{name}": str(tmp_path / folder) for name, folder in names.items()}


@pytest.fixture
def page(chromium):
    return Viewer(chromium)


@pytest.fixture
def styles(tmp_path, place):
    """Two styles."""
    for name in ("mosaic", "waves"):
        (tmp_path / "paintings" / f"{name}.jpg").write_bytes(jpeg("green"))


def test_an_empty_page(page, server):
    page.look(server.address)
    page.until("document.querySelector('#system').textContent.startsWith('Ready')")
    assert page.violations() == set()
    page.one("#paint").click()
    assert page.one("#refused").text
    assert page.violations() == set()
    page.look(f"{server.address}/gallery/")
    assert page.violations() == set()


def test_an_order(page, styles, server, tmp_path):
    (tmp_path / "beach.jpg").write_bytes(jpeg("red"))
    page.look(server.address)
    page.until("document.querySelectorAll('[name=style]').length === 2")
    page.one("#photo-files").send_keys(str(tmp_path / "beach.jpg"))
    for each in page.all("[name=style]"):
        each.click()
    page.all("[name=blend]")[1].click()
    assert page.violations() == set()
    assert page.hidden_from_keyboard() == []


def test_jobs_and_a_result(page, styles, server):
    for state in JobState:
        job = server.add(f"{state.value}.jpg")
        if state == JobState.PAINTING:
            server.paint(job, step=3, fraction=0.3, seconds_left=30)
        elif state.final:
            server.end(job, state)
    page.look(server.address)
    page.until("document.querySelectorAll('.job img:not([hidden])').length === 5")
    assert page.violations() == set()
    assert page.hidden_from_keyboard() == []
    page.one("#finished [data-state=done] button").click()
    page.until("document.querySelector('dialog').open && after.naturalWidth")
    assert page.violations() == set()
    assert page.hidden_from_keyboard() == []


def test_the_gallery_of_the_service_and_of_a_batch(page, server, place):
    shown = [record(photo, style) for photo in ("a.jpg", "b.jpg") for style in ("mosaic", "waves")]
    failed = record("c.jpg", result=None, error="c.jpg: is empty")
    bucket = published(Path(place["BUCKET_RESULT"]), [*shown, failed])
    for each in shown:
        bucket.write(f"_records/{each.result}.json", each.to_bytes())
    file = Path(place["BUCKET_RESULT"]) / "index.html"
    for address in (f"{server.address}/gallery/", file.as_uri()):
        page.look(address)
        page.until("document.querySelector('.card img').naturalWidth")
        assert page.violations() == set()
        assert page.hidden_from_keyboard() == []
        page.one("#filter .chip:last-child").click()
        page.js("document.querySelector('.card:not([hidden]) a').click()")
        page.until("document.querySelector('dialog').open && after.naturalWidth")
        page.one("#settings-of summary").click()
        assert page.violations() == set()
        assert page.hidden_from_keyboard() == []


def test_the_login(page, place):
    with staged(place | {"WEB_PASSWORD": PASSWORD}) as server:
        page.look(server.address)
        assert page.violations() == set()
        page.one("#password").send_keys("wrong")
        page.one("form button").click()
        page.until("document.querySelector('#refused')")
        assert page.violations() == set()
