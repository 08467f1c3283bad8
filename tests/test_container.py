"""Dockerfile and .dockerignore: what the image is made of. It is not built here."""

import fnmatch
import re

from styletransfer.paths import PROGRAM
from styletransfer.vgg.architectures import BUILTIN


def lets_through(path: str) -> bool:
    """Whether .dockerignore lets a file into the build: the last rule that names it, or a folder
    that it is in, decides."""
    parts = path.split("/")
    paths = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    found = True
    for rule in (PROGRAM / ".dockerignore").read_text().splitlines():
        pattern = rule.removeprefix("!")
        name = pattern.removeprefix("**/")
        named = paths if pattern == name else parts
        same_depth = [each for each in named if each.count("/") == name.count("/")]
        if rule and not rule.startswith("#") and fnmatch.filter(same_depth, name):
            found = rule.startswith("!")
    return found


def test_the_image_has_the_network_of_our_own_and_no_secret():
    assert lets_through(BUILTIN.relative_to(PROGRAM).as_posix())
    for path in ("styletransfer/batch/run.py", "aws/entrypoint.py", "aws/layout.py", "start.sh"):
        assert lets_through(path)
    for path in (".env", ".git/config", "samples/.env", "aws/bot/handler.py", "tests/conftest.py"):
        assert not lets_through(path)


def test_the_image_is_made_of_pinned_parts():
    lines = (PROGRAM / "Dockerfile").read_text().splitlines()
    [base] = [line for line in lines if line.startswith("ARG PYTHON_IMAGE=")]
    assert re.search(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", base)
    assert "FROM $PYTHON_IMAGE" in lines
    [install] = [line for line in lines if "uv sync" in line]
    assert "--locked" in install
