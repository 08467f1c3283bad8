"""The packages' imports: each knows only what stands above it, and none go in a circle."""

import subprocess
import sys
from pathlib import Path

from styletransfer.paths import PROGRAM


def test_packages_import_only_what_their_contracts_allow():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=PROGRAM, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_few_modules_stand_beside_the_packages():
    assert len(list((PROGRAM / "styletransfer").glob("*.py"))) <= 12
