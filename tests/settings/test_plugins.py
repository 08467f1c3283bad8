"""Packages that add a kind of source: without them and their lines, all else works and passes its
tests."""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support import tiny
from support.commands import python

from painterly.settings import sources
from painterly.settings.installation import PROGRAM

# Documents that tests hold to the program. Lines of them are about a package.
DOCUMENTS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "docs/troubleshooting.md")
PARTS = 4  # groups of test files: each is one test, which may not take five minutes
IMPORT_ALL = """
import pkgutil, painterly
from importlib import import_module
for each in pkgutil.walk_packages(painterly.__path__, "painterly."):
    if not each.name.endswith("__main__"):
        import_module(each.name)
from painterly.settings.sources import PLUGS
assert not PLUGS
"""


def leave_out(copy: Path, package: str) -> None:
    """Delete a package, its tests, its line, and what documents say of it."""
    name = package.removeprefix("painterly.")
    for place in ("painterly", "tests"):
        shutil.rmtree(copy / place / name)
    module = copy / "painterly/settings/sources.py"
    lines = module.read_text().splitlines(keepends=True)
    kept = [line for line in lines if package not in line]
    assert len(lines) - len(kept) == 1
    module.write_text("".join(kept))
    about = re.compile(rf"`{name}/|tests/{name}/")
    for page in (copy / each for each in DOCUMENTS):
        lines = page.read_text().splitlines(keepends=True)
        page.write_text("".join(line for line in lines if not about.search(line)))


@pytest.fixture(scope="module")
def copy():
    left_out = shutil.ignore_patterns(".git", ".venv", ".*_cache", "results", "weights")
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # A test looks into the copy as another user.
        whole = shutil.copytree(PROGRAM, f"{folder}/copy", ignore=left_out, symlinks=True)
        for package in sources.PACKAGES:
            leave_out(Path(whole), package)
        yield Path(whole)


def run(copy, *words):
    ran = python(*words, cwd=copy, PYTHONPATH=str(copy))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.thorough
def test_a_person_can_delete_the_packages_and_their_lines(copy):
    run(copy, "-c", IMPORT_ALL)
    for seed, name in enumerate(("photo.jpg", "painting.jpg")):
        (copy / name).write_bytes(tiny.file(48, 64, seed))
    picture = ("photo.jpg", "painting.jpg", "result.png", "--preset", "instant", "--size", "64")
    assert "result.png" in run(copy, "inetwork.py", *picture)
    run(copy, "-c", "from importlinter.cli import lint_imports; assert lint_imports() == 0")


@pytest.mark.thorough
@pytest.mark.parametrize("part", range(PARTS))
def test_without_them_all_quick_tests_pass(copy, part):
    for page in ("settings_tables", "price_list"):
        run(copy, "-m", f"tools.{page}")
    files = sorted(each.relative_to(copy) for each in (copy / "tests").rglob("test_*.py"))
    words = ("-q", "-n", "0", "-p", "no:cacheprovider", "--quick")
    assert " passed" in run(copy, "-m", "pytest", *words, *files[part::PARTS])
