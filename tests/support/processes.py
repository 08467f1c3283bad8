"""Programs in separate processes that need not load TensorFlow: forks of one that has."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from painterly.settings.installation import PROGRAM

DEADLINE_S = 120
STOP_S = 5.0  # from a signal to the end of a run whose steps take milliseconds, as docs/ promise
# In the order in which a run loads them: TensorFlow by way of the module that keeps Keras out.
PRELOAD = (
    "painterly.devices.choose",
    "painterly.painters.painter",
    "painterly.runs.dry_run",
    "painterly.runs.workers",
    "painterly.storage.s3.bucket",
    "support.programs",
)


class Program:
    """A running program. Its output goes into a file, so that it never waits for a reader."""

    def __init__(self, process: BaseProcess, log: Path) -> None:
        self.process, self._log = process, log

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_until(self, holds: Callable[[str], bool]) -> None:
        """Waits until `holds` is true of the output; fails where the program ends before."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds(self.output):
            assert self.process.is_alive() and time.monotonic() < deadline, self.output
            self.process.join(0.02)

    def send_signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def stop(self, number: int) -> int:
        """The exit code after a signal; fails where the end takes longer than is promised."""
        sent = time.monotonic()
        self.send_signal(number)
        code = self.wait()
        took = time.monotonic() - sent
        assert took < STOP_S, f"ended {took:.1f} s after the signal: {self.output}"
        return code

    def wait(self) -> int:
        """The exit code."""
        self.process.join(DEADLINE_S)
        assert self.process.exitcode is not None, f"no end within {DEADLINE_S} s: {self.output}"
        return self.process.exitcode


class Starter:
    """Starts programs: functions of support.programs."""

    def __init__(self, process: Callable[..., BaseProcess]) -> None:
        self._process = process
        self._started: list[BaseProcess] = []

    def __call__(
        self, main: Callable[..., None], *arguments: str, environment: dict[str, str], log: Path
    ) -> Program:
        """Runs main(*arguments) in this folder and environment; `log` is appended to."""
        process = self._process(
            target=_run, args=(main, arguments, environment, str(Path.cwd()), log)
        )
        log.touch()
        process.start()
        self._started.append(process)
        return Program(process, log)

    def kill(self) -> None:
        """Ends what still runs."""
        for process in self._started:
            process.kill()
            process.join()
        self._started.clear()


@contextmanager
def loaded_processes() -> Iterator[Starter]:
    """A process that has loaded TensorFlow, and what starts its forks."""
    with pytest.MonkeyPatch.context() as patch:
        folders = (PROGRAM, PROGRAM / "tests")
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, folders)))
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        forkserver.set_forkserver_preload(list(PRELOAD))
        forkserver.ensure_running()
    starter = Starter(get_context("forkserver").Process)
    try:
        yield starter
    finally:
        starter.kill()
        forkserver._forkserver._stop()


def _run(
    main: Callable[..., None],
    arguments: tuple[str, ...],
    environment: dict[str, str],
    folder: str,
    log: Path,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # As in a shell's foreground, wherever the tests themselves run: `nohup` ignores SIGHUP.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.stdout.reconfigure(line_buffering=True)
    main(*arguments)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let processes that the test starts heed SIGINT, as in a shell's foreground, even if the tests
    run with SIGINT ignored, as in a script's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def _loaded() -> Iterator[Starter]:
    """A process that has loaded TensorFlow; take `start_program`."""
    with loaded_processes() as starter:
        yield starter


@pytest.fixture
def start_program(_loaded: Starter) -> Iterator[Starter]:
    """Starts functions of support.programs as processes, which end with the test at the latest."""
    yield _loaded
    _loaded.kill()
