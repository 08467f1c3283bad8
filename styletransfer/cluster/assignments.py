"""Which task goes to which worker, how many are under way, and which are tried alone after a worker
was lost. Knows nothing of Ray."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from styletransfer.batch.plan import Task

# Of one worker: one task is painted, one is stored, and the next two are read meanwhile. A million
# photos are so many pending tasks for each device, and no more.
UNDER_WAY = 4
# Workers that died with a task, after which it fails: more only where workers die of other causes.
MOST_KILLS, MOST_KILLS_EVER = 2, 20
BY_CHANCE = 0.05  # photos of a run that may fail because workers die around them
# A node that is taken away is no photo's fault, but a photo may bring a machine down.
NODE_LOSSES_ALONE, MOST_NODE_LOSSES = 2, 5


class Attempt(NamedTuple):
    """A task to be painted now; lost_before: a worker was lost with it."""

    task: Task
    lost_before: bool


class Assignments:
    """Hands out tasks in their order. What was under way in a worker that died is suspect: after
    all others it is tried alone, so that the next death says which it was. Workers go by names of
    the caller's."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._waiting, self._suspects = deque(tasks), deque[Task]()
        self._under_way: dict[str, dict[str, Task]] = {}  # by worker and by record's key
        self._alone: set[str] = set()  # workers that are at a suspect
        self._total, self._ended, self._deaths = len(tasks), 0, 0
        self._kills: Counter[str] = Counter()  # by record's key
        self._node_losses: Counter[str] = Counter()

    @property
    def left(self) -> int:
        """How many tasks have not ended."""
        waiting = len(self._waiting) + len(self._suspects)
        return waiting + sum(map(len, self._under_way.values()))

    def join(self, worker: str) -> None:
        """A worker is ready for tasks."""
        self._under_way[worker] = {}

    def take(self, worker: str) -> Attempt | None:
        """The next task for a worker; None where it has enough, or none is left."""
        under_way = self._under_way[worker]
        if worker in self._alone:
            return None
        if self._waiting:
            full = len(under_way) >= UNDER_WAY
            return None if full else self._hand_out(worker, self._waiting.popleft())
        if under_way or not self._suspects:
            return None
        self._alone.add(worker)
        return self._hand_out(worker, self._suspects.popleft())

    def end(self, worker: str, task: Task) -> None:
        """A task was painted or has failed."""
        del self._under_way[worker][task.record_key]
        self._alone.discard(worker)
        self._ended += 1

    def leave(self, worker: str) -> None:
        """A worker gives its tasks back, which are not to blame."""
        for task in reversed(self._drop(worker)):
            self._queue_of(task).appendleft(task)

    def lose(self, worker: str, with_node: bool) -> list[tuple[Task, str]]:
        """A worker has died, or its whole node has. The tasks that fail for it, with the reason;
        the others are painted by another worker."""
        lost, failed = self._drop(worker), []
        self._deaths += bool(lost) and not with_node
        for task in lost:
            key = task.record_key
            counts = self._node_losses if with_node else self._kills
            counts[key] += 1
            most = MOST_NODE_LOSSES if with_node else self._most_kills(key)
            if counts[key] >= most:
                what = "machines" if with_node else "workers"
                reason = (
                    f"{counts[key]} {what} died while they painted it; the next run tries again"
                )
                failed.append((task, reason))
                self._ended += 1
            elif (queue := self._queue_of(task)) is self._suspects:
                queue.append(task)
            else:
                queue.appendleft(task)
        return failed

    def _queue_of(self, task: Task) -> deque[Task]:
        """Where a task waits that has been under way."""
        key = task.record_key
        suspect = self._kills[key] or self._node_losses[key] >= NODE_LOSSES_ALONE
        return self._suspects if suspect else self._waiting

    def _most_kills(self, key: str) -> int:
        """How many workers must have died with a task before it is to blame: so many that, by
        how often workers die without it, chance alone would hardly make one photo of the run
        fail."""
        others = self._deaths - self._kills[key]
        chance = others / (others + self._ended + 1)
        most = MOST_KILLS
        while most < MOST_KILLS_EVER and self._total * chance**most > BY_CHANCE:
            most += 1
        return most

    def _hand_out(self, worker: str, task: Task) -> Attempt:
        key = task.record_key
        self._under_way[worker][key] = task
        return Attempt(task, bool(self._kills[key] or self._node_losses[key]))

    def _drop(self, worker: str) -> list[Task]:
        self._alone.discard(worker)
        return [*self._under_way.pop(worker, {}).values()]
