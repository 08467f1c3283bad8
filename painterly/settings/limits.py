"""Environment, memory and time of a process that reads a stranger's file.

The process limits itself before it reads: the system ends it, or refuses memory, whatever a library
does. Windows has no such limits. As a program, this limits itself and becomes another one:

    python -I -S limits.py PARENT SECONDS MEMORY SIZE PROGRAM ARGUMENT …
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]

_END_WITH_PARENT = 1  # prctl's PR_SET_PDEATHSIG
NICENESS = 10  # Pages do not wait for a program that reads a clip, nor does the worker (5).
# By their exact names: LANGSMITH_API_KEY begins as LANG does.
_PASSED = (
    *("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP"),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    *("PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONUTF8"),
    *("NPY_DISABLE_CPU_FEATURES", "OPENBLAS_CORETYPE"),
)


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a process that reads a stranger's file, and `more`: no secret is
    among them. Freed memory goes back at once, and NumPy's library has one thread."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # Each takes memory.
    return {**passed, **threads, "MALLOC_TRIM_THRESHOLD_": "1000000", **more}


def limit_time(seconds: int) -> None:
    """Limit further processor time, write no file, and leave no core dump."""
    if resource is None:
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _set(resource.RLIMIT_CPU, int(used) + seconds)
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, 0)


def limit_memory(most: int | None) -> None:
    """Limit further memory to `most` bytes, or lift the limit.

    Memory is what is allocated, touched or not; address space would count files and libraries, too.
    """
    if resource is None:
        return
    if most is None:
        _set(resource.RLIMIT_DATA, resource.RLIM_INFINITY)
        return
    with contextlib.suppress(OSError):  # Linux alone limits allocated memory.
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        _set(resource.RLIMIT_DATA, pages * resource.getpagesize() + most)


def _set(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        most = hard if most == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(ValueError):  # Some systems refuse limits.
        resource.setrlimit(which, (most, hard))


def limited(command: list[str], seconds: int, memory: int, size: int) -> list[str]:
    """Return the command of a program that ends with this process, within limits.

    Args:
        command: The path of the program, and its arguments.
        seconds: The most processor time; see `grant_time`.
        memory: The most memory in bytes.
        size: The most bytes of a file that it writes.
    """
    if resource is None:
        return command
    numbers = map(str, (os.getpid(), seconds, memory, size))
    return [sys.executable, "-I", "-S", __file__, *numbers, *command]


def grant_time(process: int, seconds: int) -> None:
    """Let a process take further processor time."""
    with contextlib.suppress(OSError, AttributeError):  # It has ended, or this is not Linux.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) // os.sysconf("SC_CLK_TCK")
        _, hard = resource.prlimit(process, resource.RLIMIT_CPU)
        resource.prlimit(process, resource.RLIMIT_CPU, (used + seconds, hard))


def _become(parent: str, seconds: str, memory: str, size: str, *command: str) -> None:
    import ctypes

    with contextlib.suppress(AttributeError):  # Linux alone has it.
        ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("its parent has ended")
    os.setpgid(0, 0)  # Ctrl-C is for the parent alone.
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # If memory runs out, it is this process that has to go.
        Path("/proc/self/oom_score_adj").write_text("1000")
    limit_time(int(seconds))
    limit_memory(int(memory))
    _set(resource.RLIMIT_FSIZE, int(size))
    os.execv(command[0], command)


if __name__ == "__main__":
    _become(*sys.argv[1:])
