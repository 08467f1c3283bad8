"""A chart of the losses of a painting. It needs matplotlib, which painting does not."""

import io
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from styletransfer.cli.loss_log import COLUMNS, Row
from styletransfer.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_matplotlib() -> None:
    """Raise ConfigError if matplotlib is not installed."""
    if not find_spec("matplotlib"):
        raise ConfigError(
            "--chart needs the Python package matplotlib, which is missing; install it with: "
            f"{sys.executable} -m pip install matplotlib"
        )


def chart_png(rows: Sequence[Row]) -> bytes:
    """Draw the chart as a PNG."""
    out = io.BytesIO()
    chart(rows).savefig(out, format="png")
    return out.getvalue()


def chart(rows: Sequence[Row]) -> "Figure":
    """Draw a line per loss over the steps, and a mark at the start of each scale.

    The axis of the losses is logarithmic unless one is negative, which recipe `inetwork` allows. A
    loss that is always 0, because its weight is 0, is left out.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="weighted loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    steps = [row.iteration for row in rows]
    losses = {column: [getattr(row, column) for row in rows] for column in COLUMNS}
    losses = {column: values for column, values in losses.items() if any(values)}
    for column, values in losses.items():
        color, width = ("black", 2) if column == "total" else (None, None)
        marker = "." if len(rows) < 30 else None
        label = column.replace("_", " ")
        axes.plot(steps, values, label=label, marker=marker, color=color, linewidth=width)
    if losses and min(map(min, losses.values())) >= 0:
        # The content loss of a first step is 0: the distance of the photo from itself.
        axes.set_yscale("log", nonpositive="mask")
    previous = None
    for row in rows:
        if row.scale != previous:
            axes.axvline(row.iteration, color="0.8", linewidth=1, zorder=0)
            axes.text(
                row.iteration,
                1.01,
                f"{row.scale} px",
                transform=axes.get_xaxis_transform(),
                color="0.4",
                fontsize="small",
            )
        previous = row.scale
    if losses:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return figure
