"""The memory that paintings take: measures peaks, and fits the table of the estimate to them.

    python lab/benchmarks/memory.py [--processes 2] [--compare]

memory.jsonl has a case in each line. Those without a peak are painted on the CPU, each in a new
process, and get one: Linux's peak of resident memory, less what was resident before the painting.
Then painterly/engine/memory_table.py gets the lowest rows that no peak exceeds.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from common import (
    BENCH,
    PAINTING,
    PHOTO,
    REPOSITORY,
    accept_oom_kill,
    peak_memory,
    pixels,
    run_worker,
    table,
)
from scipy.optimize import linprog

from painterly import Settings, load_vgg
from painterly.devices import choose
from painterly.devices.budget import MemoryBudget
from painterly.devices.system_memory import resident_memory
from painterly.engine import memory_model
from painterly.engine.memory_model import additions
from painterly.engine.paintings import as_paintings
from painterly.engine.places import MAX_CANDIDATE_BYTES
from painterly.engine.stylize import prepared
from painterly.engine.transfer import Transfer, TransferInputs
from painterly.vgg.network import VGG

MEASURED = BENCH / "memory.jsonl"
TABLE = REPOSITORY / "painterly/engine/memory_table.py"
MARGIN = 1.15  # Peaks of a picture differ: by up to 7 % from run to run, and by processor.
UNITS = np.array([1e8, 1e3, 1e1, 1e1])  # a row's numbers in the solver
# The numbers of rows that are not 0: in tiles, the bands of places are nearly the same for all
# sizes, and L-BFGS has vectors as long as the picture.
TERMS = {"in tiles": (0, 1, 2), "lbfgs": (1,)}
# An optimised picture keeps the candidates of each of its paintings, also of more than two.
LEAST = {("optimised", "painting", 0): MAX_CANDIDATE_BYTES}
ADDITIONS = ("painting", "region", "mask", "drawing", "lbfgs")
# Fitted to the model of engine 12. Its estimates were 0.94 to 1.31 times what an NVIDIA H200 used
# (../RESULTS.md). For 512 to 12288 px, both networks and all tiles, the rows differ from it by a
# tenth at most.
GPU_ROWS = {
    "GPU, float32, at once": (4.5e7, 580, 2.5, 1.2),
    "GPU, float32, in tiles": (9.3e8, 150, 1.9, 9.2),
    "GPU, 16 bits, at once": (9.7e7, 430, 3.1, 1.9),
    "GPU, 16 bits, in tiles": (5.3e8, 130, 2.1, 4.4),
}
HEAD = '''"""The measured memory of paintings; lab/benchmarks/memory.py writes this file.

Each row has the numbers of a `Row`: bytes, and bytes for each unit of an `Extent`.
"""

'''


class Case(NamedTuple):
    """A picture whose memory is measured.

    Attributes:
        network: `builtin`, `vgg19` or `instant`.
        size: Its longer side in px.
        precision: As in the settings.
        side: The side of its tiles in px, or None.
        inputs: None, `mask`, `halves`, `thirds` (a painting for each part), `two` (a blend) or
            `drawing`.
        settings: Other settings.
        fast: Whether a step spends memory on speed.
        isa: oneDNN's limit, such as `AVX2`, or None.
    """

    network: str
    size: int
    precision: str = "float32"
    side: int | None = None
    inputs: str | None = None
    settings: Mapping[str, Any] | None = None
    fast: bool = False
    isa: str | None = None


class Measured(NamedTuple):
    """A case with its peak in bytes, or None, and the source of an earlier measurement."""

    case: Case
    peak: int | None
    source: str | None

    @property
    def line(self) -> str:
        """The line of the file."""
        case = {name: value for name, value in self.case._asdict().items() if value}
        others = {name: value for name, value in self._asdict().items() if value and name != "case"}
        return json.dumps({"case": case} | others)


def main() -> None:
    """Measure, fit, and print the cases with their estimates."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--processes", type=int, default=1, help="that paint at a time")
    parser.add_argument("--compare", action="store_true", help="only print")
    parser.add_argument("--paint", help="a case in JSON, to be painted in this process")
    args = parser.parse_args()
    if args.paint:
        print(json.dumps({"peak": peak_of(Case(**json.loads(args.paint)))}))
        return
    measured = read(MEASURED)
    if args.compare:
        compare(measured)
        return
    measured = measure(measured, args.processes)
    MEASURED.write_text("".join(f"{each.line}\n" for each in measured))
    TABLE.write_text(written(fitted([peak_in_terms(each) for each in measured if each.peak])))
    subprocess.run([sys.executable, __file__, "--compare"], check=True)  # With the new table.


