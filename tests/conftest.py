"""Fixtures that several files of tests share."""

from typing import TYPE_CHECKING

import pytest
from support import tiny as tiny_module
from support.bot_running import aws, telegram, world  # noqa: F401
from support.folder_batches import folders, small_vgg  # noqa: F401
from support.s3_servers import (  # noqa: F401
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

if TYPE_CHECKING:
    from styletransfer.vgg.network import VGG


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rounds", type=int, help="how often test_kill.py kills a batch and reruns it"
    )


@pytest.fixture(scope="session")
def tiny() -> "VGG":
    """VGG19 with few channels, so that an optimisation takes milliseconds."""
    return tiny_module.network()


@pytest.fixture(scope="session")
def random_vgg() -> "VGG":
    """VGG19 with all its channels and random features."""
    from styletransfer.vgg.network import load_vgg

    return load_vgg("vgg19", "random")
