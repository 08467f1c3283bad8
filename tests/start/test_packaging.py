"""The promises of pip's requirements, uv.lock, the shell scripts and .env.example."""

import re
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
EXTRAS = PROJECT["optional-dependencies"]


def requirements(kind: str = "") -> list[str]:
    lines = (REPO / f"requirements{kind}.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_requirements_for_pip_are_those_of_the_project():
    assert requirements() == PROJECT["dependencies"] + EXTRAS["cpu"]
    assert requirements("-laptop") == EXTRAS["laptop"]
    assert {*EXTRAS["laptop"]} <= {*PROJECT["dependencies"]}


def test_ranges_have_both_ends_and_one_tensorflow():
    for line in [*PROJECT["dependencies"], *EXTRAS["cpu"], *EXTRAS["gpu"], *EXTRAS["cluster"]]:
        assert re.fullmatch(r"[\w-]+(\[[\w,-]+\])?>=[\d.]+,<[\d.]+(; .*)?", line), line
    tensorflow = [line.partition(";")[0] for line in EXTRAS["cpu"] + EXTRAS["gpu"]]
    assert {re.sub(r"^[^>]+", "", line) for line in tensorflow} == {">=2.21,<2.22"}


def test_project_version_begins_with_that_of_the_engine():
    assert PROJECT["version"].partition(".")[0] == styletransfer.ENGINE_VERSION


@pytest.mark.parametrize(("script", "target"), PROJECT["scripts"].items())
def test_console_scripts_are_there(script, target):
    module, _, function = target.partition(":")
    assert callable(getattr(import_module(module), function)), script


def test_a_wheel_has_all_packages_and_their_data(tmp_path):
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("needs uv in .venv: ./start.sh setup --dev")
    subprocess.run([uv, "build", "-q", "--wheel", "-o", tmp_path], cwd=REPO, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        files = {*wheel.namelist()}
    sources = (REPO / "styletransfer").rglob("*.*")
    wanted = {path.relative_to(REPO).as_posix() for path in sources if path.suffix != ".pyc"}
    assert wanted <= files
    assert "styletransfer/vgg/builtin.npz" in files


def test_env_example_changes_nothing_as_it_is_and_is_right_when_filled_in():
    text = (REPO / ".env.example").read_text()
    assert dotenv_values(stream=StringIO(text)) == {}
    filled = dotenv_values(stream=StringIO(re.sub(r"^#(?=[A-Z_]+=)", "", text, flags=re.M)))
    assert not config.load(filled).demo
    documented = {*config.BUCKETS, *CELLAR, "STYLE_MODE", "STYLE_SIZE", "VGG_WEIGHTS"}
    assert documented | {"DEVICE", "OUTPUT_FORMAT", "OUTPUT_QUALITY"} <= set(filled)
