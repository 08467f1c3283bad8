"""The table of output formats."""

import pytest

from styletransfer.errors import ConfigError
from styletransfer.images.output import output_extension


@pytest.mark.parametrize(
    ("asked", "photo", "wanted"),
    [
        (None, "JPEG", "jpg"),
        (None, "PNG", "png"),
        (None, "HEIF", "png"),
        ("", "WEBP", "png"),
        ("same", "JPEG", "jpg"),
        ("same", "PNG", "png"),
        ("same", "WEBP", "webp"),
        ("same", "TIFF", "tiff"),
        ("same", "HEIF", "jpg"),
        ("same", "AVIF", "jpg"),
        ("same", "GIF", "png"),
        ("webp", "JPEG", "webp"),
        ("JPEG", "PNG", "jpg"),
        ("tif", "PNG", "tiff"),
    ],
)
def test_the_extension_of_a_result(asked, photo, wanted):
    assert output_extension(asked, photo) == wanted


def test_an_unknown_output_format_is_refused_naming_the_known_ones():
    with pytest.raises(
        ConfigError, match=r"OUTPUT_FORMAT is 'bmp'; .*jpg, png, webp, tiff or same"
    ):
        output_extension("bmp", "JPEG")
