"""The page of the API: what a programmer reads first, and its examples, as a shell runs them."""

import html
import re
import shutil
import subprocess

import pytest
from PIL import Image
from support import tiny
from support.web_service import served

TOKEN = "a long password"


def examples(page: str) -> list[str]:
    """The command lines on the page."""
    blocks = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
    return [html.unescape(block) for block in blocks]


def test_it_begins_with_a_picture_for_a_photo_and_a_curl_and_names_no_refusal_twice(web):
    page = web.get("/docs").text
    first = re.search(r"<section.*?</section>", page, re.DOTALL)[0]
    assert "<code>POST /api/paint</code>" in first
    assert f"curl -F photo=@beach.jpg -F style=hokusai -o painted.jpg {web.base_url}" in examples(
        first
    )[0].replace("/api/paint", "/", 1)
    assert "`" not in page and "<code>instant</code>" in page
    assert page.count("<code>401</code>") == page.count("<code>422</code>") == 1
    assert page.index("POST /api/jobs") < page.index("GET /healthz")


def test_the_page_that_paints_leads_to_it(web):
    assert 'href="/docs"' in web.get("/").text


@pytest.mark.thorough
@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl: apt-get install curl")
def test_its_examples_work_in_a_shell(painting, tmp_path):
    (tmp_path / "beach.jpg").write_bytes(tiny.file(60, 80, 1))
    (tmp_path / "monet.jpg").write_bytes(tiny.file(50, 50, 2))
    shown = examples(painting.get("/docs").text)
    assert len(shown) >= 5
    for example in shown:
        script = example.replace("curl ", "curl --fail --silent --show-error ")
        ran = subprocess.run(
            ["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert ran.returncode == 0, (example, ran.stderr)
    formats = [Image.open(tmp_path / f"painted.{ending}").format for ending in ("jpg", "png")]
    assert formats == ["JPEG", "PNG"]
    assert len(painting.service.jobs.all()) == 2


@pytest.mark.thorough
@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl: apt-get install curl")
def test_with_a_password_its_examples_send_the_token_from_a_variable(place, tmp_path):
    with served({**place, "WEB_PASSWORD": TOKEN}) as client:
        page = client.get("/docs", headers={"authorization": f"Bearer {TOKEN}"}).text
        shown = next(each for each in examples(page) if "/api/styles" in each)
        for token, code in ((TOKEN, 0), ("wrong", 22)):
            command = shown.replace("curl ", "curl --fail --silent ", 1)
            ran = subprocess.run(
                ["sh", "-ec", command], env={"TOKEN": token, "PATH": "/usr/bin:/bin"}, timeout=60
            )
            assert ran.returncode == code
    assert TOKEN not in page
