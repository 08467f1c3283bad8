"""What a run would paint, how long it would take on this device, and how much memory it would
need: a line for each look, and the whole."""

import math
from collections.abc import Sequence
from contextlib import closing
from logging import DEBUG, ERROR
from time import perf_counter
from typing import Any, NamedTuple

from styletransfer.batch.context import RunContext
from styletransfer.batch.failures import picture_failure
from styletransfer.batch.forecast import Forecast, TaskForecast
from styletransfer.devices.tensorflow import Devices
from styletransfer.log import duration, event, gigabytes, printable, show_table

MEMORY_COUNTS = "memory is that of the whole process, TensorFlow included, as in MEMORY_LIMIT"


def report_dry_run(run: RunContext, devices: Devices, started: float) -> int:
    """Logs what each look takes, and the whole, of a plan that has tasks; the exit code: 0, or 1
    where some cannot be painted. To be called in the first device's scope. started: when the run
    began, by perf_counter.

    Raises UnavailableError as the run itself would.
    """
    event(f"painting on {devices}", device=str(devices))
    device = devices.first.name
    run.networks.load(run.plan.todo[0].look.settings, device)
    start_up_s = perf_counter() - started
    estimates: list[TaskForecast] = []
    failed = len(run.plan.refused)
    with closing(Forecast(run, device)) as forecast:
        for task in run.plan.todo:
            run.stop.obey()
            try:
                estimate = forecast.of(task)
            except Exception as error:
                event(f"{task}: cannot be painted: {picture_failure(error)}", level=ERROR)
                failed += 1
            else:
                _log_task(estimate)
                estimates.append(estimate)
    _log_whole(estimates, failed, start_up_s + forecast.set_up_s)
    return 1 if failed else 0


class _Total(NamedTuple):
    """What several tasks take together. memory: that of the one which takes most, in bytes."""

    pictures: int
    largest: TaskForecast
    seconds: float
    memory: int

    @classmethod
    def of(cls, estimates: Sequence[TaskForecast], once_s: float = 0.0) -> "_Total":
        return cls(
            len(estimates),
            max(estimates, key=lambda each: math.prod(each.size)),
            once_s + sum(each.seconds for each in estimates),
            max(each.memory.in_all for each in estimates),
        )

    @property
    def cells(self) -> tuple[str, ...]:
        """As a row of the table shows it."""
        return (
            str(self.pictures),
            _shown_size(self.largest),
            duration(self.seconds),
            gigabytes(self.memory),
        )

    @property
    def fields(self) -> dict[str, Any]:
        """As a line of JSON has it."""
        return {
            "to_paint": self.pictures,
            "seconds": round(self.seconds, 1),
            "memory_gb": round(self.memory / 1e9, 2),
        }


def _log_task(estimate: TaskForecast) -> None:
    event(
        f"{estimate.task}: would be painted, {_shown_size(estimate)} px, {estimate.steps} steps, "
        f"about {duration(estimate.seconds)}, {gigabytes(estimate.memory.in_all)} of memory",
        level=DEBUG,
        photo=estimate.task.photo.key,
        look=estimate.task.look.name,
        steps=estimate.steps,
        **_Total.of([estimate]).fields,
    )


def _log_whole(estimates: Sequence[TaskForecast], failed: int, once_s: float) -> None:
    """A table with a line for each look, what is spent once, and the whole; a line of the log."""
    from rich.table import Table

    fields: dict[str, Any] = {"to_paint": 0, "seconds": 0.0}
    about = ""
    if estimates:
        table = Table("look", box=None, pad_edge=False)
        for heading in ("to paint", "largest, px", "time", "memory"):
            table.add_column(heading, justify="right")
        of_looks: dict[str, list[TaskForecast]] = {}
        for each in estimates:
            of_looks.setdefault(each.task.look.name, []).append(each)
        by_look = {name: _Total.of(found) for name, found in of_looks.items()}
        for name, of_look in by_look.items():
            table.add_row(printable(name), *of_look.cells)
        total = _Total.of(estimates, once_s)
        table.add_row("start, once", "", "", duration(once_s), "")
        table.add_row("total", *total.cells)
        show_table(table)
        looks_fields = [{"look": name, **of_look.fields} for name, of_look in by_look.items()]
        fields = total.fields | {"once_s": round(once_s, 1), "looks": looks_fields}
        about = f" in about {duration(total.seconds)} on this device"
    cannot = f", {failed} that cannot be painted" if failed else ""
    memory = f"; {MEMORY_COUNTS}" if estimates else ""
    event(
        f"dry run: {len(estimates)} to paint{about}{cannot}{memory}. Nothing was painted.",
        failed=failed,
        **fields,
    )


def _shown_size(estimate: TaskForecast) -> str:
    height, width = estimate.size
    return f"{width} × {height}"
