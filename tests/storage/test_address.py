"""Addresses of buckets and folders, and accounts."""

import os

import pytest
from support.commands import keys, refusal
from support.s3_servers import SECRET

from painterly.errors import ConfigError
from painterly.storage import open_bucket
from painterly.storage.address import Account, parse_address


def test_addresses_are_folders_or_buckets_with_prefixes(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(parse_address("./a b")) == "a b"
    assert str(parse_address("../x")) == "../x"
    assert str(parse_address("/x")) == "/x"
    assert parse_address("~/x") == tmp_path / "x"
    assert str(parse_address("file:///a%20b")) == "/a b"
    assert str(parse_address("file:/a/b")) == "/a/b"
    assert parse_address("photos") == ("photos", "")
    assert parse_address(" my.photos-2/a/b/ ") == ("my.photos-2", "a/b")


@pytest.mark.parametrize(
    "value",
    [
        *("", "ab", "My-photos", "my_photos", "-photos", "photos-", "a..b", "192.168.0.1"),
        *("s3://Photos", "photos?x", "é" * 3, "x" * 64),
        *("file://host/x", "file:", "~nobody-of-that-name/x"),
    ],
)
def test_an_invalid_address_is_reported_with_what_is_expected(value):
    with pytest.raises(ConfigError) as caught:
        open_bucket(value, Account("host", "k", SECRET))
    assert repr(value) in str(caught.value)


def test_a_bucket_with_the_name_of_a_folder_here_is_reported_with_how_to_write_the_folder(
    monkeypatch, tmp_path, rgw, other_account
):
    monkeypatch.chdir(tmp_path)
    theirs = other_account.new_bucket()
    for name in ("photos2", "Photos", theirs):
        (tmp_path / name).mkdir()
    for bucket in map(rgw.open, ("photos2", theirs)):
        message = refusal(lambda bucket=bucket: list(bucket.list()))
        assert message.endswith(f"for the folder here, write ./{bucket.name}")
    with pytest.raises(ConfigError, match=r"write \./Photos$"):
        rgw.open("Photos")


def test_without_credentials_both_ways_to_give_them_and_a_folder_of_that_name_are_named(
    monkeypatch, tmp_path
):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    both = r"CELLAR_ADDON_KEY_ID.*AWS_ACCESS_KEY_ID.*; for the folder here, write \./photos$"
    with pytest.raises(ConfigError, match=both):
        open_bucket("photos", Account(region="unused: of another client"))


def test_without_an_endpoint_the_configuration_of_aws_is_used(monkeypatch, moto):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "aws")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws")
    bucket = open_bucket(moto.new_bucket(), Account(region="unused: of one more client"))
    bucket.write("a.jpg", b"x")
    assert keys(bucket) == ["a.jpg"]
