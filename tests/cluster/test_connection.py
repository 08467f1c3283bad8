"""Joining a cluster, and the errors if there is none."""

from unittest.mock import Mock

import pytest
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
    with (
        pytest.raises(ConfigError, match="failure: no room "),
        connected("auto"),
    ):
        pass


def test_what_ray_prints_of_its_nodes_is_not_on_stdout(ray, capsys, caplog):
    caplog.set_level("DEBUG", "painterly")
    with connected("auto"):
        ray._private.worker.print_to_stdstream(
            {"lines": ["Raylet is terminated.\n  [state-dump] 1\n"], "pid": "raylet"},
            ignore_prefix=False,
        )
    assert "state-dump" not in capsys.readouterr().out
    assert "Ray: Raylet is terminated." in caplog.messages
