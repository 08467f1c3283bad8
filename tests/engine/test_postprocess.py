"""Results at the photo's size, against Pillow."""

import numpy as np
import pytest
from PIL import Image
from support.tiny import picture

from styletransfer import Settings
from styletransfer.engine.postprocess import Postprocess
from styletransfer.settings import FIELDS


@pytest.mark.parametrize("method", FIELDS["rescale_method"].metadata["choices"])
def test_a_picture_is_scaled_as_pillow_does_in_more_than_8_bits(method):
    eight_bits = np.rint((0.25 + picture(40, 60) / 2) * 255).astype(np.uint8)
    resampling = Image.Resampling[method.upper()]
    expected = np.asarray(Image.fromarray(eight_bits).resize((130, 90), resampling)) / 255
    scaled = Postprocess.of(picture(90, 130), Settings(rescale_image=True, rescale_method=method))
    found = scaled(eight_bits / np.float32(255))
    assert found.dtype == np.float32 and found.shape == (90, 130, 3)
    assert found.min() >= 0 and found.max() <= 1
    assert np.abs(found - expected).max() < 1.5 / 255  # Pillow rounds twice there.
    assert method == "nearest" or len(np.unique(found)) > 10_000
