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
from support.commands import contents
from support.folder_batches import QUICK
from support.s3.faultproxy import FaultProxy, Rule
from support.s3_servers import MOTO, RGW

from painterly import log
from painterly.cli.batch import paint_batch
from painterly.cli.command import main
from painterly.configuration import config
from painterly.configuration.config import BUCKETS
from painterly.storage import retry
from painterly.storage.s3 import client as s3_client

# Each test runs a batch through a faulty network.
pytestmark = pytest.mark.slow

PHOTOS = [*(f"p{n}.jpg" for n in range(10)), "trip 1/é1.jpg", "trip 3/é3.jpg"]
TORN = b"PK\x03\x04" + bytes(26) + b"fingerprint.npy"  # a checkpoint's first bytes
FEW = PHOTOS[8:]
MAX_REQUESTS = 9  # for a picture with its record and its pictures in the gallery
STYLE = "monet"
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
    """Shortens pauses from minutes to tenths of a second."""
    monkeypatch.setattr(retry, "PAUSES_S", (0.1, 0.2, 0.4))
    monkeypatch.setattr(s3_client, "TRIES", 2)


class Batch:
    """Three buckets of a server, filled with photos and a painting, and how to paint them."""

    def __init__(self, server, photos=PHOTOS):
        self._server = server
        self.source, self.style, self.result = (server.open() for _ in BUCKETS)
        for key in photos:
            seed = sum(key.encode())
            size = (60, 80) if seed % 2 else (80, 60)
            self.source.write(key, tiny.file(*size, seed))
        self.style.write(f"{STYLE}.jpg", tiny.file(50, 40, 90))
        for key, data in FOREIGN.items():
            self.result.write(key, data)

    def environment(self, url=None):
        """Returns the variables that name the buckets, at the server's address or a proxy's."""
        names = (bucket.name for bucket in (self.source, self.style, self.result))
        host = {"CELLAR_ADDON_HOST": url} if url else {}
        return QUICK | self._server.environment | host | dict(zip(BUCKETS, names, strict=True))

    def run(self, url=None):
        return paint_batch(config.load(self.environment(url)))

    def results(self):
        found = contents(self.result).items()
        return {key: data for key, data in found if key.startswith(STYLE) and key not in FOREIGN}


def wanted(photos=PHOTOS):
    return {f"{STYLE}/{key}" for key in photos}


def check_whole(done, expected, photos=PHOTOS):
    """Checks that a bucket has all results, each with its record, and nothing else."""
    found, results = contents(done.result), wanted(photos)
    records = {f"_records/{key}.json" for key in results}
    gallery = {key for key in found if key.startswith("_gallery/")} | {"index.html"}
    assert found.keys() - gallery == (results | records | FOREIGN.keys()) - gallery
    assert {key: found[key] for key in FOREIGN} == FOREIGN
    wrong = [key for key in results if found[key] != expected[key]]
    assert not wrong, f"{len(wrong)} results differ from an undisturbed run's"
    for key in records:
        record = json.loads(found[key])
        assert key == f"_records/{record['result']}.json" and "error" not in record
    assert not done.result.unfinished_uploads()


@pytest.fixture(scope="module")
def undisturbed(moto):
    """The results of a run that nothing disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        stand_in_engine.install(patch.setattr)
        done = Batch(moto)
        assert done.run() == 0
    return done.results()


@pytest.mark.parametrize("where", [MOTO, RGW])
@pytest.mark.thorough
def test_faults_on_a_fifth_of_the_requests_cost_no_picture(request, where, undisturbed):
    """Each fault is met once in any case, and three photos arrive with a flipped bit."""
    server, tls = request.getfixturevalue(where), None
    if where == "rgw":  # The proxy adds TLS.
        folder = request.getfixturevalue("ceph")[2]
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    done = Batch(server)
    host, port = server.url.removeprefix("http://").split(":")
    with FaultProxy(host, int(port), tls) as proxy:
        for key in ("p4", "p8", "p9"):
            proxy.add(f"^GET /{done.source.name}/{key}", "corrupt")
        for number, rule in enumerate(FAULTS):
            reads = "GET" in rule.match
            where = f"GET /{done.source.name}" if reads else f"PUT /{done.result.name}/monet"
            proxy.rules.append(dataclasses.replace(rule, match=f"^{where}/p{number}"))
        proxy.at_random(0.2, FAULTS, seed=3)
        assert done.run(proxy.url) == 0
    broken = [fault for _, fault in proxy.log if fault]
    assert len(broken) > 0.15 * len(proxy.log)
    assert {rule.fault for rule in FAULTS} | {"corrupt"} == set(broken)
    check_whole(done, undisturbed)
    assert done.run() == 0  # It finds nothing to do, so all records are readable and right.
    assert done.results().keys() == wanted()


def test_few_pictures_outlast_faults_on_a_fifth_of_the_requests(few, proxy, impatient, undisturbed):
    proxy.at_random(0.2, FAULTS, seed=3)
    assert few.run(proxy.url) == 0
    assert len([fault for _, fault in proxy.log if fault]) > 3
    check_whole(few, undisturbed, FEW)


# --- one fault, and what the user sees ----------------------------------------------------------


@pytest.fixture
def few(moto):
    """A batch of few photos on moto's server."""
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
        (
            403,
            "InvalidAccessKeyId",
            "answered InvalidAccessKeyId for .*; check CELLAR_ADDON_KEY_ID",
        ),
        (
            403,
            "RequestTimeTooSkewed",
            "answered RequestTimeTooSkewed for .*; set this machine's clock",
        ),
        (400, "AuthorizationHeaderMalformed", "in another region: set CELLAR_ADDON_REGION"),
        (404, "NoSuchBucket", "does not exist .*; create it (./bucket_management.py create "),
        (503, "SlowDown", "answered SlowDown for .*; try again later"),
    ],
)
def test_an_answer_that_stays_is_one_line(few, proxy, seen, impatient, status, code, message):
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
    few, proxy, seen, undisturbed, monkeypatch
):
    monkeypatch.setattr(s3_client, "TRIES", 1)  # boto3 alone may outlast the outage.
    monkeypatch.setattr(retry, "PAUSES_S", (0.2, *[0.3] * 60))
    few.result.write("_checkpoints/monet/p8.jpg.npz", TORN)
    away = proxy.add(f"^(GET|HEAD) /{few.result.name}/_checkpoints/", "reset", times=4)
    proxy.rules.append(Outage(f"^PUT /{few.result.name}/monet/", "reset", times=12))
    got = seen(few.environment(proxy.url))
    assert (got.code, away.times) == (0, 0)
    assert "; retrying in 0.2 s" in got.out
    assert "cannot be used" in got.out and "starting over" in got.out
    check_whole(few, undisturbed, FEW)


