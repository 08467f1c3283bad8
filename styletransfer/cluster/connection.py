"""The connection to a Ray cluster, and the settings with which a lost machine is noticed soon."""

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from logging import DEBUG, WARNING
from pathlib import Path
from typing import Any

from styletransfer.errors import ConfigError
from styletransfer.log import event, printable

# Ray reads them in every process, and cluster/node.sh sets the same on the nodes. A machine that no
# longer answers is given up after about 9 s, not after 7 minutes as with Ray's defaults.
RAY_VARIABLES = {
    "RAY_grpc_client_keepalive_time_ms": "5000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_AUTH_MODE": "token",
}
NAMESPACE = "styletransfer"
HEAD_ANSWERS_S = 10.0


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yields the module ray, connected to the cluster at an address, after `prepare`. Raises
    ConfigError if it cannot be reached."""
    _check_address(address)
    import ray  # After its variables.
    import ray.autoscaler.sdk

    # Without this, Ray prints the ends of its nodes' logs on stdout, among the lines of the log.
    ray._private.worker.print_to_stdstream = _log_lines
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        found = _joined(ray, address)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise ConfigError(
            f"CLUSTER is {address!r}, and no Ray cluster can be reached there with this "
            f"RAY_AUTH_TOKEN: {_reason(error)} (cluster/node.sh starts one; docs/cluster.md)"
        ) from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    try:
        page = getattr(found, "dashboard_url", None)
        shown = f"; Ray's dashboard: http://{page}" if page else ""
        event(f"connected to the Ray cluster {address}{shown}")
        yield ray
    finally:
        ray.shutdown()


def _joined(ray: Any, address: str) -> Any:
    """Calls ray.init, a second time if the head did not serve this driver."""
    init = partial(
        ray.init, address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=WARNING
    )
    try:
        return init()
    except ConnectionAbortedError as error:
        # The head forks a process for each client of ray://, which sometimes dies at once.
        event(f"the cluster's head did not serve this driver: {_reason(error)}; asking again")
        return init()


def _reason(error: Exception) -> str:
    """Returns an error of Ray in one line, with its last line, which names the cause."""
    lines = [each.strip() for each in str(error).splitlines() if each.strip()]
    return printable(" ".join(dict.fromkeys(lines[:1] + lines[-1:])) or type(error).__name__)


def _log_lines(data: Mapping[str, Any], **_: object) -> None:
    """Logs the events of the nodes at debug level, since the driver logs the important ones."""
    for text in data["lines"]:
        event(f"Ray: {text.strip().partition(chr(10))[0]}", level=DEBUG)


def prepare(address: str, variables: Mapping[str, str]) -> None:
    """Sets Ray's variables before it is loaded, and checks its installation and the token.

    Args:
        address: `auto` (on one of the cluster's machines), HOST:PORT or ray://HOST:PORT.
        variables: The RAY_* of the environment.

    Raises:
        ConfigError: Ray is not installed, or the token is missing.
    """
    for name, value in {**RAY_VARIABLES, **variables}.items():
        os.environ.setdefault(name, value)
    if not find_spec("ray"):
        raise ConfigError(
            f"CLUSTER is {address!r}, and Ray is not installed; "
            "./start.sh setup --cluster installs it"
        )
    _check_token()


def _check_address(address: str) -> None:
    """Raises ConfigError if no process listens at an address; Ray would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), HEAD_ANSWERS_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"CLUSTER is {address!r}, and nobody answers there "
            f"({getattr(error, 'strerror', None) or error}); expected the address of a cluster's "
            "head, with port 6379, or 10001 after ray:// (cluster/node.sh starts one; "
            "docs/cluster.md)"
        ) from None


def _check_token() -> None:
    if os.environ["RAY_AUTH_MODE"] != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"
    if not Path(file).is_file():
        raise ConfigError(
            "RAY_AUTH_TOKEN is not set; expected the token that the cluster's machines were "
            "started with (RAY_AUTH_MODE=disabled for a cluster without one: anyone who reaches "
            "its ports can run programs there)"
        )
