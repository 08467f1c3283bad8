"""Buckets, services and proxies with rules and faults: object lock, requester pays, odd times."""

import random
from functools import partial

import pytest
from support.commands import fill, keys, refusal, set_variables
from support.s3.other_service import other_service
from support.s3_servers import MOTO, RGW
from support.verbs import bucket_management

from painterly.storage import open_bucket
from painterly.storage.address import Account


@pytest.mark.parametrize("s3_server", [MOTO, RGW], indirect=True)
@pytest.mark.parametrize("way", ["object lock", "no expectations"])
def test_files_and_results_are_stored_also_in_parts(s3_server, way, tmp_path):
    from boto3.s3.transfer import TransferConfig

    file, data, name = (
        tmp_path / "a.tiff",
        random.Random(3).randbytes(6 << 20),
        s3_server.new_bucket(),
    )
    file.write_bytes(data)
    with other_service(s3_server.url, way) as url:
        bucket = open_bucket(name, Account(url, s3_server.key_id, s3_server.secret))
        bucket.transfer = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
        sent: list[int] = []
        bucket.upload(file, "parts.tiff", sent.append)
        assert sum(sent) == len(data)  # Without the reading for checksums.
        bucket.transfer = TransferConfig(multipart_threshold=7 << 20)
        for key in ("whole.tiff", "again.tiff"):
            bucket.upload(file, key)
        bucket.write("record.json", b"{}")
        assert bucket.write_if("new.json", b"[]", None)
    stored = s3_server.open(name)
    assert stored.find("parts.tiff").etag.endswith("-2")
    for key in ("parts.tiff", "whole.tiff", "again.tiff"):
        assert stored.read(key) == data
    assert stored.read("record.json") == b"{}" and stored.read("new.json") == b"[]"


def test_an_upload_that_arrives_damaged_is_sent_again(moto, proxy):
    name = moto.new_bucket()
    bucket = open_bucket(name, Account(proxy.url, moto.key_id, moto.secret))
    proxy.add("^PUT", "status", code=400, error="BadDigest", times=2)
    bucket.write("a.jpg", b"a")
    assert moto.open(name).read("a.jpg") == b"a"
    rule = proxy.add("^PUT", "status", code=400, error="BadDigest", times=9)
    assert "arrived damaged each time" in refusal(lambda: bucket.write("b.jpg", b"b"))
    assert rule.times == 6


def test_an_upload_that_is_confirmed_and_not_there_is_an_error(moto, tmp_path):
    from boto3.s3.transfer import TransferConfig

    file, name = tmp_path / "a.tiff", moto.new_bucket()
    file.write_bytes(bytes(6 << 20))
    moto.open(name).write("a.tiff", b"of before")
    with other_service(moto.url, "lost uploads") as url:
        bucket = open_bucket(name, Account(url, moto.key_id, moto.secret))
        bucket.transfer = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
        for key in ("a.tiff", "b.tiff"):
            message = refusal(partial(bucket.upload, file, key))
            assert message == f"{name}/{key} is not there as it was sent; send it again"


@pytest.mark.parametrize("s3_server", [MOTO, RGW], indirect=True)
def test_an_object_whose_time_cannot_be_read_has_none(s3_server):
    name = s3_server.new_bucket()
    stored = s3_server.open(name)
    stored.write("a.jpg", b"a")
    with other_service(s3_server.url, "odd times") as url:
        bucket = open_bucket(name, Account(url, s3_server.key_id, s3_server.secret))
        [listed], found = bucket.list(), bucket.find("a.jpg")
        assert listed == found == stored.find("a.jpg")
        assert listed.modified is None and found.modified is None
        assert bucket.read("a.jpg") == b"a"


@pytest.mark.parametrize(
    ("requests", "code", "error", "exit_code", "said"),
    [
        ("^GET .*uploads", 501, "NotImplemented", 0, ""),
        ("^GET .*uploads", 403, "AccessDenied", 1, "keeps unfinished uploads, they stay: "),
        ("^DELETE .*uploadId", 403, "AccessDenied", 1, "an unfinished upload stays: "),
    ],
)
def test_emptying_a_bucket_reports_what_it_did_if_uploads_cannot_be_aborted(
    moto, proxy, monkeypatch, capsys, requests, code, error, exit_code, said
):
    name = moto.new_bucket()
    fill(moto.open(name), "a.jpg", "b.jpg")
    moto.client.create_multipart_upload(Bucket=name, Key="c.jpg")
    set_variables(monkeypatch, moto.environment | {"CELLAR_ADDON_HOST": proxy.url})
    proxy.add(requests, "status", code=code, error=error, times=99)
    assert bucket_management(["empty", f"s3://{name}", "--yes"]) == exit_code
    printed = capsys.readouterr()
    assert "2 objects deleted" in printed.out and said in printed.err
    assert keys(moto.open(name)) == []
