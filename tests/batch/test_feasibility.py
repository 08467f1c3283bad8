"""What cannot be painted is known before the first picture is."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from support import tiny
from support.folder_batches import keys, run
from support.pictures import saved

from styletransfer.batch.headers import STARTS, Headers, photo_files
from styletransfer.devices.system_memory import resident_memory
from styletransfer.errors import PictureError
from styletransfer.signals import Stop
from styletransfer.storage.base import Entry, ObjectError, UnavailableError


def test_what_cannot_be_painted_fails_by_name_before_the_first_picture(folders, small_vgg, capsys):
    Path("photos/a wall.png").write_bytes(saved(Image.new("1", (14000, 14000)), "PNG"))
    Path("photos/z text.jpg").write_text("dear diary")
    Path("paintings/torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    Path("paintings/looks.toml").write_text(
        """
        [small]
        paintings = ["monet.jpg"]
        [torn]
        paintings = ["torn.jpg"]
        [wide]
        paintings = ["monet.jpg"]
        size = 16384
        """
    )
    assert run(folders, MEMORY_LIMIT=str(resident_memory() + 900_000_000)) == 1
    before, _, after = capsys.readouterr().out.partition("beach.jpg in small (")
    assert "2 painted" in after and "10 FAILED" in after
    for photo in ("a wall.png", "beach.jpg", "trip/old town é.png", "z text.jpg"):
        assert f"{photo} in torn: FAILED: painting torn.jpg: is damaged" in before
    for look in ("small", "wide"):
        assert f"a wall.png in {look}: FAILED: a wall.png: decoding it takes" in before
        assert f"z text.jpg in {look}: FAILED: z text.jpg: is text" in before
    assert "beach.jpg in wide: FAILED: painting 16384 × 12288 px needs" in before
    assert "old town é.png in wide: FAILED: painting 12288 × 16384 px needs" in before
    record = json.loads(Path("out/_records/wide/beach.jpg.json").read_text())
    assert "the largest size that fits is" in record["error"]
    assert {key for key in keys() if not key.startswith("_")} == {
        "small/beach.jpg",
        "small/trip/old town é.png",
    }


def header_of(data, confirmed=False, damage=bytes):
    """A photo's header, and the numbers of bytes that were asked for. damage: of what arrives."""
    asked = []

    def read_start(key, count):
        asked.append(count)
        if isinstance(data, Exception):
            raise data
        return damage(data[:count])

    photo = Entry("photo.jpg", 9_000_000 if isinstance(data, Exception) else len(data), "")
    look = SimpleNamespace(name="look", paintings=[])
    task = SimpleNamespace(photo=photo, mask=None, look=look)
    bucket = SimpleNamespace(read_start=read_start, read=lambda key: data)
    with Stop() as stop:
        headers = Headers([task, task], bucket, bucket)
        try:
            [file] = photo_files(task)
            return (headers.confirmed if confirmed else headers.get)(file, stop), asked
        finally:
            headers.close()


def test_a_file_is_asked_for_its_first_bytes_once_and_for_more_only_where_they_are_needed():
    plain = tiny.file(300, 400, 1, quality=100)
    header, asked = header_of(plain)
    assert header.size == (300, 400) and asked == [STARTS[0]] and len(plain) > STARTS[0]
    header, asked = header_of(tiny.file(30, 40, 1, icc_profile=b"x" * 100_000))
    assert header.size == (30, 40) and asked == [*STARTS]
    header, asked = header_of(tiny.file(30, 40, 1, icc_profile=b"x" * 600_000))
    assert header is None and asked == [*STARTS]


def test_a_start_that_arrives_damaged_refuses_no_photo():
    photo = tiny.file(300, 400, 1, quality=100)

    def as_html(start):
        return b"<html>" + start

    with pytest.raises(PictureError, match="is a web page"):
        header_of(photo, damage=as_html)
    assert header_of(photo, confirmed=True, damage=as_html)[0].size == (300, 400)
    taller = iter([tiny.file(900, 400, 1, quality=100), photo])
    assert header_of(photo, confirmed=True, damage=lambda start: next(taller)[:9000])[0] is None


@pytest.mark.parametrize("error", [UnavailableError("away"), ObjectError("refused")])
def test_a_file_that_cannot_be_read_now_is_judged_in_its_turn(error):
    assert header_of(error) == (None, [STARTS[0]])
    assert threading.active_count() < 50
