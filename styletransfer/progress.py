"""Progress of an optimisation: a bar on a terminal, lines in a log, or none.

Where a terminal has no room for everything, the bar and the time of the batch stay, and the rest
goes: first the loss, then the speed.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from styletransfer.log import duration, event

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.live import Live

REFRESH_S = 0.25  # Reading the loss waits for the device, so it is not read at every step.
# How progress is shown, and after how many percent there is another line in the log.
LINES_EVERY = {"plain": 10, "bar": 10, "json": 1, "none": 0}
PROGRESS_MODES = tuple(LINES_EVERY)
GOES_FIRST = ("loss", "speed", "scale", "left")  # and never the time of the batch
SHORTEST_BAR, LONGEST_BAR = 10, 40  # columns


class Progressing(Protocol):
    """What progress shows of a step: its number, counted from 1, and the total; which part of the
    work is done, 0…1; the longer side in px; the seconds left; the losses by name with their sum
    `total`."""

    @property
    def iteration(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def fraction(self) -> float: ...
    @property
    def scale(self) -> int: ...
    @property
    def eta_s(self) -> float: ...
    @property
    def losses(self) -> Mapping[str, float]: ...


AnyStep = TypeVar("AnyStep", bound=Progressing)
BatchLeft = Callable[[float], float]  # seconds left for this picture → for the whole batch
Show = Callable[[Progressing, float], None]  # takes a step and the iterations per second


def usual_mode() -> str:
    """How progress is shown unless somebody asks for another way."""
    return "bar" if sys.stdout.isatty() else "plain"


def follow(
    steps: Iterable[AnyStep],
    label: str,
    batch_left: BatchLeft | None = None,
    mode: str | None = None,
    **fields: Any,
) -> AnyStep:
    """Runs an optimisation to its end, shows its progress, and returns the last step.

    label: names the picture. mode: one of `PROGRESS_MODES`; `bar` needs a terminal. fields: added
    to each log line. Raises ValueError without a last step.
    """
    started, last_shown, last, first = perf_counter(), 0.0, None, 0
    with _display(mode or usual_mode(), label, batch_left, fields) as show:
        for step in steps:
            now = perf_counter()
            first = first or step.iteration
            if now - last_shown >= REFRESH_S or step.iteration == step.total:
                show(step, (step.iteration - first + 1) / (now - started))
                last_shown = now
            last = step if step.iteration == step.total else None
            del step  # Steps that are still referenced may take memory.
    if last is None:
        raise ValueError("the optimisation ended before its last step")
    return last


@contextmanager
def _display(
    mode: str, label: str, batch_left: BatchLeft | None, fields: dict[str, Any]
) -> Iterator[Show]:
    """A function that shows a step, on the terminal or in the log."""
    if mode == "bar" and sys.stdout.isatty():
        with bars.bar(label) as bar:

            def show(step: Progressing, rate: float) -> None:
                bar.done = step.fraction
                bar.status = _status(step, rate, batch_left)

            yield show
        return
    every, logged = LINES_EVERY[mode], 0

    def log(step: Progressing, rate: float) -> None:
        nonlocal logged
        percent = int(100 * step.fraction + 1e-9)  # 100 * 0.29 is less than 29.
        if not every or percent // every <= logged:
            return
        logged = percent // every
        numbers: dict[str, Any] = {
            "event": "progress",
            "step": step.iteration,
            "steps": step.total,
            "percent": every * logged,
            "scale": step.scale,
            "loss": step.losses["total"],
            "iterations_per_s": round(rate, 2),
            "left_s": round(step.eta_s, 1),
        }
        if batch_left:
            numbers["batch_left_s"] = round(batch_left(step.eta_s), 1)
        status = ", ".join(_status(step, rate, batch_left).values())
        event(f"{label}: {every * logged} %, {status}", **fields, **numbers)

    yield log


def _status(step: Progressing, rate: float, batch_left: BatchLeft | None) -> dict[str, str]:
    """A step's numbers as text, by name."""
    status = {
        "scale": f"{step.scale} px",
        "loss": f"loss {step.losses['total']:.4g}",
        "speed": f"{rate:.1f} it/s",
        "left": f"{duration(step.eta_s)} left",
    }
    if batch_left:
        status["batch"] = f"batch {duration(batch_left(step.eta_s))}"
    return status


@dataclass(eq=False)
class Bar:
    """A picture in progress: its label, which part of its work is done, from 0 to 1 and None
    before the first, and the latest numbers by name."""

    label: str
    done: float | None = None
    status: dict[str, str] = field(default_factory=dict)

    def line(self, columns: int) -> "RenderableType":
        """What a terminal of so many columns shows."""
        from rich.cells import cell_len
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        columns -= len("  100%  ")
        label = shortened_label(self.label, max(2 * columns // 5, columns - 75))
        columns -= cell_len(label)
        status = fitted(self.status, columns - SHORTEST_BAR)
        width = max(1, min(LONGEST_BAR, columns - cell_len(status)))
        percent = 100 * (self.done or 0)
        bar = ProgressBar(100, percent, width=width, pulse=self.done is None)
        line = Table.grid(padding=(0, 1))
        for each in (cell_len(label), width, 4, None):
            line.add_column(width=each, no_wrap=True)
        line.add_row(Text(label), bar, f"{percent:>3.0f}%", Text(status))
        return line


def fitted(status: Mapping[str, str], room: int) -> str:
    """The parts of a status, by name, that fit into so many columns together."""
    parts = dict(status)
    for name in GOES_FIRST:
        if len(", ".join(parts.values())) <= room or len(parts) < 2:
            break
        parts.pop(name, None)
    return ", ".join(parts.values())


def shortened_label(label: str, room: int) -> str:
    """A label in so many columns, with its beginning and the count at its end: `(3 of 60)`."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(label) <= room:
        return label
    end = label[label.rfind("(") :] if label.endswith(")") else ""
    end = end if 2 * cell_len(end) < room else ""
    return f"{set_cell_size(label, room - cell_len(end) - 1).rstrip()}…{end}"


class Bars:
    """The bars on the terminal, one for each picture in progress. Rich allows only one display."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._display: Live | None = None
        self._bars: list[Bar] = []

    @property
    def in_progress(self) -> int:
        """How many pictures are in progress."""
        return len(self._bars)

    @contextmanager
    def bar(self, label: str) -> Iterator[Bar]:
        """A new bar, which disappears in the end."""
        from rich.live import Live

        bar = Bar(label)
        with self._lock:
            self._bars.append(bar)
            if self._display is None:
                self._display = Live(get_renderable=self._lines, transient=True)
                self._display.start()
        try:
            yield bar
        finally:
            with self._lock:
                if self._display and self._bars == [bar]:
                    self._display.stop()
                    self._display = None
                self._bars.remove(bar)

    def _lines(self) -> "Group":
        from rich import get_console
        from rich.console import Group

        width = (self._display.console if self._display else get_console()).width
        return Group(*(bar.line(width) for bar in list(self._bars)))


bars = Bars()
