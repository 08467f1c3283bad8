"""inetwork.py --color_transfer_only and --mask_transfer: the original's two extra scripts."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.inetwork_runs import grey, pixels

from styletransfer.cli.inetwork import inetwork
from styletransfer.images import arrays, colour
from styletransfer.paths import PROGRAM

pytestmark = pytest.mark.usefixtures("inetwork_files")


@pytest.mark.parametrize(
    "flags, name, arguments",
    [
        ([], "original", (None, False)),
        (["--hist_match", "1"], "histogram", (None, True)),
        (["--mask", "left.png"], "original", ("left.png", False)),
        (["--mask", "left.png", "--hist_match", "1"], "histogram", ("left.png", True)),
    ],
    ids=["original", "histogram", "original-masked", "histogram-masked"],
)
def test_color_transfer_brings_the_photos_colors_into_a_finished_painting(flags, name, arguments):
    words = ["--color-transfer-only", "beach.jpg", "klimt.png", *flags]
    assert inetwork(words) == 0
    mask, histogram = arguments
    where = None if mask is None else arrays.resize(pixels(mask), 40, 60)
    expected = colour.transfer(pixels("beach.jpg"), pixels("klimt.png"), where, histogram)
    assert np.abs(pixels(f"klimt_{name}_color.png") - expected).max() < 0.51 / 255


def test_mask_transfer_brings_the_photos_pixels_back_where_the_mask_is_black():
    grey("large.png", np.tile([255] * 80 + [0] * 80, (120, 1)))
    Image.open("beach.jpg").save("beach.png")
    Path("painted.jpg").write_bytes(tiny.file(60, 80, 5))
    assert inetwork(["--mask_transfer", "beach.png", "painted.jpg", "large.png"]) == 0
    result = pixels("painted_masked.png")
    assert np.array_equal(result[:, :39], pixels("painted.jpg")[:, :39])
    assert np.array_equal(result[:, 41:], pixels("beach.png")[:, 41:])


def test_the_extra_scripts_load_no_tensorflow():
    program = (
        "import sys; from styletransfer.cli.inetwork import inetwork\n"
        "for way in (['--color_transfer_only'], ['--mask_transfer']):\n"
        "    mask = ['left.png'] if 'mask' in way[0] else []\n"
        "    assert inetwork([*way, 'beach.jpg', 'klimt.png', *mask]) == 0\n"
        "assert 'tensorflow' not in sys.modules"
    )
    environment = {"PYTHONPATH": str(PROGRAM)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
