"""How TensorFlow is loaded while others need the processor."""

import subprocess
import sys

import pytest

# Before each of the first imports, another thread loads a module, as one that paints may.
OTHERS = """
import importlib, sys
from concurrent.futures import ThreadPoolExecutor
from painterly.painters.loading import load_devices

sys.path.insert(0, sys.argv[1])
names, other = iter(sys.argv[2:]), ThreadPoolExecutor(1)

def give_way():
    if name := next(names, None):
        other.submit(importlib.import_module, name).result(20)

load_devices("cpu", True, give_way).result()
print("tensorflow" in sys.modules, next(names, None))
"""


@pytest.mark.thorough
def test_loading_gives_way_again_and_again_and_other_threads_load_modules_meanwhile(tmp_path):
    names = [f"module_{number}" for number in range(300)]
    for name in names:
        (tmp_path / f"{name}.py").touch()
    loading = [sys.executable, "-c", OTHERS, str(tmp_path), *names]
    said = subprocess.run(loading, check=True, capture_output=True, text=True, timeout=120)
    assert said.stdout.split() == ["True", "None"]
