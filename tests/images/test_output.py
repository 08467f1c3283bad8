"""The table of output formats."""

import pytest

from styletransfer.bucket_layout import for_source
from styletransfer.errors import ConfigError
from styletransfer.images.output import OutputFormat, output_extension


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


@pytest.mark.parametrize(
    ("asked", "depth", "photo_key", "wanted"),
    [
        ("same", 8, "IMG_1.HEIC", "jpg"),
        ("same", 8, "a.hif", "jpg"),
        ("same", 8, "a.avif", "jpg"),
        ("same", 8, "a.gif", "png"),
        ("same", 8, "a.bmp", "png"),
        ("same", 8, "a.JPEG", "jpg"),
        ("same", 8, "scan.tif", "tiff"),
        ("same", 8, "no extension", "jpg"),
        (None, 8, "a.heic", "png"),
        ("webp", 8, "a.jpg", "webp"),
        ("same", 8, "a.webp", "webp"),
        ("same", 8, "a.png", "png"),
        ("webp", 16, "a.jpg", "png"),
        (None, 16, "a.jpg", "png"),
        ("tiff", 16, "a.jpg", "tiff"),
    ],
)
def test_the_extension_of_a_result_by_its_photos_name(asked, depth, photo_key, wanted):
    assert OutputFormat(asked, depth=depth).extension_by_name(photo_key) == wanted
    assert for_source(photo_key) == ("." in photo_key)
