"""Report whether the Python that runs it can be used instead of .venv.

    python tools/has_requirements.py EXTRA ...

Each EXTRA is one of pyproject.toml; without any, only the packages of the laptop's scripts are
required. Ends with 1 if this Python lacks anything, else with 0. Imports none of the packages and
needs none itself: start.sh runs it in whatever is called python.
"""

import re
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1]
CUDNN = "libcudnn.so.9"


def lacks(extras: list[str]) -> bool:
    """Compare the packages of this Python with the ranges that `extras` need."""
    if sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info < (3, 14):
        return True
    import tomllib

    if extras:
        project = tomllib.loads((PROGRAM / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        optional = project["optional-dependencies"]
        lines = project["dependencies"] + [line for extra in extras for line in optional[extra]]
    else:
        text = (PROGRAM / "requirements-laptop.txt").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
    return ("gpu" in extras and not has_cudnn()) or not all(map(is_met, lines))


def is_met(requirement: str) -> bool:
    """Look for a package within the range of `requirement`, as "name[extra]>=1.0,<2".

    A requirement with a marker counts as met: it concerns some machines only. So does TensorFlow
    under any name, for the module decides: a platform's builds have other names.
    """
    from importlib import metadata, util

    if requirement.startswith("tensorflow"):
        return util.find_spec("tensorflow") is not None
    if ";" in requirement:
        return True
    name = re.split(r"\[|<|>", requirement)[0]
    limits = re.sub(r"^[\w-]+(\[.*\])?", "", requirement)
    try:
        version = release(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False
    return all(
        version >= release(limit) if limit.startswith(">=") else version < release(limit)
        for limit in filter(None, limits.split(","))
    )


def release(version: str) -> list[int]:
    """Return the first four numbers of a version."""
    return ([int(number) for number in re.findall(r"\d+", version)] + [0] * 4)[:4]


def has_cudnn() -> bool:
    """Look for cuDNN where TensorFlow does: in its package, and among the system's libraries."""
    from importlib import util

    if util.find_spec("nvidia") and util.find_spec("nvidia.cudnn"):
        return True
    import ctypes

    try:
        ctypes.CDLL(CUDNN)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(lacks(sys.argv[1:]))
