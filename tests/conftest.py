"""Fixtures that several files of tests share."""

import sys
from pathlib import Path

# The repository is used from its own folder, without being installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest
from s3_servers import (  # noqa: F401
    bucket,
    ceph,
    moto,
    new_bucket,
    other_account,
    proxy,
    rgw,
    rgw_tls,
    server,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rounds", type=int, help="how often test_kill.py kills a batch and reruns it"
    )
