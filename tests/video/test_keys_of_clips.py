"""Keys of clips in the three buckets, on a laptop without ffmpeg as well."""

import subprocess
import sys

import pytest

from painterly.images.output import OutputFormat
from painterly.orders.order import result_names
from painterly.settings import bucket_layout
from painterly.settings.clips import of_photos
from painterly.settings.installation import PROGRAM


def test_clips_are_sent_with_photos_and_fetched_with_results():
    assert bucket_layout.for_source("trip/walk.MP4") and bucket_layout.is_result("monet/walk.mp4")
    assert bucket_layout.for_laptop("monet/walk.mp4")
    assert not bucket_layout.for_style("walk.mp4")
    kept = "_checkpoints/monet/walk.mp4/0123456789abcdef/000001.png"
    assert not bucket_layout.for_laptop(kept) and not bucket_layout.is_result(kept)


@pytest.mark.parametrize(
    ("clip", "result"),
    [("walk.mp4", "mp4"), ("walk.MOV", "mov"), ("walk.webm", "webm"), ("walk.avi", "mp4")],
)
def test_a_result_has_the_extension_of_its_clip_if_that_can_be_written(clip, result):
    for form in ("jpg", "same", None):
        assert OutputFormat(form).extension(clip) == result


def test_two_clips_of_one_name_keep_their_extensions_and_a_photo_its_own():
    names = result_names(["a.avi", "a.mp4", "a.jpg"], OutputFormat(None))
    assert [*names.values()] == ["a.avi.mp4", "a.mp4.mp4", "a.jpg"]


def test_the_clips_that_phones_store_with_photos_are_known_by_their_names():
    photos = ["IMG_1.HEIC", "trip/IMG_2.jpg"]
    live = {"IMG_1.MOV", "IMG_1.mov", "IMG_1_HEVC.MOV", "IMG_1.HEIC.MOV", "trip/IMG_2_hevc.mov"}
    others = {"IMG_2.MOV", "IMG_11.MOV", "trip/IMG_1.MOV", "IMG_1_edit.MOV"}
    assert of_photos(live | others, photos) == live


@pytest.mark.slow  # It starts a process.
def test_their_names_load_no_library():
    code = "import sys, painterly.settings.clips; print({'cv2', 'numpy'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROGRAM, check=True
    )
    assert done.stdout.strip() == "set()"
