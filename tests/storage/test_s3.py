"""Properties of S3: any key, prefixes, multipart uploads, access."""

import os
import random
from dataclasses import replace

import pytest
from support.commands import keys, refusal
from support.s3.other_service import other_service
from support.s3_servers import MOTO, RGW, RGW_TLS

from painterly.storage import open_bucket
from painterly.storage.address import Account, parse_account
from painterly.storage.base import UnavailableError
from painterly.storage.files import is_same

# Keys that S3 keeps as they are, and that cannot be files in a folder.
S3_KEYS = ["../up.jpg", "./here.jpg", "a/../b.jpg", "a//b.jpg", "/leading.jpg", "é" * 512]
S3_KEYS += [".hidden/x.jpg", "back\\slash.jpg"]


def test_keys_that_cannot_be_files_are_kept_as_they_are(s3_server):
    bucket = s3_server.open()
    for key in S3_KEYS:
        bucket.write(key, key.encode())
    assert keys(bucket) == sorted(S3_KEYS)
    for key in S3_KEYS:
        assert bucket.read(key) == key.encode()
        bucket.delete(key)
    assert keys(bucket) == []


def test_a_bucket_is_made_in_the_region_that_is_named(moto):
    account = parse_account({**moto.environment, "CELLAR_ADDON_REGION": "eu-west-3"})
    bucket = open_bucket("made-in-its-region", account)
    assert bucket.create() and not bucket.create()
    location = moto.client.get_bucket_location(Bucket="made-in-its-region")
    assert location["LocationConstraint"] == "eu-west-3"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_process_has_connections_of_its_own(moto):
    client = open_bucket("photos", moto.account).client
    assert open_bucket("photos", moto.account).client is client
    if not (child := os.fork()):
        os._exit(open_bucket("photos", moto.account).client is client)
    assert os.waitpid(child, 0)[1] == 0


def test_listing_continues_after_the_first_page(s3_server):
    bucket = open_bucket(
        s3_server.new_bucket(), replace(s3_server.account, region="with-small-pages")
    )
    bucket.client.meta.events.register(
        "before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=4)
    )
    names = [f"{number}.jpg" for number in range(10)]
    for name in names:
        bucket.write(name, b"x")
    assert keys(bucket) == names


def test_a_prefix_sees_and_writes_only_inside_of_it_and_no_markers_of_folders(s3_server):
    name = s3_server.new_bucket()
    whole, inner = s3_server.open(name), s3_server.open(f"{name}/in/ner")
    for key in ("in/ner/a.jpg", "in/nerd.jpg", "in/b.jpg", "c.jpg"):
        whole.write(key, b"x")
    for folder in ("in/ner/", "in/ner/sub/"):
        s3_server.client.put_object(Bucket=name, Key=folder, Body=b"")
    assert inner.name == f"{name}/in/ner"
    assert keys(inner) == ["a.jpg"]
    inner.write("look/d.png", b"y")
    assert whole.read("in/ner/look/d.png") == b"y"
    assert inner.find("c.jpg") is None
    inner.delete("a.jpg")
    assert keys(whole) == ["c.jpg", "in/b.jpg", "in/ner/look/d.png", "in/nerd.jpg"]


@pytest.mark.parametrize("s3_server", [MOTO, RGW, RGW_TLS], indirect=True)
def test_large_files_are_uploaded_in_parts_and_recognised_by_them(s3_server, tmp_path):
    from boto3.s3.transfer import TransferConfig

    bucket = s3_server.open()
    bucket.transfer = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    file, data = tmp_path / "big.tiff", random.Random(2).randbytes(9 << 20)
    file.write_bytes(data)
    reported = []
    bucket.upload(file, "big.tiff", reported.append)
    assert sum(reported) == len(data)
    entry = bucket.find("big.tiff")
    assert entry.etag.endswith("-2") and entry.size == len(data)
    assert is_same(file, entry)
    assert bucket.read("big.tiff") == data
    reported.clear()
    bucket.download("big.tiff", tmp_path / "copy.tiff", reported.append)
    assert (tmp_path / "copy.tiff").read_bytes() == data
    assert min(reported) > 0  # It is downloaded once.
    file.write_bytes(data[:-1] + b"!")
    assert not is_same(file, entry)


