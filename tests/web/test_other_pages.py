"""Pages of other sites that may use the API: those of WEB_ORIGINS, by a token."""

from base64 import b64encode
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support import tiny
from support.browser import Viewer
from support.serving import serving
from support.web_service import send, served
from support.web_world import PASSWORD

BOOTH, TOKEN = "https://booth.example", "a token for pages"
BEARER = {"authorization": f"Bearer {TOKEN}"}
OF_BOOTH = {"origin": BOOTH, "sec-fetch-site": "cross-site"}
ASKING = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization",
}
LIMITS = {"WEB_PASSWORD": PASSWORD, "WEB_TOKEN": TOKEN, "WEB_MAX_MEGABYTES": "1"}


@pytest.fixture
def inviting(place):
    """A client of a service whose API pages of BOOTH may use."""
    with served({**place, **LIMITS, "WEB_ORIGINS": BOOTH}) as client:
        yield client


def allowed(answer):
    """The origin whose pages may read an answer."""
    assert "access-control-allow-credentials" not in answer.headers
    return answer.headers.get("access-control-allow-origin")


def test_only_a_listed_origin_may_ask_and_needs_no_login_for_that(inviting):
    for path in ("/api/paint", "/api/jobs/0123456789abcdef0123/cancel"):
        answer = inviting.options(path, headers=OF_BOOTH | ASKING)
        assert (answer.status_code, allowed(answer)) == (200, BOOTH)
        assert {"POST", "DELETE"} <= {*answer.headers["access-control-allow-methods"].split(", ")}
        assert "authorization" in answer.headers["access-control-allow-headers"]
    evil = {"origin": "https://booth.example.evil.example", "sec-fetch-site": "cross-site"}
    for headers in (evil, {"origin": "null"}, {"origin": "http://booth.example"}):
        answer = inviting.options("/api/paint", headers=headers | ASKING)
        assert (answer.status_code, allowed(answer)) == (400, None)
        assert "Origin" in answer.headers["vary"]
        answer = inviting.get("/api/styles", headers=headers | BEARER)
        assert allowed(answer) is None
    assert inviting.get("/gallery/", headers=OF_BOOTH).status_code == 401, "it has no login"


def test_a_listed_page_reads_answers_and_refusals_and_needs_the_token(inviting):
    styles = inviting.get("/api/styles", headers=OF_BOOTH | BEARER)
    assert (styles.status_code, allowed(styles)) == (200, BOOTH)
    assert "Origin" in styles.headers["vary"]
    assert "Origin" in inviting.get("/api/styles", headers=BEARER).headers["vary"]
    large = b"x" * 3_000_000
    for status, answer in (
        (401, inviting.get("/api/styles", headers=OF_BOOTH)),
        (401, inviting.get("/api/styles", headers=OF_BOOTH | {"authorization": "Bearer wrong"})),
        (404, inviting.get("/api/none", headers=OF_BOOTH | BEARER)),
        (422, send(inviting, photo=b"no picture", **OF_BOOTH, **BEARER)),
        (413, send(inviting, photo=large, **OF_BOOTH, **BEARER)),
        (503, send_to_paint(inviting, **OF_BOOTH, **BEARER)),
    ):
        assert (answer.status_code, allowed(answer)) == (status, BOOTH), answer.text
        assert answer.json()["detail"]
    assert answer.headers["retry-after"], "it says when to come back"
    assert "retry-after" in answer.headers["access-control-expose-headers"]


def send_to_paint(client, **headers):
    files = {"photo": ("beach.jpg", tiny.file(60, 80, 1))}
    return client.post("/api/paint", files=files, data={"style": "monet"}, headers=headers)


def test_a_login_is_worth_nothing_on_a_listed_page(inviting):
    inviting.post("/login", data={"password": PASSWORD, "next": "/"})
    assert inviting.get("/api/jobs").status_code == 200, "with the cookie"
    refused = send(inviting, **OF_BOOTH)
    assert (refused.status_code, allowed(refused)) == (401, BOOTH)
    assert "Authorization: Bearer" in refused.json()["detail"]
    assert not inviting.service.jobs.all()
    assert inviting.post("/logout", headers=OF_BOOTH).status_code == 403


def test_without_origins_no_page_of_another_site_may_ask(locked):
    answer = locked.options("/api/paint", headers=OF_BOOTH | ASKING)
    assert (answer.status_code, allowed(answer)) == (401, None)
    assert allowed(locked.get("/api/styles", headers=OF_BOOTH)) is None


class Booth(BaseHTTPRequestHandler):
    """A site with one page."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>booth</title><img id=picture>")

    def log_message(self, *_):
        pass


@pytest.fixture
def booths():
    """The addresses of two sites other than the service's."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(serving(ThreadingHTTPServer(("127.0.0.1", 0), Booth)))
            for _ in range(2)
        ]
        yield [f"http://localhost:{each.server_port}" for each in servers]


PAINTED = """
const [address, token, photo, done] = arguments;
const ask = async () => {
  const body = new FormData();
  const bytes = Uint8Array.from(atob(photo), (each) => each.charCodeAt(0));
  body.append("photo", new Blob([bytes], { type: "image/jpeg" }), "booth.jpg");
  body.append("style", "hokusai");
  body.append("size", "64");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(`${address}/api/paint`, { method: "POST", body, headers });
  if (!answer.ok) {
    const { detail } = await answer.json();
    return { status: answer.status, detail, after: answer.headers.get("Retry-After") };
  }
  const image = document.getElementById("picture");
  image.src = URL.createObjectURL(await answer.blob());
  await image.decode();
  return { status: answer.status, width: image.naturalWidth, height: image.naturalHeight };
};
ask().then(done, (error) => done({ error: String(error) }));
"""


@pytest.fixture
def invited(booths, place):
    """The address of a site whose pages the service of `place` lets in."""
    place.update(LIMITS, WEB_ORIGINS=booths[0])
    return booths[0]


@pytest.mark.slow
def test_a_booths_page_in_a_browser_paints_and_reads_refusals(chromium, invited, booths, painting):
    page, address = Viewer(chromium), str(painting.base_url)

    def paint(token, photo=None):
        encoded = b64encode(photo or tiny.file(60, 80, 1)).decode()
        return page.driver.execute_async_script(PAINTED, address, token, encoded)

    page.look(invited)
    assert paint(TOKEN) == {"status": 200, "width": 64, "height": 48}
    wrong = paint("a wrong token")
    assert wrong["status"] == 401 and "WEB_TOKEN" in wrong["detail"]
    large = paint(TOKEN, bytes(4_000_000))
    assert large["status"] == 413 and "1 MB at most" in large["detail"]
    painting.busy = True
    busy = paint(TOKEN)
    assert busy["status"] == 503 and busy["after"] and "something else" in busy["detail"]
    page.look(booths[1])
    assert "Failed to fetch" in paint(TOKEN)["error"]
