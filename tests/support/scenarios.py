"""Scenarios: what a user types, what is said, and what is there then, in files `*.scenario`.

    == what is promised, in one line
    marked slow                         # when it runs, as pytest's marks say; or `thorough`
    env STYLE=monet                     # for all runs and commands of this scenario
    write out/monet/beach.jpg mine      # a file; `photo PATH SEED [KIND]` is a picture
    run OUTPUT_FORMAT=png -> 3          # a run, and how many pictures it paints
      FAILED: …                         # each failure, whole; the run then ends with 1
      ~ text                            # text that the run has printed; `!~ text`, that it has not
      | line                            # each line that it has printed, in any order
    command beach.jpg hokusai -> 0      # a command line, and its exit code
      = line                            # each line that it prints but progress, if one is given
    refused beach.jpg hokusay           # one that ends with 2, or `-> N`, and changes no file
      ./start.sh: …                     # its only line; … is any text, HERE the current folder
    refused STYLE_SIZE=7                # variables that no run takes, or before a command line
    same                                # what was written or named by `keep PATH` is as it was

A command that begins with `inetwork.py` is one of that program. Others:

- files: `rm PATH…`, `mkdir PATH…`, `mv OLD NEW`, `copy OLD NEW`, `link PATH TARGET`, `cut PATH
  BYTES` (from its end), `flip PATH` (its last byte), `old PATH…` (last changed in 2001), `fill
  FOLDER KEY…` (files that have their names as content). A path may be a pattern, such as
  `out/*/a.jpg`, and `\\n` in a text is the end of a line
- records: `of STYLE/PHOTO` is the one that is meant from here on, beach.jpg in monet before;
  `record NAME=JSON…` (without JSON, a field goes), `settings NAME=JSON…` (in it), `has NAME=JSON…`
  (`has settings.size=64`)
- what is there: `results KEY…` (all), `keys KEY…` (all, with records and checkpoints; `4` stands
  for the results and records of a whole run), `shown KEY…` (all in the gallery), `files FOLDER
  KEY…` (all), `there PATH…`, `gone PATH…`, `text PATH TEXT…`, `picture PATH KIND WIDTH HEIGHT
  [DPI]`, `same-bytes PATH…`, `equal PATH PATH`, `differ PATH PATH`
- `at POINT COMMAND`: once, in the middle of the next run, as a result is encoded or a key is looked
  for: `at encode run …`, `at find:KEY rm …`; `at write:PREFIX die` kills it after such a key's
  write, `at step:4 stop` and `at paint:4 stop` send SIGTERM after a step and after four pictures

UPDATE_SCENARIOS=1, with `-n 0`, writes what came out in the place of what was expected: read the
diff.
"""

import json
import os
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from painterly.cli.command import inetwork, main
from painterly.errors import PainterlyError
from painterly.images import encode
from painterly.log import log_to_stdout
from painterly.painters.painter import Painter
from painterly.settings.installation import PROGRAM
from painterly.signals import Stopped
from painterly.storage.folder import FolderBucket
from support import tiny
from support.batch_results import RECORD, results
from support.commands import fill
from support.folder_batches import RECORDS, RESULTS, keys
from support.folder_batches import run as run_batch
from support.gallery import results_of
from support.stand_in import StyleTransfer, signal_after

UPDATES = bool(os.environ.get("UPDATE_SCENARIOS"))
_MEASURED = re.compile(r"\d[\d.]* (?:h|min|s|MB|GB|cores?)\b(?: \d+ (?:min|s)\b)?")
_NOW_AND_THEN = re.compile(r": \d+ %, | so far$")  # lines of a slow machine
_FIELD = re.compile(r'([\w.]+)=("[^"]*"|\[\S*\]|\S*)')
PAIR = re.compile(r"[A-Z][A-Z0-9_]*=")

# The lines of each file as they were read, and what came out in the place of some of them.
_read: dict[Path, list[str]] = {}
_came_out: dict[Path, dict[int, tuple[list[str], int]]] = {}


class KilledError(BaseException):
    """The death of a run, which no handler catches."""


def scenarios(file: Path) -> list:
    """Return the scenarios of a file as parameters: their lines, with the number of each."""
    found: list = []
    _read[file], _came_out[file] = file.read_text().splitlines(), {}
    for number, line in enumerate(_read[file]):
        if line.startswith("== "):
            found.append(pytest.param((file, []), id=line[3:].replace(" ", "_")))
        elif found and line.startswith("marked "):
            about, mark = found[-1], getattr(pytest.mark, line.split()[1])
            found[-1] = pytest.param(*about.values, id=about.id, marks=mark)
        elif found and line.strip() and not line.startswith("#"):
            found[-1].values[0][1].append((number, line))
    return found


