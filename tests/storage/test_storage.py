"""Buckets: one contract for the folder, moto, and radosgw with and without TLS."""

import hashlib
import itertools
import ntpath
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.s3_servers import SECRET, free_ports

from styletransfer.errors import ConfigError, StorageError
from styletransfer.log import printable
from styletransfer.storage import open_bucket, s3_client
from styletransfer.storage.address import Account, parse_address
from styletransfer.storage.base import BadKeyError, Entry, ObjectError, UnavailableError
from styletransfer.storage.files import is_same
from styletransfer.storage.folder import FolderBucket, safe_path

KEYS = [
    "#?%&+ =;,@$.jpg",
    "100%25 %2e%2e.jpg",
    "a b/c  d/é ü.jpg",
    "a.jpg",
    "colon: in.jpg",
    "e\u0301 decomposed.jpg",
    'quote\'s "double" <&>.jpg',
    "~tilde.jpg",
    "日本/富士 🗻.png",
]
# Keys that S3 keeps as they are, and that have no place in a folder.
S3_KEYS = ["../up.jpg", "./here.jpg", "a/../b.jpg", "a//b.jpg", "/leading.jpg", "é" * 512]
S3_KEYS += [".hidden/x.jpg", "back\\slash.jpg"]
HOSTILE = ["", ".", "..", "/", "../x", "../../x", "a/../../x", "/etc/x", "a/..", "a/./b", "a//b"]
HOSTILE += ["a/", "a\0b", "..\\x", "a\\..\\..\\x", "C:\\x", "C:x", "c:/x", ".ssh/keys", "a/.b"]


def keys(bucket, prefix=""):
    return [entry.key for entry in bucket.list(prefix)]


