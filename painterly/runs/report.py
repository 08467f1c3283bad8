"""Reports what a run will paint, why it repaints results, and how it ended: to the log, to the
bucket of results, and to NOTIFY_URL."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from logging import ERROR, WARNING
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from painterly.errors import PainterlyError
from painterly.log import event
from painterly.orders.order import PlannedOrder
from painterly.orders.plan import Plan, differences, is_only_of_another_engine
from painterly.orders.record import Record
from painterly.orders.selection import Selection
from painterly.settings.bucket_layout import ENDED
from painterly.storage.base import Bucket, UnavailableError
from painterly.storage.retry import logged_storage_errors
from painterly.words.notice import notice
from painterly.words.webhook import deliver, post
from painterly.words.wording import duration, listed, plural, printable

MAX_STYLES = 5  # named for a photo that failed in several
MAX_CAUSES = 5  # lines that explain why results are painted again
UNRECORDED = "the end of the run could not be recorded"
MAX_DIFFERENCES = 3  # names in such a line
PAUSES_S = (2.0, 10.0)  # before each further attempt to send word
PATIENCE_S = 60.0  # for all of them: that is how long the end may be held up
LEAVE_S = 3.0  # seconds that a signal waits for the word of a watch's last round

if TYPE_CHECKING:  # A run that paints nothing does not load it.
    from painterly.runs.workers import Outcome


@dataclass(frozen=True)
class Summary:
    """The end of a run.

    Attributes:
        text: The last line of its log, before those of photos that failed.
        tried: The number of pictures that it has tried to paint.
        painted, there, failed: The numbers of results that it has painted, of those that it has
            left as they were, and of failures.
        error: The error that has ended it.
    """

    text: str
    tried: int = 0
    painted: int = 0
    there: int = 0
    failed: int = 0
    error: PainterlyError | None = None

    @property
    def exit_code(self) -> int:
        """The exit code: 0 if all is done, 1 if some photos failed, or that of the error."""
        return self.error.exit_code if self.error else int(self.failed > 0)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of its line in JSON."""
        if self.error:
            return {"event": "end", "exit_code": self.exit_code}
        counts = {"painted": self.painted, "there": self.there, "failed": self.failed}
        return {"event": "summary", "to_paint": self.tried, **counts}


NO_INPUT = Summary("Nothing to paint: there are no photos, or no paintings.")


def log_plan(plan: Plan, selection: Selection) -> None:
    """Log what paints, the number of pictures to paint, and each one that cannot be painted."""
    for weights, network in {order.weights.identity: order.network for order in plan.todo}.items():
        event(f"painting with {network}", weights=weights)
    photos, styles, todo = len(selection.photos), len(selection.styles), len(plan.todo)
    counts = {
        "already done": len(plan.done),
        "to paint": todo,
        "that cannot be painted": len(plan.refused),
    }
    state = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if len(plan.done) == photos * styles:
        state = "already done"
    for order, reason in plan.refused:
        order.log(f"{order}: {reason}", level=ERROR)
    event(
        f"{plural(photos, 'photo')} × {plural(styles, 'style')}: {state}",
        event="plan",
        photos=photos,
        styles=styles,
        to_paint=todo,
    )


def log_repaints(plan: Plan) -> None:
    """Log why pictures with a result are painted again, and which outdated results are kept."""
    of_other_engines: list[PlannedOrder] = []
    outdated: list[PlannedOrder] = []
    for order in plan.outdated:
        ways = differences(order, order.previous or Record())
        (of_other_engines if is_only_of_another_engine(ways) else outdated).append(order)
    if count := len(of_other_engines):
        verb, them = ("was", "it") if count == 1 else ("were", "them")
        event(
            f"{count} {verb} painted by an earlier version; --repaint paints {them} again",
            results=count,
        )
    for orders, one, many in (
        (plan.todo, "it will be replaced", "they will be replaced"),
        (outdated, "it is kept", "they are kept"),
    ):
        causes = _repaint_causes(orders, plan)
        others = sum(count for count, _ in causes[MAX_CAUSES:])
        if others:
            causes = [*causes[:MAX_CAUSES], (others, "with other differences")]
        for count, cause in causes:
            verb, fate = ("is", one) if count == 1 else ("are", many)
            event(f"{count} {verb} there {cause}: {fate}", results=count)


