"""The queues of orders that wait for a worker, or are tried alone after one was lost with them.

They do not use Ray."""

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import replace

from painterly.orders.order import PlannedOrder

# The orders of one worker, however many photos there are: one is painted, one is stored, and two
# are read.
MAX_ORDERS = 4
MAX_DEATHS = 2  # An order fails after this number of workers died with it alone.
# Platforms take nodes away, but a photo may also bring a machine down.
NODE_LOSSES_ALONE, MAX_NODE_LOSSES = 2, 5


class Queues:
    """Hands out orders, one after another.

    If a worker dies, its orders are suspect: each is tried alone after all others, so that the next
    death shows which one it was.
    """

    def __init__(self, orders: Sequence[PlannedOrder]) -> None:
        self._waiting, self._suspects = deque(orders), deque[PlannedOrder]()
        self._deaths: Counter[str] = Counter()
        self._node_losses: Counter[str] = Counter()
        self.left = len(orders)  # the number of orders that have not ended

    def take(self, under_way: Collection[PlannedOrder]) -> PlannedOrder | None:
        """Return the next order for a worker with these, or None if it has enough or none is
        left."""
        if self._waiting:
            full = len(under_way) >= MAX_ORDERS or any(map(self._is_suspect, under_way))
            return None if full else self._waiting.popleft()
        return self._suspects.popleft() if self._suspects and not under_way else None

    def end(self) -> None:
        """Count an order that was painted or has failed."""
        self.left -= 1

    def give_back(self, orders: Collection[PlannedOrder]) -> None:
        """Take back the orders of a worker that has a problem."""
        for order in reversed([*orders]):
            (self._suspects if self._is_suspect(order) else self._waiting).appendleft(order)

    def lose(
        self, orders: Collection[PlannedOrder], with_node: bool
    ) -> list[tuple[PlannedOrder, str]]:
        """Take back the orders of a lost worker; `with_node` if its node has gone, too. Return the
        orders that fail for that, with their reasons; they have ended."""
        failed, back = [], []
        for order in (replace(each, may_resume=True) for each in orders):
            key = order.record_key
            if with_node:
                self._node_losses[key] += 1
            elif len(orders) == 1:
                self._deaths[key] += 1
            count, what, most = self._deaths.get(key, 0), "workers", MAX_DEATHS
            if with_node:
                count, what, most = self._node_losses[key], "machines", MAX_NODE_LOSSES
            if count >= most:
                reason = f"{count} {what} died while they painted it; the next run tries again"
                failed.append((order, reason))
                self.left -= 1
            elif with_node and not self._is_suspect(order):
                back.append(order)
            else:
                self._deaths.setdefault(key, 0)
                self._suspects.append(order)
        self._waiting.extendleft(reversed(back))
        return failed

    def _is_suspect(self, order: PlannedOrder) -> bool:
        key = order.record_key
        return key in self._deaths or self._node_losses[key] >= NODE_LOSSES_ALONE
