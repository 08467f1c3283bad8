"""Three tiers of tests.

quick: `--quick`. They start no process and load no TensorFlow, which is checked here.
usual: without an option. One server, small networks, and in a browser only the stories.
all: `--all`, or what is in the files that are named. Tests of marker `thorough` and all tests in a
browser, too, and those on Ceph's server instead of on moto's.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

QUICK, USUAL, ALL = "quick", "usual", "all"
# Fixtures that start a process or load TensorFlow.
COSTLY = {
    *("_in_float32", "builtin", "random_vgg", "small_vgg", "tiny", "traced_once"),
    *("running_chromium", "start_program"),
}
NOT_QUICK = "a quick test starts no process and loads no TensorFlow: give it the marker slow"
STARTS = {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec"}
# The error that a process or TensorFlow raises now.
_raised: type[BaseException] | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tiers of tests")
    group.addoption("--quick", action="store_true", help="no process, no TensorFlow: a minute")
    group.addoption("--all", action="store_true", help="thorough tests as well, and Ceph's server")


def tier(config: pytest.Config) -> str:
    """Return the tier that runs."""
    if config.getoption("quick"):
        return QUICK
    named = any(".py" in each for each in config.args)
    return ALL if named or config.getoption("all") else USUAL


def needs_ceph(item: pytest.Item) -> bool:
    """Tell by a test's id whether it needs Ceph."""
    return re.search(r"[\[\-]rgw", item.nodeid) is not None


def on_moto_too(items: list[pytest.Item]) -> set[pytest.Item]:
    """Return the tests on moto's server that run on Ceph's as well."""
    server = re.compile(r"(?<=[\[-])(moto|rgw over TLS|rgw_tls|rgw)(?=[\]-])")
    on_ceph = {server.sub("*", item.nodeid) for item in items if needs_ceph(item)}
    return {
        item for item in items if not needs_ceph(item) and server.sub("*", item.nodeid) in on_ceph
    }


def is_marked(item: pytest.Item, name: str) -> bool:
    """Tell whether a test has the marker."""
    return item.get_closest_marker(name) is not None


def is_thorough(item: pytest.Item) -> bool:
    """Tell whether only all tests have this one.

    Tests in a browser take a third of the processor's time, so the usual tests have only a story of
    each part of the pages.
    """
    in_browser = "running_chromium" in item.fixturenames
    if in_browser and not is_marked(item, "story"):
        return True
    return needs_ceph(item) or is_marked(item, "thorough")


def is_slow(item: pytest.Item) -> bool:
    """Tell whether the quick tests leave this one out."""
    if is_marked(item, "slow") or is_thorough(item):
        return True
    return not COSTLY.isdisjoint(item.fixturenames)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not of the tier."""
    from support.s3_servers import CEPH  # A plugin, which pytest loads itself.

    chosen = tier(config)
    if chosen == QUICK:
        others = {item for item in items if is_slow(item)}
    elif chosen == USUAL:
        others = {item for item in items if is_thorough(item)}
    else:
        others = on_moto_too(items) if all(map(shutil.which, CEPH)) else set()
    config.hook.pytest_deselected(items=list(others))
    items[:] = [item for item in items if item not in others]


# --- what the quick ones must not do --------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    if tier(config) == QUICK:
        from painterly.images import picture_file
        from painterly.images.contained.decoding import OpenedPicture

        picture_file._open_here = OpenedPicture  # They start no process.
        sys.addaudithook(refuse)


def refuse(event: str, arguments: tuple) -> None:
    """Raise an error if an event of auditing is a process or TensorFlow."""
    if not _raised:
        return
    starts = event in STARTS and arguments[0] != "uname"  # platform.processor starts that one.
    if starts or (event == "import" and arguments[0] == "tensorflow"):
        raise _raised(f"{NOT_QUICK} ({event} {arguments[:1]})")


@contextmanager
def raising(error: type[BaseException]) -> Iterator[None]:
    """Let a process or TensorFlow raise this error."""
    global _raised
    before, _raised = _raised, error
    try:
        yield
    finally:
        _raised = before


class _Costly(pytest.skip.Exception):
    """The end of a file that loads TensorFlow, without a traceback: formatting it takes longer than
    the rest of the file."""

    def __init__(self, message: str) -> None:
        super().__init__(message, allow_module_level=True)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Leave out a file that loads TensorFlow."""
    with raising(_Costly):
        report = yield
    if report.skipped and NOT_QUICK in str(report.longrepr):
        report.outcome, report.result = "passed", []
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with raising(ImportError):
        return (yield)
