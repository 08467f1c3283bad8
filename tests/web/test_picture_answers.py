"""Answers with stored pictures: a second look, and a download that is continued."""

import asyncio
import io
import subprocess
import zipfile
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from PIL import Image
from starlette.requests import Request
from support.pictures import saved
from support.polling import until
from support.web_page import Stage, jpeg, staged

from painterly.gallery.thumbnails import picture_key, thumbnail_key
from painterly.storage.base import ObjectError
from painterly.storage.folder import FolderBucket
from painterly.web import picture_answers
from painterly.web.picture_answers import Asked
from painterly.web.transport import HeadAsGet

LARGE = b"picture" * 20_000  # It is sent as it is, whatever it shows.


def ended(server: Stage, result: bytes = LARGE):
    """End a job with a result, a time-lapse and the gallery's pictures; return their addresses."""
    job, stored = server.add(), server.buckets.result
    lapse = f"{job.style}/{job.photo_key}.timelapse.webp"
    server.end(job, timelapse=lapse)
    key = f"{job.style}/{job.photo_key}"
    for each in (key, lapse):
        stored.write(each, result)
    for of_gallery in (picture_key, thumbnail_key):
        stored.write(of_gallery("results", key), result)
    return job, {
        "result": f"/api/jobs/{job.id}/result",
        "small": f"/api/jobs/{job.id}/result?small=1",
        "download": f"/api/jobs/{job.id}/result?download=1",
        "time-lapse": f"/api/jobs/{job.id}/timelapse",
        "photo": f"/api/jobs/{job.id}/photo",
        "gallery": f"/gallery/{key}",
        "thumbnail": f"/gallery/{thumbnail_key('results', key)}",
    }


