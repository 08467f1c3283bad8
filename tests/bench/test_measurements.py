"""The measurements' workers and tables."""

import sys

import pytest
from support import tiny

WORKER = """
import sys
print("a library prints this")
print('{"size": 64}')
sys.exit(%s)
"""


@pytest.mark.parametrize(
    ("ending", "last"),
    [
        ("0", {"size": 64}),
        ("'CUDA out of memory'", {"failed": "not enough memory"}),
        ("'no kernel image is available'", {"failed": "no kernel image is available"}),
    ],
)
def test_a_worker_that_fails_says_why(tmp_path, ending, last):
    from common import run_worker

    script = tmp_path / "worker.py"
    script.write_text(WORKER % ending)
    results = run_worker(sys.executable, str(script))
    assert results[0] == {"size": 64} and results[-1] == last


def test_the_operations_of_a_step_are_counted_as_by_hand():
    """16 × 16 px, on a canvas of 32 × 32: blocks of 1024, 256, 64 and 16 positions."""
    from ours import operations

    one, two, three, four = (tiny.CHANNELS[block] for block in (1, 2, 3, 4))
    pairs = 1024 * (3 * one + one * one) + 256 * (one * two + two * two)
    pairs += 64 * (two * three + 3 * three * three) + 16 * three * four
    assert operations(tiny.network(), 16, 16) == 36 * pairs


def test_the_gpus_tables_have_times_memory_and_shares_of_the_peak():
    from gpu import document

    row = {
        **{"size": 512, "step_s": 0.004, "first_s": 9.0, "picture_s": 3.0, "operations": 2e11},
        **{"used": 2**30, "whole": 2 * 2**30, "estimated": 1.1 * 2**30, "plan": ""},
    }
    text = document(
        {
            "vgg19, bfloat16": [{"device": "NVIDIA T4", "peak": 1e14}, row],
            "crowsonkb": [{"failed": "not enough memory"}],
            "batch, PAINTERS=auto": [{"painted": 100, "per_minute": 61.25, "loading_s": 8}],
        }
    )
    assert "NVIDIA T4" in text
    assert "| vgg19, bfloat16 | 512 | 4.00 | 9.0 | 3.0 | 2.00 | 1.10 | 50.0 | 50.0% |" in text
    assert "| crowsonkb |  | not enough memory |" in text
    assert "| batch, PAINTERS=auto | 100 | 61.2 |" in text


def test_the_table_of_what_fits_is_what_the_memory_model_says():
    import what_fits

    table = f"{what_fits.BEGIN}{what_fits.what_fits()}\n{what_fits.END}"
    assert table in what_fits.PAGE.read_text()
