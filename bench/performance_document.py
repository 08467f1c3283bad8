"""The document of bench/performance.py: tables and a plot of its results."""

from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from contestants import LIMIT_UP_TO, PAINTINGS, PAINTINGS_AT, ours, vgg_alone
from kernels import CONVOLUTIONS, DEEPEST, PRODUCT, kernel_operations, step_operations
from markdown_page import paragraph, replace_between, table
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->\n"
PLOT = "performance.png"
GIB = 2**30
KERNELS = ("product", *(f"convolution{channels}" for channels in CONVOLUTIONS))
HIDDEN = ("network", "paintings", *KERNELS)  # in tables of their own
MISSING = "–"

Results = Mapping[str, Any]


def write(results: Results, folder: Path) -> None:
    """Writes performance.md and its plot into a folder."""
    (folder / "performance.md").write_text(f"# Performance\n\n{document(results, PLOT)}")
    plot(results).savefig(folder / PLOT)


def publish(results: Results, docs: Path) -> None:
    """Writes the same into docs/performance.md, between its marks, and docs/images/."""
    drawing = f"images/{PLOT}"
    replace_between(BEGIN, END, document(results, drawing), docs / "performance.md")
    plot(results).savefig(docs / drawing)


def document(results: Results, image: str) -> str:
    """The whole document in Markdown; `image` is the path of the plot."""
    about = results["machine"]
    parts = [
        paragraph(
            f"On {about['processor']}, {about['cores']} cores, with TensorFlow "
            f"{about['TensorFlow']} and PyTorch {about['PyTorch']}. Photos are 3:2; VGG19's "
            "weights, random ones, are the same for all but the built-in network. VGG alone ends "
            f"at the deepest layer that this engine compares, {DEEPEST}; the peers compare conv5_1 "
            "as well. A step is "
            "forward, loss, backward and Adam. Each has a process of its own and all cores; they "
            f"took turns, {rounds(results)}, of several steps where these are short, and these are "
            "medians. What would have needed more memory than was free was left out."
        ),
        f"![step time and memory against size]({image})",
        "## Time",
        by_size(results, "seconds a step", lambda entry: f"{seconds(entry):.3g}"),
        times_as_long(results),
        "## Memory",
        "The most that the process held, libraries and weights included.",
        by_size(results, "GiB", lambda entry: f"{entry['memory'] / GIB:.2f}"),
        limit(results),
        paintings(results),
        batch(results),
        claims(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def seconds(entry: Results) -> float:
    """Seconds of a step: the median of the rounds that count."""
    return median(counted(entry))


def counted(entry: Results) -> list[float]:
    """The seconds of all rounds but the first, which compiles kernels, or of the only round."""
    return entry["seconds"][1:] or entry["seconds"]


def rounds(results: Results) -> str:
    """The number of rounds at each size, in words."""
    counts = []
    for size in sizes(results):
        entries = results["sizes"][size]["entries"].values()
        count = max(len(counted(entry)) for entry in entries)
        counts.append(f"{count} at {size} px")
    return ", ".join(counts)


def ratio(results: Results, size: int | str, one: str, other: str) -> float | None:
    """The time of a step of `one` relative to one of `other`: the median of the rounds' quotients.
    None unless both were measured at this size in the same run."""
    entries = results["sizes"].get(str(size), {"entries": {}})["entries"]
    a, b = (entries.get(label, {"skipped": ""}) for label in (one, other))
    if "skipped" in a or "skipped" in b or a["run"] != b["run"]:
        return None
    return median(x / y for x, y in zip(counted(a), counted(b), strict=True))


def memory(results: Results, size: int, label: str) -> float | None:
    """Peak memory in bytes at a size; None if it was not measured."""
    entries = results["sizes"].get(str(size), {"entries": {}})["entries"]
    entry = entries.get(label, {})
    return None if "skipped" in entry else entry.get("memory")


def sizes(results: Results) -> list[str]:
    """The longer sides measured, in ascending order, as in the results."""
    return sorted(results["sizes"], key=int)


def labels(results: Results) -> list[str]:
    """The labels measured at any size, except those in tables of their own."""
    found = {label: None for size in sizes(results) for label in results["sizes"][size]["entries"]}
    return [label for label in found if not label.startswith(HIDDEN)]


def default(results: Results) -> str:
    """The label of this engine's default on this processor."""
    native = "BF16" in results["machine"]["processor"]
    return ours("bfloat16") if native else ours("float32")


def by_size(results: Results, what: str, cell: Callable[[Results], str]) -> str:
    """A table with a row for each contestant and a column for each size; `cell` formats an
    entry."""
    head = [what]
    for size in sizes(results):
        of = results["sizes"][size]
        head.append(f"{of['width']} × {of['height']} px")
    rows = []
    for label in labels(results):
        row = [label]
        for size in sizes(results):
            entry = results["sizes"][size]["entries"].get(label, {"skipped": MISSING})
            row.append(entry["skipped"] if "skipped" in entry else cell(entry))
        rows.append(row)
    return table(head, rows)


def times_as_long(results: Results) -> str:
    """The times of all others relative to this engine's default."""
    first = default(results)
    rows = []
    for label in labels(results):
        found = [ratio(results, size, label, first) for size in sizes(results)]
        if any(found):
            rows.append([label, *(f"{each:.2f}" if each else MISSING for each in found)])
    return table([f"times as long as {first}", *(f"{size} px" for size in sizes(results))], rows)


def limit(results: Results) -> str:
    """The processor's peak, and the share of it that a step reaches."""
    measured = [size for size in sizes(results) if int(size) <= LIMIT_UP_TO]
    rows = [
        row
        for size in measured
        for dtype in ("bfloat16", "float32")
        if (row := limit_row(results, size, dtype))
    ]
    if not rows:
        return ""
    channels = " and ".join(f"{channels} → {channels}" for channels in CONVOLUTIONS)
    text = paragraph(
        f"10⁹ floating-point operations a second: of a product of two matrices of {PRODUCT} × "
        f"{PRODUCT}; of convolutions 3 × 3, {channels} channels; and of a step of this engine, of "
        "which only VGG's convolutions are counted, forward and for the gradient of their "
        "inputs (bench/kernels.py). The shares are of the faster convolution: that of a step, and "
        "that of VGG alone, forward and back. Last, which part of a step's time is not VGG: the "
        "losses, Adam, the average."
    )
    convolutions = [f"convolution {channels}" for channels in CONVOLUTIONS]
    shares = ["a step", "a step's share", "VGG's share", "not VGG"]
    return f"## At the limit\n\n{text}\n\n{table(['', 'product', *convolutions, *shares], rows)}"


def limit_row(results: Results, size: str, dtype: str) -> list[str] | None:
    """The row of one size and dtype; None unless all of it was measured."""
    of = results["sizes"][size]
    alone = ratio(results, size, f"network {dtype}", ours(dtype))
    entries = [of["entries"].get(f"{kind} {dtype}", {"skipped": ""}) for kind in KERNELS]
    if alone is None or any("skipped" in entry for entry in entries):
        return None
    speeds = [
        kernel_operations(kind) / seconds(entry)
        for kind, entry in zip(KERNELS, entries, strict=True)
    ]
    best = max(speeds[1:])
    operations = step_operations(of["height"], of["width"])
    step = operations / seconds(of["entries"][ours(dtype)])
    return [
        f"{size} px, {dtype}",
        *(f"{speed / 1e9:.0f}" for speed in (*speeds, step)),
        *(f"{100 * share:.0f} %" for share in (step / best, step / alone / best, 1 - alone)),
    ]


def paintings(results: Results) -> str:
    """The cost of blending several paintings."""
    found = {n: ratio(results, PAINTINGS_AT, f"paintings {n}", "paintings 1") for n in PAINTINGS}
    if not all(found.values()):
        return ""
    ratios = ", ".join(f"{count}: {found[count]:.3f}" for count in PAINTINGS)
    return (
        "## Blended paintings\n\nA step with so many paintings, times as long as with one, at "
        f"{PAINTINGS_AT} px: {ratios}."
    )


def batch(results: Results) -> str:
    """The overhead of buckets."""
    found = results.get("batch")
    if not found:
        return ""
    rows = [[name, value] for name, value in found.items()]
    return f"## What buckets cost a batch\n\n`bench/batch_overhead.py`:\n\n{table(['', ''], rows)}"


def claims(results: Results) -> str:
    """The engine's targets beside the measurements."""
    first, plain, crowsonkb = default(results), vgg_alone("float32"), "crowsonkb, float32"
    asked = {
        f"a step of *{plain}* by that of *{first}* at 512 px, at least 3": ratio(
            results, 512, plain, first
        ),
        f"a step of *{crowsonkb}* by that of *{first}* at 512 px, at least 4": ratio(
            results, 512, crowsonkb, first
        ),
        "a step with 16 paintings by one with 1, at most 1.05": ratio(
            results, PAINTINGS_AT, "paintings 16", "paintings 1"
        ),
    }
    theirs = memory(results, 2048, plain)
    for label in labels(results):
        mine = memory(results, 2048, label)
        if label.startswith("this engine") and mine and theirs:
            what = f"memory of *{label}* by that of *{plain}* at 2048 px, at most 0.5"
            asked[what] = mine / theirs
    rows = [[what, f"{found:.2f}"] for what, found in asked.items() if found is not None]
    return f"## What is asked for\n\n{table(['', 'found'], rows)}" if rows else ""


def plot(results: Results) -> Figure:
    """Step time and memory over size, both logarithmic; this engine's lines are solid."""
    figure = Figure(figsize=(11, 5), dpi=120, layout="constrained")
    ticks = [int(size) for size in sizes(results)]
    panels = (("seconds a step", seconds), ("memory, GiB", lambda entry: entry["memory"] / GIB))
    for number, (what, value) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, 2, number, xlabel="longer side, px", ylabel=what)
        for label in labels(results):
            entries = {size: results["sizes"][str(size)]["entries"].get(label) for size in ticks}
            shown = {
                size: value(each)
                for size, each in entries.items()
                if each and "skipped" not in each
            }
            style = "-o" if label.startswith("this engine") else "--s"
            axes.plot(list(shown), list(shown.values()), style, markersize=4, label=label)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize="small", frameon=False)
    return figure