KINDS = ("result", "small", "download", "time-lapse", "photo", "gallery", "thumbnail")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_sent_in_parts_and_not_at_all_to_those_who_have_it(server, kind):
    address = ended(server)[1][kind]

    def get(**headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.client.get(address, headers=named)

    whole = get()
    data, tag, date = whole.content, whole.headers["etag"], whole.headers["last-modified"]
    kind_of = "image/webp" if kind == "time-lapse" else "image/jpeg"
    about = {"accept-ranges": "bytes", "content-type": kind_of, "content-length": str(len(data))}
    assert about.items() <= dict(whole.headers).items() and whole.status_code == 200
    assert date == format_datetime(parsedate_to_datetime(date), usegmt=True)
    for condition in (tag, f'"other", W/{tag}', "*"):
        same = get(if_none_match=condition)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert get(if_modified_since=date).status_code == 304
    long_ago = "Thu, 01 Jan 2015 00:00:00 GMT"
    assert get(if_modified_since=long_ago).content == data
    assert get(if_none_match='"other"', if_modified_since=date).content == data
    size = len(data)
    for asked, start, end in (
        ("10-19", 10, 20),
        ("20-", 20, size),
        ("-5", size - 5, size),
        (f"-{size + 5}", 0, size),
        (f"0-{size + 5}", 0, size),
    ):
        part = get(range=f"bytes={asked}")
        assert (part.status_code, part.content) == (206, data[start:end]), asked
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["etag"] == tag
        assert part.headers.get("content-disposition") == whole.headers.get("content-disposition")
    assert get(range="bytes=20-", if_range=tag).content == data[20:]
    assert get(range="bytes=20-", if_range=date).content == data[20:]
    for unfit in (
        {"if_range": '"other"'},
        {"if_range": "bytes"},
        {"range": "bytes=9-3"},
        {"range": "bytes=0-1,4-5"},
    ):
        every = get(**{"range": "bytes=20-", **unfit})
        assert (every.status_code, every.content) == (200, data), unfit
    for beyond in (f"{size}-", "-0"):
        refused = get(range=f"bytes={beyond}")
        assert refused.status_code == 416
        assert refused.headers["content-range"] == f"bytes */{size}"
    assert get(range="bytes=20-", if_match=tag).content == data[20:]
    assert get(range="bytes=20-", if_match='"other"').status_code == 412
    assert get(if_unmodified_since=long_ago).status_code == 412
    assert get(if_unmodified_since=date).content == data
    assert get(if_match=f"W/{tag}").status_code == 412, "its bytes may be others"


def test_a_small_photo_is_another_one_than_the_whole(server):
    photo = ended(server)[1]["photo"]
    tags = {server.client.get(f"{photo}{end}").headers["etag"] for end in ("", "?small=1")}
    assert len(tags) == 2


def test_a_second_look_reads_nothing_from_the_bucket_but_what_a_picture_is(moto, proxy, place):
    buckets = {"BUCKET_SOURCE": moto.new_bucket(), "BUCKET_RESULT": moto.new_bucket()}
    environment = moto.environment | {"CELLAR_ADDON_HOST": proxy.url}
    with staged({**place, **environment, **buckets}) as server:
        _, addresses = ended(server)

        def pictures_read():
            asked = [line.split() for line, _ in proxy.log[before:]]
            return sum(how == "GET" and key.endswith((".jpg", ".webp")) for how, key, _ in asked)

        before = len(proxy.log)
        tags = {kind: server.client.get(addresses[kind]).headers["etag"] for kind in KINDS}
        assert pictures_read() == len(KINDS)
        before = len(proxy.log)
        for kind in KINDS:
            headers = {"if-none-match": tags[kind]}
            assert server.client.get(addresses[kind], headers=headers).status_code == 304
            head = server.client.head(addresses[kind])
            assert head.headers["etag"] == tags[kind] and int(head.headers["content-length"]) > 0
        assert pictures_read() == 0


def test_a_paintings_thumbnail_is_not_made_for_those_who_have_it(web, place, monkeypatch):
    address = "/api/paintings/monet.jpg/thumbnail?large=1"
    seen = web.get(address)
    kept = {"if-none-match": seen.headers["etag"]}
    with monkeypatch.context() as patch:
        patch.setattr(web.service.catalogue, "thumbnail", lambda *_: pytest.fail("made again"))
        assert web.get(address, headers=kept).status_code == 304
    (Path(place["BUCKET_STYLE"]) / "monet.jpg").write_bytes(jpeg("green"))
    web.service.catalogue.forget()  # Ten seconds later.
    now = web.get(address, headers=kept)
    assert now.status_code == 200 and now.content != seen.content


def test_a_part_is_read_in_pieces_as_it_is_sent(server, monkeypatch):
    _, addresses = ended(server)
    read, counts = FolderBucket.read_part, []

    def counted(self, key, start, count, of=None):
        counts.append(count)
        return read(self, key, start, count, of)

    monkeypatch.setattr(picture_answers, "PIECE", 1000)
    monkeypatch.setattr(FolderBucket, "read_part", counted)
    monkeypatch.setattr(FolderBucket, "read_with_entry", lambda *_: pytest.fail("read whole"))
    part = server.client.get(addresses["result"], headers={"range": "bytes=95-5000"})
    assert part.content == LARGE[95:5001] and counts == [1000, 1000, 1000, 1000, 906]


def test_a_picture_that_changes_while_it_is_sent_ends_before_its_end(server, monkeypatch, caplog):
    _, addresses = ended(server)
    read = FolderBucket.read_part

    def replaced(self, key, start, count, of=None):
        if start > 5000:
            self.write(key, LARGE[::-1])
        return read(self, key, start, count, of)

    monkeypatch.setattr(picture_answers, "PIECE", 1000)
    monkeypatch.setattr(FolderBucket, "read_part", replaced)
    with pytest.raises(httpx.RemoteProtocolError):
        server.client.get(addresses["result"], headers={"range": "bytes=1-"})
    until(lambda: "changed while it was read" in caplog.text)
    assert "Traceback" not in caplog.text


@pytest.mark.slow
def test_a_part_belongs_to_the_picture_that_its_tag_names(tmp_path):
    """Also if the picture changes after the look at it."""

    class Changing(FolderBucket):
        def find(self, key):
            entry = super().find(key)
            assert entry.etag
            self.write(key, b"another one")
            return entry

    Changing(tmp_path).write("a.jpg", b"a picture")
    scope = {"type": "http", "headers": [(b"range", b"bytes=2-5")]}
    with pytest.raises(ObjectError):
        Asked(Request(scope)).stored(Changing(tmp_path), "a.jpg")


@pytest.mark.slow  # curl is a process.
def test_curl_goes_on_where_a_download_was_cut(server, tmp_path):
    _, addresses = ended(server)
    for kind in ("download", "time-lapse", "gallery"):
        file = tmp_path / kind
        file.write_bytes(LARGE[:50_000])
        command = ("curl", "-sSf", "-C", "-", "-o", file, f"{server.address}{addresses[kind]}")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert file.read_bytes() == LARGE, kind


def test_a_picture_that_is_deleted_is_gone_at_once_for_those_who_have_it(server):
    job, addresses = ended(server)
    tags = {kind: server.client.get(addresses[kind]).headers for kind in KINDS}
    server.client.delete(f"/api/jobs/{job.id}")
    for kind, headers in tags.items():
        assert headers["cache-control"] == "private, no-cache", kind
        again = server.client.get(addresses[kind], headers={"if-none-match": headers["etag"]})
        assert again.status_code == 404, kind


def test_a_tiff_is_sent_as_it_is_stored_to_programs_that_take_compressed_answers(server):
    plain = saved(Image.new("RGB", (90, 90)), "TIFF")
    job = server.add("beach.tiff")
    server.buckets.source.write(job.photo_key, plain)
    server.end(job)
    key = f"{job.style}/{job.photo_key}"
    server.buckets.result.write(key, plain)
    answer = server.client.get(f"/gallery/{key}", headers={"accept-encoding": "gzip"})
    assert answer.content == plain and "content-encoding" not in answer.headers


def test_a_zip_says_that_it_cannot_be_continued_and_is_sent_whole(server):
    ended(server)
    cut = server.client.get("/api/gallery.zip", headers={"range": "bytes=100-"})
    assert cut.status_code == 200 and cut.content.startswith(b"PK")
    assert cut.headers["accept-ranges"] == "none"


def test_a_zip_has_a_result_as_soon_as_its_job_has_ended(server, monkeypatch):
    monkeypatch.setattr(server.service.results._listed, "_max_age_s", 60.0)
    assert server.client.get("/api/gallery.zip").status_code == 404
    job, _ = ended(server)
    found = server.client.get("/api/gallery.zip", params={"id": f"{job.style}/{job.photo_key}"})
    with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
        (name,) = archive.namelist()
        assert archive.read(name) == LARGE
    ended(server)  # Of another photo with this name.
    with zipfile.ZipFile(io.BytesIO(server.client.get("/api/gallery.zip").content)) as archive:
        assert {*archive.namelist()} == {name, name.replace(".jpg", " (2).jpg")}


def test_a_zip_and_a_picture_are_read_in_pieces_as_they_are_sent(server, monkeypatch):
    _, addresses = ended(server)
    assert server.client.get("/gallery/").status_code == 200  # Reads the record.
    monkeypatch.setattr(picture_answers, "PIECE", 1000)
    monkeypatch.setattr(FolderBucket, "read_with_entry", lambda *_: pytest.fail("read whole"))
    assert server.client.get(addresses["result"]).content == LARGE
    with zipfile.ZipFile(io.BytesIO(server.client.get("/api/gallery.zip").content)) as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 1


def test_head_of_a_stream_is_answered_by_its_headers_once():
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for more in (True, True, False):
            await send({"type": "http.response.body", "body": b"part", "more_body": more})

    async def send(message):
        sent.append(message)

    asyncio.run(HeadAsGet(app)({"type": "http", "method": "HEAD"}, None, send))
    start, end = sent
    assert start["status"] == 200 and end["body"] == b"" and not end["more_body"]
