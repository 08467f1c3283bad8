"""Documents that several processes change, in folders and on S3 services of several kinds."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest
from support.commands import refusal
from support.s3.other_service import other_service
from support.s3_servers import MOTO, RGW

from painterly.storage import document as documents
from painterly.storage import open_bucket
from painterly.storage.base import ObjectError
from painterly.storage.document import BusyError, change, load, store
from painterly.storage.folder import FolderBucket

KEY = "state/counts.json"


@pytest.fixture(
    params=[
        "folder",
        MOTO,
        RGW,
        *(pytest.param(way, marks=pytest.mark.slow) for way in ("opaque", "KMS")),
    ]
)
def bucket(request, tmp_path):
    """A folder, two S3 servers, and services whose ETags are no MD5."""
    if request.param == "folder":
        yield FolderBucket(tmp_path)
        return
    way = request.param if request.param in ("opaque", "KMS") else ""
    server = request.getfixturevalue("moto" if way else request.param)
    with ExitStack() as stack:
        url = stack.enter_context(other_service(server.url, way)) if way else server.url
        yield open_bucket(server.new_bucket(), replace(server.account, endpoint=url))


def counted(document):
    return {**document, "count": document.get("count", 0) + 1}


def test_no_change_is_lost_whoever_is_faster(bucket):
    start = threading.Barrier(4)

    def count(_):
        start.wait()
        return [change(bucket, KEY, counted)["count"] for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        seen = [number for each in pool.map(count, range(4)) for number in each]
    assert sorted(seen) == [*range(1, 13)]
    assert load(bucket, KEY)[0] == {"count": 12}


def test_a_document_is_left_if_so_decided_and_made_if_there_is_none(bucket):
    assert load(bucket, KEY) == (None, None)
    assert change(bucket, KEY, lambda document: None) is None
    assert load(bucket, KEY) == (None, None)
    assert change(bucket, KEY, counted, likely_new=True) == {"count": 1}
    assert change(bucket, KEY, counted, likely_new=True) == {"count": 2}
    assert change(bucket, KEY, lambda document: None) is None
    assert load(bucket, KEY)[0] == {"count": 2}


def test_a_document_is_loaded_in_one_request_whether_there_is_one_or_not(moto, cost):
    bucket = moto.open()
    with cost() as spent:
        assert load(bucket, KEY) == (None, None)
        change(bucket, KEY, counted, likely_new=True)
        assert load(bucket, KEY)[0] == {"count": 1}
    assert [each.split()[0] for each in spent.requests] == ["GET", "PUT", "GET"]


def test_of_two_who_store_the_same_one_is_told_that_the_other_was_faster(bucket):
    change(bucket, KEY, counted)
    document, etag = load(bucket, KEY)
    first = store(bucket, KEY, document, etag)
    assert first and store(bucket, KEY, document, etag) is None
    assert store(bucket, KEY, document, None) is None
    assert store(bucket, KEY, document, first)


def test_whoever_is_never_fast_enough_is_told(tmp_path, monkeypatch):
    bucket = FolderBucket(tmp_path)
    monkeypatch.setattr(documents, "TRIES", 3)

    def overtaken(document):
        change(bucket, KEY, counted)
        return {"mine": True}

    with pytest.raises(BusyError, match=r"counts\.json is being changed by others"):
        change(bucket, KEY, overtaken)
    assert load(bucket, KEY)[0] == {"count": 3}


@pytest.mark.parametrize("data", [b"", b"\xff{}", b"[1]", b'{"cut'])
def test_an_object_that_is_no_document_is_named_and_stays(tmp_path, data):
    bucket = FolderBucket(tmp_path)
    bucket.write(KEY, data)
    message = refusal(lambda: change(bucket, KEY, counted))
    assert message == f"{bucket.name}/{KEY} is not a JSON object; delete it"
    assert bucket.read(KEY) == data


def test_an_object_that_cannot_be_read_is_not_taken_for_none(moto, proxy):
    name = moto.new_bucket()
    moto.open(name).write(KEY, b"{}")
    proxy.add("^GET .*counts", "status", code=403, error="AccessDenied", times=9)
    bucket = open_bucket(name, replace(moto.account, endpoint=proxy.url))
    with pytest.raises(ObjectError, match="AccessDenied"):
        change(bucket, KEY, counted)
