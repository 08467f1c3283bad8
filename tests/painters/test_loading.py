"""How TensorFlow is loaded while others need the processor."""

import builtins
import subprocess
import sys
from types import SimpleNamespace

import pytest

from painterly.errors import DeviceError
from painterly.painters import loading

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


@pytest.fixture
def load(monkeypatch):
    """A function that loads, and calls another one in the place of TensorFlow's import."""

    def loaded(instead, *give_way):
        def choose_devices(_):
            raise DeviceError(str(instead()))

        module = SimpleNamespace(choose_devices=choose_devices)
        monkeypatch.setitem(sys.modules, "painterly.devices.choose", module)
        with pytest.raises(DeviceError) as said:
            loading.load_devices("cpu", True, *give_way).result()
        return str(said.value)

    monkeypatch.setattr(loading, "check_tensorflow", lambda: None)
    return loaded


def test_imports_stay_as_they_are_unless_someone_is_given_way(load):
    real = builtins.__import__
    assert load(lambda: builtins.__import__ is real) == "True"


def test_while_loading_gives_way_modules_are_imported_by_any_arguments(load):
    real, ways = builtins.__import__, []

    def by_any_arguments():
        nameless = {"__name__": None, "__package__": ""}
        __import__("json", globals={"__name__": "tensorflow.any"})
        return __import__("json", nameless), __import__("json", fromlist=("dumps",), level=0)

    assert load(by_any_arguments, lambda: ways.append(1)).count("module 'json'") == 2
    assert ways == [1] and builtins.__import__ is real
