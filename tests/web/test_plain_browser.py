"""The page in a browser without JavaScript."""

import pytest
from support import tiny

from painterly.web import pages

# A browser starts.
pytestmark = pytest.mark.slow


@pytest.fixture
def scriptless(page):
    """A browser that runs no scripts of pages."""
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    yield page
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.story
def test_without_javascript_the_page_is_a_form_that_can_be_sent(scriptless, server, tmp_path):
    from selenium.webdriver import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    scriptless.look(server.address)
    WebDriverWait(scriptless.driver, 20).until(
        lambda driver: driver.current_url == f"{server.address}/plain"
    )
    chosen = scriptless.one("[name=style]:checked").get_attribute("value")
    assert chosen and scriptless.one("form .button").is_displayed()
    assert not scriptless.one("#languages").is_displayed(), "it needs a script"
    # A text is refused on a page.
    (tmp_path / "notes.txt").write_text("no picture")
    scriptless.one("#photo").send_keys(str(tmp_path / "notes.txt"))
    scriptless.one("form .button").send_keys(Keys.ENTER)
    WebDriverWait(scriptless.driver, 20).until(
        lambda driver: driver.find_elements("class name", "reason")
    )
    scriptless.one(".bare .button").send_keys(Keys.ENTER)
    WebDriverWait(scriptless.driver, 20).until(lambda driver: driver.current_url.endswith("/plain"))


@pytest.mark.story
def test_without_javascript_a_photo_comes_back_painted(scriptless, painting, tmp_path, monkeypatch):
    from selenium.webdriver import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    monkeypatch.setattr(pages, "PLAIN_SIZES", (128, 1024))
    (tmp_path / "beach.jpg").write_bytes(tiny.file(60, 90, 1))
    scriptless.look(str(painting.base_url.join("/plain")))
    scriptless.one("#photo").send_keys(str(tmp_path / "beach.jpg"))
    scriptless.one("form .button").send_keys(Keys.ENTER)
    WebDriverWait(scriptless.driver, 60).until(
        lambda driver: driver.current_url.endswith("/api/paint")
    )
    picture = scriptless.one("body > img")
    assert picture.get_property("naturalWidth") == 128, "the first size of the form"