def test_unfinished_uploads_are_found_under_a_prefix_and_aborted(s3_server):
    name = s3_server.new_bucket()
    for key in ("in/a b/é%20+.npz", "in/c.npz", "out.npz"):
        s3_server.client.create_multipart_upload(Bucket=name, Key=key)
    bucket = s3_server.open(f"{name}/in")
    assert sorted(each.key for each in bucket.unfinished_uploads()) == ["a b/é%20+.npz", "c.npz"]
    [upload] = bucket.unfinished_uploads("a b/")
    for _ in range(2):  # The second time it has ended already.
        bucket.abort_upload(upload)
    assert [each.key for each in bucket.unfinished_uploads()] == ["c.npz"]
    assert len(s3_server.open(name).unfinished_uploads()) == 2


def test_the_type_is_the_one_given_or_that_of_the_extension(s3_server, tmp_path):
    name = s3_server.new_bucket()
    bucket = s3_server.open(name)
    bucket.write("a.webp", b"x")
    bucket.write("page", b"x", "text/html; charset=utf-8")
    (tmp_path / "f").write_bytes(b"x")
    bucket.upload(tmp_path / "f", "a.jpg")
    types = {
        key: s3_server.client.head_object(Bucket=name, Key=key)["ContentType"]
        for key in keys(bucket)
    }
    assert types == {
        "a.webp": "image/webp",
        "page": "text/html; charset=utf-8",
        "a.jpg": "image/jpeg",
    }


@pytest.mark.parametrize("s3_server", [RGW], indirect=True)
@pytest.mark.parametrize("keys_given", [("testaccess", "wrong"), ("nobody", "wrong")])
def test_wrong_credentials_are_refused_with_what_to_check(s3_server, keys_given):
    name = s3_server.new_bucket()
    bucket = open_bucket(name, Account(s3_server.url, *keys_given))
    for action in (
        lambda: list(bucket.list()),
        lambda: bucket.read("a.jpg"),
        lambda: bucket.find("a.jpg"),
        lambda: bucket.write("a.jpg", b"x"),
    ):
        message = refusal(action)
        assert name in message and "wrong" not in message
        assert "check CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET" in message
        with pytest.raises(UnavailableError):
            action()


def test_how_long_a_key_may_be_is_known_without_asking_and_counts_the_prefix(tmp_path):
    account = Account("http://nobody.invalid", "key", "secret")
    whole, inner = (open_bucket(each, account) for each in ("results", "results/trip"))
    whole.check_key("é" * 512)
    inner.check_key("x" * 1019)
    for bucket, key in ((whole, "é" * 512 + "x"), (inner, "x" * 1020)):
        refused = refusal(lambda bucket=bucket, key=key: bucket.check_key(key))
        assert "too long for results" in refused and "1,024 bytes at most" in refused


def test_a_file_name_that_is_not_utf_8_is_refused_by_name(s3_server):
    bucket = s3_server.open()
    assert r"\udcff.jpg is not UTF-8" in refusal(lambda: bucket.write("\udcff.jpg", b""))


@pytest.mark.parametrize("way", ["no ranges", "no ETag", "passing", "weak ETag", "timeless"])
def test_a_part_is_read_from_services_without_ranges_or_steady_etags(moto, way):
    name = moto.new_bucket()
    moto.open(name).write("a.jpg", b"0123456789")
    with other_service(moto.url, way) as url:
        bucket = open_bucket(name, replace(moto.account, endpoint=url))
        assert bucket.read_part("a.jpg", 4, 3, bucket.find("a.jpg")) == b"456"
