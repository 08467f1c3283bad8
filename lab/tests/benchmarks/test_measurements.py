"""The operations that the measurements count."""

from pathlib import Path

import pytest
from support import tiny


@pytest.fixture(autouse=True)
def bench_folder(monkeypatch):
    """The scripts' folder is first on the path, as when they run."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")


def test_the_operations_of_a_step_are_counted_as_by_hand():
    """16 × 16 px, on a canvas of 32 × 32: blocks of 1024, 256, 64 and 16 positions."""
    from ours import operations

    one, two, three, four = (tiny.CHANNELS[block] for block in (1, 2, 3, 4))
    pairs = 1024 * (3 * one + one * one) + 256 * (one * two + two * two)
    pairs += 64 * (two * three + 3 * three * three) + 16 * three * four
    assert operations(tiny.network(), 16, 16) == 36 * pairs


def test_the_table_of_memory_is_the_one_that_the_measured_peaks_make():
    import memory

    peaks = [memory.peak_in_terms(each) for each in memory.read(memory.MEASURED)]
    assert len(peaks) > 50
    assert memory.written(memory.fitted(peaks)) == memory.TABLE.read_text()
    assert all(each.used <= each.estimated for each in peaks)
