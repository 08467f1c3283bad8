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
    ("asked", "photo_key", "wanted"),
    [
        ("same", "IMG_1.HEIC", "jpg"),
        ("same", "a.hif", "jpg"),
        ("same", "a.avif", "jpg"),
        ("same", "a.gif", "png"),
        ("same", "a.bmp", "png"),
        ("same", "a.JPEG", "jpg"),
        ("same", "scan.tif", "tiff"),
        ("same", "no extension", "jpg"),
        (None, "a.heic", "png"),
        ("webp", "a.jpg", "webp"),
        ("same", "a.webp", "webp"),
        ("same", "a.png", "png"),
        ("tiff", "a.jpg", "tiff"),
    ],
)
def test_the_extension_of_a_result_by_its_photos_name(asked, photo_key, wanted):
    assert OutputFormat(asked).extension_by_name(photo_key) == wanted
    assert for_source(photo_key) == ("." in photo_key)
