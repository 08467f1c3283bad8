"""The pictures of a job on the page."""

import io

import pytest
from PIL import Image

from styletransfer.storage.folder import FolderBucket
from styletransfer.web.buckets import StyleBucket, WebBuckets
from styletransfer.web.job_store import StoredJob
from styletransfer.web.pictures import photo_of, preview_of, result_picture
from styletransfer.web.schemas import ApiError


@pytest.fixture
def buckets(tmp_path):
    photos, style, result, unfinished = (FolderBucket(tmp_path / name) for name in "psru")
    return WebBuckets(photos, StyleBucket(style, style), result, unfinished)


def job(key="j/beach.jpg", result=None):
    about = {"look": "monet", "paintings": [], "named_look": True, "settings": {}}
    return StoredJob(
        **{"id": "j", "photo": "beach.jpg", "photo_key": key, "size": (900, 2000), **about},
        **{"quality": "draft", "created": "", "result": result},
    )


def picture(kind, colour="red", size=(2000, 900)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def seen(data):
    image = Image.open(io.BytesIO(data))
    red, _, blue = image.convert("RGB").getpixel((0, 0))
    return image.format, image.size, "red" if red > blue else "blue"


def test_a_photo_is_whole_or_small_and_one_that_no_browser_shows_is_a_jpeg(buckets):
    small = ("JPEG", (1280, 576), "red")
    for key, kind, whole in (
        ("j/a.png", "PNG", ("PNG", (2000, 900), "red")),
        ("j/b.tiff", "TIFF", small),
    ):
        buckets.photos.write(key, picture(kind))
        assert seen(photo_of(job(key), buckets)[0]) == whole
        data, name = photo_of(job(key), buckets, small=True)
        assert seen(data) == small and name.endswith(".jpg")


def test_there_is_a_preview_before_the_first_step_and_after_the_last(buckets):
    buckets.photos.write("j/beach.jpg", picture("JPEG"))
    assert seen(preview_of(job(), buckets)) == ("JPEG", (1280, 576), "red")
    buckets.result.write("_web/previews/j.jpg", picture("JPEG", "blue", (8, 8)))
    assert seen(preview_of(job(), buckets))[1:] == ((8, 8), "blue")
    buckets.result.delete("_web/previews/j.jpg")
    buckets.result.write("monet/j/beach.jpg", picture("JPEG", "blue"))
    assert seen(preview_of(job(result="monet/j/beach.jpg"), buckets))[2] == "blue"


def test_of_a_damaged_photo_what_is_there_is_shown(buckets):
    half = picture("JPEG")[:4000]
    for key in ("j/beach.jpg", "j/beach.tiff"):
        buckets.photos.write(key, half)
    assert photo_of(job(), buckets, small=True) == (half, "j/beach.jpg")
    with pytest.raises(ApiError):
        photo_of(job("j/beach.tiff"), buckets, small=True)


def test_what_is_gone_is_said_to_be_gone(buckets):
    with pytest.raises(ApiError, match="there is no such photo any more"):
        photo_of(job(), buckets)
    with pytest.raises(ApiError, match="there is no such result, or none yet"):
        result_picture(job(), buckets)
