"""Paints a plan on a cluster: hands out tasks, counts what comes back, replaces what is lost.

Nothing but counts is kept here. A driver that is killed is started again: the next plan finds what
is stored, and the checkpoints of what was under way.
"""

import threading
import time
from collections import Counter
from logging import DEBUG, WARNING
from typing import Any

from styletransfer import ENGINE_VERSION
from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.context import RunContext
from styletransfer.batch.failures import UnexpectedError
from styletransfer.batch.plan import Task
from styletransfer.batch.records import read_record, record_readers
from styletransfer.batch.storing import Storer, log_failure
from styletransfer.batch.workers import Outcome, Stores
from styletransfer.cluster.actor import LEAVE_S
from styletransfer.cluster.connection import connected
from styletransfer.cluster.fleet import Fleet, Member
from styletransfer.cluster.queues import Queues
from styletransfer.cluster.throughput import Throughput, throughput
from styletransfer.cluster.wire import Answer, Order, Started, WorkerSetup
from styletransfer.errors import StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.log import event, plural
from styletransfer.record import Record
from styletransfer.signals import POLL_S, Stopped
from styletransfer.storage.base import ObjectError
from styletransfer.storage.retry import RetryingBucket

MAX_PROBLEMS = 3  # nodes whose workers cannot go on, one after another, end the run
MAX_FALSE_STARTS = 2  # workers of a node that die before they can paint
WAITS_EVERY_S = 15.0


class ClusterPainting:
    """Paints the tasks of a plan on a Ray cluster, in place of `workers.paint_all`."""

    def __init__(self, address: str, variables: dict[str, str]) -> None:
        """As `connection.connected`."""
        self._address, self._variables = address, variables

    def paint_all(self, run: RunContext, gallery: Gallery) -> Outcome:
        """What became of the plan's tasks. Raises ConfigError where there is no cluster, the
        problem of workers where none can paint, Stopped after a signal, with a checkpoint of each
        current painting in the result bucket."""
        leaving, has_gallery = threading.Event(), gallery.enabled
        result = RetryingBucket(run.buckets.result, leaving)
        outcome = Outcome(failures=[*run.plan.refused])
        checkpoints = CheckpointStore(run.buckets.result, result, run.plan.checkpoints)
        storer = Storer(result, run.plan.output, run.plan.partial, gallery, checkpoints)
        stores = Stores(storer, gallery, run.stop, outcome)
        try:
            with connected(self._address, self._variables) as ray:
                gallery.begin()
                with throughput(len(run.plan.todo), run.config.progress) as shown:
                    stored = _Painting(ray, run, stores, shown, has_gallery).run()
            if has_gallery:
                for record in _records(result, stored):
                    gallery.add_record(record)
            stores.drain()
            gallery.publish()
            return outcome
        finally:
            leaving.set()
            stores.close()
            checkpoints.close()


