"""The losses of a painting, step by step, as a table that is written while it is painted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
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
