"""The tiers of tests, and fixtures that several packages share."""

import gc
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psutil
import pytest

from painterly.log import logger

pytest_plugins = (
    "support.s3_servers",  # Others import these two.
    "support.tiny",
    "support.browser",
    "support.cost",
    "support.disks",
    "support.folder_batches",
    "support.fuzzing",
    "support.hub",
    "support.processes",
    "support.wheel",
)
# Most tests expect a CPU; CUDA_VISIBLE_DEVICES=0 lets those of the engine run on a GPU.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# What start.sh sets; certificates, which each S3 client would load, while the tests' servers have
# others; and without bytecode, each process would compile what it imports.
for name in ("STARTED_IN", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)
sys.dont_write_bytecode = False
MAX_WORKERS, WORKER_BYTES = 4, 3_000_000_000
QUICK = "not slow and not thorough"
# Fixtures that mark their tests.
SLOW = {"_in_float32", "builtin", "random_vgg", "small_vgg", "start_program", "tiny", "traced_once"}
SLOW |= {"aws", "moto"}
THOROUGH = {"ceph", "running_chromium"}
SLOWEST = Path(__file__).parents[1] / "lab/slowest_tests.txt"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tiers of tests")
    for option, marks, text in (
        ("--quick", QUICK, "only tests that need no process, no S3 server and no TensorFlow"),
        ("--all", "not moto", "thorough tests as well, and those on Ceph's server"),
    ):
        group.addoption(option, action="store_const", dest="markexpr", const=marks, help=text)


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr == QUICK:
        sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple) -> None:
    """Leave out what loads TensorFlow."""
    if event == "import" and arguments[0] == "tensorflow":
        pytest.skip("loads TensorFlow", allow_module_level=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by their fixtures. Workers begin with the files that take longest, so that they
    end at about the same time."""
    seconds: dict[Path, float] = defaultdict(float)
    lines = SLOWEST.read_text().splitlines() if SLOWEST.exists() else []
    measured = {}  # By test; a matrix may have drawn other cases since.
    for took, _, test in (line.split(maxsplit=2) for line in reversed(lines)):
        measured[test.partition("[")[0]] = float(took[:-1])
    for item in items:
        if not SLOW.isdisjoint(item.fixturenames):
            item.add_marker("slow")
        if not THOROUGH.isdisjoint(item.fixturenames):
            item.add_marker("thorough")
        marks = {mark.name for mark in item.iter_markers()}
        usual = 3 if "thorough" in marks else 1 if "slow" in marks else 0.05
        seconds[item.path] += measured.get(item.nodeid.partition("[")[0], usual)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: -seconds[item.path])


def pytest_collection_finish() -> None:
    """Let `_collected` look at what tests make alone: modules, TensorFlow among them, stay."""
    gc.collect()
    gc.freeze()


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[object]) -> None:
    """Limit each of several workers to one core: idle threads of OpenBLAS take as much of a core as
    busy ones. NumPy starts its threads when it is loaded."""
    if len(specs) > 1:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one worker more than there are cores, because many tests wait for a process, a browser
    or a storage; quick ones do not. None if only certain files are tested: each worker would load
    and trace the same.
    """
    if all(".py" in argument for argument in config.args):
        return 0
    fitting = psutil.virtual_memory().available // WORKER_BYTES
    waiting = config.option.markexpr != QUICK
    return min((os.cpu_count() or 1) + waiting, MAX_WORKERS, max(1, fitting))


@pytest.fixture(autouse=True)
def _same_account() -> Iterator[None]:
    """Undo what a test did to AWS_*, which a `.env` that is read sets for the whole process, apart
    from what Ceph's server sets for the session."""
    before = {"AWS_CA_BUNDLE"} | {name for name in os.environ if name.startswith("AWS_")}
    yield
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in before]:
        del os.environ[name]


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Free what the tests of a file leave behind: threads, connections and decoders end with it,
    and not during a test of another file. What stays, such as TensorFlow, is looked at once."""
    yield
    gc.collect()
    gc.freeze()


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
