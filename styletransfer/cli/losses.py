"""The losses of a painting: a table that is written step by step, and a chart if asked for."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from styletransfer.errors import ConfigError

if TYPE_CHECKING:  # Loads TensorFlow.
    from styletransfer.engine.stylize import Step

COLUMNS = ("content", "style", "total_variation", "structure", "total")


class Row(NamedTuple):
    """One step.

    Attributes:
        iteration: The number of the step, from 1.
        scale: The longer side of the picture in px.
        content, style, total_variation, structure: Weighted contributions to the loss.
        total: Their sum.
        seconds: The time since the start.
    """

    iteration: int
    scale: int
    content: float
    style: float
    total_variation: float
    structure: float
    total: float
    seconds: float


class LossLog:
    """The losses as a CSV file with one row per step.

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
        """Write the row of a step, after waiting for the device to compute its losses."""
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


def check_matplotlib() -> None:
    """Raise ConfigError if matplotlib is not installed."""
    if not find_spec("matplotlib"):
        raise ConfigError(
            "--chart needs the Python package matplotlib, which is missing; install it with: "
            f"{sys.executable} -m pip install matplotlib"
        )


def chart_png(rows: Sequence[Row]) -> bytes:
    """Draw a PNG with a line per loss over the steps. A grey line marks the start of each scale.

    The axis of the losses is logarithmic unless one is negative, which recipe `inetwork` allows. A
    loss that is always 0, because its weight is 0, is omitted.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="weighted loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    losses = {column: [getattr(row, column) for row in rows] for column in COLUMNS}
    losses = {column: values for column, values in losses.items() if any(values)}
    for column, values in losses.items():
        axes.plot([row.iteration for row in rows], values, label=column.replace("_", " "))
    if losses and min(map(min, losses.values())) >= 0:
        # The content loss of a first step is 0: the distance of the photo from itself.
        axes.set_yscale("log", nonpositive="mask")
    for before, row in zip([None, *rows], rows, strict=False):
        if before is None or row.scale != before.scale:
            axes.axvline(row.iteration, color="0.8", zorder=0)
            axes.annotate(
                f"{row.scale} px", (row.iteration, 1.01), xycoords=("data", "axes fraction")
            )
    if losses:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    out = BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
