"""Masks: pictures as floats from black to white."""

import io

import numpy as np
import pytest
from PIL import Image

from styletransfer.images.decode import decode_mask


def test_a_masks_grey_is_the_luma_of_its_colours_and_what_is_clear_is_black():
    def mask(image):
        out = io.BytesIO()
        image.save(out, "PNG")
        return decode_mask(out.getvalue(), "m.png")

    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    found = mask(Image.fromarray(ramp))
    assert found.dtype == np.float32
    assert np.abs(found - ramp / 255).max() < 1e-6 and found.max() == 1
    assert mask(Image.new("RGB", (16, 16), (0, 255, 0)))[0, 0] == pytest.approx(0.587)
    clear = np.full((16, 32, 4), 255, np.uint8)
    clear[:, :8, 3], clear[:, 8:16, 3] = 0, 51
    assert np.abs(mask(Image.fromarray(clear))[0, ::8] - [0, 0.2, 1, 1]).max() < 1e-6
