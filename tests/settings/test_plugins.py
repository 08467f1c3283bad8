"""Packages that add a recipe: without one and its line, all else works."""

import shutil
from pathlib import Path

import pytest
from support import tiny
from support.commands import python

from painterly.settings.installation import PROGRAM
from painterly.settings.recipes import PACKAGES

# Tests of what asks the plug-ins: settings, plans, weights, and the API.
OTHERS = (
    *("tests/settings", "tests/configuration", "tests/orders/test_network_pool.py"),
    *("tests/cli/test_weights.py", "tests/web/test_openapi.py"),
)
IMPORT_ALL = """
import pkgutil, painterly
from importlib import import_module
for each in pkgutil.walk_packages(painterly.__path__, "painterly."):
    if not each.name.endswith("__main__"):
        import_module(each.name)
from painterly.settings.recipes import PLUGINS, PRESETS, RECIPES
assert not PLUGINS and len(PRESETS) == 4 and len(RECIPES) == 5
"""


def without(package: str, folder: Path) -> Path:
    """Return a copy of the program in a folder, without a package, its tests and its line."""
    left_out = shutil.ignore_patterns(".git", ".venv", ".*_cache", "results", "weights")
    copy = Path(shutil.copytree(PROGRAM, folder / "copy", ignore=left_out, symlinks=True))
    name = package.removeprefix("painterly.")
    for place in ("painterly", "tests"):
        shutil.rmtree(copy / place / name)
    recipes = copy / "painterly/settings/recipes.py"
    lines = recipes.read_text().splitlines(keepends=True)
    kept = [line for line in lines if package not in line]
    assert len(lines) - len(kept) == 1
    recipes.write_text("".join(kept))
    return copy


@pytest.mark.thorough
@pytest.mark.parametrize("package", PACKAGES)
def test_a_person_can_delete_a_package_and_its_line(package, tmp_path):
    copy = without(package, tmp_path)

    def run(*words):
        ran = python(*words, cwd=copy, PYTHONPATH=str(copy))
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    run("-c", IMPORT_ALL)
    for seed, name in enumerate(("photo.jpg", "painting.jpg")):
        (copy / name).write_bytes(tiny.file(48, 64, seed))
    picture = ("photo.jpg", "painting.jpg", "result.png", "--preset", "instant", "--size", "64")
    assert "result.png" in run("inetwork.py", *picture)
    run("-m", "tools.settings_tables")
    quick = ("-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not slow and not thorough")
    assert " passed" in run("-m", "pytest", *quick, *OTHERS)
