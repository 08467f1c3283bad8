"""Fixtures of the engine's tests."""

import pytest
from support.tiny import compute_in_float32


@pytest.fixture(scope="session", autouse=True)
def _in_float32() -> None:
    compute_in_float32()
