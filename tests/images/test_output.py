"""The table of output formats."""

import pytest

from painterly.errors import ConfigError
from painterly.images.output import OutputFormat
from painterly.settings.bucket_layout import for_source


@pytest.mark.parametrize(
    ("asked", "photo", "wanted"),
    [
        (None, "a.jpg", "jpg"),
        (None, "a.png", "png"),
        (None, "a.heic", "png"),
        ("", "a.webp", "png"),
        ("same", "a.JPEG", "jpg"),
        ("same", "a.png", "png"),
        ("same", "a.webp", "webp"),
        ("same", "scan.tif", "tiff"),
        ("same", "IMG_1.HEIC", "jpg"),
        ("same", "a.hif", "jpg"),
        ("same", "a.avif", "jpg"),
        ("same", "a.gif", "png"),
        ("same", "a.bmp", "png"),
        ("same", "no extension", "jpg"),
        ("webp", "a.jpg", "webp"),
        ("JPEG", "a.png", "jpg"),
        ("tif", "a.png", "tiff"),
    ],
)
def test_the_extension_of_a_result_follows_from_its_photos_name(asked, photo, wanted):
    assert OutputFormat(asked).extension(photo) == wanted
    assert for_source(photo) == ("." in photo)


def test_an_unknown_output_format_is_refused_naming_the_known_ones():
    with pytest.raises(
        ConfigError, match=r"OUTPUT_FORMAT is 'bmp'; .*jpg, png, webp, tiff or same"
    ):
        OutputFormat("bmp").extension("a.jpg")
