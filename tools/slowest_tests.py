"""The slowest tests of a run of pytest, beside their times in lab/slowest_tests.txt.

python tools/slowest_tests.py LOG [--write]: LOG is what pytest printed; --write makes its tests the
new table.
"""

import re
import sys
from pathlib import Path

TABLE = Path(__file__).parents[1] / "lab/slowest_tests.txt"
LINE = re.compile(r"^(\d+\.\d+)s (?:call|setup|teardown) +(\S.*)$", re.MULTILINE)
COUNT = 25


def durations(text: str) -> dict[str, float]:
    """Return the seconds of each test that pytest lists by --durations, the slowest first."""
    found: dict[str, float] = {}
    for seconds, test in LINE.findall(text):
        found[test] = max(found.get(test, 0.0), float(seconds))
    return dict(sorted(found.items(), key=lambda item: -item[1])[:COUNT])


def beside(now: dict[str, float], before: dict[str, float]) -> list[str]:
    """Return a line for each test of now: its seconds, those before, and its name."""
    return [f"{s:7.1f} {before.get(test, '–'):>7} {test}" for test, s in now.items()]


if __name__ == "__main__":
    log = durations(Path(sys.argv[1]).read_text(errors="replace"))
    if sys.argv[2:] == ["--write"]:
        TABLE.write_text("".join(f"{s:.2f}s call {test}\n" for test, s in log.items()))
    if log:
        print("Seconds of the slowest tests, and in the last table of the lab:")
        print(*beside(log, durations(TABLE.read_text())), sep="\n")
