"""How a painting under way is shown: a bar on a terminal, a line every 10 % in a log."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # For its name only: nothing here may load TensorFlow.
    from styletransfer.engine import Step

logger = logging.getLogger("styletransfer")

REFRESH_S = 0.25  # Reading the loss waits for the device, so not at every step.


class _Stdout(logging.StreamHandler):
    """Writes to what sys.stdout is at the time, not to what it was when logging was set up."""

    def __init__(self, form: str) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(logging.Formatter(form, "%H:%M:%S"))

    @property
    def stream(self) -> TextIO:
        return sys.stdout


def log_to_stdout(form: str) -> None:
    """Shows the log on stdout, each line in the `logging` format given."""
    logger.handlers = [_Stdout(form)]
    logger.setLevel(logging.INFO)


def follow(steps: Iterable["Step"], label: str) -> "Step":
    """Runs an optimisation to its end and shows it; its last step, which has the result."""
    started, last_shown, step = perf_counter(), 0.0, None
    with _shown(label) as show:
        for step in steps:
            now = perf_counter()
            if now - last_shown >= REFRESH_S or step.iteration == step.total:
                show(step, step.iteration / (now - started))
                last_shown = now
    if step is None:
        raise ValueError("an optimisation without a step")
    return step


def duration(seconds: float) -> str:
    """Seconds as people say them: `45 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


Show = Callable[["Step", float], None]


@contextmanager
def _shown(label: str) -> Iterator[Show]:
    """What shows a step and the iterations a second, to a terminal or to a log."""
    if sys.stdout.isatty():
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns = (
            *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()),
            TextColumn("{task.fields[told]}"),
        )
        with Progress(*columns) as bar:
            task = bar.add_task(label, total=None, told="")
            yield lambda step, rate: bar.update(
                task, completed=step.iteration, total=step.total, told=_told(step, rate)
            )
        return
    told_tenths = 0

    def line(step: "Step", rate: float) -> None:
        nonlocal told_tenths
        tenths = 10 * step.iteration // step.total
        if tenths > told_tenths:
            told_tenths = tenths
            logger.info("%s: %d %%, %s", label, 10 * tenths, _told(step, rate))

    yield line


def _told(step: "Step", rate: float) -> str:
    return (
        f"{step.scale} px, loss {step.losses['total']:.4g}, {rate:.1f} it/s, "
        f"{duration(step.eta_s)} left"
    )
