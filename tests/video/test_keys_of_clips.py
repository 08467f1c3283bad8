"""Keys of clips in the three buckets, on a laptop without PyAV as well."""

import subprocess
import sys

import pytest
from painterly.orders.names import ResultNames, could_be_result

from painterly.images.output import OutputFormat
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
    assert could_be_result(f"monet/walk.{result}", f"monet/{clip}")


def test_two_clips_of_one_name_keep_their_extensions_and_a_photo_its_own():
    names = ResultNames(["a.avi", "a.mp4", "a.jpg"], ["monet"], OutputFormat(None))
    planned = [names.planned("monet", each) for each in ("a.avi", "a.mp4", "a.jpg")]
    assert planned == ["monet/a.avi.mp4", "monet/a.mp4.mp4", "monet/a.jpg"]


@pytest.mark.slow  # It starts a process.
def test_the_plug_loads_no_library():
    code = "import sys, painterly.settings.sources; print({'av', 'cv2', 'numpy'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROGRAM, check=True
    )
    assert done.stdout.strip() == "set()"