def log_nothing_to_paint(plan: Plan, result: str, dry_run: bool = False) -> Summary:
    """Log how many results exist and how many cannot be painted, and return that.

    Args:
        plan: A plan without orders.
        result: The result bucket, as the configuration names it.
        dry_run: Whether nothing was tried. `log_plan` has then named what cannot be painted.
    """
    there, failed = len(plan.done), len(plan.refused)
    which = "the result is" if there == 1 else f"{'' if failed else 'all '}{there} results are"
    parts = [f"{which} in {result}"] if there else []
    if failed:
        parts.append(f"{failed} {'that cannot be painted' if dry_run else 'FAILED'}")
    summary = Summary(f"Nothing to paint: {', '.join(parts)}.", there=there, failed=failed)
    event(summary.text, summary=True, **summary.fields)
    if not dry_run:
        _log_failures(plan.refused)
    return summary


def log_outcome(plan: Plan, outcome: "Outcome", result: str, seconds: float) -> Summary:
    """Log what a run has painted, with its failures at the end, and return its summary.

    Args:
        plan: The plan.
        outcome: What came of it.
        result: The result bucket, as the configuration names it.
        seconds: The time that the run took.
    """
    failures = [*plan.refused, *outcome.failures]
    failed, done = len(failures), len(plan.done) + outcome.already_stored
    text = (
        f"{outcome.painted} painted in {duration(seconds)}"
        + (f", {done} already done" if done else "")
        + (f", {failed} FAILED" if failed else "")
        + f". The results are in {result}"
        + ("" if result.endswith(".") else ".")  # As in `painted/.`, and `..` is another folder.
    )
    tried = len(plan.todo) - outcome.postponed
    summary = Summary(text, tried, outcome.painted, done, failed)
    event(text, summary=True, **summary.fields)
    _log_failures(failures)
    return summary


def with_unread(summary: Summary, reasons: Mapping[str, str], bucket: Bucket) -> Summary:
    """Log what could not be read in a listing, and return a summary that counts it. `reasons` is
    as of `Bucket.unreadable`."""
    told = {key: f"{printable(key)}: {why}" for key, why in reasons.items()}
    for key, text in told.items():
        event(f"FAILED: {bucket.name}/{text}", level=ERROR, event="failed", photo=key)
    if not told:
        return summary
    text = f"{summary.text} FAILED to read {listed([*told.values()])}."
    return replace(summary, text=text.strip(), failed=summary.failed + len(told))


def with_recorded_end(bucket: Bucket, paint: Callable[[], Summary]) -> Summary:
    """Paint, and store how that ended in the bucket of results, for those who wait elsewhere.

    `cl_get_results.py --watch` waits for it. A run deletes it at its start; one that was killed or
    stopped stores none, because another one resumes it. An error of a run is stored too, unless the
    storage is unavailable. A failure to store it is logged, and costs no painting.

    Runs that paint a part of the pictures next to others do not know whether all is done, and store
    nothing.
    """
    with logged_storage_errors(UNRECORDED):
        bucket.delete(ENDED)
    try:
        summary = paint()
    except UnavailableError:
        raise
    except PainterlyError as error:
        _store_end(bucket, f"FAILED: {error}")
        raise
    _store_end(bucket, summary.text)
    return summary


def _store_end(bucket: Bucket, summary: str) -> None:
    """Store a summary with the time and a number, so that no two ends are equal."""
    now = datetime.now(UTC)
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC: {summary}\nRun {uuid4().hex}\n"
    with logged_storage_errors(UNRECORDED):
        bucket.write(ENDED, text.encode(errors="backslashreplace"), "text/plain; charset=utf-8")


