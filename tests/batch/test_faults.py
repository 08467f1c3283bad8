"""The whole batch over a network and a storage that fail, and what a user sees of it.

docs/faults.md lists these faults.
"""

import dataclasses
import json
import re
import ssl
from types import SimpleNamespace

import pytest
from support import stand_in as stand_in_engine
from support import tiny
from support.s3.faultproxy import FaultProxy, Rule

from styletransfer import config, log
from styletransfer.batch import run as batch
from styletransfer.cli.paint import main
from styletransfer.storage import retry, s3_client

pytestmark = pytest.mark.slow  # Each test runs a batch through a faulty network.

QUICK = {"STYLE_SIZE": "64", "STYLE_ITERATIONS": "1", "VGG_WEIGHTS": "random"}
PHOTOS = [*(f"p{n}.jpg" for n in range(10)), "trip 1/é1.jpg", "trip 3/é3.jpg"]
TORN = b"PK\x03\x04" + bytes(26) + b"fingerprint.npy"  # a checkpoint's first bytes
FEW = PHOTOS[8:]
MAX_REQUESTS = 9  # for a picture with its record and its pictures in the gallery
STYLES = ("monet", "waves")
FOREIGN = {
    "monet/mine.jpg": b"foreign 1",
    "_records/note.txt": b"foreign 2",
    "_checkpoints.txt": b"foreign 3",
    "_gallery/mine.jpg": b"foreign 4",
}
# Faults of a network and of a busy service; one in five requests meets one of them.
FAULTS = [
    Rule("", "reset"),
    Rule("^GET ", "truncate", after=120),
    Rule("^GET ", "resetbody", after=120),
    Rule("^PUT ", "cutupload", after=120),
    Rule("^(PUT|DELETE) ", "lostreply"),
    Rule("", "status", code=500, error="InternalError"),
    Rule("", "status", code=503, error="ServiceUnavailable"),
    Rule("", "status", code=503, error="SlowDown"),
    Rule("", "status", code=429, error="TooManyRequests"),
    Rule("", "delay", seconds=0.3),
]


@pytest.fixture(autouse=True)
def log_as_text(stand_in):
    """The log is text, and painting takes no time."""
    log.log_to_stdout("%(message)s")


@pytest.fixture
def impatient(monkeypatch):
    """Shortens time-outs and pauses from minutes to tenths of a second."""
    monkeypatch.setattr(retry, "PAUSES_S", (0.1, 0.2, 0.4))
    monkeypatch.setattr(s3_client, "TRIES", 2)
    monkeypatch.setattr(s3_client, "READ_S", 0.5)


class Batch(SimpleNamespace):
    """Three buckets of a server, filled with photos and two paintings, and how to paint them."""

    def __init__(self, server, photos=PHOTOS):
        super().__init__(server=server, client=server.client)
        self.source, self.style, self.result = (server.new_bucket() for _ in range(3))
        for key in photos:
            self.put(self.source, key, picture(key))
        for number, style in enumerate(STYLES):
            self.put(self.style, f"{style}.jpg", tiny.file(50, 40, 90 + number))
        for key, data in FOREIGN.items():
            self.put(self.result, key, data)

    def put(self, bucket, key, data):
        self.client.put_object(Bucket=bucket, Key=key, Body=data)

    def environment(self, url=None):
        """Returns the variables that name the buckets, at the server's address or a proxy's."""
        buckets = {"SOURCE": self.source, "STYLE": self.style, "RESULT": self.result}
        server = self.server.environment | ({"CELLAR_ADDON_HOST": url} if url else {})
        return QUICK | server | {f"BUCKET_{name}": value for name, value in buckets.items()}

    def run(self, url=None):
        return batch.run(config.load(self.environment(url)))

    def found(self, start=""):
        pages = self.client.get_paginator("list_objects_v2")
        return {
            each["Key"]
            for page in pages.paginate(Bucket=self.result, Prefix=start)
            for each in page.get("Contents", ())
        }

    def read(self, key):
        return self.client.get_object(Bucket=self.result, Key=key)["Body"].read()

    def results(self):
        return {key: self.read(key) for style in STYLES for key in self.found(f"{style}/")}


def picture(key):
    seed = sum(key.encode())
    return tiny.file(*((60, 80) if seed % 2 else (80, 60)), seed)


def behind(server, tls=None):
    """A proxy before a server."""
    host, port = server.url.removeprefix("http://").split(":")
    return FaultProxy(host, int(port), tls)


