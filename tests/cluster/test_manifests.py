"""The files in cluster/: what Ray, Kubernetes and the nodes are given."""

import os
import re
import subprocess

import pytest
import yaml
from support.aws_template import offered

from painterly.cluster.fleet import RAY_VARIABLES
from painterly.settings.installation import PROGRAM

CLUSTER = PROGRAM / "cluster"


def test_nodes_have_the_settings_and_the_version_of_ray_of_the_driver():
    node = (CLUSTER / "node.sh").read_text()
    assert dict(re.findall(r"export (RAY_\w+)=\$\{\1:-(\w+)\}", node)) == RAY_VARIABLES
    spec = yaml.safe_load((CLUSTER / "kuberay.yaml").read_text())["spec"]["rayClusterSpec"]
    required = re.search(r"ray\[default\]>=([\d.]+)", (PROGRAM / "pyproject.toml").read_text())
    assert spec["rayVersion"].startswith(required[1])
    assert spec["authOptions"] == {"mode": "token"}
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for group in groups:
        [container] = group["template"]["spec"]["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        assert {"RAY_AUTH_MODE": "token", **variables}.items() >= RAY_VARIABLES.items()


def test_ray_accepts_the_cluster_on_aws_and_its_region_has_the_machines():
    from ray.autoscaler._private.util import fillout_defaults, validate_config

    written = yaml.safe_load((CLUSTER / "aws.yaml").read_text())
    validate_config(fillout_defaults(written))
    kinds = written["available_node_types"]
    types = {each["node_config"]["InstanceType"] for each in kinds.values()}
    assert types <= offered(written["provider"]["region"])
    gpu = kinds["gpu"]
    assert gpu["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert gpu["resources"]["GPU"] == 1 and gpu["min_workers"] == 0


@pytest.mark.slow
def test_a_node_without_a_token_does_not_start(tmp_path):
    started = subprocess.run(
        [CLUSTER / "node.sh", "head"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert started.returncode == 2
    assert "RAY_AUTH_TOKEN is not set" in started.stderr
