"""The losses of a painting, step by step: a table, written as it is painted, and a chart of it."""

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from styletransfer.errors import ConfigError

if TYPE_CHECKING:  # Loads TensorFlow.
    from styletransfer.engine.stylize import Step

COLUMNS = ("content", "style", "total_variation", "structure", "total")


class Row(NamedTuple):
    """A step: its number from 1, the picture's longer side in px, the weighted contributions to
    the loss and their sum, and the seconds since the start."""

    iteration: int
    scale: int
    content: float
    style: float
    total_variation: float
    structure: float
    total: float
    seconds: float


class LossLog:
    """The losses as a CSV file, one row per step, written at once.

    Raises ConfigError if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.rows: list[Row] = []
        self.path, self._started = path, time.perf_counter()
        with self._config_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", buffering=1, encoding="utf-8")
            print(*Row._fields, sep=",", file=self._file)

    def add(self, step: "Step") -> None:
        """Adds the row of a step; waits for the device to compute its losses."""
        losses = {column: step.losses[column] for column in COLUMNS}
        seconds = time.perf_counter() - self._started
        self.rows.append(Row(step.iteration, step.scale, **losses, seconds=seconds))
        numbers = [*(f"{loss:.7g}" for loss in losses.values()), f"{seconds:.3f}"]
        with self._config_errors():
            print(step.iteration, step.scale, *numbers, sep=",", file=self._file)

    @contextmanager
    def _config_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error.strerror or error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def chart_png(rows: Sequence[Row]) -> bytes:
    """The chart as the bytes of a PNG."""
    out = io.BytesIO()
    chart(rows).savefig(out, format="png")
    return out.getvalue()


def chart(rows: Sequence[Row]) -> Figure:
    """A line per loss over the steps, and where each scale begins.

    The axis of the losses is logarithmic unless one is negative, as those of recipe `inetwork` can
    be. A loss that is always 0, because its weight is, is left out.
    """
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
