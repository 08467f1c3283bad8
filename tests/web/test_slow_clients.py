"""Clients that send slowly, read slowly, ask and leave, or hold connections: what they cost others.

Others are timed, and the memory of the web process is measured.
"""

import asyncio
import contextlib
import gc
import re
import select
import socket
import sys
import threading
import time
import weakref

import httpx
import psutil
import pytest
from PIL import Image
from support.pictures import saved
from support.polling import until
from support.web_service import begun_upload, send, served, two_styles

from painterly.errors import PictureError
from painterly.jobs.schemas import ApiError
from painterly.web import made, server, stored_pictures, transport
from painterly.web.made import Made

pytestmark = pytest.mark.slow  # Limits of time are waited for.

SOON_S = 5.0  # for others; they would wait for as long as the slow client, or for ever
MB = 1_000_000


def connected(web, data=b"", receive_buffer=None, host="127.0.0.1"):
    """A connection of a host that has sent something."""
    made = socket.socket()
    made.bind((host, 0))
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(30)
    made.connect((web.base_url.host, web.base_url.port))
    made.sendall(data)
    return made


def asking(path, *headers, version="1.1"):
    lines = (f"GET {path} HTTP/{version}", "Host: localhost", *headers, "", "")
    return "\r\n".join(lines).encode()


def posting(path, *headers):
    return asking(path, "Content-Length: 100000", *headers).replace(b"GET", b"POST", 1)


