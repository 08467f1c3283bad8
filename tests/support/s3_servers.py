"""S3 servers for tests, as fixtures: moto's everywhere, Ceph's radosgw if it is installed."""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from painterly.storage import open_bucket
from painterly.storage.address import Account
from painterly.storage.base import Bucket
from support.s3.faultproxy import FaultProxy

HERE = Path(__file__).parent / "s3"
_NUMBERS = itertools.count(97 * os.getpid())
KEY_ID, SECRET = "testaccess", "testsecret"
CEPH = ("radosgw", "ceph-mon", "ceph-osd", "curl", "openssl")
# The servers of a test that runs on several.
MISSING = [name for name in CEPH if not shutil.which(name)]
MOTO = pytest.param("moto", marks=[pytest.mark.slow, *([] if MISSING else [pytest.mark.moto])])
RGW = pytest.param("rgw", marks=pytest.mark.thorough)
RGW_TLS = pytest.param("rgw_tls", marks=pytest.mark.thorough)
INSTALL = "apt-get install -y --no-install-recommends ceph-mon ceph-osd radosgw curl openssl"


@dataclass(frozen=True)
class Server:
    """A running S3 server. Its data is thrown away when the tests end."""

    url: str
    key_id: str = KEY_ID
    secret: str = SECRET

    @property
    def account(self) -> Account:
        return Account(self.url, self.key_id, self.secret)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the scripts reach it."""
        return {
            "CELLAR_ADDON_HOST": self.url,
            "CELLAR_ADDON_KEY_ID": self.key_id,
            "CELLAR_ADDON_KEY_SECRET": self.secret,
        }

    @cached_property
    def client(self):
        """A separate boto3 client, to look at the server past the code under test."""
        import boto3
        from botocore.config import Config

        config = Config(
            request_checksum_calculation="when_required", s3={"addressing_style": "path"}
        )
        keys = {"aws_access_key_id": self.key_id, "aws_secret_access_key": self.secret}
        return boto3.session.Session().client(
            "s3", endpoint_url=self.url, region_name="us-east-1", config=config, **keys
        )

    def new_bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"test-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        return name

    def open(self, value: str = "") -> Bucket:
        """Open a bucket by a value for `open_bucket`, or a new one."""
        return open_bucket(value or self.new_bucket(), self.account)


def free_ports(count: int) -> list[int]:
    """Return different ports that nothing listens on.

    They are below those that systems give to clients, and each process of the tests begins at
    another one, so that nothing takes them before the test does.
    """
    found: list[int] = []
    while len(found) < count:
        port = 10_000 + next(_NUMBERS) % 20_000
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    """Moto's S3 server."""
    from moto.server import ThreadedMotoServer  # Takes a second, which other tests need not wait.

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield Server(f"http://{host}:{port}")
    running.stop()


@pytest.fixture(scope="session")
def ceph() -> Iterator[tuple[Server, Server, Path]]:
    """One radosgw: its plain endpoint, its TLS endpoint, and the folder it lives in."""
    if MISSING:
        pytest.skip(f"{', '.join(MISSING)} missing, to test on what Cellar runs: {INSTALL}")
    # Not in pytest's folder: a socket's path may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="rgw-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        http, https, monitor = free_ports(3)
        ports = map(str, (http, https, monitor))
        with (folder / "up.err").open("wb") as errors:
            started = subprocess.run(
                [HERE / "rgw-up.sh", folder, *ports],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=60,
                env={**os.environ, "KEY_ID": KEY_ID, "SECRET": SECRET, "OWNER": str(os.getpid())},
            )
        if started.returncode:
            pytest.fail(f"rgw-up.sh failed: {(folder / 'up.err').read_text()[-2000:]}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_CA_BUNDLE", str(folder / "cert.pem"))
            plain = Server(f"http://127.0.0.1:{http}")
            yield plain, Server(f"https://localhost:{https}"), folder
        subprocess.run([HERE / "rgw-down.sh", folder], check=True, timeout=60)


@pytest.fixture(scope="session")
def rgw(ceph) -> Server:
    """Ceph's S3 server."""
    return ceph[0]


@pytest.fixture(scope="session")
def rgw_tls(ceph) -> Server:
    """boto3 sends checksums in another way over TLS, which is where Cellar refused them."""
    return ceph[1]


@pytest.fixture(scope="session")
def other_account(ceph) -> Server:
    """Another account on the same radosgw, which may not read the first one's objects."""
    plain, _, folder = ceph
    who = ["--uid=other", "--display-name=other"]
    keys = ["--access-key=otheraccess", "--secret-key=othersecret"]
    subprocess.run(
        ["radosgw-admin", "-c", folder / "ceph.conf", "user", "create", *who, *keys],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return Server(plain.url, "otheraccess", "othersecret")


@pytest.fixture(params=[MOTO, RGW])
def s3_server(request) -> Server:
    """The servers without TLS, one after another."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["folder", MOTO, RGW])
def new_bucket(request, tmp_path) -> Callable[[], Bucket]:
    """Makes new, empty buckets, of every kind one after another, without TLS."""
    if request.param != "folder":
        return request.getfixturevalue(request.param).open

    def folder() -> Bucket:
        path = tmp_path / f"bucket-{uuid.uuid4().hex}"
        path.mkdir()
        return open_bucket(str(path), Account())

    return folder


@pytest.fixture
def bucket(new_bucket) -> Bucket:
    """A new, empty bucket, of every kind one after another."""
    return new_bucket()


@pytest.fixture
def proxy(moto) -> Iterator[FaultProxy]:
    """A way to moto's server that breaks requests as its rules say."""
    host, port = moto.url.removeprefix("http://").split(":")
    with FaultProxy(host, int(port)) as running:
        yield running
