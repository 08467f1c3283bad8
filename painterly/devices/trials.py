"""Trials of GPUs, each in its own process; without TensorFlow.

On a card that it has no kernels for, TensorFlow may abort its process, or never answer. A process
for each GPU keeps the others' answers, and all run while this one loads TensorFlow itself.
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


class Trials:
    """Trials of GPUs, by CUDA's numbers.

    Args:
        command: The program that tries the GPU of the number that is appended. It ends with 0 if
            the GPU works, and otherwise prints the flaw.
        timeout_s: The longest wait in `flaws`. Trials that take longer are killed.
    """

    def __init__(self, command: Sequence[str] = COMMAND, timeout_s: float = TIMEOUT_S) -> None:
        self._command, self._timeout_s = command, timeout_s
        self._processes: list[subprocess.Popen[str]] = []
        self._flaws: dict[int, str | None] = {}

    def begin(self, count: int) -> None:
        """Begin the trials of the first `count` GPUs, except those that have begun."""
        for number in range(len(self._processes), count):
            process = subprocess.Popen(
                [*self._command, str(number)],
                cwd=PROGRAM,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            self._processes.append(process)

    def flaws(self, count: int) -> dict[int, str]:
        """Wait until all trials have left their GPUs, and end the trials of further GPUs.

        Args:
            count: The number of GPUs to be used.

        Returns:
            Number → flaw of each GPU that does not work, as the end of a sentence that begins with
            TensorFlow.
        """
        self.begin(count)
        while len(self._processes) > max(count, len(self._flaws)):
            _kill(self._processes.pop())
        ends = monotonic() + self._timeout_s
        for number in range(len(self._flaws), count):
            self._flaws[number] = self._flaw(self._processes[number], ends)
        return {n: flaw for n, flaw in self._flaws.items() if flaw and n < count}

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


TRIALS = Trials()  # Once in a process: it does not try again what it computes on.
