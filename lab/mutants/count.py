"""How many random mutants of the program its tests kill.

Runs tests once, notes which of them reach which line, then draws mutants, and runs for each one the
tests that reach it, in a fork. It needs coverage, beside ./start.sh setup --dev.

    .venv/bin/python lab/mutants/count.py tests/orders --package orders --count 60 --seed 1
"""

import argparse
import ast
import gc
import json
import os
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from coverage import Coverage
from mutations import Mutant, draw, mutated

ROOT = Path(__file__).resolve().parents[2]
# In a fork, a process that was started while tests were collected seems left behind: the first test
# of each mutant would fail.
PYTEST = ["-q", "-n", "0", "-p", "no:cacheprovider", "-W", "ignore:subprocess:ResourceWarning"]
Reach = dict[str, list[str]]  # the tests that reach each line, as file:line


class Mutants:
    """A plugin of pytest that runs mutants instead of the tests."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self.outcomes = options, dict[str, int]()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        packages = [ROOT / "painterly" / each for each in self._options.package or [""]]
        files = [file for each in packages for file in each.rglob("*.py")]
        reach: Reach | None = in_fork(lambda: reached(session), limit_s=3600)
        if not reach:
            pytest.exit("the tests reach no line, or take more than an hour", 1)
        mutants = draw(files, ROOT, self._options.seed, self._options.count)
        outcomes: dict[str, int] = defaultdict(int)
        for mutant in mutants:
            tests = _reaching(mutant, reach)
            items = [item for item in session.items if item.nodeid in tests]
            failed = in_fork(partial(first_failure, mutant, items), self._options.limit_s)
            outcome = "not reached" if not items else "survives" if failed == "" else "killed"
            outcomes[outcome] += 1
            print(
                f"{outcome}: {mutant.file}:{mutant.line}: {mutant.mutation}; {failed}", flush=True
            )
        self.outcomes = dict(outcomes)
        return True


def reached(session: pytest.Session) -> Reach:
    """Run the tests, and return which of them reach which line."""
    measured = Coverage(data_file=None, source=[str(ROOT / each) for each in ("painterly", "aws")])
    measured.start()
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        measured.switch_context(item.nodeid)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    measured.stop()
    data, reach = measured.get_data(), Reach()
    for file in data.measured_files():
        name = str(Path(file).relative_to(ROOT))
        for line, contexts in data.contexts_by_lineno(file).items():
            reach[f"{name}:{line}"] = [each for each in contexts if each]
    return reach


def first_failure(mutant: Mutant, items: list[pytest.Item]) -> str:
    """Run tests with a mutant until one fails; return its name, or an empty text."""
    put_in(mutant)
    failed: list[str] = []

    class Watch:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            failed.extend([report.nodeid] * report.failed)

    for item, following in zip(items, [*items[1:], None], strict=True):
        if item is items[0]:
            item.config.pluginmanager.register(Watch())
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if failed:
            return failed[0]
    return ""


def put_in(mutant: Mutant) -> None:
    """Give all functions of the mutant's place its code."""
    path = str(ROOT / mutant.file)
    module = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    import_module(module.removeprefix("aws."))  # A test may be the first to load it.
    compiled = compile(mutated(Path(path).read_text(), mutant), path, "exec")
    new = {(code.co_qualname, code.co_firstlineno): code for code in _codes(compiled)}
    gc.unfreeze()  # tests/conftest.py freezes what is loaded.
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == path:
            old = each.__code__
            each.__code__ = new.get((old.co_qualname, old.co_firstlineno), old)


def in_fork(action: Callable[[], Any], limit_s: float) -> Any:
    """Return what an action returns in a fork of this process, or None if it takes too long."""
    with tempfile.NamedTemporaryFile() as answer:
        child = os.fork()
        if child == 0:
            os.setsid()
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1), os.dup2(quiet, 2)
            try:
                Path(answer.name).write_text(json.dumps(action()))
            finally:
                os._exit(0)
        deadline, ended = time.monotonic() + limit_s, False
        while not ended and time.monotonic() < deadline:
            time.sleep(0.02)
            ended = os.waitpid(child, os.WNOHANG) != (0, 0)
        with suppress(ProcessLookupError):  # A test that fails leaves its servers.
            os.killpg(child, signal.SIGKILL)
        if not ended:
            os.waitpid(child, 0)
            return None
        text = Path(answer.name).read_text()
        return json.loads(text) if text else None


def _reaching(mutant: Mutant, reach: Reach) -> set[str]:
    """Return the tests that reach the statement of a mutant; if its function is cached, all that
    reach its file: the function ran in the first of them alone."""
    tree = ast.parse((ROOT / mutant.file).read_text())
    statements = [each for each in ast.walk(tree) if isinstance(each, ast.stmt)]
    around = [each for each in statements if each.lineno <= mutant.line <= (each.end_lineno or 0)]
    functions = [each for each in around if isinstance(each, ast.FunctionDef)]
    if any("cache" in ast.unparse(how) for each in functions for how in each.decorator_list):
        return {test for at, of in reach.items() if at.startswith(f"{mutant.file}:") for test in of}
    return {*reach.get(f"{mutant.file}:{max(each.lineno for each in around)}", ())}


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", nargs="+", help="what pytest runs, and its options")
    parser.add_argument("--package", action="append", help="a folder of painterly/, or several")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", default=str(time.time_ns()))
    parser.add_argument("--limit-s", type=float, default=300, help="for the tests of one mutant")
    options, more = parser.parse_known_args()
    sys.path[:0] = [str(ROOT)]
    print(f"--seed {options.seed}")
    plugin = Mutants(options)
    code = pytest.main([*PYTEST, *options.tests, *more], [plugin])
    reached_ = plugin.outcomes.get("killed", 0) + plugin.outcomes.get("survives", 0)
    share = plugin.outcomes.get("killed", 0) / max(1, reached_)
    print(f"{plugin.outcomes}; of those that a test reaches, {share:.0%} are killed")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
