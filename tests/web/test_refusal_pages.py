"""Errors as pages for browsers and as JSON for programs."""

import base64
import hashlib
import re

import pytest
from support.web_service import served

from painterly.errors import StorageError
from painterly.words.texts import LANGUAGES

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PICTURE = {"Accept": "image/avif,image/webp,*/*;q=0.8"}


@pytest.mark.parametrize(
    "address", ["/nowhere", "/gallery/mosaic/gone.jpg", "/api/jobs/0123456789abcdef0123/result"]
)
def test_what_is_not_there_is_a_page_for_a_browser_and_one_line_for_programs(web, address):
    page = web.get(address, headers=BROWSER | {"Accept-Language": "de"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>Hier hängt nichts</h1>" in page.text and 'href="/gallery/"' in page.text
    for headers in ({}, PICTURE):
        answer = web.get(address, headers=headers)
        assert answer.status_code == 404 and answer.json()["detail"]


def test_a_page_says_what_the_server_refuses_and_leads_back_to_the_form(web):
    page = web.post("/api/paint", headers=BROWSER, files={"style": (None, "mosaic")})
    assert page.status_code == 422
    assert "<h1>That did not work</h1>" in page.text and 'href="/plain"' in page.text
    told = web.post("/api/paint", files={"style": (None, "mosaic")}).json()["detail"]
    assert f'<p class="reason" lang="en">{told}</p>' in page.text
    wrong = web.delete("/nowhere", headers=BROWSER)
    assert wrong.status_code == 404


def test_a_method_that_a_page_has_not_is_named_with_those_that_it_has(web):
    for headers in (BROWSER, {}):
        answer = web.put("/login", headers=headers)
        assert answer.status_code == 405 and "GET" in answer.headers["allow"]


def test_without_the_storage_a_browser_gets_a_page_that_tries_again(web, monkeypatch):
    def fails(*_, **__):
        raise StorageError("the bucket does not answer")

    monkeypatch.setattr(web.service.results, "page", fails)
    page = web.get("/gallery/", headers=BROWSER)
    assert page.status_code == 503 and int(page.headers["retry-after"]) > 0
    assert "The studio is closed for now" in page.text
    assert web.get("/gallery/").json()["detail"].startswith("the storage does not answer")


def test_a_proxys_page_needs_no_other_file_and_no_login_and_speaks_all_languages(locked):
    page = locked.get("/away")
    assert page.status_code == 200
    assert not re.findall(r'(?:src|href)="[^"#]+"|url\(|@import', page.text)
    assert re.findall(r'<main class="bare" lang="(\w+)"', page.text) == list(LANGUAGES)
    for kind in ("style", "script"):
        [content] = re.findall(f"<{kind}>(.*?)</{kind}>", page.text, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page.headers["content-security-policy"]


def test_pages_for_mistakes_are_not_shown_to_strangers(place):
    with served({**place, "WEB_PASSWORD": "a long password"}) as client:
        answer = client.get("/nowhere", headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fnowhere")
