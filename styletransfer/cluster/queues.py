"""The queues of tasks that wait for a worker, or are tried alone after one was lost with them. They
do not use Ray."""

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import replace

from styletransfer.batch.plan import Task

# The tasks of one worker, however many photos there are: one is painted, one is stored, and two are
# read.
MAX_TASKS = 4
MAX_DEATHS = 2  # A task fails after this number of workers died with it alone.
# Platforms take nodes away, but a photo may also bring a machine down.
NODE_LOSSES_ALONE, MAX_NODE_LOSSES = 2, 5


class Queues:
    """Hands out tasks in their order. If a worker dies, its tasks are suspect: each is tried alone
    after all others, so that the next death shows which one it was."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._waiting, self._suspects = deque(tasks), deque[Task]()
        self._deaths: Counter[str] = Counter()
        self._node_losses: Counter[str] = Counter()
        self.left = len(tasks)  # the number of tasks that have not ended

    def take(self, under_way: Collection[Task]) -> Task | None:
        """Returns the next task for a worker with these, or None if it has enough or none is
        left."""
        if self._waiting:
            full = len(under_way) >= MAX_TASKS or any(map(self._is_suspect, under_way))
            return None if full else self._waiting.popleft()
        return self._suspects.popleft() if self._suspects and not under_way else None

    def end(self) -> None:
        """Counts a task that was painted or has failed."""
        self.left -= 1

    def give_back(self, tasks: Collection[Task]) -> None:
        """Takes back the tasks of a worker that has a problem."""
        for task in reversed([*tasks]):
            (self._suspects if self._is_suspect(task) else self._waiting).appendleft(task)

    def lose(self, tasks: Collection[Task], with_node: bool) -> list[tuple[Task, str]]:
        """Takes back the tasks of a lost worker.

        Args:
            tasks: Its tasks.
            with_node: Whether its node has gone, too.

        Returns:
            The tasks that fail for it, each with the reason. They have ended.
        """
        failed, back = [], []
        for task in (replace(each, may_resume=True) for each in tasks):
            key = task.record_key
            if with_node:
                self._node_losses[key] += 1
            elif len(tasks) == 1:
                self._deaths[key] += 1
            count, what, most = self._deaths.get(key, 0), "workers", MAX_DEATHS
            if with_node:
                count, what, most = self._node_losses[key], "machines", MAX_NODE_LOSSES
            if count >= most:
                reason = f"{count} {what} died while they painted it; the next run tries again"
                failed.append((task, reason))
                self.left -= 1
            elif with_node and not self._is_suspect(task):
                back.append(task)
            else:
                self._deaths.setdefault(key, 0)
                self._suspects.append(task)
        self._waiting.extendleft(reversed(back))
        return failed

    def _is_suspect(self, task: Task) -> bool:
        key = task.record_key
        return key in self._deaths or self._node_losses[key] >= NODE_LOSSES_ALONE
