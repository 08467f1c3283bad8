"""Networks and servers that fail: what is retried, and what the message says."""

import random
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError
from s3transfer.exceptions import RetriesExceededError
from support.commands import refusal
from support.s3_servers import SECRET, free_ports
from support.serving import serving

from painterly.storage import open_bucket
from painterly.storage.address import Account
from painterly.storage.base import BadKeyError, NoBucketError, ObjectError, UnavailableError
from painterly.storage.s3 import client as s3_client
from painterly.storage.s3.errors import ErrorTranslator


def test_a_refused_connection_is_reported_without_long_pauses(monkeypatch):
    [port] = free_ports(1)
    bucket = open_bucket("photos", Account(f"http://127.0.0.1:{port}", "k", SECRET))
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    message = refusal(lambda: bucket.read("a.jpg"))
    assert sum(pauses) < 8
    assert message == (
        f"photos/a.jpg: cannot connect to 127.0.0.1:{port}; check CELLAR_ADDON_HOST and the network"
    )


def test_a_proxy_that_is_not_there_is_the_cause_and_keeps_its_password(monkeypatch):
    [port] = free_ports(1)
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{SECRET}@127.0.0.1:{port}")
    monkeypatch.setattr(time, "sleep", lambda s: None)
    bucket = open_bucket("photos", Account("http://storage.invalid", "k", "proxied"))
    message = refusal(bucket.exists)
    assert "photos: cannot connect to the proxy on the way to storage.invalid; check" in message
    assert SECRET not in message


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_named_and_given_up(proxy, moto, monkeypatch, caplog):
    monkeypatch.setattr(s3_client, "READ_S", 0.3)
    monkeypatch.setattr(s3_client, "TRIES", 3)
    name = moto.new_bucket()
    bucket = open_bucket(name, Account(proxy.url, "waiting", SECRET))
    proxy.add("GET", "hang", times=9)
    assert "did not answer" in refusal(lambda: bucket.read("ä.jpg"))
    host = proxy.url.removeprefix("http://")
    line = f"{host}/{name}/ä.jpg: no answer within 0.3 s; asking again"
    assert [each for each in caplog.messages if "no answer" in each] == [line, line]


def test_a_connection_that_breaks_in_the_answer_of_an_error_is_reported_as_such(faulty, proxy):
    bucket, _ = faulty
    proxy.add("^GET .*gone", "resetbody", after=20)
    with pytest.raises(UnavailableError, match=r"gone\.jpg: the connection to \S+ broke"):
        bucket.read("gone.jpg")


def test_a_token_that_expires_is_the_buckets_fault_not_the_objects(faulty, proxy):
    """The answer to a HEAD has no code, only the status 400."""
    bucket, _ = faulty
    proxy.add("^HEAD", "status", code=400, error="ExpiredToken", times=9)
    proxy.add("^GET", "status", code=400, error="ExpiredToken", times=9)
    with pytest.raises(UnavailableError, match=r"ExpiredToken.*check CELLAR_ADDON_KEY_ID"):
        bucket.find("photo.jpg")


def answer(code: str, status: int = 0) -> ClientError:
    about = {"ResponseMetadata": {"HTTPStatusCode": status}} if status else {}
    return ClientError({"Error": {"Code": code}, **about}, "GetObject")


def test_a_conditional_write_that_meets_another_is_none(moto, proxy):
    """Amazon answers 409 while another write is in progress, and 404 after a deletion."""
    bucket = open_bucket(moto.new_bucket(), Account(proxy.url, "conflicting", SECRET))
    for status, code in ((409, "ConditionalRequestConflict"), (404, "NoSuchKey")):
        proxy.add("^PUT", "status", code=status, error=code)
        assert bucket.write_if("photo.jpg", b"mine", "0" * 32) is None, code


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (answer("NoSuchBucket"), NoBucketError, r"bucket photos does not exist .*; create it"),
        (answer("InternalError"), UnavailableError, r"answered InternalError .*; try again later"),
        (answer(""), ObjectError, r"answered an error without a code for photos/a\.jpg"),
        (answer("TooManyRequests", 429), UnavailableError, r"TooManyRequests .*; try again later"),
        (answer("SlowDownRead", 503), UnavailableError, r"answered SlowDownRead .*; try again"),
        (answer("BadGateway", 502), UnavailableError, r"answered BadGateway .*; try again later"),
        (answer("NoSuchFunction", 501), ObjectError, r"answered NoSuchFunction for photos/a\.jpg"),
        (answer("OldProtocol", 505), ObjectError, r"answered OldProtocol for photos/a\.jpg"),
        (answer("DiskFull", 507), ObjectError, r"answered DiskFull for photos/a\.jpg"),
        (answer("", 522), UnavailableError, r"answered 522 for photos/a\.jpg; try again later"),
        (answer("", 403), ObjectError, r"answered 403 for photos/a\.jpg; check .*who owns the obj"),
        (answer("RequestTimeTooSkewed"), UnavailableError, "; set this machine's clock$"),
        (answer("PermanentRedirect"), UnavailableError, "region: set CELLAR_ADDON_REGION$"),
        (answer("KeyTooLongError"), BadKeyError, "; 1,024 bytes at most$"),
        (answer("KMS.DisabledException"), ObjectError, "; enable the key of encryption, or let CE"),
        (answer("UnknownError", 500), ObjectError, r"answered UnknownError for photos/a\.jpg$"),
        (ParamValidationError(report=""), BadKeyError, r"does not accept photos/a\.jpg"),
        # An error of boto3's transfers says only how often they tried.
        (RetriesExceededError(ReadTimeoutError(endpoint_url="")), UnavailableError, "not answer"),
    ],
    ids=[
        *("no bucket", "busy", "no code", "too many", "code of MinIO", "502", "501", "505", "507"),
        "a proxy's page",
        *("a firewall's page", "clock", "region", "long key", "key of encryption"),
        *("one object", "bad key", "no answer"),
    ],
)
def test_an_error_is_the_objects_or_the_whole_buckets(error, kind, message):
    """A run continues with the next photo only after an object's error."""
    account = Account("http://storage.invalid", "k", SECRET)
    translator = ErrorTranslator("photos", "photos", account, probe=lambda: None)
    with pytest.raises(kind, match=message) as caught, translator.translated("a.jpg"):
        raise error
    assert type(caught.value) is kind


