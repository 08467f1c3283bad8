"""The table of output formats."""

import pytest

from styletransfer.bucket_layout import for_source
from styletransfer.errors import ConfigError
from styletransfer.images.output import OutputFormat, output_extension


@pytest.mark.parametrize(
    ("asked", "photo", "key", "wanted"),
    [
        (None, "JPEG", "a.jpg", "jpg"),
        (None, "PNG", "a.png", "png"),
        (None, "HEIF", "a.heic", "png"),
        ("", "WEBP", "a.webp", "png"),
        ("same", "JPEG", "a.JPEG", "jpg"),
        ("same", "PNG", "a.png", "png"),
        ("same", "WEBP", "a.webp", "webp"),
        ("same", "TIFF", "scan.tif", "tiff"),
        ("same", "HEIF", "IMG_1.HEIC", "jpg"),
        ("same", "HEIF", "a.hif", "jpg"),
        ("same", "AVIF", "a.avif", "jpg"),
        ("same", "GIF", "a.gif", "png"),
        ("same", "BMP", "a.bmp", "png"),
        ("same", "JPEG", "no extension", "jpg"),
        ("webp", "JPEG", "a.jpg", "webp"),
        ("JPEG", "PNG", "a.png", "jpg"),
        ("tif", "PNG", "a.png", "tiff"),
    ],
)
def test_the_extension_of_a_result_by_its_photos_content_and_name(asked, photo, key, wanted):
    assert output_extension(asked, photo) == wanted
    assert OutputFormat(asked).extension_by_name(key) == wanted
    assert for_source(key) == ("." in key)


def test_an_unknown_output_format_is_refused_naming_the_known_ones():
    with pytest.raises(
        ConfigError, match=r"OUTPUT_FORMAT is 'bmp'; .*jpg, png, webp, tiff or same"
    ):
        output_extension("bmp", "JPEG")
