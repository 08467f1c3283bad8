"""What a run tells: a log that reads well in a platform's view, and a painting's progress, as a
bar on a terminal and as a line every 10 % elsewhere. LOG_FORMAT=json: the same lines as JSON."""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from styletransfer.log import duration, event

if TYPE_CHECKING:
    from rich.progress import Progress

REFRESH_S = 0.25  # Reading the loss waits for the device, so not at every step.


class Progressing(Protocol):
    """What is shown of a step of an optimisation: its number from 1 and that of all, the longer
    side in px, the seconds left, and the losses by name with their sum `total`."""

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


Step = TypeVar("Step", bound=Progressing)
Show = Callable[[Progressing, float], None]


def follow(
    steps: Iterable[Step],
    label: str,
    batch_left: Callable[[float], float] | None = None,
    **fields: Any,
) -> Step:
    """Runs an optimisation to its end and shows it; its last step, which has the result.

    batch_left: seconds left for this picture → seconds left for the whole batch.
    """
    started, last_shown, step, first = perf_counter(), 0.0, None, 0
    with _shown(label, batch_left, fields) as show:
        for step in steps:
            now = perf_counter()
            first = first or step.iteration
            if now - last_shown >= REFRESH_S or step.iteration == step.total:
                show(step, (step.iteration - first + 1) / (now - started))
                last_shown = now
    if step is None:
        raise ValueError("an optimisation without a step")
    return step


class _Bars:
    """The terminal's bars, one for each picture under way; there can be one display of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._display: Progress | None = None
        self._under_way = 0

    @contextmanager
    def one(self, label: str) -> Iterator[Callable[..., None]]:
        """A bar, by what updates it. The last one stays on the screen; of others that end, the log
        tells."""
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        with self._lock:
            if self._display is None:
                text = TextColumn("{task.description}", markup=False)
                told = TextColumn("{task.fields[told]}", markup=False)
                self._display = Progress(text, BarColumn(), TaskProgressColumn(), told)
                self._display.start()
            display = self._display
            self._under_way += 1
            bar = display.add_task(label, total=None, told="")
        try:
            yield partial(display.update, bar)
        finally:
            with self._lock:
                self._under_way -= 1
                if self._under_way:
                    display.remove_task(bar)
                else:
                    display.stop()
                    self._display = None


_bars = _Bars()


@contextmanager
def _shown(
    label: str, batch_left: Callable[[float], float] | None, fields: dict[str, Any]
) -> Iterator[Show]:
    """What shows a step and the iterations a second, to a terminal or to a log."""

    def told(step: Progressing, rate: float) -> str:
        text = (
            f"{step.scale} px, loss {step.losses['total']:.4g}, {rate:.1f} it/s, "
            f"{duration(step.eta_s)} left"
        )
        return text + (f", batch {duration(batch_left(step.eta_s))}" if batch_left else "")

    if sys.stdout.isatty():
        with _bars.one(label) as update:
            yield lambda step, rate: update(
                completed=step.iteration, total=step.total, told=told(step, rate)
            )
        return
    told_tenths = 0

    def line(step: Progressing, rate: float) -> None:
        nonlocal told_tenths
        tenths = 10 * step.iteration // step.total
        if tenths > told_tenths:
            told_tenths = tenths
            numbers = {
                "percent": 10 * tenths,
                "scale": step.scale,
                "loss": step.losses["total"],
                "iterations_per_s": round(rate, 2),
                "left_s": round(step.eta_s, 1),
            }
            if batch_left:
                numbers["batch_left_s"] = round(batch_left(step.eta_s), 1)
            event(f"{label}: {10 * tenths} %, {told(step, rate)}", **fields, **numbers)

    yield line
