"""The batch with CLUSTER set: planned here, painted on the nodes of a Ray cluster."""

from collections.abc import Mapping

from styletransfer.batch.run import run as run_batch
from styletransfer.cluster.connection import prepare
from styletransfer.cluster.driver import ClusterPainting
from styletransfer.config import Config


def run_on_cluster(config: Config, environment: Mapping[str, str]) -> int:
    """As batch.run, painted on the cluster that `config.cluster` names. environment: its RAY_* are
    Ray's. Raises ConfigError as well where there is no such cluster."""
    variables = {name: value for name, value in environment.items() if name.startswith("RAY_")}
    address = config.cluster or "auto"
    prepare(address, variables)
    painting = ClusterPainting(address, variables)
    return run_batch(config, painting.paint_all)
