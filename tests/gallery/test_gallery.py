"""The gallery in a bucket, its small pictures and their keys."""

import io
import re
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from support.gallery import BLUE, GREEN, RED, add_result, flat, published, record, results_of

from painterly.gallery import gallery as module
from painterly.gallery.gallery import Gallery
from painterly.gallery.thumbnails import THUMBNAIL, picture_key, thumbnail, thumbnail_key
from painterly.settings.bucket_layout import UNPUBLISHED
from painterly.storage.base import ObjectError, UnavailableError
from painterly.storage.folder import FolderBucket


def keys_in(bucket):
    return {entry.key for entry in bucket.list()}


def test_a_photo_that_has_changed_gets_another_preview(tmp_path):
    bucket = FolderBucket(tmp_path)
    gallery = Gallery(bucket)
    gallery.store_pictures(record(), flat(RED), flat(BLUE), {})
    before = bucket.read("_gallery/photos/beach.jpg.jpg")
    gallery.store_pictures(record(photo_etag="another"), flat(GREEN), flat(BLUE), {})
    assert bucket.read("_gallery/photos/beach.jpg.jpg") != before


def test_thumbnails_that_no_page_can_hold_are_beside_it_and_do_not_fill_the_memory(
    tmp_path, monkeypatch
):
    bucket, records = FolderBucket(tmp_path), [record(f"{number}.jpg") for number in range(20)]
    monkeypatch.setattr(module, "EMBEDDED_BYTES", 9 * len(thumbnail(flat(RED))))
    gallery = Gallery(bucket)
    for _ in range(2):  # Painted once more, they take no more.
        for each in records:
            gallery.store_pictures(each, flat(RED), flat(RED), {})
    assert len(gallery.held) == 9
    found = gallery.thumbnails(records)
    assert len(found) == 40 and {*found.values()} == {True}
    assert Gallery(bucket).thumbnails(records) == found
    # Once the page holds them because others are gone, they are read.
    few = gallery.thumbnails(records[-4:])
    assert len(few) == 8 and all(isinstance(each, bytes) for each in few.values())


class Replaced(dict):
    """Thumbnails that another thread replaces as soon as they were looked for."""

    def __contains__(self, key):
        return self.pop(key, None) is not None

    def get(self, key, default=None):
        return self.pop(key, default)


def test_a_page_can_be_written_while_its_pictures_are_replaced(tmp_path, caplog):
    gallery = Gallery(FolderBucket(tmp_path), [record()])
    gallery.store_pictures(record(), flat(RED), flat(BLUE), {})
    gallery.held = Replaced(gallery.held)
    gallery.publish()
    assert not caplog.messages
    assert (tmp_path / "index.html").read_text().count("data:image/jpeg") == 2


def test_an_unexpected_error_of_a_page_is_logged_and_costs_no_painting(
    tmp_path, monkeypatch, caplog
):
    gallery = Gallery(FolderBucket(tmp_path), [record()])
    monkeypatch.setattr(module, "PUBLISH_EVERY_S", 0)
    monkeypatch.setattr(module, "render_page", lambda *_: {}["a bug"])
    gallery.publish_if_due()
    gallery.publish()
    start = "the gallery could not be written: unexpected KeyError: 'a bug'"
    assert [each.startswith(start) for each in caplog.messages] == [True, True]


def test_a_missing_thumbnail_is_no_error(tmp_path):
    published(tmp_path, [record()])
    (tmp_path / thumbnail_key("results", "monet/beach.jpg")).unlink()
    Gallery(FolderBucket(tmp_path), [record()]).publish()
    text = (tmp_path / "index.html").read_text()
    [result] = results_of(text)
    assert result["thumb"] == 0
    assert text.count("data:image/jpeg") == 2


