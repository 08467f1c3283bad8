"""The table of the pictures that fit into GPUs, in docs/performance.md."""

from tools import what_fits


def test_the_table_of_what_fits_is_what_the_memory_model_says():
    table = f"{what_fits.BEGIN}{what_fits.what_fits()}\n{what_fits.END}"
    assert table in what_fits.PAGE.read_text(), "run `python -m tools.what_fits`"
