"""Keys of clips in the three buckets, on a laptop without PyAV as well."""

import subprocess
import sys

import pytest

from painterly.images.output import OutputFormat
from painterly.orders.keys import result_names
from painterly.settings import bucket_layout
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


@pytest.mark.slow  # It starts a process.
def test_the_plug_loads_no_library():
    code = "import sys, painterly.settings.sources; print({'av', 'cv2', 'numpy'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROGRAM, check=True
    )
    assert done.stdout.strip() == "set()"
