"""Environment, memory and time of a process that reads a stranger's file.

The process limits itself before it reads: the system ends it, or refuses memory, whatever a library
does. Windows has no such limits.
"""

import contextlib
import os
from pathlib import Path

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None  # type: ignore[assignment]


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
    """Limit processor time beyond what was used so far, and leave no core dump."""
    if resource is None:
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _set(resource.RLIMIT_CPU, int(used) + seconds)
    _set(resource.RLIMIT_CORE, 0)


def limit_memory(most: int | None) -> None:
    """Limit memory to `most` bytes beyond what is used, or lift the limit.

    Memory is what is allocated, touched or not; address space would count files and libraries, too.
    """
    if resource is None:
        return
    if most is None:
        _set(resource.RLIMIT_DATA, resource.RLIM_INFINITY)
        return
    with contextlib.suppress(OSError):  # Linux alone limits what is allocated.
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        _set(resource.RLIMIT_DATA, pages * resource.getpagesize() + most)


def _set(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        most = hard if most == resource.RLIM_INFINITY else min(most, hard)
    with contextlib.suppress(ValueError):  # Some systems refuse limits.
        resource.setrlimit(which, (most, hard))
