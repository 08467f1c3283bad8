"""A machine with Pythons and an uv that pretend, on which start.sh runs."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
FAKE = REPO / "tests/support/fake_python.py"
TOOLS = ["bash", "cat", "dirname", "env", "readlink", "sh"]
# The interpreter itself, whose start a virtual environment's would lengthen.
REAL = Path(sys.executable).resolve()


class Machine:
    """A checkout, and a machine on which there is nothing but what a test puts there."""

    def __init__(self, folder: Path):
        self.bin, self.devices, self.home = folder / "bin", folder / "dev", folder / "home"
        self.repo, self.log = folder / "a check out", folder / "log"
        for each in (self.bin, self.devices, self.home, self.repo):
            each.mkdir()
        self.log.touch()
        shutil.copy(REPO / "start.sh", self.repo)
        shutil.copytree(REPO / "tools", self.repo / "tools")
        (self.repo / "pyproject.toml").touch()
        kinds = {"": "paints", "-dev": "tests", "-gpu": "computes", "-cluster": "shares"}
        for kind, name in kinds.items():
            (self.repo / f"requirements{kind}.txt").write_text(f"# Why.\n{name}[s]>=1.2,<2 # So\n")
            (self.repo / f"requirements{kind}.lock").write_text(f"{name}==1.5 --hash=sha256:0\n")
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        self.environment = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "NVIDIA_DEVICES": str(self.devices),
            "FAKE_LOG": str(self.log),
        }

    def has(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def python(self, name: str, kind: str, *packages: str) -> Path:
        """A Python; `packages` are as "paints-1.5" or, for a module of no package, "paints"."""
        path = self.has(name, f'#!/bin/sh\nexec "{REAL}" -I -S "{FAKE}" "$0" "$@"\n')
        Path(f"{path}.kind").write_text(kind)
        for each in packages:
            name, _, version = each.partition("-")
            info = Path(f"{path}.packages") / (f"{each}.dist-info" if version else name)
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
            (info / "__init__.py").touch()
        return path

    def popen(self, *args: str, script: Path | None = None, **environment: str):
        return subprocess.Popen(
            [script or self.repo / "start.sh", *args],
            env=self.environment | environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, *args: str, script: Path | None = None, **environment: str):
        process = self.popen(*args, script=script, **environment)
        out, err = process.communicate(timeout=30)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def done(self) -> list[str]:
        """What was made and installed since the last call."""
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return lines

    @property
    def venv_python(self) -> Path:
        return self.repo / ".venv/bin/python"


def until(condition: Callable[[], bool], process: subprocess.Popen, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"did not happen; it said: {process.communicate()}")
        time.sleep(0.02)


NEW = ["made", "installed requirements.lock", "installed"]  # The last is the project itself.
