"""What the tests of training share. They need training/requirements.txt."""

import sys
from pathlib import Path

import pytest

# The repository is used from its own folder, without being installed.
sys.path.insert(0, str(Path(__file__).parents[2]))

pytest.importorskip(
    "torch", minversion="2.9", reason="needs pip install -r training/requirements.txt"
)