def has_ended(connection):
    """Whether the service has ended a connection, without reading from it."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP | select.POLLERR | select.POLLHUP)
    return bool(poll.poll(0))


def dripping(connection):
    """Send one more byte. Return whether the connection has ended."""
    with contextlib.suppress(OSError):
        connection.sendall(b"x")
    return has_ended(connection)


def large_jpeg(megabytes):
    """A photo of few pixels, and of many bytes of metadata."""
    jpeg = saved(Image.effect_noise((400, 300), 90).convert("RGB"), "JPEG")
    return jpeg[:2] + (b"\xff\xed\xff\xff" + bytes(65_533)) * (megabytes * 16) + jpeg[2:]


@pytest.mark.parametrize("begun", [b"", b"GET /login HT", asking("/login")[:-2]])
def test_headers_that_do_not_end_are_awaited_for_seconds(web, monkeypatch, begun):
    monkeypatch.setattr(server, "HEADERS_S", 0.3)
    with connected(web, begun) as slow:
        until(lambda: has_ended(slow) if not begun else dripping(slow))


def test_a_connection_without_a_request_gives_way_to_another(place, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 4)
    monkeypatch.setattr(server, "AT_ONCE", 1)
    with served(place) as web, contextlib.ExitStack() as held:
        idle = [held.enter_context(connected(web)) for _ in range(10)]
        assert web.get("/healthz").status_code == 200
        assert until(lambda: has_ended(idle[0])) and not has_ended(idle[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="others have no further local addresses")
def test_who_has_many_connections_gives_way_before_others(place, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 6)
    monkeypatch.setattr(server, "AT_ONCE", 1)
    with served(place) as web, contextlib.ExitStack() as held:
        mine = held.enter_context(connected(web, asking("/healthz")))
        answer = b""
        while not answer.endswith(b"}"):  # Its headers may come before its body.
            answer += mine.recv(4096)
        others = [held.enter_context(connected(web, host="127.0.0.2")) for _ in range(10)]
        until(lambda: has_ended(others[3]))
        mine.sendall(asking("/healthz"))
        assert mine.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (posting("/login", "Content-Type: application/x-www-form-urlencoded"), b"408"),
        (posting("/api/jobs", "Content-Type: multipart/form-data; boundary=b"), b"401"),
        (posting("/nowhere", "Connection: close"), b"401"),
    ],
)
def test_a_body_without_a_login_is_read_for_seconds(locked, monkeypatch, begun, status):
    monkeypatch.setattr(transport, "STRANGERS_S", 0.5)
    monkeypatch.setattr(transport, "READ_ON_S", 0.5)
    monkeypatch.setattr(server, "HEADERS_S", 0.5)
    with connected(locked, begun) as slow:
        until(lambda: dripping(slow))
        assert slow.recv(4096).startswith(b"HTTP/1.1 " + status)


def test_an_upload_that_drips_gives_its_place_to_others(web, monkeypatch):
    monkeypatch.setattr(transport, "STALLED_S", 0.5)
    with connected(web, begun_upload(web.base_url.port)) as slow:
        until(lambda: dripping(slow) or select.select([slow], [], [], 0)[0])
        assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_an_upload_may_take_as_long_as_its_bytes_need(monkeypatch):
    monkeypatch.setattr(transport, "STALLED_S", 0.2)
    monkeypatch.setattr(transport, "SLOWEST", 1000)

    async def arrive(size):
        async def receive():
            await asyncio.sleep(0.05)
            return {"type": "http.request", "body": bytes(size), "more_body": True}

        body, began = transport.Body(receive), time.monotonic()
        body.trust(2000)
        body.most_bytes = 2000
        with pytest.raises(ApiError) as refused:
            while True:
                await body.receive()
        return refused.value.status, time.monotonic() - began

    assert asyncio.run(arrive(0))[0] == 408
    status, seconds = asyncio.run(arrive(100))
    assert status == 413 and seconds > 0.5


def test_one_address_has_a_limit_of_requests_at_once_and_probes_have_none(place):
    with served({**place, "WEB_PROXIES": "1"}) as web, contextlib.ExitStack() as held:
        web.service.requests.most = 9

        def status(address, path="/api/jobs"):
            return web.get(path, headers={"X-Forwarded-For": address}).status_code

        events = asking("/api/events", "X-Forwarded-For: 2001:db8::1")
        streams = [held.enter_context(connected(web, events)) for _ in range(3)]
        until(lambda: status("2001:db8::2") == 429)
        refused = web.get("/api/jobs", headers={"X-Forwarded-For": "2001:db8::2"}).headers
        assert refused["retry-after"] == "5" and refused["x-content-type-options"] == "nosniff"
        assert status("2001:db8:0:1::2") == status("2001:db8::2", "/healthz") == 200
        streams[0].close()
        until(lambda: status("2001:db8::3") == 200)


def test_those_with_a_few_addresses_leave_places_for_those_with_others(place, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 20)
    with served({**place, "WEB_PROXIES": "1"}) as web, contextlib.ExitStack() as held:
        web.service.requests.most = 20
        for number in range(40):
            path = ("/login", "/healthz")[number % 2]
            body = posting(path, f"X-Forwarded-For: 10.0.0.{number % 3}")
            held.enter_context(connected(web, body))
        others = [web.get("/", headers={"X-Forwarded-For": f"10.0.1.{n}"}) for n in range(5)]
        assert {each.status_code for each in others} == {200}


@pytest.mark.parametrize("times", [1, 3])
def test_who_reads_nothing_is_closed_after_a_while(web, monkeypatch, times):
    monkeypatch.setattr(server, "STUCK_S", 0.5)
    photo = send(web, photo=large_jpeg(2)).json()["links"]["photo"]
    with connected(web, asking(photo) * times, receive_buffer=4096) as stuck:
        until(lambda: has_ended(stuck))
        assert web.get(photo).status_code == 200


@pytest.mark.thorough
def test_many_who_read_nothing_take_little_memory_and_delay_nobody(tmp_path):
    web = two_styles(tmp_path, MEMORY_LIMIT="500MB")
    web.start()
    try:
        client, process = web.client, psutil.Process(web.process.pid)
        web.base_url = client.base_url
        job = send(client, {"style": "blue", "preset": "instant"}, large_jpeg(38)).json()
        client.post(job["links"]["cancel"])
        before, photo = process.memory_info().rss, job["links"]["photo"]
        assert int(client.head(photo).headers["content-length"]) > 38 * MB
        with contextlib.ExitStack() as held:
            for number in range(60):
                data = asking(photo, *(["Range: bytes=5-"] if number % 2 else []))
                held.enter_context(connected(web, data, receive_buffer=4096))
            peak, slowest = 0, 0.0
            for _ in range(10):
                began = time.monotonic()
                assert client.get("/api/jobs").status_code == 200
                slowest = max(slowest, time.monotonic() - began)
                peak = max(peak, process.memory_info().rss)
        assert peak - before < 100 * MB and peak < 500 * MB
        assert slowest < SOON_S
    finally:
        web.stop()


@pytest.fixture
def making(monkeypatch):
    """Small copies are not made before `may_end` is set; their keys, as they begin."""
    begun, may_end = [], threading.Event()
    real = stored_pictures.small_copy

    def slowly(read, key, *about):
        begun.append(key)
        assert may_end.wait(60)
        return real(read, key, *about)

    monkeypatch.setattr(stored_pictures, "small_copy", slowly)
    yield begun, may_end
    may_end.set()


def kept_photo(web, name="a.jpg"):
    colours = Image.effect_noise((60, 80), len(name)).convert("RGB")
    files = {"photo": (name, saved(colours, "JPEG"))}
    return f"/api/photos/{web.post('/api/photos', files=files).json()['id']}"


def test_a_small_picture_is_made_once_for_all_who_ask_and_delays_nobody(web, making):
    begun, may_end = making
    photo = kept_photo(web)
    with contextlib.ExitStack() as held:
        for number in range(100):
            one = held.enter_context(connected(web, asking(photo)))
            if number % 2:
                one.close()
        until(lambda: begun)
        for path in ("/api/jobs", "/login", "/", "/readyz"):
            assert web.get(path, timeout=SOON_S).status_code in (200, 303, 503), path
        may_end.set()
        assert web.get(photo).headers["content-type"] == "image/jpeg"
    web.get(photo)
    assert len(begun) == 1


def test_a_small_picture_that_nobody_waits_for_any_more_is_not_made(web, making):
    begun, may_end = making
    first, left, last = (kept_photo(web, name) for name in ("a.jpg", "ab.jpg", "abc.jpg"))
    with connected(web, asking(first)):
        until(lambda: begun)
        with connected(web, asking(left)):
            until(lambda: len(web.service.made.asked) == 2)
        until(lambda: len(web.service.made.asked) == 1)
        may_end.set()
        assert web.get(last).status_code == 200
    assert [key.rpartition("/")[2] for key in begun] == ["a.jpg", "abc.jpg"]


def test_the_line_for_small_pictures_has_an_end(web, making, monkeypatch):
    monkeypatch.setattr(web.service.made._places, "most", 3)
    begun, _ = making
    first, other = kept_photo(web), kept_photo(web, "ab.jpg")
    with connected(web, asking(first)):
        until(lambda: begun)
        refused = web.get(other, timeout=SOON_S)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")


def test_clients_take_turns_for_small_pictures_also_for_the_same_ones(place, making):
    begun, may_end = making
    with served({**place, "WEB_PROXIES": "1"}) as web, contextlib.ExitStack() as held:
        photos = [kept_photo(web, f"{'a' * n}.jpg") for n in range(1, 8)]
        asked = [(photo, "10.0.0.1") for photo in photos[:6]]
        asked += [(photo, "10.0.0.2") for photo in photos[5:]]
        for count, (photo, client) in enumerate(asked, 1):
            held.enter_context(connected(web, asking(photo, f"X-Forwarded-For: {client}")))
            until(lambda: web.service.made._places._taken.total() == count)  # noqa: B023
        until(lambda: begun)
        may_end.set()
        until(lambda: len(begun) == 7)
        places = {key.rpartition("/")[2].index("."): at for at, key in enumerate(begun)}
        assert {places[6], places[7]} == {1, 3}, begun


def test_what_is_made_is_kept_up_to_some_bytes_and_so_is_a_damage(monkeypatch):
    monkeypatch.setattr(made, "MOST_BYTES", 3500)

    class Photo:
        pass

    calls, read = [], weakref.WeakSet()

    def damaged():
        read.add(photo := Photo())
        calls.append("damaged")
        raise PictureError(f"damaged: {photo}")

    def make(size):
        calls.append(size)
        return bytes(size)

    async def ask():
        kept = Made()
        for _ in range(2):
            with pytest.raises(PictureError):
                await kept.get("damaged", damaged)
            await kept.get("small", lambda: make(10))
        assert calls == ["damaged", 10]
        await kept.get("large", lambda: make(1000))
        await kept.get("small", lambda: make(10))
        assert calls == ["damaged", 10, 1000]
        with pytest.raises(PictureError):
            await kept.get("damaged", damaged)
        # A traceback would keep it. The thread that made it may do so for a moment.
        until(lambda: gc.collect() >= 0 and not read)

    asyncio.run(ask())
    assert calls == ["damaged", 10, 1000, "damaged"]


def test_pages_that_nobody_waits_for_take_no_thread_from_others(web, monkeypatch):
    may_end, rendered = threading.Event(), []
    real = stored_pictures.page_context

    def slowly(*about, **more):
        rendered.append(more["start"])
        assert may_end.wait(60)
        return real(*about, **more)

    monkeypatch.setattr(stored_pictures, "page_context", slowly)
    with connected(web, asking("/gallery/")):
        until(lambda: rendered)
        for number in range(1, 100):
            connected(web, asking(f"/gallery/?from={number}")).close()
        assert httpx.get(f"{web.base_url}/plain", timeout=SOON_S).status_code == 200
        until(lambda: len(web.service.pages.asked) == 1)
        may_end.set()
        assert web.get("/gallery/?from=100").status_code == 200
    assert rendered == [0, 100]


def test_pipelined_requests_are_answered_in_their_order_one_at_a_time(web):
    paths = ("/healthz", "/api/jobs", "/nowhere", "/healthz")
    asked = b"".join(map(asking, paths)) + asking("/healthz", "Connection: close")
    with connected(web, asked) as one:
        answer = b""
        while part := one.recv(65_536):
            answer += part
    codes = re.findall(rb"HTTP/1.1 (\d+) ", answer)
    assert codes == [b"200", b"200", b"404", b"200", b"200"]


def test_the_log_has_clients_mistakes_in_its_own_form_and_seldom(web, caplog):
    with caplog.at_level("WARNING", logger="painterly"):
        for number in range(20):
            with connected(web, b"\x16\x03\x01 no HTTP\r\n\r\n") as wrong:
                assert wrong.recv(4096).startswith(b"HTTP/1.1 400 ")
            form = {"content-type": "multipart/form-data; boundary=b"}
            other = bytes([65 + number]) + b"no form"
            assert web.post("/login", content=other, headers=form).status_code == 400
    lines = [each.getMessage() for each in caplog.records if each.name == "painterly"]
    assert len(lines) == 2 and lines[0] == "HTTP: Invalid HTTP request received.", lines
    assert lines[1].startswith("HTTP: Expected boundary")
