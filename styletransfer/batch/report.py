"""What a run logs before and after painting."""

from collections import Counter
from collections.abc import Iterable
from logging import ERROR
from typing import TYPE_CHECKING

from styletransfer.batch.repaints import repaint_causes
from styletransfer.log import duration, event, listed, plural, printable, show_table

MOST_LOOKS = 5  # named where a photo failed in several
MOST_CAUSES = 5  # lines, of why pictures are painted again

if TYPE_CHECKING:
    from styletransfer.batch.context import RunContext
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.batch.plan import Plan, Selection, Task
    from styletransfer.batch.workers import Outcome


def log_plan(plan: "Plan", selection: "Selection") -> None:
    """How much there is to paint, and what cannot be painted."""
    photos, looks, todo = len(selection.photos), len(selection.looks), len(plan.todo)
    counts = {
        "already done": len(plan.done),
        "to paint": todo,
        "that cannot be painted": len(plan.refused),
    }
    state = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if len(plan.done) == photos * looks:
        state = "already done"
    for task, reason in plan.refused:
        event(f"{task}: {reason}", level=ERROR, photo=task.photo.key, look=task.look.name)
    event(
        f"{plural(photos, 'photo')} × {plural(looks, 'look')}: {state}",
        event="plan",
        photos=photos,
        looks=looks,
        to_paint=todo,
    )


def log_repaints(plan: "Plan", networks: "NetworkPool") -> None:
    """Why photos are painted that have results already, and which results stay as they are."""
    for tasks, one, many in (
        (plan.todo, "it will be replaced", "they will be replaced"),
        (plan.kept, "it is kept", "they are kept"),
    ):
        causes = repaint_causes(tasks, plan, networks)
        others = sum(count for count, _ in causes[MOST_CAUSES:])
        if others:
            causes = [*causes[:MOST_CAUSES], (others, "with other differences")]
        for count, cause in causes:
            verb, fate = ("is", one) if count == 1 else ("are", many)
            event(f"{count} {verb} there {cause}: {fate}", results=count)


def log_nothing_to_paint(plan: "Plan", result: str, dry_run: bool = False) -> None:
    """Logs how many results are there already, and how many cannot be painted; not both are 0.

    result: the bucket, as the configuration names it. dry_run: nothing was tried, and `log_plan`
    has named what cannot be painted.
    """
    there, failed = len(plan.done), len(plan.refused)
    which = "the result is" if there == 1 else f"{'' if failed else 'all '}{there} results are"
    parts = [f"{which} in {result}"] if there else []
    if failed:
        parts.append(f"{failed} {'that cannot be painted' if dry_run else 'FAILED'}")
    event(
        f"Nothing to paint: {', '.join(parts)}.",
        summary=True,
        event="summary",
        to_paint=0,
        painted=0,
        there=there,
        failed=failed,
    )
    if not dry_run:
        _log_failures(plan.refused)


def log_outcome(run: "RunContext", outcome: "Outcome", seconds: float) -> None:
    """What a run has painted in so many seconds; what failed comes last."""
    failed, done = len(outcome.failures), len(run.plan.done) + len(outcome.found)
    _show_looks(run.plan, outcome)
    event(
        f"{outcome.painted} painted in {duration(seconds)}"
        + (f", {done} already done" if done else "")
        + (f", {failed} FAILED" if failed else "")
        + f". The results are in {run.config.result}.",
        summary=True,
        event="summary",
        painted=outcome.painted,
        there=done,
        failed=failed,
    )
    _log_failures(outcome.failures)


def _log_failures(failures: "Iterable[tuple[Task, str]]") -> None:
    """One line for each photo that failed, in however many looks."""
    by_photo: dict[str, dict[str, list[str]]] = {}
    for task, reason in failures:
        reasons = by_photo.setdefault(task.photo.key, {})
        reasons.setdefault(reason, []).append(task.look.name)
    for photo, reasons in by_photo.items():
        parts = [f"in {_named(looks)}: {reason}" for reason, looks in reasons.items()]
        looks = [each for several in reasons.values() for each in several]
        message = f"FAILED: {printable(photo)} {'; '.join(parts)}"
        event(message, level=ERROR, event="failed", photo=photo, looks=looks)


def _named(looks: list[str]) -> str:
    names = listed([printable(each) for each in looks], MOST_LOOKS)
    return names if len(looks) == 1 else f"{len(looks)} looks ({names})"


def _show_looks(plan: "Plan", outcome: "Outcome") -> None:
    """A table with a line for each look, on a terminal and in a text log."""
    from rich.table import Table

    table = Table("look", box=None, pad_edge=False)
    for heading in ("painted", "already done", "failed", "seconds each"):
        table.add_column(heading, justify="right")
    done = Counter(record.look or "" for record in plan.done)
    done.update(task.look.name for task in outcome.found)
    failed = Counter(task.look.name for task, _ in outcome.failures)
    for look in sorted({task.look.name for task in plan.todo} | done.keys() | failed.keys()):
        times = outcome.seconds.get(look, [])
        mean = f"{sum(times) / len(times):.1f}" if times else "–"
        counts = map(str, (len(times), done[look], failed[look]))
        table.add_row(printable(look), *counts, mean)
    show_table(table)
