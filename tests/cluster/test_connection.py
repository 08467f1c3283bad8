"""Joining a cluster, and the errors if there is none."""

import platform
from unittest.mock import Mock

import pytest
from support.commands import python
from support.s3_servers import free_ports

from painterly.cluster.fleet import connected
from painterly.errors import ConfigError


@pytest.fixture
def ray(monkeypatch):
    """Ray with an `init` that returns or raises what a test says."""
    import ray  # Takes a second, which other tests need not wait.

    monkeypatch.setattr(ray, "init", Mock())
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(ray._private.worker, "print_to_stdstream", print)
    return ray


def test_an_address_where_nobody_listens_is_named_at_once(ray):
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with (
        pytest.raises(ConfigError, match=f"'{address}', and nobody answers there"),
        connected(address),
    ):
        pass
    ray.init.assert_not_called()


def test_the_last_line_of_rays_error_is_said_as_well(ray):
    failed = ConnectionError("Initialization failure:\n  at x\n\nno room\n")
    ray.init.side_effect = failed
    with pytest.raises(ConfigError, match="failure: no room "), connected("auto"):
        pass


def test_other_versions_than_the_clusters_are_named(ray):
    from ray._private.utils import check_version_info

    cluster = {"ray_version": ray.__version__, "python_version": "3.99.1"}
    ray.init.side_effect = lambda **_: check_version_info(cluster, "this process")
    own = f"Ray {ray.__version__} with Python {platform.python_version()}"
    with pytest.raises(ConfigError) as found, connected("auto"):
        pass
    assert f"which has Ray {ray.__version__} with Python 3.99.1" in str(found.value)
    assert f"the driver has {own}" in str(found.value) and "TOKEN" not in str(found.value)


@pytest.mark.thorough
def test_python_may_differ_in_its_last_number_and_no_folder_is_sent_to_the_nodes():
    """Below `uv run`, Ray would send the driver's folder, with .env."""
    code = (
        "from painterly.cluster.fleet import prepare;"
        "prepare('auto', {'RAY_AUTH_MODE': 'disabled'});"
        "import platform, ray; from ray._private import ray_constants, utils;"
        "minor = '.'.join(platform.python_version_tuple()[:2]);"
        "other = {'ray_version': ray.__version__, 'python_version': minor + '.99'};"
        "utils.check_version_info(other, 'this process');"
        "print(ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV)"
    )
    done = python("-c", code)
    assert (done.returncode, done.stdout.split()) == (0, ["False"]), done.stderr


def test_what_ray_prints_of_its_nodes_is_not_on_stdout(ray, capsys, caplog):
    caplog.set_level("DEBUG", "painterly")
    with connected("auto"):
        ray._private.worker.print_to_stdstream(
            {"lines": ["Raylet is terminated.\n  [state-dump] 1\n"], "pid": "raylet"},
            ignore_prefix=False,
        )
    assert "state-dump" not in capsys.readouterr().out
    assert "Ray: Raylet is terminated." in caplog.messages
