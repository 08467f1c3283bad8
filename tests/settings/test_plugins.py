"""Packages that add a recipe: without one and its line, all else works and passes its tests."""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support import tiny
from support.commands import python

from painterly.settings.installation import PROGRAM
from painterly.settings.recipes import PACKAGES

# Documents that tests hold to the program. Lines of them are about a package.
DOCUMENTS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "docs/troubleshooting.md")
PARTS = 4  # groups of test files: each is one test, which may not take five minutes
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
    """Return a copy of the program in a folder, without a package, its tests, its line, and what
    documents say of it."""
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
    about = re.compile(rf"`{name}/|tests/{name}/|recipe `{name}`")
    for page in (copy / each for each in DOCUMENTS):
        lines = page.read_text().splitlines(keepends=True)
        page.write_text("".join(line for line in lines if not about.search(line)))
    return copy


@pytest.fixture(scope="module", params=PACKAGES)
def copy(request):
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # A test looks into the copy as another user.
        yield without(request.param, Path(folder))


def run(copy, *words):
    ran = python(*words, cwd=copy, PYTHONPATH=str(copy))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.thorough
def test_a_person_can_delete_a_package_and_its_line(copy):
    run(copy, "-c", IMPORT_ALL)
    for seed, name in enumerate(("photo.jpg", "painting.jpg")):
        (copy / name).write_bytes(tiny.file(48, 64, seed))
    picture = ("photo.jpg", "painting.jpg", "result.png", "--preset", "instant", "--size", "64")
    assert "result.png" in run(copy, "inetwork.py", *picture)
    run(copy, "-c", "from importlinter.cli import lint_imports; assert lint_imports() == 0")


@pytest.mark.thorough
@pytest.mark.parametrize("part", range(PARTS))
def test_without_it_all_quick_tests_pass(copy, part):
    for page in ("settings_tables", "price_list"):
        run(copy, "-m", f"tools.{page}")
    files = sorted(each.relative_to(copy) for each in (copy / "tests").rglob("test_*.py"))
    words = ("-q", "-n", "0", "-p", "no:cacheprovider", "--quick")
    assert " passed" in run(copy, "-m", "pytest", *words, *files[part::PARTS])
