"""Runs the batch over a Ray cluster: plans here, hands out orders, counts answers, and replaces
lost workers.

The driver keeps only counts, and the records that the gallery shows. If it is killed, start it
again: the next plan finds the stored results, and the checkpoints of unfinished pictures.
"""

import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from logging import DEBUG, ERROR, WARNING
from typing import Any

from painterly import ENGINE_VERSION
from painterly.cluster.actor import LEAVE_S, Answer, WorkerSetup
from painterly.cluster.fleet import Fleet, Member, connected, prepare
from painterly.cluster.queues import Queues
from painterly.errors import PainterlyError
from painterly.log import event
from painterly.orders.order import PlannedOrder
from painterly.orders.plan import Plan
from painterly.painters.painter import Painter
from painterly.progress import ShowBar, bar
from painterly.runs.run import Paint
from painterly.runs.workers import Outcome, SavingPool
from painterly.signals import POLL_S, Stopped
from painterly.words.wording import duration, plural

MAX_PROBLEMS = 3  # successive nodes with a problem end the run
MAX_FALSE_STARTS = 2  # workers of a node that die before they can paint
LINE_EVERY_S, BAR_EVERY_S = 15.0, 1.0
MEASURED_S = 300.0  # The rate is measured over the last minutes, since nodes come and go.


def on_cluster(address: str, environment: Mapping[str, str]) -> Paint:
    """Return the function that paints the orders of a plan on the Ray cluster at an address. RAY_*
    variables of the environment are for Ray. Raises ConfigError without Ray or its token."""
    variables = {name: value for name, value in environment.items() if name.startswith("RAY_")}
    prepare(address, variables)
    return partial(_paint_all, address)


def _paint_all(address: str, painter: Painter, plan: Plan) -> Outcome:
    """Paint the orders of a plan on a Ray cluster, as `workers.paint_all` does on one machine.

    Raises ConfigError if there is no cluster, the problem of the workers if none can paint, and
    Stopped after a signal, with a checkpoint of each current painting in the result bucket.
    """
    with SavingPool(painter, plan) as saving:
        with connected(address) as ray:
            painter.mark_gallery()
            with bar("cluster") if painter.config.progress == "bar" else nullcontext() as show_bar:
                _Painting(ray, painter, plan, saving, Throughput(len(plan.todo), show_bar)).run()
        saving.finish()
        return saving.outcome


class Throughput:
    """Counts the pictures that a cluster has painted, and shows the rate."""

    def __init__(self, total: int, show_bar: ShowBar | None) -> None:
        """Start the clock.

        Args:
            show_bar: Updates the bar, if there is one.
        """
        self._total, self._show_bar = total, show_bar
        self._began = self._shown = time.monotonic()
        self._times: deque[float] = deque()
        self._done = self._failed = 0

    def add(self, failed: bool, already_stored: bool = False) -> None:
        """Count one more order as ended. Another run may have stored its result already."""
        self._done += 1
        self._failed += failed
        if not failed and not already_stored:
            self._times.append(time.monotonic())

    def show(self, nodes: int, devices: int) -> None:
        """Show the state, unless it was shown within the last seconds."""
        now = time.monotonic()
        if now - self._shown < (BAR_EVERY_S if self._show_bar else LINE_EVERY_S):
            return
        self._shown = now
        rate = self._per_minute(now)
        left = 60 * (self._total - self._done) / rate if rate else None
        parts = (
            f"{duration(left)} left" if left is not None else "",
            f"{rate:.1f} pictures/min",
            f"{plural(nodes, 'node')}, {plural(devices, 'device')}",
            f"{self._failed} failed" if self._failed else "",
        )
        status = ", ".join(filter(None, parts))
        if self._show_bar:
            self._show_bar(self._done / max(1, self._total), status)
        else:
            event(
                f"{self._done} of {self._total}: {status}",
                event="cluster",
                done=self._done,
                total=self._total,
                failed=self._failed,
                nodes=nodes,
                devices=devices,
                pictures_per_min=round(rate, 2),
                left_s=None if left is None else round(left, 1),
            )

    def _per_minute(self, now: float) -> float:
        while self._times and now - self._times[0] > MEASURED_S:
            self._times.popleft()
        return 60 * len(self._times) / max(1e-9, min(MEASURED_S, now - self._began))


