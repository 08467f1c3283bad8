"""Dockerfile, .dockerignore and compose.yaml; tools/try_image.sh builds the image itself."""

import fnmatch
import re
import tomllib
from importlib.util import find_spec

import yaml

from painterly.cli.command import VERBS
from painterly.installation import PROGRAM
from painterly.vgg.architectures import BUILTIN
from painterly.web.gate import OPEN_PATHS
from painterly.web.options import load_options

DOCKERFILE = (PROGRAM / "Dockerfile").read_text()


def lets_through(path: str) -> bool:
    """Whether .dockerignore lets a file into the build: the last rule that names it, or a folder
    that it is in, decides."""
    parts = path.split("/")
    paths = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    passes = True
    for rule in (PROGRAM / ".dockerignore").read_text().splitlines():
        pattern = rule.removeprefix("!")
        name = pattern.removeprefix("**/")
        candidates = paths if pattern == name else parts
        same_depth = [part for part in candidates if part.count("/") == name.count("/")]
        if rule and not rule.startswith("#") and fnmatch.filter(same_depth, name):
            passes = rule.startswith("!")
    return passes


def test_the_image_has_the_network_of_our_own_and_no_secret():
    assert lets_through(BUILTIN.relative_to(PROGRAM).as_posix())
    for path in ("painterly/batch/run.py", "aws/entrypoint.py", "aws/contract.py", "start.sh"):
        assert lets_through(path)
    for path in (".env", ".git/config", "samples/.env", "aws/bot/handler.py", "tests/conftest.py"):
        assert not lets_through(path)


def test_the_image_has_what_the_package_is_built_from():
    project = tomllib.loads((PROGRAM / "pyproject.toml").read_text())["project"]
    for path in ("pyproject.toml", "uv.lock", project["readme"], *project["license-files"]):
        assert lets_through(path)


def test_the_image_is_made_of_pinned_parts():
    lines = DOCKERFILE.splitlines()
    [base] = [line for line in lines if line.startswith("ARG PYTHON_IMAGE=")]
    assert re.search(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", base)
    assert "FROM $PYTHON_IMAGE" in lines
    [install] = [line for line in lines if "uv sync" in line]
    assert "--locked" in install


def test_compose_serves_the_page_and_keeps_its_pictures():
    compose = yaml.safe_load((PROGRAM / "compose.yaml").read_text())
    web = compose["services"]["web"]
    assert all(f"ARG {name}=" in DOCKERFILE for name in web["build"]["args"])
    python, option, module, verb = web["command"]
    assert (python, option) == ("python", "-m") and find_spec(module) and verb in VERBS

    options = load_options({**web["environment"], "WEB_PASSWORD": "a long one"})
    assert web["ports"] == [f"8080:{options.port}"] and not options.local
    check = web["healthcheck"]["test"][-1]
    [(port, path)] = re.findall(r'urlopen\("http://127\.0\.0\.1:(\d+)(/\w+)"', check)
    assert port == str(options.port) and path in OPEN_PATHS

    # A new volume belongs to the owner of the image's folder, who runs the service.
    [volume] = web["volumes"]
    name, folder = volume.split(":")
    assert name in compose["volumes"]
    [made] = re.findall(r"install --directory --owner=painter --group=painter (.+)", DOCKERFILE)
    assert folder in made.split() and folder == "/app/results"
