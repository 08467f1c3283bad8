"""Processes that take steps when asked to, so that what is compared can take turns, each with a
memory of its own.

A worker is asked by a line of JSON, [name, count], to take so many steps of what has this name, and
answers {"seconds": …, "memory": …}: seconds a step, and the most memory in bytes that its process
ever held (VmHWM, which Linux counts; on a GPU, what its library ever held there). What has to be
prepared is prepared when a name is first asked for, outside that time. Before the first question it
reports only its memory.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

BENCH = Path(__file__).resolve().parent


class Answer(NamedTuple):
    """Of a worker: seconds a step took, on average; the most bytes its process ever held."""

    seconds: float
    memory: int


class GoneError(Exception):
    """A worker ended before it answered, and not because memory ran out; says what it said last."""


class MemoryRanOutError(Exception):
    """A worker ended because it needed more memory than there is."""


def most_memory() -> int:
    """The most bytes of memory that this process has held so far."""
    return _kibibytes(Path("/proc/self/status"), "VmHWM")


def serve(
    prepare: Callable[[str], Callable[[], object]], memory: Callable[[], int] = most_memory
) -> None:
    """Answers on stdout what comes in by stdin, until that ends.

    prepare: a name → the function that takes a step of it, and returns when it is done. memory:
    the most bytes held so far, where the steps are computed.
    """
    # Rather this process than the one that waits for it, if memory runs out.
    Path("/proc/self/oom_score_adj").write_text("1000")
    # Libraries that print must not be taken for answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"memory": memory()}), file=answers, flush=True)
    steps: dict[str, Callable[[], object]] = {}
    for line in sys.stdin:
        name, count = json.loads(line)
        if name not in steps:
            steps[name] = prepare(name)
        started = time.perf_counter()
        for _ in range(count):
            steps[name]()
        seconds = (time.perf_counter() - started) / count
        print(json.dumps({"seconds": seconds, "memory": memory()}), file=answers, flush=True)


class Worker:
    """A process that takes steps. `at_rest`: bytes that it held before the first of them."""

    def __init__(self, python: str, script: str, arguments: Sequence[str]) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  Closed by end().
        self._process = subprocess.Popen(
            [python, str(BENCH / script), *arguments],
            # Each of PyTorch's threads on a core of its own: two that the system puts on one core
            # wait for each other in loops, and a step takes twenty times as long.
            env={"OMP_PROC_BIND": "true", "OMP_PLACES": "cores", "TF_CPP_MIN_LOG_LEVEL": "2"}
            | os.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self.at_rest: int = self._answer()["memory"]

    def take(self, name: str, count: int = 1) -> Answer:
        """Waits for `count` steps of what has this name. Raises GoneError, MemoryRanOutError."""
        with contextlib.suppress(BrokenPipeError):  # Then there is no answer, either.
            print(json.dumps([name, count]), file=self._process.stdin, flush=True)
        return Answer(**self._answer())

    def end(self) -> None:
        """Ends the process, which frees what it held."""
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._said):
            with contextlib.suppress(BrokenPipeError):
                file.close()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read()
        # The system ends a process, or a library is refused what it asks for.
        if code == -signal.SIGKILL or re.search("allocate|out of memory|OOM", said):
            raise MemoryRanOutError
        raise GoneError("\n".join(said.splitlines()[-20:]))


def free_memory() -> int:
    """Bytes of memory that can be taken before the system runs out of it."""
    return _kibibytes(Path("/proc/meminfo"), "MemAvailable")


def _kibibytes(file: Path, name: str) -> int:
    """A number that the kernel reports in kB, in bytes."""
    line = next(line for line in file.read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
