"""The gallery's small pictures and their keys."""

import io
import re
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from support.gallery import RED, flat

from painterly.gallery.thumbnails import THUMBNAIL, picture_key, preview, thumbnail
from painterly.images import arrays
from painterly.storage.folder import FolderBucket

ODD = ("/a.jpg", "a//b.jpg", "../a.jpg", ".hidden.jpg", "a\\b.jpg")
LONG = ("ü" * 490 + "x", "y/" * 499 + "y", "x" * 252)


@pytest.mark.parametrize("key", [*ODD, *LONG])
def test_a_key_that_could_not_be_a_file_is_hashed(tmp_path, key):
    made = picture_key("thumbs/paintings", key)
    assert re.fullmatch("_gallery/thumbs/paintings/[0-9a-f]{64}.jpg", made)
    FolderBucket(tmp_path).write(made, b"")


def test_a_preview_shows_a_large_picture_and_enlarges_no_small_one():
    waves = np.sin(np.linspace(0, 9, 1203 * 1801 * 3)).reshape(1203, 1801, 3) / 3 + 0.5
    integers = np.rint(255 * waves).astype(np.uint8)
    wanted = arrays.resize(waves, 134, 200)
    for given in (waves.astype(np.float32), integers):
        seen = Image.open(io.BytesIO(preview(given, 200)))
        assert seen.size == (200, 134)
        assert np.abs(np.asarray(seen) / 255 - wanted).mean() < 0.01
    assert Image.open(io.BytesIO(preview(flat(RED, 30, 60), 200))).size == (60, 30)


def test_a_preview_never_copies_a_large_photo_in_floats():
    photo = np.zeros((3000, 4000, 3), np.uint8)
    tracemalloc.start()
    preview(photo, 1600)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * photo.nbytes  # Floats would be four times as large.


def test_thumbnails_of_busy_pictures_stay_small():
    noise = np.random.default_rng(0).random((600, 900, 3), np.float32)
    assert len(thumbnail(noise)) < 20_000
    assert max(Image.open(io.BytesIO(thumbnail(flat(RED, 600, 900)))).size) == THUMBNAIL