def compare(measured: Sequence[Measured]) -> None:
    """Print measured peaks next to the estimates of the present table."""
    rows = []
    for each in measured:
        if each.peak:
            case, found = each.case, peak_in_terms(each)
            others = (
                case.side and f"{case.side} px",
                case.inputs,
                case.isa,
                *(case.settings or {}).values(),
            )
            about = ", ".join(str(each) for each in (case.precision, *others) if each)
            numbers = (f"{each / 1e6:.0f}" for each in (found.used, found.estimated))
            part = f"{found.used / found.estimated:.2f}"
            rows.append((case.network, str(case.size), about, *numbers, part))
    print(table(("network", "px", "case", "used, MB", "estimated, MB", "part"), rows))


def read(path: Path) -> list[Measured]:
    """Read the cases of a file."""
    found = map(json.loads, path.read_text().splitlines())
    return [Measured(Case(**each["case"]), each.get("peak"), each.get("source")) for each in found]


def measure(measured: Sequence[Measured], processes: int) -> list[Measured]:
    """Paint all cases that have no peak."""

    def paint(given: Measured) -> Measured:
        if given.peak is not None:
            return given
        case = given.case
        limit = {"ONEDNN_MAX_CPU_ISA": case.isa} if case.isa else {}
        words = "--paint", json.dumps(case._asdict())
        found = run_worker(sys.executable, "memory.py", *words, environment=limit)[-1]
        print(case, found, file=sys.stderr)
        return given._replace(peak=found.get("peak"))

    with ThreadPoolExecutor(processes) as pool:
        return [*pool.map(paint, measured)]


def peak_of(case: Case) -> int:
    """Paint a case, and return its peak."""
    accept_oom_kill()
    transfer = planned(case)
    before = resident_memory()
    Path("/proc/self/clear_refs").write_text("5")  # Begins a new peak.
    optimised = sum(transfer.schedule.counts)
    for step in transfer.steps():
        if step.iteration >= optimised:
            step.image  # noqa: B018  Computed when it is read.
    return peak_memory() - before


def planned(case: Case) -> Transfer:
    """Return a case, ready to be painted with its tiles."""
    inputs, vgg = inputs_of(case), network(case.network)
    budget = MemoryBudget(resident_memory(), 10**13)
    transfer = prepared(inputs, vgg, budget)
    if case.fast or vgg is None:
        return transfer
    # Earlier scales are painted as under this limit. Larger tiles may need no more.
    plan, sides = transfer.memory_plan, memory_model.SIDES
    usable = tuple(each for each in sides if each is None or each <= (case.side or 0))
    memory_model.SIDES = usable  # type: ignore[assignment]
    budget.bytes = plan.footprint.bytes_needed(plan.size, case.side)
    transfer = prepared(inputs, vgg, budget)
    assert transfer.memory_plan.side == case.side, f"{case} takes less memory at once"
    return transfer


def inputs_of(case: Case) -> TransferInputs:
    """Return the inputs of a case."""
    paintings, regions, mask = [pixels(PAINTING)], None, None
    columns = {"halves": 2, "thirds": 3}.get(case.inputs or "", 0)
    if columns:
        parts = np.eye(columns, dtype=np.float32)
        paintings, regions = paintings * columns, [each[None].repeat(2, 0) for each in parts]
    elif case.inputs == "two":
        paintings.append(np.ascontiguousarray(paintings[0][:, ::-1]))
    elif case.inputs == "mask":
        mask = np.array([[1, 0], [1, 0]], np.float32)
    elif case.inputs == "drawing":
        paintings = [hatched()]
    styles = as_paintings(paintings, regions=regions, content_mask=mask)
    return TransferInputs(pixels(PHOTO), styles, settings_of(case), content_mask=mask)


def settings_of(case: Case) -> Settings:
    """Return the settings of a case."""
    given: dict[str, Any] = {"preset": "instant"}
    if case.network != "instant":
        given = {"precision": case.precision, "iterations": 3}
    return Settings(**given | dict(case.settings or {}) | {"size": case.size})


@cache
def network(name: str) -> VGG | None:
    """Return a network, on the CPU; recipe `instant` has its own."""
    if name == "instant":
        return None
    choose.choose_devices("cpu")
    return load_vgg("vgg19", "builtin" if name == "builtin" else "random")