def refusal(action) -> str:
    """The message of the StorageError that an action ends in: one line, without a secret."""
    with pytest.raises(StorageError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message and "Signature=" not in message
    return message


# The contract


@pytest.mark.parametrize("key", KEYS)
def test_what_is_written_is_read_back_listed_and_found_under_the_same_key(bucket, key):
    data = f"content of {key}".encode()
    bucket.write(key, data)
    entry = Entry(key, len(data), hashlib.md5(data).hexdigest())
    assert bucket.read(key) == data
    assert [(e.key, e.size, e.etag) for e in bucket.list()] == [(key, entry.size, entry.etag)]
    found = bucket.find(key)
    assert (found.key, found.size, found.etag) == (key, entry.size, entry.etag)


@pytest.mark.parametrize("new_bucket", ["folder", "rgw", "rgw_tls"], indirect=True)
def test_a_line_end_in_a_key_is_kept(bucket):  # moto answers such a key with 404.
    bucket.write("line\nend.jpg", b"x")
    assert keys(bucket) == ["line\nend.jpg"]
    assert bucket.read("line\nend.jpg") == b"x"
    assert r"line\nend.jpeg does not exist" in refusal(lambda: bucket.read("line\nend.jpeg"))


def test_listing_is_sorted_by_key_and_narrowed_by_any_beginning(bucket):
    for key in random.sample(KEYS, len(KEYS)):
        bucket.write(key, b"x")
    bucket.write("a/b.jpg", b"x")
    bucket.write("a-b.jpg", b"x")
    assert keys(bucket) == sorted([*KEYS, "a/b.jpg", "a-b.jpg"])
    assert keys(bucket, "a/") == ["a/b.jpg"]
    assert keys(bucket, "a") == ["a b/c  d/é ü.jpg", "a-b.jpg", "a.jpg", "a/b.jpg"]
    assert keys(bucket, "日本/富") == ["日本/富士 🗻.png"]
    assert keys(bucket, "nothing/here") == []


def test_writing_again_replaces(bucket):
    bucket.write("a/b.jpg", b"first, and longer")
    bucket.write("a/b.jpg", b"second")
    assert bucket.read("a/b.jpg") == b"second"
    assert [(e.key, e.size) for e in bucket.list()] == [("a/b.jpg", 6)]


def test_an_empty_object_is_an_object(bucket):
    bucket.write("empty", b"")
    assert bucket.read("empty") == b""
    assert bucket.find("empty").size == 0


def test_deleting_removes_and_may_be_repeated(bucket):
    bucket.write("a/b.jpg", b"x")
    bucket.delete("a/b.jpg")
    bucket.delete("a/b.jpg")
    assert keys(bucket) == []
    assert bucket.find("a/b.jpg") is None


def test_a_missing_key_is_found_as_none_and_reading_it_names_it(bucket, tmp_path):
    assert bucket.find("not/there.jpg") is None
    with pytest.raises(ObjectError):
        bucket.read("not/there.jpg")
    assert "not/there.jpg does not exist" in refusal(lambda: bucket.read("not/there.jpg"))
    target = tmp_path / "out" / "x.jpg"
    assert "does not exist" in refusal(lambda: bucket.download("not/there.jpg", target))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_empty_key_is_refused(bucket):
    for action in (bucket.read, bucket.find, bucket.delete, lambda key: bucket.write(key, b"")):
        refusal(lambda action=action: action(""))
        with pytest.raises(BadKeyError):
            action("")


def test_files_go_up_and_come_down_whole_and_tell_their_progress(bucket, tmp_path):
    data = random.Random(1).randbytes(3_000_000)
    (tmp_path / "photo.jpg").write_bytes(data)
    told = []
    bucket.upload(tmp_path / "photo.jpg", "x/photo.jpg", told.append)
    assert sum(told) == len(data)
    told.clear()
    target = tmp_path / "new" / "folder" / "copy.jpg"
    bucket.download("x/photo.jpg", target, told.append)
    assert target.read_bytes() == data
    assert sum(told) == len(data)
    assert [path.name for path in target.parent.iterdir()] == ["copy.jpg"]
    assert is_same(target, bucket.find("x/photo.jpg"))
    target.write_bytes(data[:-1] + b"x")
    assert not is_same(target, bucket.find("x/photo.jpg"))


def test_a_download_replaces_the_file_only_when_it_is_whole(bucket, tmp_path):
    (tmp_path / "file").write_bytes(b"before")
    refusal(lambda: bucket.download("missing", tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"before"
    bucket.write("there", b"after")
    bucket.download("there", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"after"


def test_uploading_a_file_that_is_missing_names_it(bucket, tmp_path):
    assert "nope.jpg does not exist" in refusal(lambda: bucket.upload(tmp_path / "nope.jpg", "k"))


def test_threads_may_share_a_bucket(bucket):
    def work(number: int) -> bool:
        data = bytes([number]) * 10_000
        bucket.write(f"{number % 4}/{number}.bin", data)
        return bucket.read(f"{number % 4}/{number}.bin") == data

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(64)))
    assert len(keys(bucket)) == 64


# S3


@pytest.mark.parametrize("key", S3_KEYS)
def test_keys_that_no_folder_could_have_are_kept_as_they_are(server, key):
    bucket = server.open()
    bucket.write(key, b"x")
    assert keys(bucket) == [key]
    assert bucket.read(key) == b"x"
    bucket.delete(key)
    assert keys(bucket) == []


def test_markers_of_folders_are_not_listed(server):
    name = server.new_bucket()
    server.client.put_object(Bucket=name, Key="folder/", Body=b"")
    server.client.put_object(Bucket=name, Key="folder/a.jpg", Body=b"x")
    assert keys(server.open(name)) == ["folder/a.jpg"]
    assert keys(server.open(f"{name}/folder")) == ["a.jpg"]


@pytest.mark.parametrize("server", ["moto", "rgw"], indirect=True)
def test_listing_goes_on_after_the_first_thousand(server):
    bucket = server.open()
    names = [f"{number:04}.jpg" for number in range(1200)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: bucket.write(name, b"x"), names))
    assert keys(bucket) == names


def test_a_prefix_sees_and_writes_only_inside_of_it(server):
    name = server.new_bucket()
    whole, inner = server.open(name), server.open(f"{name}/in/ner")
    for key in ("in/ner/a.jpg", "in/nerd.jpg", "in/b.jpg", "c.jpg"):
        whole.write(key, b"x")
    assert inner.name == f"{name}/in/ner"
    assert keys(inner) == ["a.jpg"]
    inner.write("look/d.png", b"y")
    assert whole.read("in/ner/look/d.png") == b"y"
    assert inner.find("c.jpg") is None
    inner.delete("a.jpg")
    assert keys(whole) == ["c.jpg", "in/b.jpg", "in/ner/look/d.png", "in/nerd.jpg"]


def test_large_files_go_in_parts_and_are_recognised_by_their_parts(server, tmp_path):
    from boto3.s3.transfer import TransferConfig

    bucket = server.open()
    bucket.transfer = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    file, data = tmp_path / "big.tiff", random.Random(2).randbytes(9 << 20)
    file.write_bytes(data)
    told = []
    bucket.upload(file, "big.tiff", told.append)
    assert sum(told) == len(data)
    entry = bucket.find("big.tiff")
    assert entry.etag.endswith("-2") and entry.size == len(data)
    assert is_same(file, entry)
    assert bucket.read("big.tiff") == data
    bucket.download("big.tiff", tmp_path / "copy.tiff")
    assert (tmp_path / "copy.tiff").read_bytes() == data
    file.write_bytes(data[:-1] + b"!")
    assert not is_same(file, entry)


def test_the_type_is_the_one_given_or_told_by_the_key(server, tmp_path):
    name = server.new_bucket()
    bucket = server.open(name)
    bucket.write("a.webp", b"x")
    bucket.write("page", b"x", "text/html; charset=utf-8")
    (tmp_path / "f").write_bytes(b"x")
    bucket.upload(tmp_path / "f", "a.jpg")
    types = {
        key: server.client.head_object(Bucket=name, Key=key)["ContentType"] for key in keys(bucket)
    }
    assert types == {
        "a.webp": "image/webp",
        "page": "text/html; charset=utf-8",
        "a.jpg": "image/jpeg",
    }


def test_a_missing_bucket_is_named_whatever_is_asked_of_it(server, tmp_path):
    bucket = server.open("no-such-bucket-anywhere")
    for action in (
        lambda: list(bucket.list()),
        lambda: bucket.read("a.jpg"),
        lambda: bucket.write("a.jpg", b"x"),
        lambda: bucket.download("a.jpg", tmp_path / "a.jpg"),
    ):
        assert "bucket no-such-bucket-anywhere does not exist" in refusal(action)
        with pytest.raises(UnavailableError):
            action()


@pytest.mark.parametrize("server", ["rgw", "rgw_tls"], indirect=True)
@pytest.mark.parametrize("keys_given", [("testaccess", "wrong"), ("nobody", "wrong")])
def test_wrong_keys_are_refused_naming_what_to_check(server, keys_given):
    name = server.new_bucket()
    bucket = open_bucket(name, Account(server.url, *keys_given))
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


def test_somebody_elses_bucket_is_refused(rgw, other_account):
    name = rgw.new_bucket()
    bucket = other_account.open(name)
    assert "AccessDenied" in refusal(lambda: list(bucket.list()))
    assert name in refusal(lambda: bucket.read("a.jpg"))
    with pytest.raises(ObjectError):  # Other keys may be allowed.
        bucket.read("a.jpg")
    assert "AccessDenied" in refusal(lambda: bucket.write("a.jpg", b"x"))


@pytest.mark.parametrize("server", ["rgw", "rgw_tls"], indirect=True)
def test_a_key_that_is_too_long_is_refused_by_name(server):
    bucket = server.open()
    assert "1,024 bytes at most" in refusal(lambda: bucket.write("x" * 1025, b""))


def test_a_file_name_that_is_no_text_is_refused_by_name(server):
    bucket = server.open()
    assert r"\udcff.jpg is not UTF-8" in refusal(lambda: bucket.write("\udcff.jpg", b""))


def test_one_client_serves_all_buckets_and_threads_of_an_account(moto):
    fresh = Account(moto.url, "fresh", "account")
    with ThreadPoolExecutor(8) as pool:
        buckets = list(pool.map(lambda n: open_bucket(f"bucket-{n}", fresh), range(16)))
    assert len({id(bucket._client) for bucket in buckets}) == 1


# Networks and servers that fail


def test_a_refused_connection_is_told_within_seconds():
    [port] = free_ports(1)
    bucket = open_bucket("photos", Account(f"http://127.0.0.1:{port}", "k", SECRET))
    started = time.monotonic()
    message = refusal(lambda: bucket.read("a.jpg"))
    assert time.monotonic() - started < 10
    assert message == (
        f"cannot connect to 127.0.0.1:{port} for photos/a.jpg; "
        "check CELLAR_ADDON_HOST and the network"
    )


def test_a_server_that_does_not_answer_is_given_up(proxy, moto, monkeypatch):
    monkeypatch.setattr(s3_client, "READ_S", 0.3)
    monkeypatch.setattr(s3_client, "TRIES", 2)
    bucket = open_bucket(moto.new_bucket(), Account(proxy.url, "k", SECRET))
    proxy.add("HEAD", "hang", times=9)
    assert "did not answer" in refusal(lambda: bucket.read("a.jpg"))


def test_a_certificate_that_is_not_trusted_is_told_with_the_way_out(rgw_tls, monkeypatch):
    monkeypatch.delenv("AWS_CA_BUNDLE")
    bucket = open_bucket("photos", Account(rgw_tls.url, "untrusting", SECRET))
    assert "AWS_CA_BUNDLE" in refusal(lambda: bucket.read("a.jpg"))


def test_a_server_that_is_no_s3_is_told():
    class Website(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"<html><p>Welcome</p></html>")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Website) as website:
        threading.Thread(target=website.serve_forever, daemon=True).start()
        bucket = open_bucket("photos", Account(f"http://127.0.0.1:{website.server_port}", "k", "s"))
        for action in (
            lambda: list(bucket.list()),
            lambda: bucket.read("a"),
            lambda: bucket.find("a"),
        ):
            assert "does not answer as an S3 service does" in refusal(action)
        website.shutdown()


