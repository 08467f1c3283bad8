"""Fixtures and the distribution of tests that several packages share."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from support import tiny as tiny_module
from support.processes import Starter, loaded_processes

from painterly.log import logger

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from painterly.vgg.network import VGG

pytest_plugins = (
    "support.browser",
    "support.cost",
    "support.disks",
    "support.folder_batches",
    "support.hub",
    "support.s3_servers",
    "support.tiers",
    "support.wheel",
)
# Most tests expect a CPU; CUDA_VISIBLE_DEVICES=0 lets those of the engine run on a GPU.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.pop("STARTED_IN", None)  # The folder of relative paths, which start.sh sets.
# The tests' servers have other certificates, if any, and each S3 client would load the
# tester's: 8 s of processor time in all. uv, which builds the wheel, reads SSL_CERT_FILE.
os.environ.pop("AWS_CA_BUNDLE", None)
os.environ.pop("REQUESTS_CA_BUNDLE", None)
# Otherwise each of the hundreds of processes that the tests start would compile what it imports,
# which takes longer than the import of TensorFlow itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
MAX_WORKERS, WORKER_BYTES = 4, 3_000_000_000
WORKER_ENDS_S = 20  # execnet ends a worker 15 s after it has lost the connection.
_SENT = pytest.StashKey[Path]()  # The file in which a worker sends the tests' groups.
# The groups of marker `group`, the longest first. Their tests share a costly resource: S3 and a
# process that has loaded TensorFlow, a browser, or traced graphs.
GROUPS = ("processes", "chromium", "engine: terms", "engine: pictures")


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[object]) -> None:
    """Limit each of several workers to one core.

    NumPy starts its threads when it is loaded, so workers need these variables from the start. Idle
    threads of OpenBLAS take as much of a core as busy ones.
    """
    if len(specs) > 1:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one worker more than there are cores, because many tests wait for a process, a browser
    or a storage. None if only certain files are tested: each worker would load and trace the same.
    """
    if all(".py" in argument for argument in config.args):
        return 0
    fitting = psutil.virtual_memory().available // WORKER_BYTES
    return min((os.cpu_count() or 1) + 1, MAX_WORKERS, max(1, fitting))


@pytest.fixture(autouse=True)
def _same_account() -> Iterator[None]:
    """Undo what a test did to AWS_*, which a `.env` that is read sets for the whole process, apart
    from what Ceph's server sets for the session."""
    before = {"AWS_CA_BUNDLE"} | {name for name in os.environ if name.startswith("AWS_")}
    yield
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in before]:
        del os.environ[name]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Put Ceph's server into the id of a test that needs it only through its fixtures: xdist groups
    tests by their ids."""
    if "ceph" in metafunc.fixturenames:
        metafunc.fixturenames.append("_server")
        metafunc.parametrize("_server", [None], ids=["rgw"])


def group(item: pytest.Item) -> str:
    """Return the name of the group that one worker runs: a costly resource or else the file."""
    from support.tiers import needs_ceph  # A plugin, which pytest loads itself.

    if needs_ceph(item) or "start_program" in item.fixturenames:
        return "processes"
    marker = item.get_closest_marker("group")
    if marker is None:
        return item.nodeid.partition("::")[0]
    [name] = marker.args
    assert name in GROUPS, name
    return name


def pytest_configure(config: pytest.Config) -> None:
    """Make the file in which a worker sends the scheduler the groups: xdist sends only ids."""
    if not hasattr(config, "workerinput"):
        config.stash[_SENT] = Path(tempfile.mkdtemp(prefix="groups-"), "groups.json")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SENT in config.stash:
        shutil.rmtree(config.stash[_SENT].parent)


def pytest_configure_node(node: "WorkerController") -> None:
    node.workerinput["groups"] = str(node.config.stash[_SENT])


def pytest_testnodedown(node: "WorkerController", error: object) -> None:
    """Say how a lost worker ended: xdist names only the test that it was running."""
    if not error:
        return
    try:
        how = f"exit code {node.gateway._io.popen.wait(WORKER_ENDS_S)}"
    except subprocess.TimeoutExpired:
        how = f"still runs after {WORKER_ENDS_S} s"
    node.config.pluginmanager.get_plugin("terminalreporter").write_line(f"{node.gateway.id}: {how}")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Let the garbage collector pass over what the files of tests load, TensorFlow above all.

    Looking at it again and again takes a quarter of the time that a worker needs to load them, and
    three hundredths of the time of the tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        # With the default thresholds, the collector scans the objects of a new S3 client so often
        # that this takes 90 of its 145 ms. `_collected` frees what lives longer.
        gc.set_threshold(50_000, 20, 20)
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Free what the tests of a file leave behind: threads, connections and decoders end with it,
    and not during a test of another file."""
    yield
    gc.collect()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the scheduler the groups, before it gets the tests' ids."""
    about = getattr(session.config, "workerinput", {"workerid": None})
    if about["workerid"] == "gw0":
        groups = {item.nodeid: group(item) for item in session.items}
        Path(about["groups"]).write_text(json.dumps(groups))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Let one worker run each group.

    xdist's own `--dist loadgroup` groups nothing with pytest 9.2
    (https://github.com/pytest-dev/pytest-xdist/issues/1386).
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        @cached_property
        def _groups(self) -> dict[str, str]:
            return json.loads(config.stash[_SENT].read_text())

        def _split_scope(self, nodeid: str) -> str:
            return self._groups[nodeid]

    return ByGroup(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests.

    The groups that take longest start first, then files with slow tests, so that workers end at
    about the same time; within a group slow tests come last.
    """
    from support.tiers import is_slow

    in_workers = hasattr(config, "workerinput")
    with_slow = {group(item) for item in items if is_slow(item)}

    def place(name: str) -> int:
        """Return the place of a group among all."""
        return GROUPS.index(name) if name in GROUPS else len(GROUPS) + (name not in with_slow)

    items.sort(key=lambda item: (in_workers and place(group(item)), is_slow(item)))


@pytest.fixture(scope="session", autouse=True)
def _services_read_once() -> Iterator[None]:
    """Read botocore's descriptions of services once: each session parses a megabyte for S3."""
    from botocore.loaders import JSONFileLoader

    read = JSONFileLoader().load_file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", staticmethod(cache(read)))
        yield


@pytest.fixture(autouse=True)
def same_log() -> Iterator[None]:
    """Undo what a program that the test runs in its process changes of the log."""
    handlers, level = [*logger.handlers], logger.level
    yield
    logger.handlers[:], logger.level = handlers, level


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let processes that the test starts heed SIGINT, as in a shell's foreground, even if the tests
    run with SIGINT ignored, as in a script's background."""
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
    from painterly.vgg.network import load_vgg

    return load_vgg("vgg19", "random")
