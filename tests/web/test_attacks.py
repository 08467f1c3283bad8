"""The answers to attacks, as SECURITY.md lists them."""

import asyncio
import contextlib
import io
import json
import re
import socket
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from PIL import Image
from starlette.requests import Request
from support import tiny
from support.polling import until
from support.web_service import begun_upload, send, served

from painterly.configuration.web_options import WebOptions
from painterly.jobs.schemas import ApiError
from painterly.web import clients, server, sessions, transport
from painterly.web.service import MAX_UPLOADS
from painterly.web.sessions import COOKIE, MAX_GUESSES, MAX_WRONG, MAX_WRONG_OF_ALL

pytestmark = pytest.mark.slow  # Limits of time are waited for.

PASSWORD = "a long password"
BEARER = {"Authorization": f"Bearer {PASSWORD}"}


def log_in(client, password=PASSWORD, headers=None, **fields):
    form = {"password": password, "next": "/", **fields}
    return client.post("/login", data=form, headers=headers)


def jobs(client):
    return client.service.jobs.all()


def test_without_a_login_nothing_is_shown_and_nothing_taken(locked):
    for path in (
        "/api/jobs",
        "/gallery/monet/beach.jpg",
        "/gallery/static/page.css",
        "/api/styles",
        "/styles",
        "/api/system",
        "/openapi.json",
    ):
        answer = locked.get(path)
        assert (answer.status_code, "log in" in answer.json()["detail"]) == (401, True), path
    refused = send(locked, accept="text/html")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    page = locked.get("/gallery?x=1", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Fgallery%3Fx%3D1")
    assert locked.get("/healthz").json() == {"status": "ok"}
    assert not jobs(locked)
    style = locked.get("/static/page.css").headers
    assert (page.headers["cache-control"], style["cache-control"]) == ("no-store", "no-cache")


def test_a_login_lasts_until_the_logout_and_cannot_be_forged(locked, place):
    answer = log_in(locked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie
    assert locked.get("/api/jobs").status_code == 200
    kept = locked.cookies[COOKIE]
    body, _, signature = kept.partition(".")
    for forged in (body + "x." + signature, kept[:-2], "AAAA", "é", kept.replace(".", ".x", 1)):
        bare = httpx.Client(verify=False, base_url=locked.base_url)
        headers = {"Cookie": f"{COOKIE}={forged}".encode()}
        assert bare.get("/api/jobs", headers=headers).status_code == 401, forged
    with served({**place, "WEB_PASSWORD": PASSWORD}) as later:  # After a restart.
        assert later.get("/api/jobs", headers={"Cookie": f"{COOKIE}={kept}"}).status_code == 200
    assert locked.post("/logout").status_code == 303
    assert COOKIE not in locked.cookies
    # A copy of the cookie is worthless, and so is any after the password was changed.
    bare = httpx.Client(verify=False, base_url=locked.base_url, cookies={COOKIE: kept})
    assert bare.get("/api/jobs").status_code == 401
    with served({**place, "WEB_PASSWORD": "another password"}) as changed:
        answer = changed.get("/api/jobs", headers={"Cookie": f"{COOKIE}={kept}"})
        assert answer.status_code == 401


def test_a_request_from_another_site_changes_nothing(locked):
    origin = str(locked.base_url).rstrip("/")
    evil = (
        *({"Origin": each} for each in ("https://evil.example", "null", "http://127.0.0.1:1")),
        *({"Sec-Fetch-Site": each, "Origin": origin} for each in ("same-site", "cross-site")),
    )
    for headers in evil:
        answer = locked.post("/login", data={"password": PASSWORD}, headers=headers)
        assert answer.status_code == 403
    log_in(locked)
    for headers in evil:
        assert send(locked, **headers).status_code == 403
        assert locked.post("/logout", headers=headers).status_code == 403
    assert not jobs(locked)
    same = {"Sec-Fetch-Site": "same-origin", "Origin": "https://name.of.a.proxy"}
    for own in ({"Origin": origin}, same, {"Sec-Fetch-Site": "none"}):
        assert send(locked, **own).status_code == 202
    # No browser adds a token by itself.
    assert send(locked, **evil[0], **BEARER).status_code == 202


def test_a_service_without_a_password_takes_any_token(web):
    assert web.get("/api/jobs", headers=BEARER).status_code == 200


def test_passwords_cannot_be_tried_for_long_from_one_address_or_many(locked, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(sessions, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for number in range(MAX_WRONG):
        assert log_in(locked, password=f"wrong {number}").status_code == 401
        now[0] += 10
    refused = log_in(locked)
    wait_s = int(refused.headers["retry-after"])
    assert refused.status_code == 429 and 240 < wait_s <= 300
    assert "Wait 5 minutes, then" in refused.text
    assert locked.get("/api/jobs", headers=BEARER).status_code == 200, "others share the address"
    now[0] += wait_s
    assert log_in(locked).status_code == 303
    guessed = wrong_from_many(locked)
    assert log_in(locked).status_code == 303, "its address was right lately"
    locked.service.guesses.right.clear()
    assert guessed == MAX_WRONG_OF_ALL and log_in(locked).status_code == 429


def wrong_from_many(web, first=0):
    """Guess from as many networks as there are, and return how many guesses were looked at."""
    tries = (f"2001:db8:{number:x}::/64" for number in range(first, first + 2 * MAX_WRONG_OF_ALL))
    return sum(not web.service.guesses.wait_s(each, "wrong", False) for each in tries)


def bearing(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_right_token_is_taken_although_others_at_its_address_have_sent_wrong_ones(locked):
    """As behind a NAT, where one program has an old token, and repeats it."""

    def status(token):
        return locked.get("/api/jobs", headers=bearing(token)).status_code

    assert [status("an old one") for _ in range(3 * MAX_WRONG)] == [401] * 3 * MAX_WRONG
    guesses = [status(f"guess {number}") for number in range(MAX_GUESSES)]
    assert guesses == [401] * (MAX_WRONG - 1) + [429] * (MAX_GUESSES - MAX_WRONG + 1)
    assert status(PASSWORD) == 429, "but not after so many guesses that it may be one itself"


def test_guesses_from_any_number_of_networks_are_few_and_who_was_right_goes_on(place):
    token = "a token for programs"
    variables = {"WEB_PASSWORD": PASSWORD, "WEB_TOKEN": token, "WEB_PROXIES": "1"}
    with served({**place, **variables}) as web:

        def status(given, address):
            headers = {**bearing(given), "X-Forwarded-For": address}
            return web.get("/api/jobs", headers=headers).status_code

        assert status(token, "2001:db8:ffff::1") == 200
        tries = [status(f"guess {n}", f"2001:db8:{n // 2:x}::{n:x}") for n in range(300)]
        assert tries == [401] * MAX_WRONG_OF_ALL + [429] * (300 - MAX_WRONG_OF_ALL)
        # What is right, where it is right for the first time, is not told from what is wrong.
        elsewhere = {"X-Forwarded-For": "10.0.0.9"}
        assert status(token, "10.0.0.9") == log_in(web, headers=elsewhere).status_code == 429
        family = {"X-Forwarded-For": "2001:db8:ffff::2"}
        assert status(token, "2001:db8:ffff::2") == 200
        assert log_in(web, headers=family).status_code == 303
        # A known network has its own limit all the same.
        more = [status(f"guess {n}", "2001:db8:ffff::3") for n in range(100)]
        assert more.count(401) == MAX_WRONG and status(token, "2001:db8:ffff::4") == 429
        assert len(web.service.guesses.wrong) == MAX_WRONG_OF_ALL + MAX_GUESSES


def test_a_session_makes_its_network_known_also_after_a_restart(locked):
    assert log_in(locked).status_code == 303
    locked.service.guesses.right.clear()
    assert locked.get("/api/jobs").status_code == 200
    assert wrong_from_many(locked) == MAX_WRONG_OF_ALL
    assert locked.get("/api/jobs", headers=BEARER).status_code == 200


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        *(("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1:5000", "192.0.2.1")),
        ("unknown", "unknown"),
    ],
)
def test_an_address_counts_by_its_network_however_a_proxy_writes_it(written, address):
    headers = [(b"x-forwarded-for", f"10.0.0.1, {written}".encode())]
    asked = Request({"type": "http", "headers": headers, "client": ("127.0.0.1", 1)})
    assert clients.client_address(asked, WebOptions("127.0.0.1", 80, proxies=1)) == address


@pytest.mark.parametrize("opened", [{"WEB_PROXIES": "1"}, {"WEB_HOST": "0.0.0.0"}])
def test_the_password_is_no_token_where_others_reach_the_service(place, opened):
    with served({**place, "WEB_PASSWORD": PASSWORD, **opened}) as web:
        refused = web.get("/api/jobs", headers=BEARER)
        assert refused.status_code == 401 and "set WEB_TOKEN" in refused.json()["detail"]
        assert log_in(web).status_code == 303


def test_who_has_logged_out_is_remembered_no_longer_than_a_cookie_is_valid(locked, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(sessions, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for _ in range(3):
        assert log_in(locked).status_code == 303
        assert locked.post("/logout").status_code == 303
        locked.post("/logout")  # Without a session, there is nothing to remember.
    assert len(locked.service.sessions.ended) == 3
    now[0] += sessions.SESSION_S
    log_in(locked)
    locked.post("/logout")
    assert len(locked.service.sessions.ended) == 1


def test_who_is_logged_in_goes_on_and_had_tries_enough(locked):
    for _ in range(2):
        for _ in range(MAX_WRONG - 1):
            assert log_in(locked, "wrong").status_code == 401
        assert log_in(locked).status_code == 303
        assert locked.get("/login?next=/gallery").headers["location"] == "/gallery"
        assert locked.post("/logout").status_code == 303
    page = locked.get("/login?next=/gallery")
    assert page.status_code == 200 and "/logout" not in page.text


def test_only_the_token_is_taken_instead_of_a_login_and_may_have_any_letters(place):
    token = "größer als ein €"
    with served({**place, "WEB_PASSWORD": PASSWORD, "WEB_TOKEN": token}) as both:
        for given, status in (("guess", 401), (PASSWORD, 401), (token, 200)):
            header = {"Authorization": f"bearer {given}".encode()}
            assert both.get("/api/jobs", headers=header).status_code == status
        assert log_in(both, token).status_code == 401
        assert log_in(both).status_code == 303


def test_a_login_leads_to_no_other_site(locked):
    for after in ("https://evil.example", "//evil.example", "/\\evil.example"):
        with httpx.Client(verify=False, base_url=locked.base_url) as bare:
            assert log_in(bare, next=after).headers["location"] == "/"
            logged_in = bare.get("/login", params={"next": after})
            assert logged_in.headers["location"] == "/"


def test_names_never_become_paths(web):
    for name in ("../../../etc/passwd", "..\\..\\x.jpg", "/etc/cron.d/x", "a/b.jpg", "\0.jpg", ""):
        answer = send(web, name=name or "…")
        assert answer.status_code == 202, answer.text
    keys = [entry.key for entry in web.service.buckets.source.list()]
    assert all(re.fullmatch(r"[0-9a-f]{20}/[\w-]+\.jpg", key) for key in keys), keys
    for path in ("%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2f..%2f.env", "%00", "_web%2f..%2fqueue"):
        assert web.get(f"/api/paintings/{path}/thumbnail").status_code in (400, 404), path
        assert web.delete(f"/api/paintings/{path}").status_code in (400, 404), path
        assert web.get(f"/static/{path}").status_code in (400, 404), path
        assert web.get(f"/api/jobs/{path}").status_code in (404, 422), path


def test_no_page_shows_a_name_with_other_than_printable_characters(web, place):
    """They would turn what follows around, or act on a terminal that shows the page's text."""
    evil, folder = "a\u202egnp\x1b[31m\nb", Path(place["BUCKET_STYLE"])
    for name in (f"{evil}.jpg", f"{evil}_by_{evil}_1831.jpg"):
        (folder / name).write_bytes(tiny.file(50, 50, 3))
    (folder / evil).mkdir()
    (folder / evil / "c.jpg").write_bytes(tiny.file(50, 50, 3))
    html = {"accept": "text/html"}
    pages = [web.get(path, headers=html) for path in ("/", "/styles", "/plain", "/gallery/")]
    form = {"photo": tiny.file(50, 50, 3), "style": (None, evil)}
    pages.append(web.post("/api/paint", headers=html, files=form))
    pages.append(
        web.post("/api/jobs", headers=html, files={"request": (None, json.dumps({evil: 1}))})
    )
    for page in pages:
        shown = re.sub("<[^>]*>", "", page.text)
        assert not {"\u202e", "\x1b"} & {*shown}, page.url
    assert "A\\u202egnp" in pages[1].text


def png_bomb(width, height):
    """A few bytes that claim to be a large picture."""
    png = bytearray(tiny.file(1, 1, 1, "PNG"))
    png[16:24] = struct.pack(">II", width, height)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    return bytes(png)


def test_what_is_no_picture_or_too_large_is_refused_by_its_content(locked):
    cases = {
        "a bomb": (png_bomb(13_000, 13_000), 413, "megapixels"),
        "a larger bomb": (png_bomb(60_000, 60_000), 422, "megapixels"),
        "a script": (b"<html><script>alert(1)</script>", 422, "not a picture"),
        "an SVG": (b'<svg onload="x()">', 422, "not a picture"),
        "a video": (b"\0\0\0\x18ftypmp42" + bytes(100), 422, "clip"),
        "nothing": (b"", 422, "empty"),
        "many bytes": (b"\xff\xd8\xff" + bytes(1_500_000), 413, "larger"),
        "far too many": (b"\xff\xd8\xff" + bytes(3_000_000), 413, "1 MB at most"),
    }
    for case, (data, status, reason) in cases.items():
        answer = send(locked, photo=data, **BEARER)
        detail = answer.json()["detail"]
        assert (answer.status_code, reason in detail) == (status, True), case + detail
        assert answer.headers["x-content-type-options"] == "nosniff", case
    assert not jobs(locked)
    assert locked.get("/api/jobs", headers=BEARER).status_code == 200


def test_a_body_without_a_length_is_cut_where_it_gets_too_long(locked):
    def endless():
        yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
        for _ in range(40):
            yield bytes(100_000)

    headers = {**BEARER, "Content-Type": "multipart/form-data; boundary=x"}
    answer = locked.post("/api/jobs", content=endless(), headers=headers)
    assert (answer.status_code, "1 MB at most" in answer.json()["detail"]) == (413, True)


def test_uploads_that_stall_make_room_for_others(place, monkeypatch):
    """A telephone that loses its network says nothing of it."""
    monkeypatch.setattr(transport, "STALLED_S", 2.0)  # The others must be refused before.
    with served({**place, "WEB_PROXIES": "1"}) as web, contextlib.ExitStack() as stack:
        port = web.base_url.port
        stalled = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            for _ in range(MAX_UPLOADS // 3)
        ]
        for each in stalled:
            each.sendall(begun_upload(port))
        until(lambda: web.service.uploads._taken.total() == len(stalled))
        assert send(web).status_code == 429
        assert send(web, **{"X-Forwarded-For": "10.0.0.9"}).status_code == 202
        assert (
            web.post("/api/styles/suited", files={"photo": tiny.file(60, 80, 1)}).status_code == 429
        )
        assert until(lambda: send(web).status_code == 202)
        assert stalled[0].recv(4096).startswith(b"HTTP/1.1 408 ")


def test_nothing_more_is_awaited_of_a_client_that_stalls(monkeypatch):
    monkeypatch.setattr(transport, "STALLED_S", 0.01)
    asked = []

    async def receive():
        asked.append("part")
        await asyncio.sleep(60)

    async def refused():
        body = transport.Body(receive)
        body.trust(1)
        with pytest.raises(ApiError, match="too slowly"):
            await body.receive()
        before = len(asked)  # 0 if this process had to wait for longer.
        await body.read_on()
        assert len(asked) == before

    asyncio.run(refused())


def test_requests_of_too_many_connections_are_refused_until_some_have_ended(place, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 4)
    with served(place) as web:
        with contextlib.ExitStack() as held:
            for _ in range(3):
                held.enter_context(web.stream("GET", "/api/events"))
            assert web.get("/healthz").status_code == 503
        until(lambda: web.get("/healthz").status_code == 200)


def test_huge_headers_and_wrong_kinds_of_bodies_are_refused(locked):
    huge = {"X-Huge": "x" * 200_000}
    with contextlib.suppress(httpx.TransportError):  # The connection may be cut at once.
        assert locked.get("/healthz", headers=huge).status_code in (400, 431)
    kinds = {"text/plain": 415, "": 415, "multipart/form-data": 400, "application/json": 422}
    for kind, status in kinds.items():
        headers = {**BEARER, "Content-Type": kind}
        found = locked.post("/api/jobs", content=b"\xff{", headers=headers)
        assert found.status_code == status, (kind, found.text)


def test_every_answer_forbids_scripts_and_frames_of_others(web):
    for path in ("/", "/healthz", "/api/jobs", "/nothing", "/static/page.css"):
        headers = web.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_pages_of_other_sites_cannot_use_a_service_of_this_machine(web):
    # Some resolvers look up names that break the rules.
    for host in ("evil.example", "evil_.example", 'e"vil.example', "{evil}.example:80", ""):
        assert web.get("/api/jobs", headers={"Host": host}).status_code == 400, host
    for host in ("localhost", "LocalHost:80", "127.0.0.1", "[::1]", "[::1]:8080"):
        assert web.get("/api/jobs", headers={"Host": host}).status_code == 200, host
    assert send(web, Origin="https://evil.example").status_code == 403
    assert not jobs(web)


def test_the_position_of_a_photo_is_gone_before_it_is_stored(web):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    exif[0x010F] = "A camera"
    job = send(web, photo=tiny.file(60, 80, 1, exif=exif)).json()
    stored = Image.open(io.BytesIO(web.get(job["links"]["photo"]).content)).getexif()
    assert (dict(stored.get_ifd(0x8825)), stored[0x010F]) == ({}, "A camera")


def test_a_proxy_is_believed_only_where_there_is_one(place):
    forwarded = [{"X-Forwarded-For": f"10.0.0.{number}"} for number in range(MAX_WRONG + 1)]
    guesses, form = [bearing(f"guess {n}") for n in range(MAX_WRONG + 1)], {"password": PASSWORD}
    tries = [*zip(guesses, forwarded, strict=True)]
    locked_place = {**place, "WEB_PASSWORD": PASSWORD}
    with served(locked_place) as direct:
        found = [direct.get("/api/jobs", headers={**guess, **each}) for guess, each in tries]
        assert found[-1].status_code == 429 and int(found[-1].headers["retry-after"]) > 0
        plain = direct.post("/login", headers={"X-Forwarded-Proto": "https"})
        assert "strict-transport-security" not in plain.headers
    for proxies, nearest in ((1, "10.9.9.9"), (2, "10.9.9.9, 10.8.8.{}")):
        with served({**locked_place, "WEB_PROXIES": str(proxies)}) as behind:
            secure, plain = (
                behind.post("/login", headers={"X-Forwarded-Proto": each}, data=form)
                for each in ("http, https", "https, http")
            )
            assert "secure" in secure.headers["set-cookie"].lower()
            assert "strict-transport-security" in secure.headers
            assert "strict-transport-security" not in plain.headers
            found = [behind.get("/api/jobs", headers={**guess, **each}) for guess, each in tries]
            assert found[-1].status_code == 401
            for number in range(MAX_WRONG + 1):
                # A client writes the first entry itself, which is ignored.
                entries = (f"1.1.1.{number}", nearest.format(number))
                headers = [("X-Forwarded-For", each) for each in entries]
                headers += guesses[number].items()
                spoofed = behind.get("/api/jobs", headers=headers)
            assert spoofed.status_code == 429