def wanted(photos=PHOTOS):
    return {f"{style}/{key}" for style in STYLES for key in photos}


def check_whole(done, expected, photos=PHOTOS):
    """Checks that a bucket has all results, each with its record, and nothing else."""
    results = done.results()
    assert {key: data for key, data in results.items() if key in FOREIGN} == {
        key: data for key, data in FOREIGN.items() if key.startswith(STYLES)
    }
    assert results.keys() - FOREIGN.keys() == wanted(photos)
    wrong = [key for key in wanted(photos) if results[key] != expected[key]]
    assert not wrong, f"{len(wrong)} results differ from an undisturbed run's"
    assert all(done.read(key) == data for key, data in FOREIGN.items())
    records = done.found("_records/") - FOREIGN.keys()
    assert records == {f"_records/{key}.json" for key in wanted(photos)}
    for key in records:
        record = json.loads(done.read(key))
        assert key == f"_records/{record['result']}.json" and "error" not in record
    assert done.found("_checkpoints/") == set()
    others = done.found() - wanted(photos) - records - FOREIGN.keys() - {"index.html"}
    assert all(key.startswith("_gallery/") for key in others)
    assert not done.client.list_multipart_uploads(Bucket=done.result).get("Uploads")


@pytest.fixture(scope="module")
def undisturbed(moto):
    """The results of a run that nothing disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        stand_in_engine.install(patch.setattr)
        done = Batch(moto)
        assert done.run() == 0
    return done.results()


def disturb(proxy, done):
    """Faults on one request in five, and each of them once in any case; three photos arrive with a
    flipped bit."""
    for key in ("p4", "p8", "p9"):
        proxy.add(f"^GET /{done.source}/{key}", "corrupt")
    for number, rule in enumerate(FAULTS):
        where = f"GET /{done.source}" if "GET" in rule.match else f"PUT /{done.result}/monet"
        proxy.rules.append(dataclasses.replace(rule, match=f"^{where}/p{number}"))
    proxy.at_random(0.2, FAULTS, seed=3)


def report(proxy):
    broken = [fault for _, fault in proxy.log if fault]
    counts = ", ".join(f"{fault} {broken.count(fault)}" for fault in sorted(set(broken)))
    print(f"{len(proxy.log)} requests, {len(broken)} with faults: {counts}")
    assert len(broken) > 0.15 * len(proxy.log)
    assert {rule.fault for rule in FAULTS} | {"corrupt"} == set(broken)


@pytest.mark.parametrize("where", ["moto", "rgw over TLS"])
def test_faults_on_a_fifth_of_the_requests_cost_no_picture(request, where, undisturbed):
    server, tls = request.getfixturevalue(where.split()[0]), None  # The proxy adds TLS.
    if where == "rgw over TLS":
        folder = request.getfixturevalue("ceph")[2]
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    done = Batch(server)
    with behind(server, tls) as proxy:
        disturb(proxy, done)
        assert done.run(proxy.url) == 0
        report(proxy)
    check_whole(done, undisturbed)
    assert done.run() == 0  # It finds nothing to do, so all records are readable and right.
    assert done.results().keys() - FOREIGN.keys() == wanted()


# --- one fault, and what the user sees ----------------------------------------------------------


@pytest.fixture
def few(moto):
    return Batch(moto, FEW)


@pytest.fixture
def seen(monkeypatch, capsys, tmp_path):
    """Runs the batch as ./start.sh does: exit code, what went to stdout, the line on stderr."""

    def run(environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        code = main([])
        out, err = capsys.readouterr()
        assert err.count("\n") == (code not in (0, 1)), err
        assert "Traceback" not in out + err
        assert environment["CELLAR_ADDON_KEY_SECRET"] not in out + err
        return SimpleNamespace(code=code, out=out, err=err)

    return run


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "InvalidAccessKeyId", "(InvalidAccessKeyId); check CELLAR_ADDON_KEY_ID"),
        (403, "RequestTimeTooSkewed", "(RequestTimeTooSkewed): this machine's clock is wrong"),
        (404, "NoSuchBucket", "does not exist .*; create it (./bucket_management.py create "),
        (503, "SlowDown", "answered SlowDown for .*; try again later"),
    ],
)
def test_an_answer_that_stays_is_one_line(few, seen, impatient, status, code, message):
    with behind(few.server) as proxy:
        proxy.add("", "status", times=999, code=status, error=code)
        got = seen(few.environment(proxy.url))
    assert (got.code, got.out) == (5, "")
    assert re.search(re.sub(r"[()]", r"\\\g<0>", message), got.err)


class Outage(Rule):
    """Resets `times` requests after the first that matches."""

    begun = False

    def takes(self, line):
        resets = self.begun and self.times > 0
        self.times -= resets
        self.begun = self.begun or re.search(self.match, line) is not None
        return resets


def test_storage_that_goes_away_in_mid_run_and_comes_back_costs_nothing(
    few, seen, undisturbed, monkeypatch
):
    monkeypatch.setattr(s3_client, "TRIES", 1)  # boto3 alone may outlast the outage.
    monkeypatch.setattr(retry, "PAUSES_S", (0.2, *[0.3] * 60))
    with behind(few.server) as proxy:
        proxy.rules.append(Outage(f"^PUT /{few.result}/monet/", "reset", times=12))
        got = seen(few.environment(proxy.url))
    assert got.code == 0
    assert "; retrying in 0.2 s" in got.out
    check_whole(few, undisturbed, FEW)


def test_storage_that_goes_away_for_good_ends_the_run_and_a_rerun_finishes(
    few, seen, undisturbed, impatient
):
    with behind(few.server) as proxy:
        proxy.rules.append(Outage(f"^PUT /{few.result}/monet/", "reset", times=10**6))
        got = seen(few.environment(proxy.url))
    assert got.code == 5
    assert "the connection to 127.0.0.1" in got.err and "broke for" in got.err
    assert "; given up after " in got.err and got.err.endswith("run it again for the rest\n")
    results = few.results().keys() - FOREIGN.keys()
    assert 0 < len(results) < 8
    assert results <= {key[9:-5] for key in few.found("_records/")}
    got = seen(few.environment())
    assert got.code == 0
    assert f"{8 - len(results)} painted" in got.out
    check_whole(few, undisturbed, FEW)


@pytest.mark.parametrize(
    ("code", "message"),
    [("AccessDenied", "refused {}/.*AccessDenied"), ("QuotaExceeded", "answered QuotaExceeded")],
)
def test_a_result_bucket_that_takes_nothing_ends_the_run(few, seen, impatient, code, message):
    """Painting on would cost hours of an accelerator for nothing."""
    with behind(few.server) as proxy:
        proxy.add(f"^PUT /{few.result}", "status", times=999, code=403, error=code)
        got = seen(few.environment(proxy.url))
    assert got.code == 5
    assert re.search(message.format(few.result), got.err)
    assert few.found() == FOREIGN.keys()


def test_storage_that_is_away_when_a_checkpoint_is_read_is_waited_for(
    few, undisturbed, impatient, seen
):
    few.put(few.result, "_checkpoints/monet/p8.jpg.npz", TORN)
    with behind(few.server) as proxy:
        rule = proxy.add(f"^(GET|HEAD) /{few.result}/_checkpoints/", "reset", times=4)
        got = seen(few.environment(proxy.url))
    assert (got.code, rule.times) == (0, 0)
    assert "; retrying in 0.1 s" in got.out
    assert "is damaged" in got.out and "starting over" in got.out
    check_whole(few, undisturbed, FEW)


def test_a_bucket_that_lets_nothing_be_deleted_costs_no_painting(few, seen, undisturbed):
    """It does not let unfinished uploads be listed either."""
    few.put(few.result, "_checkpoints/monet/p8.jpg.npz", TORN)
    with behind(few.server) as proxy:
        for requests in ("^DELETE ", "^GET .*uploads"):
            proxy.add(requests, "status", times=999, code=403, error="AccessDenied")
        got = seen(few.environment(proxy.url))
    assert got.code == 0
    assert "(AccessDenied)" in got.out and "8 painted" in got.out
    assert got.out.count("unfinished uploads of earlier runs may be left: ") == 1
    assert seen(few.environment()).code == 0  # It sweeps what is left.
    check_whole(few, undisturbed, FEW)


def test_a_picture_takes_few_requests(few):
    """Each costs time and, on Amazon S3, money: a photo is read once, and its record and its
    result are written once."""
    few.client.delete_object(Bucket=few.style, Key="waves.jpg")
    with behind(few.server) as proxy:
        assert few.run(proxy.url) == 0
    of_one = [line for line, _ in proxy.log if re.search(r"/p9(-[0-9a-f]+)?\.jpg", line)]
    for key in ("_records/monet/p9.jpg", "monet/p9.jpg"):
        assert sum(line.startswith(f"PUT /{few.result}/{key}") for line in of_one) == 1
    assert len(of_one) <= MAX_REQUESTS, "\n".join(of_one)
