"""Paints a plan on a cluster: hands out tasks, counts what comes back, replaces what is lost.

Nothing but counts is kept here. A driver that is killed is started again: the next plan finds what
is stored, and the checkpoints of what was under way.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from logging import DEBUG, WARNING
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from styletransfer import ENGINE_VERSION
from styletransfer.batch.checkpoints import CheckpointStore
from styletransfer.batch.context import RunContext
from styletransfer.batch.failures import UnexpectedError
from styletransfer.batch.ownership import Ownership
from styletransfer.batch.plan import Task
from styletransfer.batch.records import read_record, record_readers
from styletransfer.batch.storing import Storer, log_failure
from styletransfer.batch.workers import Outcome, Stores
from styletransfer.cluster.assignments import Assignments
from styletransfer.cluster.connection import connected
from styletransfer.cluster.fleet import Fleet, Member
from styletransfer.cluster.orders import Answer, Order, Started, WorkerSetup
from styletransfer.cluster.remote_worker import LEAVE_S
from styletransfer.cluster.throughput import Throughput, throughput
from styletransfer.errors import StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.log import event, plural
from styletransfer.record import Record
from styletransfer.signals import POLL_S, Stopped
from styletransfer.storage.base import ObjectError
from styletransfer.storage.retry import RetryingBucket

MOST_PROBLEMS = 3  # nodes whose workers cannot go on, one after another, end the run
MOST_FALSE_STARTS = 5  # workers that die before they can paint, while none can, likewise
# So long it takes until a worker that does not answer is known to have gone with its node.
NODE_LOSS_S = 15.0
WAITS_EVERY_S = 15.0


class _Message(NamedTuple):
    """From a worker: that it has started (no order), or what became of an order."""

    member: Member
    order: Order | None
    reply: "Future[Any]"


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
        ownership = Ownership(result, run.plan.partial)
        checkpoints = CheckpointStore(run.buckets.result, result, run.plan.checkpoints)
        storer = Storer(result, run.plan.output, ownership, gallery, checkpoints)
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
        self._fleet = Fleet(ray, setup, self._await_start)
        self._tasks = Assignments(run.plan.todo)
        self._messages: SimpleQueue[_Message] = SimpleQueue()
        self._silent: dict[str, float] = {}  # workers that do not answer, since when
        self._waits: dict[str, str] = {}  # what workers wait for, by their names
        self._asked = time.monotonic()
        # Nodes whose workers could not go on, or not even begin, since a picture was painted.
        self._problems: set[str] = set()
        self._unfit: set[str] = set()
        self._false_starts = 0
        self._stored: list[Task] = []

    def run(self) -> list[Task]:
        """Paints all tasks; those that have a result now."""
        grace_s = 0.0
        self._run.stop.later = True
        try:
            while self._tasks.left:
                self._run.stop.obey()
                self._stores.check()
                self._fleet.look(self._tasks.left)
                self._lose_silent()
                self._hand_out()
                for message in self._received():
                    self._handle(message)
                self._tell_waits()
                self._shown.show(self._fleet.nodes, len(self._fleet.ready()))
            return self._stored
        except Stopped:
            grace_s = LEAVE_S
            raise
        finally:
            self._run.stop.later = False
            self._fleet.close(grace_s)

    def _hand_out(self) -> None:
        for member in self._fleet.ready():
            if member.name in self._silent:
                continue
            while attempt := self._tasks.take(member.name):
                task = attempt.task
                unfinished = task.checkpoint_key in self._run.plan.checkpoints
                order = Order(task, attempt.lost_before or unfinished)
                reference = member.actor.paint.options(name=str(task)).remote(order)
                self._listen(member, order, reference)

    def _await_start(self, member: Member, reference: Any) -> None:
        self._listen(member, None, reference)

    def _listen(self, member: Member, order: Order | None, reference: Any) -> None:
        done = partial(_Message, member, order)
        reference.future().add_done_callback(lambda reply: self._messages.put(done(reply)))

    def _received(self) -> Iterator[_Message]:
        """What workers have sent; waits a moment for the first."""
        try:
            yield self._messages.get(timeout=POLL_S)
            while True:
                yield self._messages.get_nowait()
        except Empty:
            return

    def _handle(self, message: _Message) -> None:
        member = message.member
        if self._fleet.members.get(member.name) is not member:
            return  # One that has been given up.
        error = message.reply.exception()
        if error is not None:
            self._handle_error(member, error)
            return
        reply: Started | Answer | str = message.reply.result()
        if isinstance(reply, str):
            self._waits[member.name] = reply
        elif reply.problem is not None:
            self._give_up(member, reply.problem, isinstance(reply, Started))
        elif isinstance(reply, Started):
            member.device, self._false_starts = reply.device, 0
            self._tasks.join(member.name)
            event(f"painting on {member.name}: {reply.device}", device=reply.device)
        elif message.order is not None:
            self._end(member, message.order.task, reply)

    def _end(self, member: Member, task: Task, answer: Answer) -> None:
        self._problems.clear()
        self._tasks.end(member.name, task)
        self._shown.add(failed=answer.failure is not None, found=answer.found)
        if answer.failure is None:
            self._stored.append(task)
        if answer.found:
            self._stores.outcome.found.append(task)
            what = f"{task}: another run has stored it meanwhile"
            event(what, level=DEBUG, photo=task.photo.key, look=task.look.name)
        elif answer.failure is None:
            self._stores.outcome.add_painted(task, answer.seconds or 0.0)
            event(f"{task}: done", level=DEBUG, photo=task.photo.key, look=task.look.name)
        else:
            self._stores.outcome.failures.append((task, answer.failure))
            log_failure(task, str(task), answer.failure)

    def _handle_error(self, member: Member, error: BaseException) -> None:
        """A worker that has died, or raised what nobody foresaw."""
        unavailable = isinstance(error, self._ray.exceptions.ActorUnavailableError)
        if unavailable and member.name not in self._silent:
            # Whether its node has gone with it shows only later.
            self._silent[member.name] = time.monotonic()
        elif not unavailable:
            self._lose(member, _cause(error))

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
            if member.name not in self._silent:
                self._listen(member, None, member.actor.waits_for.remote())

    def _lose_silent(self) -> None:
        for member in [*self._fleet.members.values()]:
            since = self._silent.get(member.name, time.monotonic())
            if not self._fleet.is_there(member.node):
                self._lose(member, "its node has gone")
            elif time.monotonic() - since > NODE_LOSS_S:
                self._lose(member, "it does not answer")

    def _lose(self, member: Member, reason: str) -> None:
        """Gives a lost worker's tasks to others. Those that are to blame fail."""
        self._silent.pop(member.name, None)
        self._fleet.look(self._tasks.left, now=True)
        with_node = not self._fleet.is_there(member.node)
        reason = "its node has gone" if with_node else reason
        event(f"lost the worker {member.name}: {reason}", level=WARNING)
        self._fleet.forget(member)
        if not member.device:
            self._fleet.rest(member.node)
            self._false_starts += not with_node
            if self._false_starts >= MOST_FALSE_STARTS and not self._fleet.ready():
                raise StyleTransferError(
                    f"no worker can start: {self._false_starts} have died before they could paint, "
                    f"on nodes that are there; Ray's dashboard has their logs; the last: {reason}"
                )
        for task, blame in self._tasks.lose(member.name, with_node):
            self._stores.fail(task, str(task), UnexpectedError(blame))
            self._shown.add(failed=True)

    def _give_up(self, member: Member, problem: StyleTransferError, at_start: bool) -> None:
        """A worker cannot go on: its tasks are not to blame. at_start: nor is what all workers
        share, so that the run goes on where another node paints."""
        (self._unfit if at_start else self._problems).add(member.node)
        event(f"the worker {member.name} has ended: {problem}", level=WARNING)
        self._fleet.rest(member.node)
        self._fleet.forget(member)
        self._tasks.leave(member.name)
        self._fleet.look(self._tasks.left, now=True)  # With few tasks, other nodes had no worker.
        bad = self._problems | self._unfit
        others = any(each.node not in bad for each in self._fleet.members.values())
        if len(self._problems) >= MOST_PROBLEMS or not others:
            raise problem


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
