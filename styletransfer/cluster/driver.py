"""Runs the batch over a Ray cluster: plans here, hands out tasks, counts answers, and replaces lost
workers.

The driver keeps only counts. If it is killed, start it again: the next plan finds the stored
results, and the checkpoints of unfinished pictures.
"""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from logging import DEBUG, ERROR, WARNING
from typing import Any

from styletransfer import ENGINE_VERSION
from styletransfer.batch.context import RunContext
from styletransfer.batch.failures import UnexpectedError
from styletransfer.batch.plan import Task
from styletransfer.batch.records import read_record, record_readers
from styletransfer.batch.run import run as run_batch
from styletransfer.batch.storing import StorageSession
from styletransfer.batch.workers import Outcome, Stores
from styletransfer.cluster.actor import LEAVE_S, Answer, WorkerSetup
from styletransfer.cluster.connection import connected, prepare
from styletransfer.cluster.fleet import Fleet, Member
from styletransfer.cluster.queues import Queues
from styletransfer.cluster.throughput import Throughput
from styletransfer.config import Config
from styletransfer.errors import StyleTransferError
from styletransfer.gallery.publisher import Gallery
from styletransfer.log import event
from styletransfer.progress import bar
from styletransfer.record import Record
from styletransfer.signals import POLL_S, Stopped
from styletransfer.storage.base import Bucket, ObjectError

MAX_PROBLEMS = 3  # successive nodes with a problem end the run
MAX_FALSE_STARTS = 2  # workers of a node that die before they can paint


def run_on_cluster(config: Config, environment: Mapping[str, str]) -> int:
    """Runs the batch on the Ray cluster that `config.cluster` names.

    Args:
        config: The configuration.
        environment: The environment; its RAY_* variables are for Ray.

    Returns:
        The exit code, as `batch.run`.

    Raises:
        ConfigError: There is no such cluster; also as `batch.run`.
    """
    variables = {name: value for name, value in environment.items() if name.startswith("RAY_")}
    if config.painters > 1:
        event(
            "PAINTERS is for one machine; each GPU of a cluster paints one picture", level=WARNING
        )
    address = config.cluster or "auto"
    prepare(address, variables)
    return run_batch(config, partial(_paint_all, address))


def _paint_all(address: str, run: RunContext, gallery: Gallery) -> Outcome:
    """Paints the tasks of a plan on a Ray cluster, as `workers.paint_all` does on one machine.

    Raises ConfigError if there is no cluster, the problem of the workers if none can paint, and
    Stopped after a signal, with a checkpoint of each current painting in the result bucket.
    """
    session, has_gallery = StorageSession(run.buckets, run.config), gallery.enabled
    stores = Stores(session.storer(gallery), gallery, run)
    try:
        with connected(address) as ray:
            gallery.begin()
            with bar("cluster") if run.config.progress == "bar" else nullcontext() as show_bar:
                shown = Throughput(len(run.plan.todo), show_bar)
                stored = _Painting(ray, run, stores, shown, has_gallery).run()
        if has_gallery:
            for record in _records(session.result, stored):
                gallery.add_record(record)
        stores.drain()
        gallery.publish()
        return stores.outcome
    finally:
        session.leaving.set()
        stores.close()
        session.close()


