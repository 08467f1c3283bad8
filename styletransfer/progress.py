"""Progress of an optimisation: a bar on a terminal, a log line every 10 % elsewhere."""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from styletransfer.log import duration, event

if TYPE_CHECKING:
    from rich.progress import Progress as Display

REFRESH_S = 0.25  # Reading the loss waits for the device, so it is not read at every step.


class Progressing(Protocol):
    """What progress shows of a step: its number, counted from 1, and the total; the longer side in
    px; the seconds left; the losses by name with their sum `total`."""

    @property
    def iteration(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def scale(self) -> int: ...
    @property
    def eta_s(self) -> float: ...
    @property
    def losses(self) -> Mapping[str, float]: ...


AnyStep = TypeVar("AnyStep", bound=Progressing)
BatchLeft = Callable[[float], float]  # seconds left for this picture → for the whole batch
Show = Callable[[Progressing, float], None]  # takes a step and the iterations per second


def follow(
    steps: Iterable[AnyStep], label: str, batch_left: BatchLeft | None = None, **fields: Any
) -> AnyStep:
    """Runs an optimisation to its end, shows its progress, and returns the last step.

    label: names the picture. fields: added to each log line. Raises ValueError without a last step.
    """
    started, last_shown, last, first = perf_counter(), 0.0, None, 0
    with _display(label, batch_left, fields) as show:
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
def _display(label: str, batch_left: BatchLeft | None, fields: dict[str, Any]) -> Iterator[Show]:
    """A function that shows a step, on the terminal or in the log."""
    if sys.stdout.isatty():
        with bars.bar(label) as update:
            yield lambda step, rate: update(
                completed=step.iteration,
                total=step.total,
                status=_status(step, rate, batch_left),
            )
        return
    logged_tenths = 0

    def log(step: Progressing, rate: float) -> None:
        nonlocal logged_tenths
        tenths = 10 * step.iteration // step.total
        if tenths <= logged_tenths:
            return
        logged_tenths = tenths
        numbers: dict[str, Any] = {
            "percent": 10 * tenths,
            "scale": step.scale,
            "loss": step.losses["total"],
            "iterations_per_s": round(rate, 2),
            "left_s": round(step.eta_s, 1),
        }
        if batch_left:
            numbers["batch_left_s"] = round(batch_left(step.eta_s), 1)
        status = _status(step, rate, batch_left)
        event(f"{label}: {10 * tenths} %, {status}", **fields, **numbers)

    yield log


def _status(step: Progressing, rate: float, batch_left: BatchLeft | None) -> str:
    text = (
        f"{step.scale} px, loss {step.losses['total']:.4g}, {rate:.1f} it/s, "
        f"{duration(step.eta_s)} left"
    )
    return text + (f", batch {duration(batch_left(step.eta_s))}" if batch_left else "")


class Bars:
    """The bars on the terminal, one for each picture in progress. Rich allows only one display."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._display: Display | None = None
        self.in_progress = 0

    @contextmanager
    def bar(self, label: str) -> Iterator[Callable[..., None]]:
        """A function that updates a new bar. A finished bar disappears, except for the last one."""
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        with self._lock:
            if self._display is None:
                name = TextColumn("{task.description}", markup=False)
                status = TextColumn("{task.fields[status]}", markup=False)
                self._display = Progress(name, BarColumn(), TaskProgressColumn(), status)
                self._display.start()
            display = self._display
            self.in_progress += 1
            task = display.add_task(label, total=None, status="")
        try:
            yield partial(display.update, task)
        finally:
            with self._lock:
                self.in_progress -= 1
                if self.in_progress:
                    display.remove_task(task)
                else:
                    display.stop()
                    self._display = None


bars = Bars()
