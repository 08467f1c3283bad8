"""Uploads are checked once, and are then what the worker reads."""

import errno
import tempfile
from types import SimpleNamespace

import pytest
from PIL import Image
from support import tiny
from support.web_service import send

from painterly.configuration.web_options import WebOptions
from painterly.images.picture_file import PictureFile
from painterly.jobs.upload import checked_mask, checked_upload
from painterly.painters.reading import decode_photo, read_photo
from painterly.storage.base import Entry

OPTIONS = WebOptions("127.0.0.1", 8000)


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that are opened."""
    names, real = [], PictureFile.__init__

    def init(self, data, name, **how):
        names.append(name)
        real(self, data, name, **how)

    monkeypatch.setattr(PictureFile, "__init__", init)
    return names


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP"])
def test_a_photo_is_opened_once_by_the_upload_and_once_by_the_worker(kind, opened):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0)})
    data = tiny.file(60, 80, kind=kind, exif=exif.tobytes())
    upload = checked_upload("beach", data, OPTIONS)
    assert len(opened) == 1
    photo = Entry(f"p/{upload.name}", len(upload.data), "etag")
    order = SimpleNamespace(photo=photo, mask=None, color_mask=None, start=None)
    files = read_photo(order, lambda key: upload.data)
    assert decode_photo(files, 1_000_000_000).picture.size == upload.size == (60, 80)
    assert len(opened) == 2


def test_a_mask_is_opened_once(opened):
    assert checked_mask(tiny.file(60, 80, kind="PNG"), OPTIONS, None)
    assert len(opened) == 1


def test_a_full_disk_of_temporary_files_is_named(web, monkeypatch):
    def write(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", write)
    answer = send(web)
    assert answer.status_code == 503 and "TMPDIR" in answer.json()["detail"]
