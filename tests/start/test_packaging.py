"""What pip, the lock files, the shell scripts and .env.example promise."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

import styletransfer
from styletransfer import config
from styletransfer.storage.address import CELLAR

REPO = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]


def requirements(kind: str = "") -> list[str]:
    text = (REPO / f"requirements{kind}.txt").read_text()
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


@pytest.mark.parametrize("kind", ["", "-cluster", "-dev", "-gpu", "-laptop"])
def test_ranges_are_ones_that_the_check_understands(kind):
    """tools/check_python.py knows >= and < alone, so that it needs no package."""
    for line in requirements(kind):
        assert re.fullmatch(r"[\w-]+(\[[\w,-]+\])?>=[\d.]+,<[\d.]+(; .*)?", line), line


def test_one_range_for_each_package():
    ranges = requirements()
    assert {*requirements("-laptop")} <= {*ranges}
    assert [line.replace("[and-cuda]", "") for line in requirements("-gpu")] == ranges[:1]


@pytest.mark.parametrize("kind", ["", "-cluster", "-dev", "-gpu"])
def test_locks_have_every_requirement_with_hashes_and_nothing_of_a_machine(kind):
    text = (REPO / f"requirements{kind}.lock").read_text()
    assert not re.search(r"^-|file:|://|/(home|opt|root|tmp|Users)/", text, re.MULTILINE)
    entries = re.findall(r"^([\w-]+)==\S+ .*\\\n((?:    --hash=sha256:\w{64}.*\n)+)", text, re.M)
    assert len(entries) == len(re.findall("==", re.sub(r"(?<= ; ).*", "", text)))
    names = {name for name, _ in entries}
    for line in requirements() + requirements(kind):
        name = re.match(r"[\w-]+", line)[0].lower().replace("_", "-")
        assert name in names


def test_locks_agree():
    versions: dict[str, set[str]] = {}
    for kind in ("", "-cluster", "-dev", "-gpu"):
        text = (REPO / f"requirements{kind}.lock").read_text()
        for name, version in re.findall(r"^([\w-]+)==(\S+)", text, re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert [name for name, found in versions.items() if len(found) > 1] == []


def test_project_version_begins_with_that_of_the_engine():
    assert PROJECT["version"].partition(".")[0] == styletransfer.ENGINE_VERSION


@pytest.mark.parametrize(("script", "target"), PROJECT["scripts"].items())
def test_console_scripts_are_there(script, target):
    module, _, function = target.partition(":")
    assert callable(getattr(import_module(module), function)), script


def test_a_wheel_has_all_packages_their_data_and_the_extras(tmp_path):
    pytest.importorskip("setuptools", "77", reason="needs setuptools 77, as requirements.lock has")
    shutil.copytree(REPO / "styletransfer", tmp_path / "styletransfer")
    for file in ["pyproject.toml", *(path.name for path in REPO.glob("requirements*.txt"))]:
        shutil.copy(REPO / file, tmp_path)
    build = "from setuptools import build_meta; build_meta.build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        files = {*wheel.namelist()}
        metadata = wheel.read(next(name for name in files if name.endswith("/METADATA"))).decode()
    sources = (REPO / "styletransfer").rglob("*.*")
    wanted = {path.relative_to(REPO).as_posix() for path in sources if path.suffix != ".pyc"}
    assert wanted <= files
    assert "styletransfer/vgg/builtin.npz" in files
    for line in requirements():
        assert f"Requires-Dist: {canonical(line)}" in canonical(metadata)
    assert {"cluster", "gpu", "laptop", "dev"} == {*re.findall(r"Provides-Extra: (\w+)", metadata)}


def canonical(text: str) -> str:
    return re.sub(r"(>=[\d.]+),(<[\d.]+)", r"\2,\1", text)


@pytest.mark.parametrize("python", ["3.10", "3.14"])
def test_check_refuses_other_pythons(python, tmp_path):
    numbers = tuple(map(int, python.split(".")))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c",
         f"import runpy, sys; sys.version_info = {numbers}; sys.argv = ['x']\n"
         "runpy.run_path('tools/check_python.py', run_name='__main__')"],
        cwd=REPO, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert python in done.stdout


@pytest.mark.parametrize("script", ["start.sh", ".ci/run", "tools/lock"])
def test_shell_scripts_are_sound_and_executable(script):
    assert os.access(REPO / script, os.X_OK)
    subprocess.run(["bash", "-n", REPO / script], check=True)


def test_env_example_changes_nothing_as_it_is_and_is_right_when_filled_in():
    text = (REPO / ".env.example").read_text()
    assert dotenv_values(stream=StringIO(text)) == {}
    filled = dotenv_values(stream=StringIO(re.sub(r"^#(?=[A-Z_]+=)", "", text, flags=re.M)))
    assert not config.load(filled).demo
    documented = {*config.BUCKETS, *CELLAR, "STYLE_MODE", "STYLE_SIZE", "VGG_WEIGHTS"}
    assert documented | {"DEVICE", "OUTPUT_FORMAT", "OUTPUT_QUALITY"} <= set(filled)