def hatched() -> np.ndarray:
    """Return a pen drawing, uint8 [800, 1200, 3]."""
    row, column = np.mgrid[:800, :1200]
    inked = ((row + column) % 37 < 2) | ((row - column) % 61 < 2)
    return np.where(inked[..., None], 20, 245).astype(np.uint8).repeat(3, 2)


class Peak(NamedTuple):
    """A measured peak, in the terms of the table.

    Attributes:
        row: The name of its row.
        terms: What the numbers of a row are multiplied by [4].
        counts: How many times each addition counts.
        counted: Whether the rows are for this recipe. For others, they are only no less.
        used: The bytes that rows have to cover.
        estimated: The bytes that the present table has for them.
    """

    row: str
    terms: np.ndarray
    counts: dict[str, int]
    counted: bool
    used: int
    estimated: int


def peak_in_terms(measured: Measured) -> Peak:
    """Return a measured peak in the terms of the table."""
    case = measured.case
    transfer = prepared(inputs_of(case), network(case.network), MemoryBudget(0, 10**13))
    plan, footprint = transfer.memory_plan, transfer.memory_plan.footprint
    number = "float32" if case.precision == "float32" else "16 bits"
    name = f"CPU, {number}, {'at once' if case.side is None else 'in tiles'}"
    known = footprint.outside + (footprint.copies if case.fast else 0)
    return Peak(
        "instant" if case.network == "instant" else name,
        np.array([1.0, *footprint.extent(plan.size, case.side)]),
        additions(transfer.painting_inputs, settings_of(case)),
        "recipe" not in (case.settings or {}),
        (measured.peak or 0) - known,
        footprint.bytes_needed(plan.size, case.side, case.fast) - known,
    )


def fitted(peaks: Sequence[Peak]) -> dict[str, np.ndarray]:
    """Return the lowest rows and additions, by name, that no peak exceeds: the estimates are as
    small as possible, relative to the peaks."""
    found: dict[str, np.ndarray] = {}
    for of_instant in (True, False):
        some = [each for each in peaks if (each.row == "instant") == of_instant]
        kind = "instant" if of_instant else "optimised"
        names = [*dict.fromkeys(each.row for each in some), *ADDITIONS]
        terms = [
            np.concatenate(
                [each.terms * UNITS * (each.counts.get(name, each.row == name)) for name in names]
            )
            / each.used
            for each in some
        ]
        bounds = [
            (
                LEAST.get((kind, name, number), 0) / UNITS[number],
                None if number in TERMS.get(name.rpartition(", ")[2], range(4)) else 0,
            )
            for name in names
            for number in range(len(UNITS))
        ]
        estimates = np.sum([row for row, peak in zip(terms, some, strict=True) if peak.counted], 0)
        solution = linprog(estimates, -np.array(terms), -np.ones(len(terms)), bounds=bounds).x
        assert solution is not None, "no rows cover the peaks"
        rows = solution.reshape(-1, len(UNITS)) * UNITS
        keys = [name if name not in ADDITIONS else f"{kind}, {name}" for name in names]
        found |= dict(zip(keys, rows, strict=True))
    return found


def written(rows: Mapping[str, np.ndarray]) -> str:
    """Return the module of the table."""

    def lines(indent: str, some: Mapping[str, Iterable[float]]) -> list[str]:
        numbers = {name: ", ".join(f"{each:.4g}" for each in row) for name, row in some.items()}
        # As ruff writes exponents.
        return [f'{indent}"{name}": ({row}),'.replace("e+", "e") for name, row in numbers.items()]

    of_pictures: dict[str, Iterable[float]] = {
        name: row for name, row in rows.items() if name.split(", ")[-1] not in ADDITIONS
    }
    text = [
        "Numbers = tuple[float, float, float, float]",
        "",
        f"MARGIN = {MARGIN}",
        "ROWS: dict[str, Numbers] = {",
        *lines("    ", of_pictures | GPU_ROWS),
        "}",
    ]
    text.append("ADDITIONS: dict[str, dict[str, Numbers]] = {")
    for kind in ("optimised", "instant"):
        added = {name: rows[f"{kind}, {name}"] for name in ADDITIONS}
        text += [f'    "{kind}": {{', *lines("        ", added), "    },"]
    return HEAD + "\n".join([*text, "}", ""])


if __name__ == "__main__":
    main()