def test_an_outage_ends_a_dry_run_at_once(few, proxy, seen, monkeypatch):
    assert few.run() == 0
    monkeypatch.setattr(s3_client, "TRIES", 1)
    proxy.add(f"^GET /{few.source.name}/p", "reset", times=10**6)
    environment = few.environment(proxy.url)
    got = seen(environment | {"DRY_RUN": "1", "STYLE_SEED": "3"})
    assert got.code == 5 and "retrying" not in got.out


def test_storage_that_goes_away_for_good_ends_the_run_and_a_rerun_finishes(
    few, proxy, seen, undisturbed, impatient
):
    proxy.rules.append(Outage(f"^PUT /{few.result.name}/monet/", "reset", times=10**6))
    got = seen(few.environment(proxy.url))
    assert got.code == 5
    assert "the connection to 127.0.0.1" in got.err and "broke (" in got.err
    assert "; given up after " in got.err and got.err.endswith("run it again for the rest\n")
    results = few.results().keys()
    assert 0 < len(results) < 4
    assert results <= {entry.key[9:-5] for entry in few.result.list("_records/")}
    got = seen(few.environment())
    assert got.code == 0
    assert f"{4 - len(results)} painted" in got.out
    check_whole(few, undisturbed, FEW)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", "answered AccessDenied for {}/"),
        ("QuotaExceeded", "answered QuotaExceeded"),
    ],
)
def test_a_result_bucket_that_takes_nothing_ends_the_run(
    few, proxy, seen, impatient, code, message
):
    """Painting on would cost hours of an accelerator for nothing."""
    proxy.add(f"^PUT /{few.result.name}", "status", times=999, code=403, error=code)
    got = seen(few.environment(proxy.url))
    assert got.code == 5
    assert re.search(message.format(few.result.name), got.err)
    assert contents(few.result) == FOREIGN


def test_an_unreadable_record_of_a_deleted_photo_costs_its_place_in_the_gallery(
    few, proxy, seen, impatient
):
    assert seen(few.environment()).code == 0
    few.source.delete(FEW[0])
    few.source.write("new.jpg", few.source.read(FEW[1]))
    proxy.add(f"^GET .*_records/.*{FEW[0]}", "status", times=999, code=403, error="AccessDenied")
    got = seen(few.environment(proxy.url))
    assert got.code == 0, got.err
    assert "1 record cannot be read" in got.out + got.err and "1 painted" in got.out
    assert FEW[0] not in few.result.read("index.html").decode()


def test_a_bucket_that_lets_nothing_be_deleted_costs_no_painting(few, proxy, seen, undisturbed):
    """It does not let unfinished uploads be listed either."""
    few.result.write("_checkpoints/monet/p8.jpg.npz", TORN)
    for requests in ("^DELETE ", "^GET .*uploads"):
        proxy.add(requests, "status", times=999, code=403, error="AccessDenied")
    got = seen(few.environment(proxy.url))
    assert got.code == 0
    assert "answered AccessDenied for" in got.out and "4 painted" in got.out
    assert got.out.count("unfinished uploads of earlier runs may be left: ") == 1
    assert seen(few.environment()).code == 0  # It sweeps what is left.
    check_whole(few, undisturbed, FEW)


def test_a_picture_takes_few_requests(few, proxy):
    """Each costs time and, on Amazon S3, money: a photo is read once, and its record and its
    result are written once."""
    assert few.run(proxy.url) == 0
    of_one = [line for line, _ in proxy.log if re.search(r"/p9(-[0-9a-f]+)?\.jpg", line)]
    for key in ("_records/monet/p9.jpg", "monet/p9.jpg"):
        assert sum(line.startswith(f"PUT /{few.result.name}/{key}") for line in of_one) == 1
    assert len(of_one) <= MAX_REQUESTS, "\n".join(of_one)
