"""Prints what the Python that runs it lacks for this project; start.sh decides by it.

    python tools/check_python.py [--cuda] [--module=NAME] [FILE ...]

Each FILE is a requirements file. Ends with 1 if anything is missing, else with 0. It imports none
of the packages and needs none itself: it runs in whatever is called python.
"""

import re
import sys
from importlib import util
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13")  # As requires-python in pyproject.toml.
MODULES = {"pillow": "PIL", "python-dotenv": "dotenv"}  # Packages whose module has another name.
CUDNN = "libcudnn.so.9"


def unsupported_python() -> list[str]:
    """What is wrong with the interpreter itself, if anything."""
    version = "{}.{}".format(*sys.version_info)
    if "t" in sys.abiflags:
        version += " (free-threaded)"
    if sys.implementation.name != "cpython":
        version = f"{sys.implementation.name} {version}"
    return [] if version in SUPPORTED else [f"Python 3.11 to 3.13 (this is {version})"]


def missing_requirements(text: str) -> list[str]:
    """The requirements in a file's `text` that are not met, as "name>=1.0,<2".

    Lines with a marker ("; ...") are passed over: they concern some machines only.
    """
    missing = []
    for line in text.splitlines():
        requirement = line.partition("#")[0].replace(" ", "").strip()
        found = re.fullmatch(r"([\w.-]+)(?:\[[^]]*\])?([<>=\d.,]*)", requirement)
        if found and not installed(found[1], found[2]):
            missing.append(found[1] + found[2])
    return missing


def installed(name: str, limits: str) -> bool:
    """Whether package `name` is there in a version within `limits`, as ">=1.0,<2"."""
    from importlib import metadata  # Takes longer than all else here.

    try:
        version = release(metadata.version(name))
    except metadata.PackageNotFoundError:
        # tensorflow-cpu or a conda build has the module, but goes by another name.
        return util.find_spec(MODULES.get(name.lower(), name.replace("-", "_"))) is not None
    return all(
        version >= release(limit[2:]) if limit.startswith(">=") else version < release(limit[1:])
        for limit in filter(None, limits.split(","))
    )


def release(version: str) -> list[int]:
    """The first four numbers of a version."""
    return ([int(number) for number in re.findall(r"\d+", version)] + [0] * 4)[:4]


def has_cudnn() -> bool:
    """Whether TensorFlow would find cuDNN: as a package, or among the system's libraries."""
    if util.find_spec("nvidia") and util.find_spec("nvidia.cudnn"):
        return True
    import ctypes

    try:
        ctypes.CDLL(CUDNN)
    except OSError:
        return False
    return True


def missing(needs: list[str]) -> list[str]:
    """What is missing of `needs`, which are the arguments of this program."""
    lacking = unsupported_python()
    if lacking:
        return lacking
    for need in needs:
        kind, _, name = need.rpartition("=")
        if need == "--cuda":
            lacking += [] if has_cudnn() else ["the CUDA libraries"]
        elif kind == "--module":
            lacking += [] if util.find_spec(name) else [name]
        else:
            lacking += missing_requirements(Path(need).read_text(encoding="utf-8"))
    return lacking


if __name__ == "__main__":
    found = missing(sys.argv[1:])
    for each in found:
        print(each)
    sys.exit(1 if found else 0)