class _Painting:
    """One run on a connected cluster."""

    def __init__(
        self, ray: Any, run: RunContext, stores: Stores, shown: Throughput, has_gallery: bool
    ) -> None:
        self._ray, self._run, self._stores, self._shown = ray, run, stores, shown
        # A weights file must have the same path and content on all machines.
        setup = WorkerSetup(run.config, run.networks.choices(), has_gallery, ENGINE_VERSION, None)
        self._fleet = Fleet(ray, setup)
        self._queues = Queues(run.plan.todo)
        # The worker that was asked, and its task if it has one, by Ray's reference.
        self._calls: dict[Any, tuple[Member, Task | None]] = {}
        # The problem of each node since the last painted picture, and its deaths at the start.
        self._problems: dict[str, StyleTransferError] = {}
        self._false_starts: Counter[str] = Counter()
        self._stored: list[Task] = []

    def run(self) -> list[Task]:
        """Paints all tasks, and returns those with a result."""
        grace_s = 0.0
        self._run.stop.later = True
        try:
            while self._queues.left:
                self._run.stop.obey()
                self._stores.check()
                self._start_workers()
                self._lose_gone()
                self._hand_out()
                for reference in self._ready():
                    if reference in self._calls:  # Or its worker has been given up.
                        self._take_reply(*self._calls.pop(reference), reference)
                self._shown.show(self._fleet.nodes, len(self._fleet.ready()))
            return self._stored
        except Stopped:
            grace_s = LEAVE_S
            raise
        finally:
            self._run.stop.later = False
            self._fleet.close(grace_s)

    def _start_workers(self, now: bool = False) -> None:
        for member in self._fleet.look(self._queues.left, now):
            self._calls[member.actor.start.remote()] = member, None

    def _hand_out(self) -> None:
        for member in self._fleet.ready():
            while (task := self._queues.take(member.tasks.values())) is not None:
                member.tasks[task.record_key] = task
                reference = member.actor.paint.options(name=str(task)).remote(task)
                self._calls[reference] = member, task

    def _ready(self) -> list[Any]:
        """Returns the references of calls that are answered within a moment."""
        if not self._calls:
            time.sleep(POLL_S)
            return []
        asked = [*self._calls]
        found: list[Any]
        found, _ = self._ray.wait(asked, num_returns=len(asked), timeout=POLL_S)
        return found

    def _take_reply(self, member: Member, task: Task | None, reference: Any) -> None:
        try:
            answer: Answer = self._ray.get(reference)
        except Exception as error:  # It has died, does not answer, or has an unexpected error.
            self._lose(member, _cause(error), task)
            return
        if answer.problem is not None:
            self._give_up(member, answer.problem, task)
        elif task is not None:
            self._end(member, task, answer)
        else:
            member.device = answer.device
            del self._false_starts[member.node]
            event(f"painting on {member.name}: {answer.device}", device=answer.device)

    def _end(self, member: Member, task: Task, answer: Answer) -> None:
        self._problems.clear()
        del member.tasks[task.record_key]
        self._queues.end()
        self._shown.add(failed=answer.failure is not None, found=answer.found)
        if answer.failure is not None:
            self._stores.outcome.failures.append((task, answer.failure))
            task.log(f"{task}: FAILED: {answer.failure}", level=ERROR, event="failed")
            return
        self._stored.append(task)
        if answer.found:
            self._stores.outcome.found += 1
            said = f"{task}: another run has stored it meanwhile"
        else:
            self._stores.outcome.add_painted(answer.seconds)
            said = f"{task}: done"
        task.log(said, level=DEBUG)

    def _lose_gone(self) -> None:
        for member in [*self._fleet.members.values()]:
            if not self._fleet.is_there(member.node):
                self._lose(member, "its node has gone", None)

    def _lose(self, member: Member, reason: str, task: Task | None) -> None:
        """Gives a lost worker's tasks to others. A task that has killed several workers fails."""
        self._start_workers(now=True)
        with_node = not self._fleet.is_there(member.node)
        reason = "its node has gone" if with_node else reason
        event(f"lost the worker {member.name}: {reason}", level=WARNING)
        self._forget(member)
        for blamed, why in self._queues.lose(member.tasks.values(), with_node):
            self._stores.fail(blamed, UnexpectedError(why))
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
        """Ends a worker with a problem, and gives its tasks to others."""
        event(f"the worker {member.name} has ended: {problem}", level=WARNING)
        self._problems[member.node] = problem
        self._fleet.rest(member.node)
        self._forget(member)
        self._queues.give_back(member.tasks.values())
        self._start_workers(now=True)  # With few tasks, other nodes had no worker.
        # Other workers may not share a problem at the start.
        if task is not None and len(self._problems) >= MAX_PROBLEMS:
            raise problem
        self._end_without_nodes()

    def _forget(self, member: Member) -> None:
        self._fleet.forget(member)
        self._calls = {
            reference: call for reference, call in self._calls.items() if call[0] != member
        }

    def _end_without_nodes(self) -> None:
        """Raises the first node's problem if no node is left that could paint. The log has those
        of the others."""
        if self._problems and not self._fleet.usable() - self._problems.keys():
            raise next(iter(self._problems.values()))


def _cause(error: BaseException) -> str:
    """Returns in a line why a worker died, without the actor, process and address that Ray names
    first."""
    cause = getattr(error, "cause", None)  # the error on the node, without its trace
    if isinstance(cause, BaseException):
        error = UnexpectedError(f"{type(cause).__name__}: {cause}")
    text = " ".join(str(error).split())
    return (text.partition(" because ")[2] or text)[:200]


def _records(result: Bucket, stored: list[Task]) -> list[Record]:
    """Reads the records of painted pictures, which the workers or another run have stored."""

    def read(task: Task) -> Record | None:
        try:
            return read_record(result, task.record_key)
        except ObjectError:  # The next run paints it.
            return None

    with record_readers() as pool:
        return [record for record in pool.map(read, stored) if record is not None]
