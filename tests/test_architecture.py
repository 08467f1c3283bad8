"""The structure: what each package imports, where each public name is, how long start.sh is."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from styletransfer.paths import PROGRAM

CODE = PROGRAM / "styletransfer"
SHARED_NAMES = {"main": "what a console script or `python -m` calls"}


def public_names(module: ast.Module) -> Iterator[str]:
    """The functions, classes and constants that a module defines. A TypeVar is none of these."""
    for node in module.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found = {node.name}
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
                found = set()
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = (each for target in targets for each in ast.walk(target))
                found = {each.id for each in names if isinstance(each, ast.Name)}
            case _:
                found = set()
        yield from (name for name in found if not name.startswith("_"))


def test_packages_import_only_what_their_contracts_allow():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=PROGRAM, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_few_modules_are_beside_the_packages():
    assert len(list(CODE.glob("*.py"))) <= 12


def test_each_public_name_is_defined_in_one_module():
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for path in modules():
        for name in public_names(ast.parse(path.read_text())):
            homes[name].add(str(path.relative_to(CODE)))
    twice = {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1}
    assert {name: paths for name, paths in twice.items() if name not in SHARED_NAMES} == {}


def test_start_sh_is_short_enough_to_read():
    assert len((PROGRAM / "start.sh").read_text().splitlines()) <= 150


def modules() -> list[Path]:
    return sorted(CODE.rglob("*.py"))
