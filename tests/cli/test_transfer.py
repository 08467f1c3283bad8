"""inetwork.py --color_transfer_only and --mask_transfer: the original's two extra scripts."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.inetwork_runs import grey, pixels

from styletransfer.cli.inetwork import inetwork
from styletransfer.images import arrays, colour

pytestmark = pytest.mark.usefixtures("inetwork_files")


def test_color_transfer_brings_the_photos_colors_into_a_finished_painting():
    left = arrays.resize(pixels("left.png"), 40, 60)
    for flags, name, where, histogram in (
        ([], "original", None, False),
        (["--hist_match", "1"], "histogram", None, True),
        (["--mask", "left.png"], "original", left, False),
        (["--mask", "left.png", "--hist_match", "1"], "histogram", left, True),
    ):
        assert inetwork(["--color-transfer-only", "beach.jpg", "klimt.png", *flags]) == 0
        expected = colour.transfer(pixels("beach.jpg"), pixels("klimt.png"), where, histogram)
        found = pixels(f"klimt_{name}_color.png")
        assert np.abs(found - expected).max() < 0.51 / 255, flags


def test_mask_transfer_brings_the_photos_pixels_back_where_the_mask_is_black():
    grey("large.png", np.tile([255] * 80 + [0] * 80, (120, 1)))
    Image.open("beach.jpg").save("beach.png")
    painted = "painted.webp.png"  # As a batch names the result of painted.webp.
    Path(painted).write_bytes(tiny.file(60, 80, 5, "PNG"))
    assert inetwork(["--mask_transfer", "beach.png", painted, "large.png"]) == 0
    result = pixels("painted.webp_masked.png")
    assert np.array_equal(result[:, :39], pixels(painted)[:, :39])
    assert np.array_equal(result[:, 41:], pixels("beach.png")[:, 41:])
