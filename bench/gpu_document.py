"""The document of bench/gpu.py: tables of its results, between marks in docs/performance.md."""

from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from kernels import DEEPEST, step_operations
from markdown_page import paragraph, replace_between, table

BEGIN, END = "<!-- measured on a GPU -->\n", "<!-- end of measured on a GPU -->\n"
LAUNCHED = "this engine, launched by TensorFlow"
COMPILED = "this engine, compiled by XLA"
UNDER_JAX = "this engine, under JAX"
OURS = (LAUNCHED, COMPILED, UNDER_JAX)
ALONE = "PyTorch, VGG alone"
PEER = "neural-style-pt, float32"
ALL_WORKERS, ONE_WORKER = "this engine, PAINTERS=auto", "this engine, PAINTERS=1"
GIB = 2**30

Results = Mapping[str, Any]


def write(results: Results, file: Path) -> None:
    """Writes the document into a file of its own."""
    file.write_text(f"# On a GPU\n\n{document(results)}")


def publish(results: Results, page: Path) -> None:
    """Replaces what stands between the marks in a page. Raises ValueError if they are missing."""
    replace_between(BEGIN, END, document(results), page)


def document(results: Results) -> str:
    """All tables, in Markdown."""
    machine = dict(results["machine"])
    device, precision = machine.pop("device"), machine.pop("precision")
    libraries = ", ".join(f"{name} {version}" for name, version in machine.items())
    parts = [
        paragraph(
            f"On {device}, with {libraries}; this engine's convolutions in {precision}. VGG19's "
            "weights are random, and the same for all. A step is forward, loss, backward and Adam; "
            f"medians. VGG alone ends at {DEEPEST}, as this engine does; the peers compare conv5_1 "
            "as well."
        ),
        by_size(results, "ms a step", lambda entry, _: f"{1000 * seconds(entry):.3g}"),
        by_size(results, "GiB on the device", lambda entry, _: f"{entry['memory'] / GIB:.2f}"),
        by_size(results, "s from the process' start to its first step's end", _first),
        shares(results),
        pictures(results),
        asked(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def seconds(entry: Results) -> float:
    """Seconds of a step."""
    return median(entry["seconds"])


def by_size(
    results: Results,
    what: str,
    cell: Callable[[Results, Results], str],
    only: tuple[str, ...] = ("",),
) -> str:
    """A row for each contestant whose label begins with one of `only`, a column for each size.
    cell: entry, its size's results → text."""
    columns = [results["sizes"][size] for size in sorted(results["sizes"], key=int)]
    labels = dict.fromkeys(
        label for of in columns for label in of["entries"] if label.startswith(only)
    )
    rows = []
    for label in labels:
        entries = [(of["entries"].get(label, {"skipped": "–"}), of) for of in columns]
        rows.append([label, *(each.get("skipped") or cell(each, of) for each, of in entries)])
    head = [what, *(f"{of['width']} × {of['height']} px" for of in columns)]
    return table(head, rows) if rows else ""


def shares(results: Results) -> str:
    """VGG's convolutions of a step by its time, as a share of the measured product of matrices."""
    if "peak" not in results:
        return ""
    peak = results["peak"]

    def share(entry: Results, of: Results) -> str:
        return f"{step_share(entry, of, peak):.1%}"

    head = f"of {peak / 1e12:.3g} TFLOP/s, a product of matrices"
    # The operations that are counted are those up to DEEPEST.
    return by_size(results, head, share, (*OURS, ALONE))


def step_share(entry: Results, of: Results, peak: float) -> float:
    """A step's share of the peak, by the convolutions up to conv4_1, forward and backward."""
    return step_operations(of["height"], of["width"]) / seconds(entry) / peak


def pictures(results: Results) -> str:
    """Pictures a minute."""
    rows = [
        [name, f"{entry['per_minute']:.2f}", str(entry["painted"])]
        for name, entry in results["batch"].items()
    ]
    return table(["", "pictures a minute", "painted"], rows) if rows else ""


def asked(results: Results) -> str:
    """The targets beside what was found."""
    rows = []
    for size, most in (("512", 4.0), ("1024", 8.0)):
        if ours := best(results, size):
            rows.append([f"a step at {size} px, ms", f"≤ {most:g}", f"{1000 * ours:.2f}"])
    entries = results["sizes"].get("512", {"entries": {}})["entries"]
    peer, ours = entries.get(PEER, {"skipped": ""}), best(results, "512")
    if ours and "skipped" not in peer:
        rows.append([f"by a step of {PEER}", "≤ 0.5", f"{ours / seconds(peer):.2f}"])
    if (ours := best(results, "2048")) and "peak" in results:
        found = step_share({"seconds": [ours]}, results["sizes"]["2048"], results["peak"])
        rows.append(["share of the peak at 2048 px", "≥ 40 %", f"{found:.0%}"])
    several, one = (results["batch"].get(name) for name in (ALL_WORKERS, ONE_WORKER))
    if several and one:
        ratio = several["per_minute"] / one["per_minute"]
        rows.append(["pictures a minute by those one at a time", "≥ 4", f"{ratio:.2f}"])
    if several:
        rows.append(["first step of a batch, s", "≤ 15", f"{several['first_s']:.1f}"])
    return table(["", "to reach", "found"], rows) if rows else ""


def best(results: Results, size: str) -> float | None:
    """Seconds of this engine's fastest step at a size."""
    entries = results["sizes"].get(size, {"entries": {}})["entries"]
    found = [entries[label] for label in OURS if label in entries]
    return min((seconds(each) for each in found if "skipped" not in each), default=None)


def _first(entry: Results, _: Results) -> str:
    return f"{entry['first_s']:.1f}"
