"""A Ray cluster: the connection to it, and a worker on each device of each node."""

import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from logging import DEBUG, WARNING
from pathlib import Path
from typing import Any

from painterly.cluster.actor import RemoteWorker, WorkerSetup
from painterly.cluster.queues import MAX_ORDERS
from painterly.errors import ConfigError
from painterly.log import event
from painterly.orders.order import PlannedOrder
from painterly.settings.installation import install_command
from painterly.signals import stop_signals
from painterly.words.wording import printable

# Ray reads them in every process, and cluster/node.sh sets the same on the nodes. A machine that no
# longer answers is given up after about 9 s, not after 7 minutes as with Ray's defaults.
RAY_VARIABLES = {
    "RAY_grpc_client_keepalive_time_ms": "5000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    # Python 3.11.2 and 3.11.7 understand each other, and machines seldom have the very same.
    "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor",
    # Below `uv run`, Ray would send the driver's folder, with photos and .env, to all machines.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_AUTH_MODE": "token",
}
NAMESPACE = "painterly"
HEAD_ANSWERS_S = 10.0
NODES_EVERY_S = 2.0  # seconds between two looks at the cluster's nodes
# The pause before a node gets another worker after one that ended before it painted anything.
REST_S = 30.0
MAX_REQUESTED = 1000  # GPUs
# Ray's error for different versions: the cluster's, then the driver's.
_VERSIONS = re.compile(r"mismatch:.*?Ray: (\S+)\s+Python: (\S+).*?Ray: (\S+)\s+Python: (\S+)", re.S)
# A socket's path has 107 bytes at most, and Ray's below its temporary folder take about 70.
LONGEST_TMPDIR = 30


@dataclass(eq=False)
class Member:
    """A worker on a node."""

    name: str
    node: str
    actor: Any  # Ray's actor
    device: str = ""  # its device in words, or empty until it is ready
    # Its orders, by their records' keys.
    orders: dict[str, PlannedOrder] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A node of the cluster, with its GPUs and processor cores."""

    name: str
    address: str
    gpus: int
    cpus: int


class Fleet:
    """Starts workers on nodes that have joined, and forgets workers of nodes that have gone."""

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
        """Return the workers that can paint."""
        return [each for each in self.members.values() if each.device]

    def is_there(self, node: str) -> bool:
        """Return whether a node existed at the last look."""
        return node in self._nodes

    def usable(self) -> set[str]:
        """Return the nodes that have, or could have, a worker."""
        return {node.name for node, slots in self._slots().items() if slots}

    def look(self, most: int, now: bool = False) -> list[Member]:
        """List the cluster's nodes, unless that was done within NODES_EVERY_S and they are not
        wanted `now`, and make workers on free devices, `most` in all. Return the new ones. The
        caller calls their `start`."""
        if not now and time.monotonic() - self._looked < NODES_EVERY_S:
            return []
        self._looked = time.monotonic()
        nodes = {node.name: node for node in _nodes(self._ray)}
        for gone in self._nodes.keys() - nodes.keys():
            event(f"node {self._nodes[gone].address} has gone")
        self._nodes = nodes
        self._ask_for(min(most, MAX_REQUESTED))
        taken, now_s = Counter(each.node for each in self.members.values()), time.monotonic()
        return [
            self._make(node)
            for node, slots in self._slots().items()
            if self._rest_until.get(node.name, 0.0) <= now_s
            for _ in range(min(slots - taken[node.name], most - len(self.members)))
        ]

    def _ask_for(self, gpus: int) -> None:
        """Ask Ray for machines with this number of GPUs in all. Ray keeps to the limits of the
        cluster."""
        if self._setup.config.device == "gpu" and gpus != self._asked_for:
            self._ray.autoscaler.sdk.request_resources(bundles=[{"GPU": 1}] * gpus)
            self._asked_for = gpus

    def end(self, member: Member) -> None:
        """End a worker."""
        self.members.pop(member.name, None)
        self._ray.kill(member.actor)

    def rest(self, node: str) -> None:
        """Start no worker on a node for a while."""
        self._rest_until[node] = time.monotonic() + REST_S

    def close(self, wait_s: float) -> None:
        """End all workers, after `wait_s` seconds at most for their checkpoints."""
        if wait_s:
            leaving = [each.actor.leave.remote() for each in self.ready()]
            if leaving:
                self._ray.wait(leaving, num_returns=len(leaving), timeout=wait_s)
        for member in [*self.members.values()]:
            self.end(member)
        self._ask_for(0)

    def _slots(self) -> Mapping[Node, int]:
        """Return the number of workers for each node: one for each GPU. Without any GPU in the
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
                # `paint` for each order of a worker, `start` and `leave`.
                max_concurrency=MAX_ORDERS + 2,
            )
            .remote(replace(self._setup, cpus=cpus))
        )
        self._count += 1
        member = Member(f"{self._count} on {node.address}", node.name, actor)
        self.members[member.name] = member
        return member


