"""Scenarios: what a user does to three folders, run after run. `*.scenario` files have them.

    == what is promised, in one line
    env STYLE=monet                     # for all runs of this scenario
    write out/monet/beach.jpg mine      # a file; `photo PATH SEED [KIND]` is a picture
    run OUTPUT_FORMAT=png -> 3          # a run, and how many pictures it paints
      FAILED: …                         # each failure, whole; the run then ends with 1
      ~ text                            # text that the run has printed; `!~ text`, that it has not
    command beach.jpg hokusai -> 0      # a command line, and its exit code
    same                                # what was written or named by `keep PATH` is as it was

Others: `rm PATH`, `mv OLD NEW`, `cut PATH BYTES` (from its end), `flip PATH` (its last byte),
`record NAME=JSON…` (of beach.jpg in monet; without JSON, a field goes), `settings NAME=JSON…` (in
it), `has NAME=JSON…`, `results KEY…` (all), `there PATH…`, `gone PATH…`, `same-bytes PATH…`, and
`at POINT COMMAND`: once, in the middle of the next run, as a result is encoded or a key is looked
for: `at encode run …`, `at find:KEY rm …`; `at write:PREFIX die` kills it after such a key's write.

UPDATE_SCENARIOS=1 writes what came out in the place of what was expected: read the diff.
"""

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from painterly.cli.command import main
from painterly.images import encode
from painterly.log import log_to_stdout
from painterly.storage.folder import FolderBucket
from support import tiny
from support.batch_results import RECORD, results
from support.folder_batches import run as run_batch

UPDATES = bool(os.environ.get("UPDATE_SCENARIOS"))
_FIELD = re.compile(r'(\w+)=("[^"]*"|\[\S*\]|\S*)')


class KilledError(BaseException):
    """The death of a run, which no handler catches."""


def scenarios(file: Path) -> list:
    """Return the scenarios of a file as parameters: their lines, with the number of each."""
    found: list = []
    for number, line in enumerate(file.read_text().splitlines()):
        if line.startswith("== "):
            found.append(pytest.param((file, []), id=line[3:].replace(" ", "_")))
        elif found and line.strip() and not line.startswith("#"):
            found[-1].values[0][1].append((number, line))
    return found


def play(scenario: tuple[Path, list], stage: "Stage") -> None:
    """Do what a scenario says."""
    file, lines = scenario
    changed = {}
    for number, line, expected in _grouped(lines):
        try:
            came_out = stage.do(line, expected)
        except AssertionError as error:
            error.add_note(f"{file}:{number + 1}: {line}")
            raise
        if came_out:
            changed[number] = came_out, len(expected)
    if changed:
        text = file.read_text().splitlines()
        for number, (new, count) in sorted(changed.items(), reverse=True):
            text[number : number + 1 + count] = new
        file.write_text("\n".join(text) + "\n")


