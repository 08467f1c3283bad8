"""Worker processes that take steps on request, so that contestants can take turns and each has
memory of its own.

A request is a line of JSON, [name, count]: so many steps of the contestant with this name. The
answer is {"seconds": …, "memory": …}: seconds per step, and the peak memory of the process in bytes
(Linux's VmHWM; on a GPU, the library's peak there). A contestant is set up at the first request for
it, which is not timed. Before the first request a worker reports only its memory.
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
    """A worker's answer: the mean seconds of a step, and the process's peak memory in bytes."""

    seconds: float
    memory: int


class GoneError(Exception):
    """A worker ended before it answered, but not because memory ran out; has its last output."""


class MemoryRanOutError(Exception):
    """A worker ended because memory ran out; has its last output."""


def most_memory() -> int:
    """The peak memory of this process in bytes."""
    return _kibibytes(Path("/proc/self/status"), "VmHWM")


def serve(
    prepare: Callable[[str], Callable[[], object]], memory: Callable[[], int] = most_memory
) -> None:
    """Answers the requests on stdin on stdout, until stdin ends.

    prepare: name → the function that takes one step and returns when it is done. memory: the peak
    memory in bytes, on the device that computes.
    """
    # If memory runs out, the kernel should kill this process and not its parent.
    with contextlib.suppress(OSError):  # A sandbox may refuse it.
        Path("/proc/self/oom_score_adj").write_text("1000")
    # What libraries print must not be mistaken for answers.
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
    """A worker process. at_rest: its peak memory in bytes before the first step."""

    def __init__(self, python: str, script: str, arguments: Sequence[str]) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  Closed by end().
        self._process = subprocess.Popen(
            [python, str(BENCH / script), *arguments],
            # Each of PyTorch's threads on a core of its own: two threads on one core spin while
            # they wait for each other, and a step takes twenty times as long.
            env={"OMP_PROC_BIND": "true", "OMP_PLACES": "cores", "TF_CPP_MIN_LOG_LEVEL": "2"}
            | os.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self.at_rest: int = self._answer()["memory"]

    def take(self, name: str, count: int = 1) -> Answer:
        """Takes `count` steps of the named contestant. Raises GoneError, MemoryRanOutError."""
        with contextlib.suppress(BrokenPipeError):  # There will be no answer either.
            print(json.dumps([name, count]), file=self._process.stdin, flush=True)
        return Answer(**self._answer())

    def end(self) -> None:
        """Ends the process, which frees its memory."""
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
        last = "\n".join(said.splitlines()[-20:])
        # The kernel kills the process, or an allocation fails.
        if code == -signal.SIGKILL or re.search("allocate|out of memory|OOM", said):
            raise MemoryRanOutError(last)
        raise GoneError(last)


def free_memory() -> int:
    """Bytes of memory that are available."""
    return _kibibytes(Path("/proc/meminfo"), "MemAvailable")


def _kibibytes(file: Path, name: str) -> int:
    """A number that the kernel reports in kB, in bytes."""
    line = next(line for line in file.read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])
