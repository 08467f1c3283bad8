import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def bench_folder():
    """The scripts' folder, first on the path, as when they run."""
    folder = str(Path(__file__).parents[2] / "bench")
    sys.path.insert(0, folder)
    yield
    sys.path.remove(folder)
