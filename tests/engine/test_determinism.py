"""The same input gives the same bytes."""

import os

import pytest
from support import programs


@pytest.mark.thorough
def test_two_deterministic_runs_give_one_result_bit_for_bit(start_program, tmp_path):
    """In two processes, because TensorFlow stays deterministic once it is."""
    children = [
        start_program(
            programs.deterministic_picture, environment=dict(os.environ), log=tmp_path / name
        )
        for name in ("first", "second")
    ]
    for child in children:
        assert child.wait() == 0, child.output
    hashes = {child.output for child in children}
    assert len(hashes) == 1 and len(hashes.pop().strip()) == 64
