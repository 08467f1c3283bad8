"""Ray itself, on a node that is a process of this machine and paints without TensorFlow; and the
files in cluster/: what Ray, Kubernetes and the nodes are given."""

import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import yaml
from support import tiny
from support.aws_template import offered
from support.polling import until
from support.s3_servers import free_ports

from painterly.cluster.fleet import RAY_VARIABLES
from painterly.settings.installation import PROGRAM
from painterly.storage.files import PART_FILE

SLEEPING = PROGRAM / "tests" / "support" / "sleeping"  # See its sitecustomize.
DEADLINE_S = 120
TOKEN = {
    **RAY_VARIABLES,
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "ab" * 32,
    "RAY_raylet_start_wait_time_s": str(DEADLINE_S),
}
START = [
    *(Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--num-cpus=1"),
    *("--num-gpus=0", "--node-ip-address=127.0.0.1", "--object-store-memory=100000000"),
    *("--include-dashboard=false", "--disable-usage-stats"),
    # Its workers would have 10002 to 19999, of which none may be the node's.
    *("--min-worker-port=0", "--max-worker-port=0"),
]


@contextmanager
def ray_head(variables):
    """A Ray cluster of one node: its address, and its process. `ray stop` would end every Ray
    process of the machine, so the node ends by its processes' ids."""
    port, client_port = free_ports(2)
    # Not in pytest's folder: a socket's path may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
        log = Path(folder, "log")
        places = [f"--port={port}", f"--ray-client-server-port={client_port}"]
        process = psutil.Popen(
            [*START, *places, f"--temp-dir={folder}"],
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        try:
            started = lambda: "Ray runtime started" in log.read_text()  # noqa: E731
            until(lambda: started() or process.poll() is not None, DEADLINE_S)
            assert started(), log.read_text()
            yield f"127.0.0.1:{port}", process
        finally:
            end(process)


def end(process):
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait(DEADLINE_S)


def workers(process):
    """The processes below a node in which actors paint."""
    for each in process.children(recursive=True):
        with suppress(psutil.Error):
            title = "".join(each.cmdline())  # An actor's is the name of what it does.
            if title.startswith("ray::") and not re.search("Agent|IDLE", title):
                yield each


@pytest.mark.thorough
def test_a_run_over_ray_with_a_token_outlasts_the_death_of_a_worker(tmp_path):
    for number in range(2):
        photo = tmp_path / "photos" / f"{number}.jpg"
        photo.parent.mkdir(exist_ok=True)
        photo.write_bytes(tiny.file(24, 32, number))
    (tmp_path / "paintings").mkdir()
    (tmp_path / "paintings" / "monet.jpg").write_bytes(tiny.file(24, 24, 9))
    (tmp_path / "paintings" / "tiny.npz").write_bytes(tiny.trained_file())
    variables = TOKEN | {
        "PYTHONPATH": os.pathsep.join(map(str, (SLEEPING, PROGRAM))),
        "PAINTING_S": "1",
        "BUCKET_SOURCE": str(tmp_path / "photos"),
        "BUCKET_STYLE": str(tmp_path / "paintings"),
        "BUCKET_RESULT": str(tmp_path / "out"),
        "VGG_WEIGHTS": "bucket:tiny.npz",
    }
    log, results = tmp_path / "driver.log", tmp_path / "out" / "monet"
    with ray_head(variables) as (address, process):
        driver = subprocess.Popen(
            [sys.executable, "-m", "painterly", "--cluster"],
            env=os.environ | variables | {"CLUSTER": address},
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        until(lambda: results.is_dir() or driver.poll() is not None, DEADLINE_S)
        for worker in workers(process):
            worker.kill()
        assert driver.wait(DEADLINE_S) == 0, log.read_text()
    said = log.read_text()
    # A killed worker may leave the hidden part of a file that it was writing.
    names = {each.name for each in results.iterdir() if not PART_FILE.fullmatch(each.name)}
    assert names == {"0.jpg", "1.jpg"}
    assert "lost the worker" in said and "FAILED" not in said
    assert not list((tmp_path / "out").glob("_checkpoints/**/*.npz"))


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