class _Painting:
    def __init__(
        self, ray: Any, painter: Painter, plan: Plan, saving: SavingPool, shown: Throughput
    ) -> None:
        self._ray, self._stop = ray, painter.stop
        self._saving, self._shown = saving, shown
        # A weights file must have the same path and content on all machines.
        setup = WorkerSetup(
            painter.config, painter.gallery is not None, ENGINE_VERSION, plan.optimises, None
        )
        self._fleet = Fleet(ray, setup)
        self._queues = Queues(plan.todo)
        # The worker that was asked, and its order if it has one, by Ray's reference.
        self._calls: dict[Any, tuple[Member, PlannedOrder | None]] = {}
        # The problem of each node since the last painted picture, and its deaths at the start.
        self._problems: dict[str, PainterlyError] = {}
        self._false_starts: Counter[str] = Counter()

    def run(self) -> None:
        grace_s = 0.0
        self._stop.later = True
        try:
            while self._queues.left:
                self._stop.obey()
                self._saving.check()
                self._start_workers()
                self._lose_gone()
                self._hand_out()
                for reference in self._ready():
                    if reference in self._calls:  # Or its worker has been given up.
                        self._take_reply(*self._calls.pop(reference), reference)
                self._shown.show(self._fleet.nodes, len(self._fleet.ready()))
        except Stopped:
            grace_s = LEAVE_S
            raise
        finally:
            self._stop.later = False
            self._fleet.close(grace_s)

    def _start_workers(self, now: bool = False) -> None:
        for member in self._fleet.look(self._queues.left, now):
            self._calls[member.actor.start.remote()] = member, None

    def _hand_out(self) -> None:
        for member in self._fleet.ready():
            while (order := self._queues.take(member.orders.values())) is not None:
                member.orders[order.record_key] = order
                reference = member.actor.paint.options(name=str(order)).remote(order)
                self._calls[reference] = member, order

    def _ready(self) -> list[Any]:
        if not self._calls:
            time.sleep(POLL_S)
            return []
        asked = [*self._calls]
        ready: list[Any]
        ready, _ = self._ray.wait(asked, num_returns=len(asked), timeout=POLL_S)
        return ready

    def _take_reply(self, member: Member, order: PlannedOrder | None, reference: Any) -> None:
        try:
            answer: Answer = self._ray.get(reference)
        except Exception as error:  # It has died, does not answer, or has an unexpected error.
            self._lose(member, _cause(error))
            return
        if answer.problem is not None:
            self._give_up(member, answer.problem, order)
        elif order is not None:
            self._end(member, order, answer)
        else:
            member.device = answer.device
            del self._false_starts[member.node]
            event(f"painting on {member.name}: {answer.device}", device=answer.device)

    def _end(self, member: Member, order: PlannedOrder, answer: Answer) -> None:
        self._problems.clear()
        del member.orders[order.record_key]
        self._queues.end()
        if answer.postponed is not None:
            order.log(f"{order.label}: {answer.postponed}", level=WARNING)
            self._saving.postpone(order)
            return
        record, failure = answer.record, answer.failure
        assert record is not None
        self._shown.add(failed=failure is not None, already_stored=answer.already_stored)
        self._saving.add(order, record, answer.already_stored)
        if failure is not None:
            order.log(f"{order}: FAILED: {failure}", level=ERROR, event="failed")
            return
        if answer.already_stored:
            said = f"{order}: another run has stored it meanwhile"
        else:
            said = f"{order}: done"
        order.log(said, level=DEBUG)

    def _lose_gone(self) -> None:
        for member in [*self._fleet.members.values()]:
            if not self._fleet.is_there(member.node):
                self._lose(member, "its node has gone")

    def _lose(self, member: Member, reason: str) -> None:
        self._start_workers(now=True)
        with_node = not self._fleet.is_there(member.node)
        reason = "its node has gone" if with_node else reason
        event(f"lost the worker {member.name}: {reason}", level=WARNING)
        self._end_worker(member)
        for blamed, why in self._queues.lose(member.orders.values(), with_node):
            self._saving.fail(blamed, why)
            self._shown.add(failed=True)
        if not member.device and not with_node:
            self._fleet.rest(member.node)
            self._false_starts[member.node] += 1
            if self._false_starts[member.node] >= MAX_FALSE_STARTS:
                self._problems[member.node] = PainterlyError(
                    f"its workers die before they can paint ({reason}); Ray's dashboard has their "
                    "logs"
                )
            self._end_without_nodes()

    def _give_up(self, member: Member, problem: PainterlyError, order: PlannedOrder | None) -> None:
        event(f"the worker {member.name} has ended: {problem}", level=WARNING)
        self._problems[member.node] = problem
        self._fleet.rest(member.node)
        self._end_worker(member)
        self._queues.give_back(member.orders.values())
        self._start_workers(now=True)  # With few orders, other nodes had no worker.
        # Other workers may not share a problem at the start.
        if order is not None and len(self._problems) >= MAX_PROBLEMS:
            raise problem
        self._end_without_nodes()

    def _end_worker(self, member: Member) -> None:
        self._fleet.end(member)
        self._calls = {
            reference: call for reference, call in self._calls.items() if call[0] != member
        }

    def _end_without_nodes(self) -> None:
        """Raise the first node's problem if no node is left that could paint. The log has all
        problems."""
        if self._problems and not self._fleet.usable() - self._problems.keys():
            raise next(iter(self._problems.values()))


def _cause(error: BaseException) -> str:
    """Return in a line why a worker died, without the actor, process and address that Ray names
    first."""
    cause = getattr(error, "cause", None)  # the error on the node, without its trace
    named = f"{type(cause).__name__}: {cause}" if isinstance(cause, BaseException) else error
    text = " ".join(str(named).split())
    return (text.partition(" because ")[2] or text)[:200]
