"""The connection to a Ray cluster, and the settings with which a lost machine is noticed soon."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from logging import WARNING
from pathlib import Path
from typing import Any

from styletransfer.errors import ConfigError
from styletransfer.log import event

# Ray reads them in every process: cluster/node.sh sets the same on the nodes. A machine that no
# longer answers is given up after about 9 s; Ray's own defaults take 7 minutes.
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


@contextmanager
def connected(address: str, variables: Mapping[str, str]) -> Iterator[Any]:
    """The module ray, connected to a cluster. address: `auto` (on one of its machines), HOST:PORT
    or ray://HOST:PORT. variables: RAY_* of the environment. Raises ConfigError."""
    prepare(address, variables)
    import ray  # After its variables.
    import ray.autoscaler.sdk

    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        found = ray.init(
            address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=WARNING
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConfigError(
            f"CLUSTER is {address!r}, and no Ray cluster can be reached there with this "
            f"RAY_AUTH_TOKEN: {reason} (cluster/node.sh starts one; docs/cluster.md)"
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


def prepare(address: str, variables: Mapping[str, str]) -> None:
    """Sets Ray's variables, before it is loaded, and checks what is known without a connection. As
    `connected`."""
    for name, value in {**RAY_VARIABLES, **variables}.items():
        os.environ.setdefault(name, value)
    if not find_spec("ray"):
        raise ConfigError(
            f"CLUSTER is {address!r}, and Ray is not installed; "
            "./start.sh setup --cluster installs it"
        )
    _check_token()


def _check_token() -> None:
    if os.environ["RAY_AUTH_MODE"] != "token" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"
    if not Path(file).is_file():
        raise ConfigError(
            "RAY_AUTH_TOKEN is not set; expected the token that the cluster's machines were "
            "started with (RAY_AUTH_MODE=disabled for a cluster without one: whoever reaches its "
            "ports runs programs there)"
        )
