"""The gallery's small pictures and their keys."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from support.gallery import RED, flat

from painterly.gallery.thumbnails import THUMBNAIL, picture_key, thumbnail
from painterly.storage.folder import FolderBucket

ODD = ("/a.jpg", "a//b.jpg", "../a.jpg", ".hidden.jpg", "a\\b.jpg")
LONG = ("ü" * 490 + "x", "y/" * 499 + "y", "x" * 252)


@pytest.mark.parametrize("key", [*ODD, *LONG])
def test_a_key_that_could_not_be_a_file_is_hashed(tmp_path, key):
    made = picture_key("thumbs/paintings", key)
    assert re.fullmatch("_gallery/thumbs/paintings/[0-9a-f]{64}.jpg", made)
    FolderBucket(tmp_path).write(made, b"")


def test_thumbnails_of_busy_pictures_stay_small():
    noise = np.random.default_rng(0).random((600, 900, 3), np.float32)
    assert len(thumbnail(noise)) < 20_000
    assert max(Image.open(io.BytesIO(thumbnail(flat(RED, 600, 900)))).size) == THUMBNAIL
