"""Requests as other programs than browsers send them."""

import json
import socket

import pytest
from support import tiny
from support.web_service import DRAFT, send, stored_job

JPEG = tiny.file(60, 80, 1)


def posted(web, *parts, path="/api/jobs"):
    """Send a form of parts, each a list of header lines and a body."""
    body = b"".join(
        b"--b0\r\n"
        + b"".join(line.encode() + b"\r\n" for line in headers)
        + b"\r\n"
        + data
        + b"\r\n"
        for headers, data in parts
    )
    kind = {"content-type": "multipart/form-data; boundary=b0"}
    return web.post(path, content=body + b"--b0--\r\n", headers=kind)


ASKED = (['Content-Disposition: form-data; name="request"'], json.dumps(DRAFT).encode())
ENCODED = '"=?utf-8?B?w6l0w6kuanBn?="'  # as .NET does
PHOTO = (['Content-Disposition: form-data; name="photo"; filename="beach.jpg"'], JPEG)


@pytest.mark.parametrize(
    ("disposition", "shown"),
    [
        ("name=\"photo\"; filename*=utf-8''%C3%A9t%C3%A9.jpg", "été.jpg"),  # urllib3
        ("name=photo; filename=ete.jpg; filename*=utf-8''%C3%A9t%C3%A9.jpg", "été.jpg"),
        ('name="photo"; filename*=UTF-8\'fr\'%C3%A9t%C3%A9.jpg; filename="x.jpg"', "été.jpg"),
        ('name="photo"; filename="x.jpg"; filename*=iso-8859-1\'\'%E9t%E9.jpg', "été.jpg"),
        (f"name=photo; filename={ENCODED}; filename*=utf-8''%C3%A9t%C3%A9.jpg", "été.jpg"),
        ("name=\"photo\"; filename*=utf-8''a%22%5Cb%3B.jpg", "b;.jpg"),
        ("name=photo; filename=a.jpg; filename*=x-unknown''%C3%A9.jpg", "a.jpg"),
        ("NAME=photo; FileName=old.jpg", "old.jpg"),
        ('name="photo"; filename="a\\"b;c.jpg"', 'a"b;c.jpg'),
        ('name="photo"; filename="a%22b.jpg"', 'a"b.jpg'),
        ('name="photo"; filename="C:\\\\trip\\\\a.jpg"', "a.jpg"),
        ('name="photo"; filename="été.jpg"', "été.jpg"),
        ('name="photo"; filename="été.jpg"; filename*=utf-8\'\'', "été.jpg"),
        ('name="photo"', "photo"),
    ],
)
def test_a_files_name_is_the_same_however_a_program_writes_it(web, disposition, shown):
    answer = posted(web, ASKED, ([f"Content-Disposition: form-data; {disposition}"], JPEG))
    assert answer.status_code == 202, answer.text
    assert answer.json()["photo"] == shown


@pytest.mark.parametrize(
    "headers",
    [
        ['Content-Disposition: form-data; name="request"', "Content-Type: application/json"],
        [
            "Content-Type: application/json; charset=utf-8",
            'content-disposition: form-data; name="request"; filename="blob"',
        ],
        ["Content-Disposition: form-data; name=request; filename=r.json; filename*=utf-8''r.json"],
        ['Content-Disposition: form-data; name="request"', "Content-Type: text/plain"],
    ],
)
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_the_request_may_be_a_part_with_its_own_type_and_name(web, headers, start):
    answer = posted(web, PHOTO, (headers, start + json.dumps(DRAFT).encode()))
    assert answer.status_code == 202, answer.text
    assert answer.json()["preset"] == "draft"


def test_what_is_missing_in_a_form_is_said_in_one_line(web):
    coded = ([*PHOTO[0], "Content-Transfer-Encoding: base64"], b"aGk=")
    for parts, line in (
        ([PHOTO], "the form has no field `request`, with the request in JSON"),
        ([ASKED], "the form has no file `photo`"),
        ([ASKED, coded], "the form cannot be read: part 'photo' is in 'base64'; send it as it is"),
        ([(ASKED[0], b"x" * 30_000), PHOTO], "the request is too long"),
        ([ASKED, (["Content-Type: image/jpeg"], JPEG)], "the form cannot be read: The Content-Dis"),
    ):
        answer = posted(web, *parts)
        assert answer.json()["detail"].startswith(line) and 400 <= answer.status_code < 423


def test_a_client_that_still_sends_a_form_that_cannot_be_read_gets_the_answer(web):
    port, length = web.base_url.port, 4_000_000
    start = f"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
    kind = f"Content-Type: multipart/form-data; boundary=b0\r\nContent-Length: {length}\r\n\r\n"
    wrong = b"--b0\r\nContent-Type: image/jpeg\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(f"{start}{kind}".encode() + wrong)
        client.sendall(bytes(length - len(wrong)))
        assert client.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_painting_comes_by_the_same_ways(web):
    name = "Content-Disposition: form-data; name=file; filename*=utf-8''%C3%A9t%C3%A9.jpg"
    answer = posted(web, ([name], JPEG), path="/api/paintings")
    assert answer.status_code == 201 and answer.json()["name"].endswith("-été.jpg")
    assert posted(web, PHOTO, path="/api/paintings").status_code in (400, 422)


def test_head_answers_as_get_wherever_that_answers(web):
    job = send(web).json()
    spec = web.get("/openapi.json").json()
    paths = [path for path, methods in spec["paths"].items() if "get" in methods]
    addresses = {
        path.replace("{job_id}", job["id"]).replace("{name}", "monet.jpg") for path in paths
    }
    addresses |= {"/", "/login", "/gallery/", "/openapi.json", "/static/page.css", "/nowhere"}
    for address in sorted(addresses - {"/api/events"}):
        full, head = web.get(address), web.head(address)
        assert (head.status_code, head.content) == (full.status_code, b""), address
        # The metrics' numbers change from one answer to the next.
        for header in ["content-type"] + ["content-length"] * (address != "/metrics"):
            assert head.headers.get(header) == full.headers.get(header), address
        assert head.status_code != 405


def test_head_without_a_login_leads_to_it_as_get_does(locked):
    html = {"accept": "text/html"}
    full = locked.get("/", headers=html, follow_redirects=False)
    head = locked.head("/", headers=html, follow_redirects=False)
    assert (head.status_code, head.headers["location"]) == (303, full.headers["location"])


def test_head_of_a_stream_of_events_ends_at_once(web, store):
    answer = web.head("/api/events", timeout=5)
    assert answer.status_code == 200 and "event-stream" in answer.headers["content-type"]
    assert web.head(f"/api/jobs/{stored_job(store).id}/cancel").status_code == 405