def test_a_refusal_has_the_services_own_words_in_one_line_and_no_key():
    said = {"Code": "AccessDenied", "Message": f"User k-17\n may not {SECRET}\x1b[1m read this."}
    account = Account("http://storage.invalid", "k-17", SECRET)
    translator = ErrorTranslator("photos", "photos", account, probe=lambda: None)
    with pytest.raises(ObjectError) as caught, translator.translated("a.jpg"):
        raise ClientError({"Error": said}, "GetObject")
    where, said = "storage.invalid answered AccessDenied for photos/a.jpg", "User … may not …"
    assert str(caught.value).startswith(f"{where}: {said}\\x1b[1m read this; check ")


@pytest.mark.parametrize("error", [KeyError("Key"), TypeError("no")])
def test_a_bug_of_ours_is_not_told_as_the_services_fault(error):
    account = Account("http://storage.invalid", "k", SECRET)
    translator = ErrorTranslator("photos", "photos", account, probe=lambda: None)
    with pytest.raises(type(error)), translator.translated("a.jpg"):
        raise error


def test_an_untrusted_certificate_is_reported_with_the_way_out(rgw_tls, monkeypatch):
    monkeypatch.delenv("AWS_CA_BUNDLE")
    bucket = open_bucket("photos", Account(rgw_tls.url, "untrusting", SECRET))
    assert "AWS_CA_BUNDLE" in refusal(lambda: bucket.read("a.jpg"))


@pytest.mark.parametrize(
    "page", [b"<html><p>Welcome</p></html>", b"<!doctype html><p>Welcome<br>"], ids=["XML", "HTML"]
)
@pytest.mark.parametrize("tells_length", [True, False])
def test_a_server_that_is_not_s3_is_reported(page, tells_length, tmp_path):
    class Website(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if tells_length:
                self.send_header("content-length", str(len(page)))
                self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(page)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            """Says nothing."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Website)) as website:
        bucket = open_bucket("photos", Account(f"http://127.0.0.1:{website.server_port}", "k", "s"))
        for action in (
            lambda: list(bucket.list()),
            lambda: bucket.read("a"),
            lambda: bucket.find("a"),
            lambda: bucket.download("a", tmp_path / "a"),
        ):
            assert refusal(action).endswith("check CELLAR_ADDON_HOST")
        assert not [*tmp_path.iterdir()]


@pytest.fixture
def faulty(moto, proxy):
    """A bucket behind the proxy, with one object of 300,000 bytes, and those bytes."""
    name, data = moto.new_bucket(), random.Random(3).randbytes(300_000)
    moto.client.put_object(Bucket=name, Key="photo.jpg", Body=data)
    return open_bucket(name, Account(proxy.url, moto.key_id, moto.secret)), data


@pytest.mark.parametrize("fault", ["truncate", "resetbody", "corrupt", "reset"])
def test_a_download_survives_a_body_that_is_cut_or_damaged(faulty, proxy, fault, tmp_path):
    bucket, data = faulty
    rule, reported = proxy.add("^GET .*photo", fault, after=100_000), []
    bucket.download("photo.jpg", tmp_path / "photo.jpg", reported.append)
    assert (tmp_path / "photo.jpg").read_bytes() == data
    assert rule.times == 0
    assert sum(reported) == len(data)


@pytest.mark.slow
@pytest.mark.parametrize("part", [5 << 20, (5 << 20) + 12345])  # a usual size, and one that is not
def test_a_flipped_byte_of_an_object_that_went_up_in_parts_is_noticed(
    faulty, proxy, part, tmp_path
):
    from boto3.s3.transfer import TransferConfig

    bucket, _ = faulty
    data = random.Random(1).randbytes(11 << 20)
    (tmp_path / "big.tiff").write_bytes(data)
    bucket.transfer = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=part)
    bucket.upload(tmp_path / "big.tiff", "big.tiff")
    assert bucket.find("big.tiff").etag.endswith("-3")
    proxy.add("^GET .*big", "corrupt")
    reported = []
    bucket.download("big.tiff", tmp_path / "copy.tiff", reported.append)
    assert (tmp_path / "copy.tiff").read_bytes() == data
    assert sum(reported) == len(data)


def test_a_body_that_arrives_damaged_each_time_is_an_error_and_leaves_no_file(
    faulty, proxy, tmp_path
):
    bucket, _ = faulty
    proxy.add("^GET .*photo", "corrupt", times=9)
    assert "arrived damaged" in refusal(lambda: bucket.read("photo.jpg"))
    refusal(lambda: bucket.download("photo.jpg", tmp_path / "photo.jpg"))
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_speaks_plain_http_is_not_blamed_for_its_certificate(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)) as server:
        host = f"127.0.0.1:{server.server_port}"
        bucket = open_bucket("photos", Account(host, "k", SECRET))
        message = refusal(bucket.exists)
    assert f"answers without TLS; if that is meant, write http://{host} in" in message