@pytest.fixture
def faulty(moto, proxy):
    """A bucket behind the proxy, with one object of 300,000 bytes, and those bytes."""
    name, data = moto.new_bucket(), random.Random(3).randbytes(300_000)
    moto.client.put_object(Bucket=name, Key="photo.jpg", Body=data)
    return open_bucket(name, Account(proxy.url, moto.key_id, moto.secret)), data


@pytest.mark.parametrize("fault", ["truncate", "resetbody", "corrupt", "reset"])
def test_reading_survives_a_body_that_is_cut_or_damaged(faulty, proxy, fault, tmp_path):
    bucket, data = faulty
    rule = proxy.add("^GET .*photo", fault, after=100_000)
    assert bucket.read("photo.jpg") == data
    assert rule.times == 0
    rule.times, told = 1, []
    bucket.download("photo.jpg", tmp_path / "photo.jpg", told.append)
    assert (tmp_path / "photo.jpg").read_bytes() == data
    assert rule.times == 0
    assert sum(told) == len(data)


def test_a_body_that_arrives_damaged_twice_is_an_error_and_leaves_no_file(faulty, proxy, tmp_path):
    bucket, _ = faulty
    proxy.add("^GET .*photo", "corrupt", times=4)
    assert "arrived damaged" in refusal(lambda: bucket.read("photo.jpg"))
    refusal(lambda: bucket.download("photo.jpg", tmp_path / "photo.jpg"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["reset", "cutupload", "lostreply"])
def test_writing_survives_a_connection_that_breaks(faulty, proxy, fault):
    bucket, data = faulty
    rule = proxy.add("^PUT .*result", fault, after=100_000)
    bucket.write("result.png", data)
    assert rule.times == 0
    assert bucket.read("result.png") == data


def test_a_burst_of_503_is_waited_out(faulty, proxy):
    bucket, data = faulty
    busy = proxy.add("", "status", code=503, error="ServiceUnavailable", times=3)
    assert bucket.read("photo.jpg") == data
    busy.times = 3
    bucket.write("result.png", data)
    assert busy.times == 0
    assert len(keys(bucket)) == 2


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        (403, "RequestTimeTooSkewed", "this machine's clock is wrong"),
        (403, "InvalidAccessKeyId", "check CELLAR_ADDON_KEY_ID"),
        (403, "QuotaExceeded", "answered QuotaExceeded"),
        (503, "ServiceUnavailable", "try again later"),
    ],
)
def test_answers_are_told_with_the_way_out(faulty, proxy, code, error, told):
    bucket, data = faulty
    proxy.add("", "status", code=code, error=error, times=100)
    assert told in refusal(lambda: bucket.write("a.png", data))


