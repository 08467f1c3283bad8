"""Fixtures of tests of runs."""

import pytest
from support.receiver import receiving


@pytest.fixture
def receiver():
    """A server for NOTIFY_URL."""
    with receiving() as running:
        yield running
