"""Progress of an optimisation: a bar on a terminal, lines in a log, or none."""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from painterly.forks import per_process
from painterly.log import event, logs_json, to_a_reader
from painterly.words.wording import duration

if TYPE_CHECKING:
    from rich.progress import Progress

REFRESH_S = 0.25  # Reading the loss waits for the device, so it is not read at every step.
FIRST_TALLY_S, TALLY_S = 2.0, 10.0  # seconds until a count is logged, and between two
# The ways to show progress, each with the percent between two lines in the log.
LINES_EVERY = {"plain": 10, "bar": 10, "json": 1, "none": 0}
PAUSE_S = 30.0  # between two such lines of text, whatever their pictures
PROGRESS_MODES = tuple(LINES_EVERY)
# Rich allows one display at a time, so all threads share it. None if no bar is shown.
_display: "Progress | None" = None
_line_at = perf_counter()  # when there was a line in the log, or this process began
_lock = per_process(threading.Lock)


class Tally:
    """A count of things that may be many. It is logged after some seconds, and again and again."""

    def __init__(self, doing: str) -> None:
        """Take what is done with the things, such as `listing photos`."""
        self._doing, self._due = doing, monotonic() + FIRST_TALLY_S

    def show(self, count: int) -> None:
        """Log a count if a line is due."""
        if (now := monotonic()) >= self._due:
            self._due = now + TALLY_S
            event(f"{self._doing}: {count:,} so far")


class Step(Protocol):
    """The numbers of a step that are shown; see `painterly.engine.transfer.Step`."""

    iteration: int
    total: int
    fraction: float
    eta_s: float
    scale: int

    @property
    def losses(self) -> Mapping[str, float]:
        """The losses by name, and their sum `total`; empty without a loss."""


AnyStep = TypeVar("AnyStep", bound=Step)
BatchLeft = Callable[[float], float]  # seconds left for this picture → for the whole batch
ShowStep = Callable[[Step, float], None]  # takes a step and the iterations per second
ShowBar = Callable[[float, str], None]  # takes the part of the work that is done, and a status


def follow(
    steps: Iterable[AnyStep],
    label: str,
    batch_left: BatchLeft | None = None,
    mode: str = "plain",
    **fields: Any,
) -> AnyStep:
    """Run an optimisation to its end, show its progress, and return the last step.

    Args:
        steps: The optimisation.
        label: The name of the picture.
        batch_left: Estimates the seconds left for the whole batch, if there is one.
        mode: One of `PROGRESS_MODES`; `bar` needs a terminal.
        **fields: Added to each line of a log in JSON.

    Raises:
        ValueError: There is no last step.
    """
    started, last_shown, first = perf_counter(), 0.0, 0
    last: AnyStep | None = None
    with _step_display(mode, label, batch_left, fields) as show:
        for step in steps:
            now = perf_counter()
            first = first or step.iteration
            if now - last_shown >= REFRESH_S or step.iteration == step.total:
                show(step, (step.iteration - first + 1) / (now - started))
                last_shown = now
            last = step if step.iteration == step.total else None
    if last is None:
        raise ValueError("the optimisation ended before its last step")
    return last


@contextmanager
def _step_display(
    mode: str, label: str, batch_left: BatchLeft | None, fields: dict[str, Any]
) -> Iterator[ShowStep]:
    """Yield a function that shows a step on the terminal or in the log."""
    if mode == "bar" and sys.stdout.isatty():
        with bar(label) as show_bar:
            yield lambda step, rate: show_bar(step.fraction, _status(step, rate, batch_left))
        return
    every, logged = LINES_EVERY[mode], 0

    def log(step: Step, rate: float) -> None:
        global _line_at
        nonlocal logged
        percent = int(100 * step.fraction + 1e-9)  # 100 * 0.29 is less than 29.
        is_early = not logs_json() and perf_counter() - _line_at < PAUSE_S
        if not every or percent // every <= logged or is_early:
            return
        logged, _line_at = percent // every, perf_counter()
        numbers: dict[str, Any] = {
            "event": "progress",
            "step": step.iteration,
            "steps": step.total,
            "percent": every * logged,
            "scale": step.scale,
            "iterations_per_s": round(rate, 2),
            "left_s": round(step.eta_s, 1),
        }
        if step.losses:
            numbers["loss"] = step.losses["total"]
        if batch_left:
            numbers["batch_left_s"] = round(batch_left(step.eta_s), 1)
        status = _status(step, rate, batch_left)
        event(f"{label}: {every * logged} %, {status}", **fields, **numbers)

    yield log


def _status(step: Step, rate: float, batch_left: BatchLeft | None) -> str:
    """Return the numbers of a step as text, the most important first: a bar may cut the rest."""
    batch = [f"batch {duration(batch_left(step.eta_s))}"] if batch_left else []
    loss = [f"loss {step.losses['total']:.4g}"] if step.losses else []
    left = f"{duration(step.eta_s)} left"
    return ", ".join([*batch, left, f"{step.scale} px", f"{rate:.1f} steps/s", *loss])


@contextmanager
def bar(label: str) -> Iterator[ShowBar]:
    """Show a bar on the terminal until the block ends, below those of other threads.

    Yields a function that takes the part of the work that is done, 0…1, and a status. If a
    terminal is too narrow, the label and the end of the status are cut.
    """
    global _display
    with _lock():
        if _display is None:
            _display = _new_display()
            with to_a_reader():
                _display.start()
        display = _display
        task = display.add_task(label, total=None, status="")

    def show(fraction: float, status: str) -> None:
        display.update(task, total=1, completed=fraction, status=status)

    try:
        yield show
    finally:
        with _lock():
            if display.task_ids == [task]:
                _display = None
                with to_a_reader():
                    display.stop()
            display.remove_task(task)


def _new_display() -> "Progress":
    from rich.progress import BarColumn, Progress, Task, TaskProgressColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    class CutColumn(TextColumn):
        """Text in one line, with an ellipsis if there is no room for all of it."""

        def __init__(self, text: str) -> None:
            # A table takes the room that it lacks from the columns that may wrap.
            super().__init__(text, markup=False, table_column=Column(no_wrap=False))

        def render(self, task: Task) -> Text:
            text = super().render(task)
            text.no_wrap, text.overflow = True, "ellipsis"
            return text

    return Progress(
        CutColumn("{task.description}"),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        CutColumn("{task.fields[status]}"),
        transient=True,
    )
