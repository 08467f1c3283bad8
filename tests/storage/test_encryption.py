"""Objects that a service encrypts, with its own key or one of AWS KMS, as S3_ENCRYPTION asks."""

import random
from dataclasses import replace
from functools import partial

import pytest
from botocore.exceptions import ClientError
from support.commands import refusal
from support.s3.other_service import other_service

from painterly.errors import ConfigError
from painterly.storage import open_bucket
from painterly.storage.address import Account, parse_account
from painterly.storage.base import ObjectError
from painterly.storage.s3.errors import ErrorTranslator

KEY = "arn:aws:kms:eu-west-3:111122223333:key/ab-12"


def test_an_object_with_a_key_of_kms_is_read_and_written_in_one_request(moto, cost):
    with other_service(moto.url, "KMS") as url:
        bucket = open_bucket(moto.new_bucket(), replace(moto.account, endpoint=url))
        bucket.exists()
        with cost() as spent:
            etag = bucket.write("a.jpg", b"photo")
            data, entry = bucket.read_with_entry("a.jpg")
            assert bucket.write_if("a.jpg", b"other", entry.etag)
        assert (data, entry.etag) == (b"photo", etag)
        assert [each.split()[0] for each in spent.requests] == ["PUT", "GET", "PUT"]
        assert bucket.write_if("a.jpg", b"mine", entry.etag) is None


def test_a_conditional_write_whose_answer_is_lost_has_succeeded_with_a_key_of_kms(moto, proxy):
    with other_service(proxy.url, "KMS") as url:
        bucket = open_bucket(moto.new_bucket(), replace(moto.account, endpoint=url))
        proxy.add("^PUT", "lostreply")
        assert bucket.write_if("a.json", b"{}", None) == bucket.find("a.json").etag


@pytest.mark.parametrize(
    ("value", "algorithm", "key"),
    [
        ("AES256", "AES256", None),
        ("aws:kms", "aws:kms", None),
        (f"aws:kms:{KEY}", "aws:kms", KEY),
    ],
)
def test_every_write_asks_for_the_encryption_that_is_set(moto, tmp_path, value, algorithm, key):
    from boto3.s3.transfer import TransferConfig

    name, file = moto.new_bucket(), tmp_path / "a.tiff"
    file.write_bytes(random.Random(1).randbytes(6 << 20))
    account = parse_account({**moto.environment, "S3_ENCRYPTION": value})
    bucket = open_bucket(name, account)
    bucket.transfer = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    bucket.write("written", b"x")
    bucket.write_if("written once", b"x", None)
    bucket.upload(file, "sent in parts")
    (tmp_path / "b.jpg").write_bytes(b"x")
    bucket.upload(tmp_path / "b.jpg", "sent")
    moto.open(name).write("without", b"x")
    heads = {each.key: moto.client.head_object(Bucket=name, Key=each.key) for each in bucket.list()}
    assert "ServerSideEncryption" not in heads.pop("without")
    assert heads["sent in parts"]["ETag"].endswith('-2"') and len(heads) == 4
    for head in heads.values():
        assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (algorithm, key)
    assert bucket.read("sent in parts") == file.read_bytes()


def test_a_wrong_value_is_refused_and_amazon_takes_it_as_well():
    for value in ("aes256", "aws:kms:", "AES256:key", "aws:kms:two words", "none"):
        with pytest.raises(ConfigError, match=r"^S3_ENCRYPTION is .*; expected AES256, aws:kms or"):
            parse_account({"S3_ENCRYPTION": value})
    assert parse_account({"S3_ENCRYPTION": "aws:kms"}) == Account(encryption="aws:kms")


def test_a_refused_write_names_the_variable_and_a_read_does_not(moto, proxy):
    name = moto.new_bucket()
    moto.open(name).write("a.jpg", b"x")
    account = replace(moto.account, endpoint=proxy.url, encryption="aws:kms:gone")
    proxy.add("^PUT", "status", code=400, error="KMS.NotFoundException")
    proxy.add("^GET .*a.jpg", "status", code=403, error="AccessDenied")
    message = refusal(lambda: open_bucket(name, account).write("b.jpg", b"x"))
    assert "answered KMS.NotFoundException for" in message and "enable the key of enc" in message
    assert message.endswith("; S3_ENCRYPTION is aws:kms:gone")
    assert "S3_ENCRYPTION" not in refusal(lambda: open_bucket(name, account).read("a.jpg"))


@pytest.mark.parametrize("size", [1, 6 << 20])
def test_a_service_that_passes_over_the_request_is_refused(rgw_tls, tmp_path, size):
    """As Ceph does over TLS."""
    from boto3.s3.transfer import TransferConfig

    file = tmp_path / "a.tiff"
    file.write_bytes(bytes(size))
    account = replace(rgw_tls.account, encryption="AES256")
    bucket = open_bucket(rgw_tls.new_bucket(), account)
    bucket.transfer = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    for write in (bucket.upload, lambda _, key: bucket.write(key, b"x")):
        message = refusal(partial(write, file, "a.tiff"))
        assert f"does not encrypt {bucket.name}/a.tiff, as S3_ENCRYPTION asks, and may" in message
    assert "does not encrypt" in refusal(lambda: bucket.write_if("b.json", b"x", None))


def test_ceph_says_what_it_lacks(rgw):
    account = replace(rgw.account, encryption="aws:kms:key-1")
    message = refusal(lambda: open_bucket(rgw.new_bucket(), account).write("a.jpg", b"x"))
    assert message.endswith("; S3_ENCRYPTION is aws:kms:key-1")


def test_a_bucket_that_demands_encryption_is_answered_with_the_variable(moto, proxy):
    bucket = open_bucket(moto.new_bucket(), replace(moto.account, endpoint=proxy.url))
    proxy.add("^PUT", "status", code=403, error="AccessDenied")
    proxy.add("^GET .*a.jpg", "status", code=403, error="AccessDenied")
    message = refusal(lambda: bucket.write("a.jpg", b"x"))
    assert message.endswith("; if they demand encryption, set S3_ENCRYPTION=AES256 or aws:kms")
    assert "S3_ENCRYPTION" not in refusal(lambda: bucket.read("a.jpg"))


def test_an_object_under_its_senders_key_says_so():
    said = "The object was stored using a form of Server Side Encryption."
    answer = {"Error": {"Code": "InvalidRequest", "Message": said}}
    translator = ErrorTranslator("photos", "photos", Account("http://127.0.0.1", "k", "s"), bool)
    with pytest.raises(ObjectError) as caught, translator.translated("a.jpg"):
        raise ClientError(answer, "GetObject")
    assert str(caught.value).endswith(
        "; its sender has encrypted it with a separate key; send it without"
    )