class _Painting:
    """One run on a cluster that is connected."""

    def __init__(
        self,
        ray: Any,
        run: RunContext,
        stores: Stores,
        shown: Throughput,
        has_gallery: bool,
    ) -> None:
        self._ray, self._run, self._stores, self._shown = ray, run, stores, shown
        # A file's path is the same on all machines, or its identity differs, which is an error.
        setup = WorkerSetup(run.config, run.networks.choices(), has_gallery, ENGINE_VERSION, None)
        self._fleet = Fleet(ray, setup)
        self._queues = Queues(run.plan.todo)
        # By Ray's references: what a worker was asked for, a task or something else.
        self._under_way: dict[Any, tuple[Member, Task | None]] = {}
        self._waits: dict[str, str] = {}  # what workers wait for, by their names
        self._asked = time.monotonic()
        # Why workers of a node could not go on, since a picture was painted; deaths at the start.
        self._problems: dict[str, StyleTransferError] = {}
        self._false_starts: Counter[str] = Counter()
        self._stored: list[Task] = []

    def run(self) -> list[Task]:
        """Paints all tasks; those that have a result now."""
        grace_s = 0.0
        self._run.stop.later = True
        try:
            while self._queues.left:
                self._run.stop.obey()
                self._stores.check()
                self._look()
                self._lose_gone()
                self._hand_out()
                for reference in self._ready():
                    if reference in self._under_way:  # Or its worker has been given up.
                        self._take_reply(*self._under_way.pop(reference), reference)
                self._tell_waits()
                self._shown.show(self._fleet.nodes, len(self._fleet.ready()))
            return self._stored
        except Stopped:
            grace_s = LEAVE_S
            raise
        finally:
            self._run.stop.later = False
            self._fleet.close(grace_s)

    def _look(self, now: bool = False) -> None:
        for member in self._fleet.look(self._queues.left, now):
            self._under_way[member.actor.start.remote()] = member, None

    def _hand_out(self) -> None:
        for member in self._fleet.ready():
            while (task := self._queues.take(member.tasks.values())) is not None:
                member.tasks[task.record_key] = task
                unfinished = task.checkpoint_key in self._run.plan.checkpoints
                order = Order(task, unfinished or self._queues.was_lost(task))
                reference = member.actor.paint.options(name=str(task)).remote(order)
                self._under_way[reference] = member, task

    def _ready(self) -> list[Any]:
        """References of what workers have answered within a moment."""
        if not self._under_way:
            time.sleep(POLL_S)
            return []
        asked = [*self._under_way]
        found: list[Any]
        found, _ = self._ray.wait(asked, num_returns=len(asked), timeout=POLL_S)
        return found

    def _take_reply(self, member: Member, task: Task | None, reference: Any) -> None:
        try:
            reply: Started | Answer | str = self._ray.get(reference)
        except Exception as error:  # It has died, does not answer, or raised what nobody foresaw.
            self._lose(member, _cause(error), task)
            return
        if isinstance(reply, str):
            self._waits[member.name] = reply
        elif reply.problem is not None:
            self._give_up(member, reply.problem, task)
        elif isinstance(reply, Started):
            member.device = reply.device
            del self._false_starts[member.node]
            event(f"painting on {member.name}: {reply.device}", device=reply.device)
        elif task is not None:
            self._end(member, task, reply)

    def _end(self, member: Member, task: Task, answer: Answer) -> None:
        self._problems.clear()
        del member.tasks[task.record_key]
        self._queues.end()
        self._shown.add(failed=answer.failure is not None, found=answer.found)
        if answer.failure is not None:
            self._stores.outcome.failures.append((task, answer.failure))
            log_failure(task, str(task), answer.failure)
            return
        self._stored.append(task)
        if answer.found:
            self._stores.outcome.found.append(task)
            said = f"{task}: another run has stored it meanwhile"
        else:
            self._stores.outcome.add_painted(task, answer.seconds or 0.0)
            said = f"{task}: done"
        event(said, level=DEBUG, photo=task.photo.key, look=task.look.name)

    def _tell_waits(self) -> None:
        """Asks workers whether storage is away, whose own logs are on their nodes, and says so."""
        if time.monotonic() - self._asked < WAITS_EVERY_S:
            return
        self._asked, ready = time.monotonic(), self._fleet.ready()
        waits = [why for each in ready if (why := self._waits.get(each.name))]
        if waits:
            event(
                f"{len(waits)} of {plural(len(ready), 'device')} wait for the storage: {waits[0]}",
                level=WARNING,
            )
        for member in ready:
            self._under_way[member.actor.waits_for.remote()] = member, None

    def _lose_gone(self) -> None:
        for member in [*self._fleet.members.values()]:
            if not self._fleet.is_there(member.node):
                self._lose(member, "its node has gone", None)

    def _lose(self, member: Member, reason: str, task: Task | None) -> None:
        """Gives a lost worker's tasks to others. Those that are to blame fail."""
        self._look(now=True)
        with_node = not self._fleet.is_there(member.node)
        reason = "its node has gone" if with_node else reason
        event(f"lost the worker {member.name}: {reason}", level=WARNING)
        self._forget(member)
        for blamed, why in self._queues.lose(member.tasks.values(), with_node):
            self._stores.fail(blamed, str(blamed), UnexpectedError(why))
            self._shown.add(failed=True)
        if not member.device and not with_node:
            self._fleet.rest(member.node)
            self._false_starts[member.node] += 1
            if self._false_starts[member.node] >= MAX_FALSE_STARTS:
                self._problems[member.node] = UnexpectedError(
                    f"its workers die before they can paint ({reason}); Ray's dashboard has their "
                    "logs"
                )
            self._end_without_nodes()

    def _give_up(self, member: Member, problem: StyleTransferError, task: Task | None) -> None:
        """A worker cannot go on: its tasks are not to blame."""
        event(f"the worker {member.name} has ended: {problem}", level=WARNING)
        self._problems[member.node] = problem
        self._fleet.rest(member.node)
        self._forget(member)
        self._queues.give_back(member.tasks.values())
        self._look(now=True)  # With few tasks, other nodes had no worker.
        # A problem at the start is not one that all workers share: others may paint.
        if task is not None and len(self._problems) >= MAX_PROBLEMS:
            raise problem
        self._end_without_nodes()

    def _forget(self, member: Member) -> None:
        self._fleet.forget(member)
        self._under_way = {
            reference: asked for reference, asked in self._under_way.items() if asked[0] != member
        }

    def _end_without_nodes(self) -> None:
        """Raises the problem of the nodes if none is left that could paint."""
        if not self._problems or self._fleet.usable() - self._problems.keys():
            return
        by_reason: dict[str, list[str]] = {}
        for node, problem in self._problems.items():
            by_reason.setdefault(str(problem), []).append(self._fleet.address(node))
        [first, *others] = self._problems.values()
        if not others or len(by_reason) == 1:
            raise first
        raise StyleTransferError(
            "no node can paint: "
            + "; ".join(f"{', '.join(nodes)}: {why}" for why, nodes in by_reason.items())
        )


def _cause(error: BaseException) -> str:
    """Why a worker died, in a line: Ray names the actor, its process and its address before."""
    cause = getattr(error, "cause", None)  # of what was raised on the node, in place of its trace
    if isinstance(cause, BaseException):
        error = UnexpectedError(f"{type(cause).__name__}: {cause}")
    text = " ".join(str(error).split())
    return (text.partition(" because ")[2] or text)[:200]


def _records(result: RetryingBucket, stored: list[Task]) -> list[Record]:
    """The records of what was painted, as the workers have stored them, or another run."""

    def read(task: Task) -> Record | None:
        try:
            return read_record(result, task.record_key)
        except ObjectError:  # The next run paints it.
            return None

    with record_readers() as pool:
        return [record for record in pool.map(read, stored) if record is not None]
