"""A painting's losses, step by step: a table that grows while it is painted, and a drawing."""

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from styletransfer.errors import ConfigError

if TYPE_CHECKING:  # For its name only: tables can be drawn without TensorFlow.
    from styletransfer.engine.stylize import Step

COLUMNS = ("content", "style", "total_variation", "total")


class Row(NamedTuple):
    """A step: its number from 1, the picture's longer side in px, the weighted contributions to
    the loss and their sum, and the seconds since painting began."""

    iteration: int
    scale: int
    content: float
    style: float
    total_variation: float
    total: float
    seconds: float


class LossLog:
    """The losses as a CSV file, a row a step, each written as soon as it is known.

    Raises ConfigError where the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.rows: list[Row] = []
        self._path, self._started = path, time.perf_counter()
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", buffering=1, encoding="utf-8")
            print(*Row._fields, sep=",", file=self._file)

    def add(self, step: "Step") -> None:
        """Adds a step's row; waits for the device to know its losses."""
        losses = [step.losses[term] for term in COLUMNS]
        seconds = time.perf_counter() - self._started
        self.rows.append(Row(step.iteration, step.scale, *losses, seconds))
        numbers = [*(f"{loss:.7g}" for loss in losses), f"{seconds:.3f}"]
        with self._told():
            print(step.iteration, step.scale, *numbers, sep=",", file=self._file)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            told = f"{self._path} cannot be written: {error.strerror or error}"
            raise ConfigError(told) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def drawn(rows: Sequence[Row]) -> bytes:
    """The bytes of a PNG of `figure`."""
    out = io.BytesIO()
    figure(rows).savefig(out, format="png")
    return out.getvalue()


def figure(rows: Sequence[Row]) -> Figure:
    """A line for each term over the steps, and where each scale begins.

    The losses' axis is logarithmic, unless one of them is negative (those of recipe `inetwork`
    can be); a term that is 0 throughout, as its weight is, is left out.
    """
    drawing = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    axes = drawing.add_subplot(xlabel="step", ylabel="weighted loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    steps = [row.iteration for row in rows]
    shown = {term: [getattr(row, term) for row in rows] for term in COLUMNS}
    shown = {term: losses for term, losses in shown.items() if any(losses)}
    for term, losses in shown.items():
        style = {"color": "black", "linewidth": 2} if term == "total" else {}
        marker = "." if len(rows) < 30 else None
        axes.plot(steps, losses, label=term.replace("_", " "), marker=marker, **style)
    if shown and min(map(min, shown.values())) >= 0:
        # A photo's distance from itself, the content of a first step, is 0.
        axes.set_yscale("log", nonpositive="mask")
    before = None
    for row in rows:
        if row.scale != before:
            axes.axvline(row.iteration, color="0.8", linewidth=1, zorder=0)
            axes.text(
                row.iteration,
                1.01,
                f"{row.scale} px",
                transform=axes.get_xaxis_transform(),
                color="0.4",
                fontsize="small",
            )
        before = row.scale
    if shown:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return drawing