def _log_failures(failures: Iterable[tuple[PlannedOrder, str]]) -> None:
    """Log one line for each photo that failed, for all its styles together."""
    by_photo: dict[str, dict[str, list[str]]] = {}
    for order, reason in sorted(failures, key=lambda each: (each[0].photo.key, each[0].style.name)):
        reasons = by_photo.setdefault(order.photo.key, {})
        reasons.setdefault(reason, []).append(order.style.name)
    for photo, reasons in by_photo.items():
        parts = []
        for reason, names in reasons.items():
            named = listed([printable(each) for each in names], MAX_STYLES)
            where = named if len(names) == 1 else f"{len(names)} styles ({named})"
            parts.append(f"in {where}: {reason}")
        styles = [each for several in reasons.values() for each in several]
        message = f"FAILED: {printable(photo)} {'; '.join(parts)}"
        event(message, level=ERROR, event="failed", photo=photo, styles=styles)


def _repaint_causes(orders: Iterable[PlannedOrder], plan: Plan) -> list[tuple[int, str]]:
    """Return the number of existing results of these orders for each way in which they differ from
    what a run would paint, most frequent first, such as (60, `with other settings (strength 0.6 →
    0.3)`)."""
    counts: Counter[tuple[str, ...]] = Counter()
    names: dict[tuple[str, tuple[str, ...]], dict[str, None]] = {}
    for order in orders:
        record = order.previous
        if record is None or record.result not in plan.stored or not record.fingerprint:
            continue  # A damaged record has no inputs to compare.
        ways = differences(order, record)
        if not ways:  # But the result is not what its record says.
            ways = {"with other content than recorded": (record.result or "",)}
        counts[kinds := tuple(ways)] += 1
        for kind in kinds:
            names.setdefault((kind, kinds), {}).update(dict.fromkeys(ways[kind]))
    return [
        (count, " and ".join(_with_names(kind, names[kind, kinds]) for kind in kinds))
        for kinds, count in counts.most_common()
    ]


def _with_names(kind: str, names: Iterable[str]) -> str:
    named = listed([printable(each) for each in names], MAX_DIFFERENCES)
    return f"{kind} ({named})" if named else kind


class Notifier:
    """Sends word of runs, if there is an address for it. A failure to do so is only logged."""

    def __init__(self, url: str | None, form: str | None) -> None:
        """Take NOTIFY_URL and NOTIFY_FORMAT."""
        self._url, self._form = url, form
        self._sending: threading.Thread | None = None

    def of_end(self, paint: Callable[[], Summary]) -> int:
        """Paint, send word of the end, and return the exit code.

        Raises the PainterlyError that ends the painting, after word of it, and Stopped.
        """
        try:
            summary = paint()
        except PainterlyError as error:
            summary = Summary(f"FAILED: {error}", error=error)
        self._send(summary)
        if summary.error:
            raise summary.error
        return summary.exit_code

    def of_round(self, summary: Summary) -> None:
        """Begin to send word of a watch's round. The next one need not wait for the receiver."""
        self._sending = threading.Thread(target=self._send, args=(summary,), daemon=True)
        self._sending.start()

    def leave(self) -> None:
        """Wait a moment for the word of the last round, or log that it is not sent."""
        if self._sending is not None:
            self._sending.join(LEAVE_S)
            if self._sending.is_alive():
                event("the word of the last round is not sent; see NOTIFY_URL", level=WARNING)

    def _send(self, summary: Summary) -> None:
        if self._url is None:
            return
        address, content, method, token = notice(
            self._url, self._form, summary.text, summary.fields
        )
        deliver(
            partial(post, address, content, method=method, token=token),
            lambda why: event(f"no word of the end was sent: {why}; see NOTIFY_URL", level=WARNING),
            PAUSES_S,
            PATIENCE_S,
        )
