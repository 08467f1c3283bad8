"""Fixtures of the engine's tests."""

from typing import TYPE_CHECKING

import pytest
from support.tiny import compute_in_float32

if TYPE_CHECKING:
    from painterly.vgg.network import VGG


@pytest.fixture(scope="session", autouse=True)
def _in_float32() -> None:
    """Let the engine compute in float32."""
    compute_in_float32()


@pytest.fixture(scope="session")
def builtin() -> "VGG":
    """The built-in network: its channels are correlated, as trained ones are."""
    from painterly import load_vgg

    return load_vgg()