def test_a_thumbnail_that_another_run_has_replaced_is_read_again(tmp_path):
    bucket, kept = published(tmp_path, [record()]), {}
    key = thumbnail_key("results", "monet/beach.jpg")
    for colour in (BLUE, BLUE, RED):
        bucket.write(key, thumbnail(flat(colour)))
        gallery = Gallery(bucket, [record()], kept)
        assert gallery.thumbnails([record()])[key] == thumbnail(flat(colour))
    assert len(kept) == 3 and Gallery(bucket, (), kept).thumbnails([]) == kept == {}


def test_a_preview_that_cannot_be_stored_is_logged_and_the_rest_goes_on(tmp_path, caplog):
    class Refusing(FolderBucket):
        def write(self, key, data, content_type=None):
            if "/photos/" in key:
                raise ObjectError("no place for it")
            super().write(key, data, content_type)

    gallery = Gallery(Refusing(tmp_path))
    gallery.store_pictures(record(), flat(RED), flat(BLUE), {"monet.jpg": flat(GREEN)})
    gallery.publish()
    assert caplog.messages == ["the gallery has no preview of beach.jpg: no place for it"]
    stored = {"_gallery/results/monet/beach.jpg.jpg", "_gallery/paintings/monet.jpg.jpg"}
    assert stored <= keys_in(FolderBucket(tmp_path))


def test_a_gallery_that_cannot_be_written_is_logged(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(FolderBucket, "write", Mock(side_effect=UnavailableError("gone")))
    gallery = Gallery(FolderBucket(tmp_path))
    for step in (
        gallery.mark,
        lambda: gallery.store_pictures(record(), flat(RED), flat(BLUE), {}),
        gallery.publish,
    ):
        caplog.clear()
        step()
        assert caplog.messages == ["the gallery could not be written: gone"]


def test_the_page_is_written_when_it_is_due_and_the_mark_stays_until_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PUBLISH_EVERY_S", 0)
    bucket = FolderBucket(tmp_path)
    gallery = Gallery(bucket)
    gallery.mark()
    add_result(gallery, bucket, record())
    gallery.publish_if_due()
    assert {"index.html", UNPUBLISHED} <= keys_in(bucket)
    more = b"More pictures are on their way. This page updates itself."
    page = bucket.read("index.html")
    assert more in page and b'<noscript><meta http-equiv="refresh"' in page
    gallery.publish()
    assert UNPUBLISHED not in keys_in(bucket)
    assert more not in bucket.read("index.html")
    part = Gallery(bucket)
    part.mark()
    Gallery(bucket).publish()  # A whole run ends before it does.
    assert UNPUBLISHED not in keys_in(bucket)
    part.mark()
    assert UNPUBLISHED in keys_in(bucket)


@pytest.mark.parametrize("first, last", [(0, 1), (1, 0)])
@pytest.mark.parametrize("end_of_other", [Gallery.publish, Gallery.mark], ids=["whole", "part"])
def test_the_mark_stays_where_two_runs_were_painting(tmp_path, end_of_other, first, last):
    """Neither page has the other's results, which the next run without anything to paint shows."""
    bucket = FolderBucket(tmp_path)
    runs, ends = [Gallery(bucket), Gallery(bucket)], [Gallery.publish, end_of_other]
    for run, photo in zip(runs, ("a.jpg", "b.jpg"), strict=True):
        run.mark()
        add_result(run, bucket, record(photo))
    for number in (first, last):
        ends[number](runs[number])
    assert UNPUBLISHED in keys_in(bucket)
    Gallery(bucket, [record("a.jpg"), record("b.jpg")]).publish()
    assert UNPUBLISHED not in keys_in(bucket)
    assert len(results_of(bucket.read("index.html").decode())) == 2


def test_the_page_is_not_due_again_just_after_it_was_written_or_could_not_be(
    tmp_path, monkeypatch, caplog
):
    now = [0.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    monkeypatch.setattr(FolderBucket, "write", Mock(side_effect=UnavailableError("gone")))
    gallery = Gallery(FolderBucket(tmp_path), [record()])
    for seconds, times in ((29, 0), (31, 1), (60, 1), (62, 2)):
        now[0] = seconds
        gallery.publish_if_due()
        assert caplog.messages == ["the gallery could not be written: gone"] * times


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
