"""What the tests of several packages share; what only one needs is in its folder's conftest."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from support import tiny as tiny_module
from support.processes import Starter, loaded_processes

if TYPE_CHECKING:
    from styletransfer.vgg.network import VGG

pytest_plugins = ("support.browser", "support.s3_servers", "support.folder_batches", "support.hub")
MOST_WORKERS = 4  # Each grows to some three gigabytes, and may start S3 servers of its own.


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rounds",
        type=int,
        help="how often test_kill.py and test_two_runners.py repeat what they try",
    )
    parser.addoption(
        "--fuzz", type=int, default=300, help="how many damaged records and checkpoints are tried"
    )


@pytest.fixture
def fuzz_cases(request: pytest.FixtureRequest) -> int:
    """How many cases a test with random damage tries."""
    return int(request.config.getoption("fuzz"))


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[object]) -> None:
    """The other workers use the other cores. NumPy starts its threads when it is loaded, so workers
    must have this from the start; idle ones of OpenBLAS take as much of a core as busy ones."""
    if len(specs) > 1:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker a core; none where only certain files are asked for, since each worker would
    load and trace the same."""
    if all(".py" in argument for argument in config.args):
        return 0
    return min(os.cpu_count() or 1, MOST_WORKERS)


def needs_ceph(item: pytest.Item) -> bool:
    """By its fixtures, or by a parameter that names a server."""
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    named = any(isinstance(value, str) and value.startswith("rgw") for value in values)
    return named or "ceph" in getattr(item, "fixturenames", ())


def on_moto_too(items: list[pytest.Item]) -> set[pytest.Item]:
    """The tests on moto's server that there are on Ceph's as well."""
    server = re.compile(r"(?<=[\[-])(moto|rgw over TLS|rgw_tls|rgw)(?=[\]-])")
    on_ceph = {server.sub("*", item.nodeid) for item in items if needs_ceph(item)}
    return {
        item for item in items if not needs_ceph(item) and server.sub("*", item.nodeid) in on_ceph
    }


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs Ceph, which starts in seconds, is slow. Slow tests last: most mistakes show within
    the first minute. Where all tests run and Ceph is installed, they need no second server."""
    from support.s3_servers import CEPH  # A plugin, which pytest loads itself.

    if all(map(shutil.which, CEPH)) and not config.getoption("markexpr"):
        twins = on_moto_too(items)
        config.hook.pytest_deselected(items=list(twins))
        items[:] = [item for item in items if item not in twins]
    for item in items:
        if needs_ceph(item):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What the test starts heeds SIGINT, as in a shell's foreground, also where the tests run with
    SIGINT ignored, as in a script's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def _loaded() -> Iterator[Starter]:
    with loaded_processes() as starter:
        yield starter


@pytest.fixture
def start_program(_loaded: Starter) -> Iterator[Starter]:
    """Starts functions of support.programs as processes, which end with the test at the latest."""
    yield _loaded
    _loaded.kill()


@pytest.fixture(scope="session")
def tiny() -> "VGG":
    """VGG19 with few channels, so that an optimisation takes milliseconds."""
    return tiny_module.network()


@pytest.fixture(scope="session")
def random_vgg() -> "VGG":
    """VGG19 with all its channels and random features."""
    from styletransfer.vgg.network import load_vgg

    return load_vgg("vgg19", "random")