def _grouped(lines: list) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the lines, with the numbers and the expectations that are below them."""
    for at, (number, line) in enumerate(lines):
        if not line.startswith(" "):
            below = (each for _, each in lines[at + 1 :])
            more = next((n for n, each in enumerate(below) if each[0] != " "), len(lines))
            yield number, line, [each.strip() for _, each in lines[at + 1 : at + 1 + more]]


class Stage:
    """The current folder, with the folders of a run in it."""

    def __init__(
        self,
        environment: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture,
    ) -> None:
        self.environment, self._patch, self._capsys = dict(environment), monkeypatch, capsys
        self._kept: dict[Path, tuple[bytes, int]] = {}

    def do(self, line: str, expected: list[str]) -> list[str] | None:
        """Do a line. Return the lines to put in its place, if these differ and may be updated."""
        name, _, rest = line.partition(" ")
        if name in ("run", "command"):
            return self._ran(name, rest, expected)
        if name in ("record", "settings", "has"):
            getattr(self, name)(dict(_FIELD.findall(rest)))
        else:
            getattr(self, name.replace("-", "_"))(*shlex.split(rest))
        return None

    def _ran(self, name: str, rest: str, expected: list[str]) -> list[str] | None:
        options, _, wanted = rest.rpartition("-> ")
        texts = [each for each in expected if each.startswith(("~ ", "!~ "))]
        log_to_stdout("%(message)s")
        self._capsys.readouterr()
        try:
            ran = main if name == "command" else self._run
            outcome: object = ran(shlex.split(options))
        except (Exception, KilledError) as error:
            if type(error).__name__ != wanted:
                raise
            outcome = wanted
        out = "".join(self._capsys.readouterr())
        failed = [each for each in out.splitlines() if each.startswith("FAILED: ")]
        if name == "run" and isinstance(outcome, int):
            assert outcome == bool(failed), out
            outcome = out.count(": done, ")
        came_out = [f"{name} {options}-> {outcome}", *(f"  {each}" for each in failed)]
        was = [f"{name} {rest}", *(f"  {each}" for each in expected if each not in texts)]
        if UPDATES and came_out != was:
            return [*came_out, *(f"  {each}" for each in texts)]
        assert came_out == was, out
        for mark, _, text in (each.partition(" ") for each in texts):
            assert (text in out) == (mark == "~"), (text, out)
        return None

    def _run(self, pairs: list[str]) -> int:
        return run_batch(self.environment, **dict(each.split("=", 1) for each in pairs))

    def env(self, *pairs: str) -> None:
        self.environment |= dict(each.split("=", 1) for each in pairs)

    def write(self, path: str, text: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        self.keep(path)

    def photo(self, path: str, seed: str, kind: str = "JPEG") -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(tiny.file(60, 80, int(seed), kind))

    def rm(self, path: str) -> None:
        Path(path).unlink()

    def mv(self, old: str, new: str) -> None:
        Path(old).rename(new)

    def cut(self, path: str, count: str) -> None:
        Path(path).write_bytes(Path(path).read_bytes()[: -int(count)])

    def flip(self, path: str) -> None:
        Path(path).write_bytes(Path(path).read_bytes()[:-1] + b"x")

    def keep(self, *paths: str) -> None:
        self._kept |= {Path(each): _state(Path(each)) for each in paths}

    def same(self) -> None:
        assert {path: _state(path) for path in self._kept} == self._kept

    def same_bytes(self, *paths: str) -> None:
        for path in map(Path, paths):
            assert path.read_bytes() == self._kept[path][0], path

    def record(self, changes: dict[str, str]) -> None:
        RECORD.write_text(json.dumps(_changed(json.loads(RECORD.read_text()), changes)))

    def settings(self, changes: dict[str, str]) -> None:
        fields = json.loads(RECORD.read_text())
        RECORD.write_text(json.dumps(fields | {"settings": _changed(fields["settings"], changes)}))

    def has(self, expected: dict[str, str]) -> None:
        fields = json.loads(RECORD.read_text())
        assert fields.items() >= {name: json.loads(each) for name, each in expected.items()}.items()

    def results(self, *keys: str) -> None:
        assert results() == {*keys}

    def there(self, *paths: str) -> None:
        assert [each for each in paths if not Path(each).exists()] == []

    def gone(self, *paths: str) -> None:
        assert [each for each in paths if Path(each).exists()] == []

    def die(self) -> None:
        raise KilledError

    def at(self, point: str, *words: str) -> None:
        """Do something once in the middle of a run."""
        name, _, key = point.partition(":")
        owner: Any = encode if name == "encode" else FolderBucket
        real = getattr(owner, name)

        def meanwhile(*arguments: Any, **options: Any) -> Any:
            if key and not arguments[1].startswith(key):
                return real(*arguments, **options)
            self._patch.setattr(owner, name, real)
            done = real(*arguments, **options) if name == "write" else None
            if words[0] == "run":
                assert self._run(list(words[1:])) == 0
            else:
                self.do(shlex.join(words), [])
            return done if name == "write" else real(*arguments, **options)

        self._patch.setattr(owner, name, meanwhile)


def _changed(fields: dict, changes: dict[str, str]) -> dict:
    changed = fields | {name: json.loads(value or "null") for name, value in changes.items()}
    return {name: value for name, value in changed.items() if value is not None}


def _state(path: Path) -> tuple[bytes, int]:
    return path.read_bytes(), path.stat().st_mtime_ns
