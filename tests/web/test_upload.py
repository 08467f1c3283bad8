"""Uploads are checked once, and are then what the worker reads."""

import errno
import tempfile
from types import SimpleNamespace

import pytest
from PIL import Image
from support import tiny
from support.web_service import send

from painterly.bench.reading import decode_photo, read_photo
from painterly.configuration.web_options import WebOptions
from painterly.images import picture_file
from painterly.jobs.upload import checked_mask, checked_upload
from painterly.storage.base import Entry

OPTIONS = WebOptions("127.0.0.1", 8000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "GIF", "BMP"])
def test_a_photo_is_opened_once_by_the_upload_and_once_by_the_worker(kind, monkeypatch):
    opened, real = [], picture_file._picture
    monkeypatch.setattr(picture_file, "_picture", lambda file: opened.append(file) or real(file))
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


def test_a_mask_is_opened_once(monkeypatch):
    opened, real = [], picture_file._picture
    monkeypatch.setattr(picture_file, "_picture", lambda file: opened.append(file) or real(file))
    assert checked_mask(tiny.file(60, 80, kind="PNG"), OPTIONS, None)
    assert len(opened) == 1


def test_a_full_disk_of_temporary_files_is_named(web, monkeypatch):
    def write(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", write)
    answer = send(web)
    assert answer.status_code == 503 and "TMPDIR" in answer.json()["detail"]