def _nodes(ray: Any) -> Iterator[Node]:
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            gpus, cpus = int(has.get("GPU", 0)), int(has.get("CPU", 0))
            yield Node(node["NodeID"], node["NodeManagerAddress"], gpus, cpus)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield the module ray, connected to the cluster at an address, after `prepare`. Raises
    ConfigError if it cannot be reached."""
    _check_address(address)
    import ray  # After its variables.
    import ray.autoscaler.sdk

    # Without this, Ray prints the ends of its nodes' logs on stdout, among the lines of the log.
    ray._private.worker.print_to_stdstream = _log_lines
    handlers = {each: signal.getsignal(each) for each in stop_signals()}
    try:
        joined = ray.init(
            address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=WARNING
        )
    except (OSError, RuntimeError, ValueError) as error:
        if said := _VERSIONS.search(str(error)):
            raise ConfigError(
                f"CLUSTER is {address!r}, which has Ray {said[1]} with Python {said[2]}, and the "
                f"driver has Ray {said[3]} with Python {said[4]}; install the same of both on all "
                "machines (docs/cluster.md)"
            ) from None
        raise ConfigError(
            f"CLUSTER is {address!r}, and no Ray cluster can be reached there with this "
            f"RAY_AUTH_TOKEN: {_reason(error)} (cluster/node.sh starts one; docs/cluster.md)"
        ) from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    try:
        page = getattr(joined, "dashboard_url", None)
        shown = f"; Ray's dashboard: http://{page}" if page else ""
        event(f"connected to the Ray cluster {address}{shown}")
        yield ray
    finally:
        ray.shutdown()


def _reason(error: Exception) -> str:
    lines = [each.strip() for each in str(error).splitlines() if each.strip()]
    return printable(" ".join(dict.fromkeys(lines[:1] + lines[-1:])) or type(error).__name__)


def _log_lines(data: Mapping[str, Any], **_: object) -> None:
    """Log the events of the nodes at debug level, since the driver logs the important ones."""
    for text in data["lines"]:
        event(f"Ray: {text.strip().partition(chr(10))[0]}", level=DEBUG)


def prepare(address: str, variables: Mapping[str, str]) -> None:
    """Set Ray's variables before it is loaded, and check its installation and the token. The
    address is `auto` (on one of the cluster's machines) or HOST:PORT. Raises ConfigError if Ray is
    not installed, or the token is missing."""
    for name, value in {**RAY_VARIABLES, **variables}.items():
        os.environ.setdefault(name, value)
    if len(os.fsencode(os.environ.get("TMPDIR", ""))) > LONGEST_TMPDIR:  # As cluster/node.sh.
        os.environ.setdefault("RAY_TMPDIR", "/tmp")
    if not find_spec("ray"):
        install = install_command("cluster")
        raise ConfigError(f"CLUSTER is {address!r}, and Ray is not installed: {install}")
    _check_token()


def _check_address(address: str) -> None:
    """Raise ConfigError if no process listens at an address; Ray would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), HEAD_ANSWERS_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"CLUSTER is {address!r}, and nobody answers there "
            f"({getattr(error, 'strerror', None) or error}); expected the address of a cluster's "
            "head, with port 6379 (cluster/node.sh starts one; docs/cluster.md)"
        ) from None


def _check_token() -> None:
    if os.environ["RAY_AUTH_MODE"] != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"
    if not Path(file).is_file():
        raise ConfigError(
            "RAY_AUTH_TOKEN is not set; expected that of the cluster's machines (RAY_AUTH_MODE="
            "disabled without one: anyone who reaches its ports can run programs there)"
        )
