"""Amounts, as people read them."""

import pytest

from painterly.words.wording import file_size, memory_size


@pytest.mark.parametrize(
    ("size", "of_file", "of_memory"),
    [
        (12_400_000, "12.4 MB", "12 MB"),
        (100_000_000, "100.0 MB", "0.1 GB"),
        (999_949_999, "999.9 MB", "1.0 GB"),
        (999_999_999, "1.0 GB", "1.0 GB"),
    ],
)
def test_no_size_is_written_as_1000_mb(size, of_file, of_memory):
    assert (file_size(size), memory_size(size)) == (of_file, of_memory)
