"""The package as pip installs it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from painterly.settings.installation import PROGRAM


@pytest.fixture(scope="session")
def uv() -> Path:
    """The program uv."""
    program = Path(sys.executable).with_name("uv")
    if not program.exists():
        pytest.skip("needs uv in .venv: ./start.sh setup --dev")
    return program


@pytest.fixture(scope="session")
def site(uv, tmp_path_factory) -> Path:
    """A folder for PYTHONPATH with what the wheel installs, without its requirements."""
    built, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    subprocess.run([uv, "build", "-q", "--wheel", "-o", built], cwd=PROGRAM, check=True)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder
