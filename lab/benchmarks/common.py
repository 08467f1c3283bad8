"""Helpers shared by the measurements: inputs, processes, their memory, and tables.

Nothing here needs TensorFlow, PyTorch or the installed package, so that workers in the environment
of another library can import it.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parents[1]
PHOTO = REPOSITORY / "samples/photos/landscape.jpg"
PAINTING = REPOSITORY / "painterly/styles/van-gogh-wheat-field.jpg"
GIB = 2**30
ITERATIONS = 30  # to time steps; with fewer, places are matched more often than usual
NO_MEMORY = "not enough memory"

# The package is imported from the checkout, even if it is not installed.
if str(REPOSITORY) not in sys.path:
    sys.path.append(str(REPOSITORY))

Result = dict[str, Any]


def pixels(path: Path) -> np.ndarray:
    """Return a picture as uint8 [H, W, 3], sRGB."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def run_worker(
    python: str,
    script: str,
    *arguments: object,
    environment: Mapping[str, str] | None = None,
) -> list[Result]:
    """Run a worker of this folder to its end.

    Args:
        python: The interpreter, in the environment that has the worker's libraries.
        script: File name in this folder.
        arguments: Its command line.
        environment: Variables in addition to this process's.

    Returns:
        One result for each line of JSON that the worker printed. If the worker failed, the last
        one is {"failed": the reason}.
    """
    done = subprocess.run(
        [python, str(BENCH / script), *map(str, arguments)],
        # One core for each of PyTorch's threads: two threads on one core spin while they wait for
        # each other, and a step takes twenty times as long.
        env={"OMP_PROC_BIND": "true", "OMP_PLACES": "cores", "TF_CPP_MIN_LOG_LEVEL": "2"}
        | os.environ
        | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    results = json_lines(done.stdout)
    if done.returncode:
        # Either the kernel kills the process, or an allocation fails.
        out_of_memory = re.search("allocate|out of memory|OOM|needs .* of memory", done.stderr)
        if done.returncode == -signal.SIGKILL or out_of_memory:
            results.append({"failed": NO_MEMORY})
        else:
            print(done.stderr[-2000:], file=sys.stderr)
            results.append({"failed": (done.stderr.strip().splitlines() or ["no output"])[-1]})
    return results


def run_in_turns(workers: Mapping[str, Sequence[Any]], rounds: int) -> dict[str, list[Result]]:
    """Run workers one after another, in rounds (A B C A B C …).

    Args:
        workers: Label → arguments of `run_worker`.
        rounds: Number of rounds.

    Returns:
        Label → last result of each round.
    """
    found: dict[str, list[Result]] = {label: [] for label in workers}
    for _ in range(rounds):
        for label, command in workers.items():
            found[label].append(run_worker(*command)[-1])
            print(f"{label}: {found[label][-1]}", file=sys.stderr)
    return found


def run_batch(
    environment: dict[str, str],
) -> tuple["subprocess.CompletedProcess[str]", dict[str, list[Result]]]:
    """Run the program to its end. Returns its process, and the events of its log by name."""
    done = subprocess.run(
        [sys.executable, "-m", "painterly"],
        env=os.environ | {"LOG_FORMAT": "json", "PYTHONPATH": str(REPOSITORY)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    events: dict[str, list[Result]] = {}
    for each in json_lines(done.stdout):
        events.setdefault(each.get("event", ""), []).append(each)
    return done, events


def time_of(event: Result) -> datetime:
    """Return the time at which an event was logged."""
    return datetime.fromisoformat(event["time"])


def json_lines(text: str) -> list[Result]:
    """Return the lines of a process's output that are JSON."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def accept_oom_kill() -> None:
    """Make the kernel end this process, and not its parent, if memory runs out."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError as error:  # A sandbox may refuse it.
        print(f"memory that runs out may end other processes: {error}", file=sys.stderr)


def peak_memory() -> int:
    """Return the peak resident memory of this process in bytes (Linux)."""
    line = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(line[1]) if line else 0


def process_age() -> float:
    """Return the seconds since this process was started (Linux)."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return float(Path("/proc/uptime").read_text().split()[0]) - started


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, without a newline at its end."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *rows])
