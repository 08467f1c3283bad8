"""The workers of a cluster: one on each device of each node, while there is work."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from styletransfer.batch.plan import Task
from styletransfer.cluster.actor import RemoteWorker, WorkerSetup
from styletransfer.cluster.queues import MAX_TASKS
from styletransfer.log import event

NODES_EVERY_S = 2.0  # seconds between two looks at the cluster's nodes
# The pause before a node gets another worker after one that ended before it painted anything.
REST_S = 30.0
MAX_REQUESTED = 1000  # GPUs


@dataclass(eq=False)
class Member:
    """A worker on a node.

    Attributes:
        actor: Ray's actor.
        device: Its device in words, or empty until it is ready.
        tasks: Its tasks, by their records' keys.
    """

    name: str
    node: str
    actor: Any
    device: str = ""
    tasks: dict[str, Task] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A node of the cluster, with its GPUs and processor cores."""

    name: str
    address: str
    gpus: int
    cpus: int


class Fleet:
    """Starts workers on nodes that have come, and forgets those of nodes that have gone."""

    def __init__(self, ray: Any, setup: WorkerSetup) -> None:
        self._ray, self._setup = ray, setup
        self.members: dict[str, Member] = {}
        self._count, self._looked = 0, float("-inf")
        self._nodes: dict[str, Node] = {}
        self._rest_until: dict[str, float] = {}
        self._asked_for = 0

    @property
    def nodes(self) -> int:
        """The number of nodes that paint."""
        return len({each.node for each in self.ready()})

    def ready(self) -> list[Member]:
        """Returns the workers that can paint."""
        return [each for each in self.members.values() if each.device]

    def is_there(self, node: str) -> bool:
        """Whether a node existed at the last look."""
        return node in self._nodes

    def usable(self) -> set[str]:
        """Returns the nodes that have, or could have, a worker."""
        return {node.name for node, slots in self._slots().items() if slots}

    def look(self, most: int, now: bool = False) -> list[Member]:
        """Lists the cluster's nodes, unless that was done within NODES_EVERY_S, and makes workers
        on free devices.

        Args:
            most: The maximum of workers in all.
            now: Whether to list the nodes in any case.

        Returns:
            The new workers. The caller calls their `start`.
        """
        if not now and time.monotonic() - self._looked < NODES_EVERY_S:
            return []
        self._looked = time.monotonic()
        found = {each.name: each for each in _nodes(self._ray)}
        for gone in self._nodes.keys() - found.keys():
            event(f"node {self._nodes[gone].address} has gone")
        self._nodes = found
        self._ask_for(min(most, MAX_REQUESTED))
        taken, now_s = Counter(each.node for each in self.members.values()), time.monotonic()
        return [
            self._make(node)
            for node, slots in self._slots().items()
            if self._rest_until.get(node.name, 0.0) <= now_s
            for _ in range(min(slots - taken[node.name], most - len(self.members)))
        ]

    def _ask_for(self, gpus: int) -> None:
        """Asks Ray for machines with this number of GPUs in all. Ray keeps to the limits of the
        cluster."""
        if self._setup.config.device == "gpu" and gpus != self._asked_for:
            self._ray.autoscaler.sdk.request_resources(bundles=[{"GPU": 1}] * gpus)
            self._asked_for = gpus

    def forget(self, member: Member) -> None:
        """Ends a worker."""
        self.members.pop(member.name, None)
        self._ray.kill(member.actor)

    def rest(self, node: str) -> None:
        """Starts no worker on a node for a while."""
        self._rest_until[node] = time.monotonic() + REST_S

    def close(self, wait_s: float) -> None:
        """Ends all workers, after `wait_s` seconds at most for their checkpoints."""
        if wait_s:
            leaving = [each.actor.leave.remote() for each in self.ready()]
            if leaving:
                self._ray.wait(leaving, num_returns=len(leaving), timeout=wait_s)
        for member in [*self.members.values()]:
            self.forget(member)
        self._ask_for(0)

    def _slots(self) -> Mapping[Node, int]:
        """Returns the number of workers for each node: one for each GPU. Without any GPU in the
        cluster, it is one for all cores of a node, since one painting uses them all."""
        device = self._setup.config.device
        use_gpus = device == "gpu" or (
            device == "auto" and any(each.gpus for each in self._nodes.values())
        )
        return {each: each.gpus if use_gpus else min(each.cpus, 1) for each in self._nodes.values()}

    def _make(self, node: Node) -> Member:
        on_gpu = self._setup.config.device != "cpu" and node.gpus > 0
        cpus = None if on_gpu else node.cpus
        on_node = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        actor = (
            self._ray.remote(RemoteWorker)
            .options(
                num_cpus=cpus or 0,
                num_gpus=int(on_gpu),
                scheduling_strategy=on_node(node.name, soft=False),
                # `paint` for each task of a worker, `start` and `leave`.
                max_concurrency=MAX_TASKS + 2,
            )
            .remote(replace(self._setup, cpus=cpus))
        )
        self._count += 1
        member = Member(f"{self._count} on {node.address}", node.name, actor)
        self.members[member.name] = member
        return member


def _nodes(ray: Any) -> Iterator[Node]:
    for each in ray.nodes():
        if each["Alive"]:
            has = each["Resources"]
            gpus, cpus = int(has.get("GPU", 0)), int(has.get("CPU", 0))
            yield Node(each["NodeID"], each["NodeManagerAddress"], gpus, cpus)
