"""Ray nodes as processes of this machine, each with a share of its cores, and what happens to them.

`ray stop` would end every Ray process of the machine, so nodes end by their processes' ids.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from styletransfer.cluster.connection import RAY_VARIABLES
from styletransfer.paths import PROGRAM
from support.s3_servers import free_ports

DEADLINE_S = 120
SLEEPING = PROGRAM / "tests" / "support" / "sleeping"  # See its sitecustomize.
WITHOUT_TOKEN = {
    **RAY_VARIABLES,
    "RAY_AUTH_MODE": "disabled",
    "RAY_raylet_start_wait_time_s": str(DEADLINE_S),
}


class Node:
    """A Ray node: `ray start --block` and all that it has started."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        command = [Path(sys.executable).with_name("ray"), "start", "--block", *arguments]
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def processes(self) -> list[psutil.Process]:
        """The node's own process and all below it."""
        with suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.process.pid)
            return [own, *own.children(recursive=True)]
        return []

    def workers(self) -> list[psutil.Process]:
        """The processes in which actors paint."""
        found = []
        for each in self.processes():
            with suppress(psutil.Error):
                title = "".join(each.cmdline())  # An actor's is the name of what it does.
                if title.startswith("ray::") and not re.search("Agent|IDLE", title):
                    found.append(each)
        return found

    def send_signal(self, number: int) -> None:
        """To all processes of the node at once."""
        for each in self.processes():
            with suppress(psutil.Error):
                each.send_signal(number)

    def kill(self) -> None:
        """Ends the node as a machine ends that loses its power."""
        self.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)


class Nodes:
    """A head without cores of its own for painting, and nodes that join it."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        """folder: for Ray's files; its path is short, since sockets are in it. variables: those of
        the nodes, in addition to this process's."""
        self._folder, self._environment = folder, {**os.environ, **WITHOUT_TOKEN, **variables}
        self.port, self.client_port = free_ports(2)
        self.nodes: list[Node] = []
        self.head = self._start(
            ["--head", f"--port={self.port}", f"--ray-client-server-port={self.client_port}"], 0
        )
        self._starts = 0
        self._await_start()

    @property
    def address(self) -> str:
        """What CLUSTER names."""
        return f"127.0.0.1:{self.port}"

    @property
    def _log(self) -> Path:
        return self._folder / "nodes.log"

    def add(self, cpus: int = 1) -> Node:
        """One more node."""
        self.nodes.append(self._start([f"--address={self.address}"], cpus))
        self._await_start()
        return self.nodes[-1]

    def close(self) -> None:
        """Ends all nodes, the head last."""
        for each in [*self.nodes, self.head]:
            each.kill()

    def wait_until(self, holds: Callable[[], object]) -> None:
        """Fails with what Ray has printed where it takes too long."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, self._log.read_text()[-3000:]
            time.sleep(0.05)

    def _await_start(self) -> None:
        """One after another: together, they take longer than Ray waits on few cores."""
        self._starts += 1
        self.wait_until(lambda: self._log.read_text().count("Ray runtime started") >= self._starts)

    def _start(self, arguments: list[str], cpus: int) -> Node:
        usual = [
            "--node-ip-address=127.0.0.1",
            f"--num-cpus={cpus}",
            "--num-gpus=0",
            "--object-store-memory=100000000",
            "--disable-usage-stats",
        ]
        of_head = ["--include-dashboard=false", f"--temp-dir={self._folder}"]
        more = of_head if "--head" in arguments else []
        return Node([*arguments, *usual, *more], self._environment, self._log)


@contextmanager
def ray_nodes(folder: Path, count: int, variables: dict[str, str]) -> Iterator[Nodes]:
    """A head and so many nodes of one core each, until the end."""
    nodes = Nodes(folder, variables)
    try:
        for _ in range(count):
            nodes.add()
        yield nodes
    finally:
        nodes.close()
