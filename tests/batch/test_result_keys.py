"""The keys and formats of results."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.folder_batches import keys, run

from styletransfer.images import decode
from styletransfer.images import output as output_module


def test_alpha_and_the_format_come_through(folders, small_vgg):
    rgba = np.zeros((60, 80, 4), np.uint8)
    rgba[..., :3] = (tiny.picture(60, 80, 6) * 255).astype(np.uint8)
    rgba[:, 40:, 3] = 255
    Image.fromarray(rgba).save("photos/cut out.png")
    run(folders)
    alpha = np.asarray(Image.open("out/monet/cut out.png"))[..., 3]
    assert alpha.shape == (48, 64)
    assert alpha[:, :28].max() == 0 and alpha[:, 36:].min() == 255


@pytest.mark.parametrize(
    "output, expected",
    [("png", "beach.png"), ("webp", "beach.webp"), ("tiff", "beach.tiff"), ("same", "beach.jpg")],
)
def test_the_output_format_can_be_chosen(folders, small_vgg, output, expected):
    run(folders, OUTPUT_FORMAT=output)
    assert f"monet/{expected}" in keys()
    data = Path("out/monet", expected).read_bytes()
    assert output_module.output_extension("same", decode.decode(data, "x").format) == expected[6:]


def test_photos_whose_results_would_share_a_key_keep_their_extension(folders, small_vgg):
    Path("photos/beach.png").write_bytes(tiny.file(60, 80, 7, "PNG"))
    run(folders, OUTPUT_FORMAT="png")
    assert {"monet/beach.jpg.png", "monet/beach.png.png"} <= keys()
    assert "monet/beach.png" not in keys()


def test_a_png_called_jpg_takes_no_other_results_key(folders, small_vgg):
    Path("photos/beach.png").write_bytes(tiny.file(60, 80, 7, "PNG"))
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 8, "PNG"))
    assert run(folders) == 0
    assert {"monet/beach.jpg.png", "monet/beach.png"} <= keys()


def test_a_result_under_another_extension_replaces_the_old_one(folders, small_vgg):
    run(folders)
    run(folders, OUTPUT_FORMAT="webp")
    assert {key for key in keys() if not key.startswith("_")} == {
        "monet/beach.webp",
        "monet/trip/old town é.webp",
        "both/beach.webp",
        "both/trip/old town é.webp",
    }
