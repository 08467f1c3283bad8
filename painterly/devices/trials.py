"""The trial of GPUs in another process; without TensorFlow.

On a card that it has no kernels for, TensorFlow may abort its process, or never answer. One process
tries all GPUs, while this one loads TensorFlow itself. If that process finds a flaw, or has one,
further ones try each GPU alone.
"""

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from time import monotonic

from painterly.settings.installation import PROGRAM

COMMAND = (sys.executable, "-m", "painterly.devices.try_gpu")
TIMEOUT_S = 120.0  # A trial takes seconds; from a slow disk, CUDA's libraries take a minute.


class Trial:
    """The trial of all GPUs, once.

    Args:
        command: The program that tries all GPUs, or the one of the number that is appended, as CUDA
            counts. It ends with 0 if they work, and otherwise prints the flaw.
        timeout_s: The seconds after which a process is killed.
    """

    def __init__(self, command: Sequence[str] = COMMAND, timeout_s: float = TIMEOUT_S) -> None:
        self._command, self._timeout_s = command, timeout_s
        self._all: subprocess.Popen[str] | None = None
        self._flaws: dict[int, str] | None = None

    def begin(self) -> None:
        """Begin to try all GPUs, unless that has begun."""
        self._all = self._all or self._started()

    def flaws(self, count: int) -> dict[int, str]:
        """Wait until all GPUs were tried, and the processes have left them.

        Args:
            count: The number of GPUs that TensorFlow lists here; 0 ends the trial.

        Returns:
            Number → flaw of each GPU that does not work, as the end of a sentence that begins with
            TensorFlow.
        """
        if not count:
            if self._all:
                _kill(self._all)
            return {}
        if self._flaws is None:
            self.begin()
            assert self._all
            flaws = [self._flaw(self._all, monotonic() + self._timeout_s)]
            if flaws[0] and count > 1:
                alone = [self._started(str(number)) for number in range(count)]
                ends = monotonic() + self._timeout_s
                flaws = [self._flaw(process, ends) for process in alone]
            self._flaws = {number: flaw for number, flaw in enumerate(flaws) if flaw}
        return self._flaws

    def _started(self, *number: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*self._command, *number],
            cwd=PROGRAM,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def _flaw(self, process: "subprocess.Popen[str]", ends: float) -> str | None:
        try:
            # At 0 it would not see that the process has ended.
            printed, logged = process.communicate(timeout=max(1.0, ends - monotonic()))
        except subprocess.TimeoutExpired:
            _kill(process)
            return f"does not answer there within {self._timeout_s:g} s"
        if process.returncode == 0:
            return None
        lines = [line.strip() for line in (printed or logged).splitlines() if line.strip()]
        reason = f": {_telling(lines)[:200]}" if lines else ""
        if process.returncode < 0:
            return f"is ended there by {signal.Signals(-process.returncode).name}{reason}"
        return f"fails there{reason}"


def _kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # The driver may hold it.
        process.communicate(timeout=10)


def _telling(lines: Sequence[str]) -> str:
    """Return the line that says why a process ended; a stack may follow it."""
    fatal = (line for line in lines if re.search("LLVM ERROR|Check failed", line))
    return next(fatal, lines[-1])


TRIAL = Trial()  # One for the process: GPUs that compute are not tried again.
