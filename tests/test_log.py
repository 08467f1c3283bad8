"""The texts in the log."""

from styletransfer.log import megabytes, plural, printable


def test_keys_are_shown_as_one_harmless_line():
    assert printable("a\nb\x1b[31m\u202egpj.é 富.jpg") == r"a\nb\x1b[31m\u202egpj.é 富.jpg"


def test_counts_and_sizes_are_written_as_people_read_them():
    assert (plural(1, "file"), plural(0, "file"), plural(2, "object")) == (
        *("1 file", "0 files", "2 objects"),
    )
    assert (megabytes(1_500_000), megabytes(12_345)) == ("1.5 MB", "12.3 kB")
