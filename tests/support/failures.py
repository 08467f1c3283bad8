"""Calls that must fail."""

from collections.abc import Callable
from typing import Any

import pytest

from painterly.errors import WeightsError


def weights_error(call: Callable[..., Any], *arguments: Any) -> str:
    """The message of the WeightsError that a call must raise: one line, exit code 3."""
    with pytest.raises(WeightsError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_code == 3
    return text
