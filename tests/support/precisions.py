"""The precisions that the CPU's library computes in."""

import pytest


def need(precision: str) -> None:
    """Skip a test of a precision that the library refuses, as it does if it is limited to AVX2."""
    from painterly.devices.choose import cpu_computes

    if not cpu_computes(precision):
        pytest.skip(f"TensorFlow does not compute in {precision} here")
