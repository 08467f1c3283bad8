"""Ray itself, with nodes that are processes here and paint without TensorFlow."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support import tiny
from support.ray_nodes import SLEEPING, ray_nodes

from styletransfer.paths import PROGRAM

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "ab" * 32}


@pytest.mark.slow
def test_a_run_over_ray_with_a_token_outlasts_the_death_of_a_worker(tmp_path):
    for number in range(6):
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
    # Not in pytest's folder: a socket's path may have 107 bytes at most.
    with (
        tempfile.TemporaryDirectory(prefix="r") as folder,
        ray_nodes(Path(folder), 1, variables) as nodes,
    ):
        log = tmp_path / "driver.log"
        driver = subprocess.Popen(
            [sys.executable, "-m", "styletransfer", "--cluster"],
            env={**os.environ, **variables, "CLUSTER": nodes.address},
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        results = tmp_path / "out" / "monet"
        nodes.wait_until(lambda: results.is_dir() or driver.poll() is not None)
        for worker in nodes.nodes[0].workers():
            worker.kill()
        assert driver.wait(120) == 0, log.read_text()
        lost = log.read_text()
    assert sorted(each.name for each in results.iterdir()) == [f"{n}.jpg" for n in range(6)]
    assert "lost the worker" in lost and "6 painted" in lost
    assert not list((tmp_path / "out").glob("_checkpoints/**/*.npz"))