def test_the_secret_of_an_account_is_not_in_its_repr():
    assert SECRET not in repr(Account("host", "key", SECRET))


# Folders


def test_a_missing_folder_is_named_and_writing_makes_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bucket = open_bucket("./photos", Account())
    assert refusal(lambda: list(bucket.list())) == "folder ./photos does not exist"
    assert bucket.find("a.jpg") is None
    assert list(open_bucket("./photos", Account(), new=True).list()) == []
    bucket.write("sub/a.jpg", b"x")
    assert keys(bucket) == ["sub/a.jpg"]
    assert (tmp_path / "photos/sub/a.jpg").read_bytes() == b"x"


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    assert "is not a folder" in refusal(lambda: list(open_bucket(f"{tmp_path}/file", ()).list()))
    bucket = open_bucket(str(tmp_path), Account())
    assert "needs a folder" in refusal(lambda: bucket.write("file/a.jpg", b"x"))
    bucket.write("sub/a.jpg", b"x")
    assert "needs a folder" in refusal(lambda: bucket.write("sub", b"x"))
    assert keys(bucket) == ["file", "sub/a.jpg"]


def test_hidden_files_and_half_written_ones_are_not_listed(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.write("a.jpg", b"x")
    for name in (".DS_Store", "._a.jpg", ".0123.part", ".git/x.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert keys(bucket) == ["a.jpg"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.write("a.jpg", b"before")
    with pytest.raises(TypeError):
        bucket.write("a.jpg", None)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
    assert bucket.read("a.jpg") == b"before"


def test_a_folder_that_may_not_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    me = os.geteuid()
    if me == 0:  # Root may write anywhere; nobody may not.
        os.seteuid(65534)
    try:
        assert "permission denied" in refusal(lambda: FolderBucket(tmp_path).write("a.jpg", b"x"))
    finally:
        os.seteuid(me)
        tmp_path.chmod(0o700)


def test_links_that_lead_out_of_the_folder_are_neither_listed_nor_followed(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    (inside / "a.jpg").write_bytes(b"x")
    (inside / "again.jpg").symlink_to("a.jpg")
    (inside / "file.jpg").symlink_to(outside / "secret.jpg")
    (inside / "folder").symlink_to(outside)
    (inside / "gone.jpg").symlink_to("nowhere")
    (inside / "circle.jpg").symlink_to("circle.jpg")
    bucket = FolderBucket(inside)
    assert keys(bucket) == ["a.jpg", "again.jpg"]
    for key in ("file.jpg", "folder/secret.jpg"):
        assert "a link out of" in refusal(lambda key=key: bucket.read(key))
        assert "a link out of" in refusal(lambda key=key: bucket.write(key, b"x"))
    assert (outside / "secret.jpg").read_bytes() == b"secret"


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_key_has_no_place_in_a_folder(tmp_path, key):
    folder = tmp_path / "in"
    bucket = FolderBucket(folder)
    for action in (
        lambda: safe_path(folder, key),
        lambda: bucket.write(key, b"x"),
        lambda: bucket.read(key),
        lambda: bucket.delete(key),
    ):
        assert str(folder) in refusal(action)
    assert list(tmp_path.iterdir()) == []


def test_no_key_made_of_hostile_parts_leaves_the_folder(tmp_path):
    parts = ["", ".", "..", "a", "~", "\\", "..\\", "C:", "nul", "nul.jpg", "a.", "\\\\host", "$x"]
    for count in (1, 2, 3):
        for chosen in itertools.product(parts, repeat=count):
            key = "/".join(chosen)
            try:
                path = safe_path(tmp_path, key)
            except StorageError:
                continue
            assert path.resolve().is_relative_to(tmp_path) and path != tmp_path, key
            there = ntpath.normpath(ntpath.join("C:\\pictures", key))
            assert there.startswith("C:\\pictures\\"), key


@pytest.mark.parametrize("part", ["nul", "NUL.jpg", "com1.png", "a:b.jpg", "a.", "a ", "a\nb"])
def test_windows_also_refuses_devices_and_what_it_cannot_store(tmp_path, part):
    assert safe_path(tmp_path, f"x/{part}", windows=False)
    refusal(lambda: safe_path(tmp_path, f"x/{part}", windows=True))
    assert safe_path(tmp_path, "x/console/nullify.jpg", windows=True)


def test_keys_are_shown_as_one_harmless_line():
    assert printable("a\nb\x1b[31m\u202egpj.é 富.jpg") == r"a\nb\x1b[31m\u202egpj.é 富.jpg"


# What a value names


def test_values_name_folders_or_buckets_with_prefixes(monkeypatch, tmp_path):
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
        *("s3://photos", "photos?x", "é" * 3, "x" * 64),
        *("file://host/x", "file:", "~nobody-of-that-name/x"),
    ],
)
def test_a_value_that_names_nothing_is_told_with_what_is_expected(value):
    with pytest.raises(ConfigError) as caught:
        open_bucket(value, Account("host", "k", SECRET))
    assert repr(value) in str(caught.value)


def test_without_any_credentials_both_ways_to_give_them_are_told(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ConfigError, match=r"CELLAR_ADDON_KEY_ID.*AWS_ACCESS_KEY_ID"):
        open_bucket("photos", Account(region="unused: of another client"))


def test_without_an_endpoint_awss_own_configuration_is_used(monkeypatch, moto):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "aws")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws")
    bucket = open_bucket(moto.new_bucket(), Account(region="unused: of one more client"))
    bucket.write("a.jpg", b"x")
    assert keys(bucket) == ["a.jpg"]


@pytest.mark.parametrize("host", ["cellar.example.com", "https://cellar.example.com/"])
def test_an_endpoint_may_come_without_its_scheme(host):
    assert Account(host).url == "https://cellar.example.com"
    assert Account("http://localhost:7480").url == "http://localhost:7480"