def same_as_stored(found: Any, file: Path) -> None:
    """Compare the whole of what came out with a file of JSON, which UPDATE_SCENARIOS=1 writes."""
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if UPDATES:
        file.write_text(text)
    assert text == file.read_text(), file


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
        _came_out[file] |= changed
        text = [*_read[file]]
        for number, (new, count) in sorted(_came_out[file].items(), reverse=True):
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
        self._record = RECORD
        self._restored: Any = None  # What is as it was after the next run.

    def do(self, line: str, expected: list[str]) -> list[str] | None:
        """Do a line. Return the lines to put in its place, if these differ and may be updated."""
        name, _, rest = line.partition(" ")
        if name in ("run", "command"):
            return self._ran(name, rest, expected)
        if name == "refused":
            return self._refused(rest, expected)
        if name in ("record", "settings", "has"):
            getattr(self, name)(dict(_FIELD.findall(rest)))
        else:
            getattr(self, name.replace("-", "_"))(*shlex.split(rest))
        return None

    def _ran(self, name: str, rest: str, expected: list[str]) -> list[str] | None:
        options, _, wanted = rest.rpartition("-> ")
        log_to_stdout("%(message)s")
        self._capsys.readouterr()
        more = ""
        try:
            ran = _command if name == "command" else self._run
            outcome: object = ran(shlex.split(options))
        except (Exception, KilledError, Stopped) as error:
            if type(error).__name__ != wanted:
                raise
            outcome, more = wanted, str(error)
        if self._restored:
            self._patch.setattr(*self._restored)
        out = _placeless("".join(self._capsys.readouterr()) + more)
        failed = [each for each in out.splitlines() if each.startswith("FAILED: ")]
        if name == "run" and isinstance(outcome, int):
            assert outcome == bool(failed or " cannot be painted" in out), out
            outcome = out.count(": done, ")
        said = failed
        if any(each.startswith("=") for each in expected):
            said = [f"= {each}".rstrip() for each in out.splitlines() if " %, " not in each]
        return self.checked(
            [f"{name} {rest}"], [f"{name} {options}-> {outcome}", *said], expected, out
        )

    def checked(
        self, line: list[str], came_out: list[str], expected: list[str], out: str
    ) -> list[str] | None:
        """Compare a line and what is expected of it with what came out. Return the lines to put in
        their place, if these differ and may be updated."""
        texts = [each for each in expected if each.startswith(("~ ", "!~ "))]
        if any(each.startswith("| ") for each in expected):
            log = (each for each in out.splitlines() if not _NOW_AND_THEN.search(each))
            came_out = [*came_out, *(f"| {_MEASURED.sub('…', each)}" for each in log)]
        wanted = [*line, *(each for each in expected if each not in texts)]
        if not _fits(*(sorted(each, key=_in_any_order) for each in (wanted, came_out))):
            assert UPDATES, (came_out, out)
            return [came_out[0], *(f"  {each}" for each in (*came_out[1:], *texts))]
        for mark, _, text in (each.partition(" ") for each in texts):
            assert (text in out) == (mark == "~"), (text, out)
        return None

    def _refused(self, rest: str, expected: list[str]) -> list[str] | None:
        words, arrow, code = rest.rpartition(" -> ")
        before = _files()
        ended, said = self._message(shlex.split(words if arrow else rest))
        assert (ended, said.count("\n")) == (int(code if arrow else 2), 0), said
        assert _files() == before
        said = _placeless(said)
        if _fits(expected, [said]):
            return None
        assert UPDATES, said
        return [f"refused {rest}", f"  {said}"]

    def _message(self, words: list[str]) -> tuple[int, str]:
        """Return the exit code and the message of a command, or of a run, with other variables."""
        pairs = [*takewhile(PAIR.match, words)]
        if len(pairs) == len(words):
            try:
                return self._run(pairs), "the run was not refused"
            except PainterlyError as error:
                return error.exit_code, str(error)
        self._capsys.readouterr()
        with self._patch.context() as patch:
            for name, _, value in (each.partition("=") for each in pairs):
                patch.setenv(name, value)
            ended = _command(words[len(pairs) :])
        return ended, self._capsys.readouterr().err.removesuffix("\n")

    def _run(self, pairs: list[str]) -> int:
        return run_batch(self.environment, **dict(each.split("=", 1) for each in pairs))

    def env(self, *pairs: str) -> None:
        changes = dict(each.split("=", 1) for each in pairs)
        self.environment |= changes
        for name, value in changes.items():
            self._patch.setenv(name, value)

    def write(self, path: str, text: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text.replace("\\n", "\n"))
        self.keep(path)

    def photo(
        self, path: str, seed: str, kind: str = "JPEG", height: str = "60", width: str = "80"
    ) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(tiny.file(int(height), int(width), int(seed), kind))

    def fill(self, folder: str, *keys: str) -> None:
        fill(FolderBucket(Path(folder), new=True), *keys)

    def rm(self, *paths: str) -> None:
        for path in map(_one, paths):
            path.rmdir() if path.is_dir() else path.unlink()

    def mkdir(self, *paths: str) -> None:
        for path in paths:
            Path(path).mkdir(parents=True)

    def mv(self, old: str, new: str) -> None:
        Path(old).rename(new)

    def copy(self, old: str, new: str) -> None:
        shutil.copy(old, new)

    def link(self, path: str, target: str) -> None:
        Path(path).symlink_to(target)

    def cut(self, path: str, count: str) -> None:
        _one(path).write_bytes(_one(path).read_bytes()[: -int(count)])

    def flip(self, path: str) -> None:
        Path(path).write_bytes(Path(path).read_bytes()[:-1] + b"x")

    def old(self, *paths: str) -> None:
        for path in paths:
            os.utime(path, (1e9, 1e9))

    def keep(self, *paths: str) -> None:
        self._kept |= {Path(each): _state(Path(each)) for each in paths}

    def same(self) -> None:
        assert {path: _state(path) for path in self._kept} == self._kept

    def same_bytes(self, *paths: str) -> None:
        for path in map(Path, paths):
            assert path.read_bytes() == self._kept[path][0], path

    def equal(self, one: str, other: str) -> None:
        assert Path(one).read_bytes() == Path(other).read_bytes()

    def differ(self, one: str, other: str) -> None:
        assert Path(one).read_bytes() != Path(other).read_bytes()

    def of(self, key: str) -> None:
        self._record = Path(f"out/_records/{key}.json")

    def record(self, changes: dict[str, str]) -> None:
        self._record.write_text(json.dumps(_changed(self._fields, changes)))

    def settings(self, changes: dict[str, str]) -> None:
        fields = self._fields
        changed = fields | {"settings": _changed(fields["settings"], changes)}
        self._record.write_text(json.dumps(changed))

    def has(self, expected: dict[str, str]) -> None:
        for name, value in expected.items():
            found: Any = self._fields
            for part in name.split("."):
                found = found[int(part) if part.isdigit() else part]
            assert found == json.loads(value), name

    @property
    def _fields(self) -> dict:
        return json.loads(self._record.read_text())

    def results(self, *expected: str) -> None:
        assert results() == {*expected}

    def keys(self, *expected: str) -> None:
        whole = RESULTS | RECORDS if "4" in expected else set()
        assert keys() == whole | {*expected} - {"4"}

    def shown(self, *expected: str) -> None:
        found = results_of(Path("out/index.html").read_text())
        assert {each["key"] or f"{each['style']}/{each['photo']}" for each in found} == {*expected}

    def files(self, folder: str, *expected: str) -> None:
        assert {entry.key for entry in FolderBucket(Path(folder)).list()} == {*expected}

    def there(self, *paths: str) -> None:
        assert [each for each in paths if not Path(each).exists()] == []

    def gone(self, *paths: str) -> None:
        assert [each for each in paths if Path(each).exists()] == []

    def text(self, path: str, *texts: str) -> None:
        assert [each for each in texts if each not in Path(path).read_text()] == []

    def picture(self, path: str, kind: str, width: str, height: str, dpi: str = "") -> None:
        with Image.open(path) as shown:
            assert (shown.format, shown.size) == (kind, (int(width), int(height)))
            assert not dpi or round(shown.info["dpi"][0]) == int(dpi)

    def _stop(self, point: str, number: int) -> None:
        if point == "step":
            self._restored = StyleTransfer, "steps", StyleTransfer.steps
            signal_after(number, self._patch)
            return
        self._restored, painted = (Painter, "paint", Painter.paint), []

        def paint(*arguments: Any, **options: Any) -> Any:
            painted.append(Painter)
            finished = self._restored[2](*arguments, **options)
            if len(painted) == number:
                signal.raise_signal(signal.SIGTERM)
            return finished

        self._patch.setattr(Painter, "paint", paint)

    def die(self) -> None:
        raise KilledError

    def at(self, point: str, *words: str) -> None:
        """Do something once in the middle of a run."""
        name, _, key = point.partition(":")
        if words == ("stop",):
            self._stop(name, int(key))
            return
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


def _command(words: list[str]) -> int:
    return inetwork(words[1:]) if words[:1] == ["inetwork.py"] else main(words)


def _fits(expected: list[str], lines: list[str]) -> bool:
    patterns = [".*".join(map(re.escape, each.split("…"))) for each in expected]
    return len(patterns) == len(lines) and all(map(re.fullmatch, patterns, lines))


def _in_any_order(line: str) -> str:
    """Return a key by which lines of a log, which threads write, are sorted."""
    ended = re.search(r"\d+/\d+ .*: done, ", line)
    return line if line.startswith("| ") else ended[0] if ended else ""


def _placeless(text: str) -> str:
    return text.replace(str(Path.cwd()), "HERE").replace(str(PROGRAM), "PROGRAM")


def _one(pattern: str) -> Path:
    return next(iter(sorted(Path().glob(pattern))), Path(pattern))


def _files() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


def _changed(fields: dict, changes: dict[str, str]) -> dict:
    changed = fields | {name: json.loads(value or "null") for name, value in changes.items()}
    return {name: value for name, value in changed.items() if value is not None}


def _state(path: Path) -> tuple[bytes, int]:
    return path.read_bytes(), path.stat().st_mtime_ns
