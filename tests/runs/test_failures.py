"""One picture that fails, in whatever way, costs that picture alone."""

import errno
import json
import logging
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support import tiny
from support.batch_results import failures, results
from support.commands import contents
from support.disks import below
from support.folder_batches import RESULTS, keys, run

from painterly import log
from painterly.cli.batch import paint_batch
from painterly.configuration import config
from painterly.errors import DivergedError, StorageError
from painterly.images import encode
from painterly.images.picture_file import PictureFile
from painterly.painters import painter
from painterly.painters.painter import Painter
from painterly.runs.workers import SavingPool
from painterly.storage import retry
from painterly.storage.base import DiskError, ObjectError, UnavailableError
from painterly.storage.files import storage_errors
from painterly.storage.folder import FolderBucket

pytestmark = pytest.mark.slow  # A process decodes the photos of each run.

IN_MONET = {"STYLE": "monet"}
BEACH = Path("out/_records/monet/beach.jpg.json")
PLACES = {
    "fetching": (FolderBucket, "read"),
    "reading": (PictureFile, "decode"),
    "painting": (painter, "follow"),
    "encoding": (encode, "encode"),
    "pushing": (FolderBucket, "write"),
}


UNFORESEEN = IndexError("no such row\nand a second line")
UNEXPECTED = "unexpected IndexError: no such row (LOG_LEVEL=debug logs where)"
NO_MEMORY = "there is too little memory to"
FAILURES = [
    *((place, UNFORESEEN, UNEXPECTED) for place in PLACES),
    *(
        (place, MemoryError(), f"{NO_MEMORY} paint it; choose a smaller size")
        for place in ("painting", "pushing")
    ),
    ("encoding", MemoryError(), f"beach.jpg: {NO_MEMORY} encode its result; make it smaller"),
    ("painting", DivergedError("the picture ran away"), "the picture ran away"),
    # As of a photo that arrives damaged each time, or is gone since the listing.
    ("fetching", ObjectError("beach.jpg arrived damaged"), "beach.jpg arrived damaged"),
]


@pytest.mark.parametrize(("place", "error", "reason"), FAILURES)
def test_an_error_fails_its_picture_alone_and_the_next_run_tries_it_again(
    folders, stand_in, capsys, monkeypatch, place, error, reason
):
    where, name = PLACES[place]
    whole = getattr(where, name)

    def struck(*arguments, **named):
        is_beach = "beach.jpg" in str(arguments[1]) and not str(arguments[1]).startswith("_")
        if place == "reading":
            is_beach = arguments[0].name == "beach.jpg"
        if place == "encoding":  # Its arguments have no names.
            is_beach = arguments[0].shape == (48, 64, 3)
        if is_beach:
            raise error
        return whole(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(where, name, struck)
        assert run(folders, **IN_MONET) == 1
    out = capsys.readouterr().out
    [failed] = [line for line in out.splitlines() if line.startswith("FAILED: ")]
    assert failed == f"FAILED: beach.jpg in monet: {reason}"
    assert "1 painted" in out and "Traceback" not in out and "second line" not in out
    assert results() == {"monet/trip/old town é.png"}
    assert json.loads(BEACH.read_text())["error"] == reason
    assert run(folders, **IN_MONET) == 0 and "monet/beach.jpg" in results()


def test_the_trace_is_logged_at_debug_level(folders, stand_in, capsys, monkeypatch):
    def failing(*_, **__):
        raise IndexError("no such row")

    monkeypatch.setattr(painter, "follow", failing)
    log.log_to_stdout("%(message)s", level=logging.DEBUG)
    assert run(folders, PHOTO="beach.jpg", **IN_MONET) == 1
    out = capsys.readouterr().out
    assert "Traceback" in out and ", in failing" in out


def test_what_is_finished_is_stored_though_an_error_ends_the_run(folders, stand_in, monkeypatch):
    close = SavingPool.__exit__
    write, finished, ending = FolderBucket.write, Painter.paint, threading.Event()

    def slow(bucket, key, *others):
        if key == "monet/beach.jpg":
            assert ending.wait(10)
            time.sleep(0.2)  # Longer than a run takes to end that waits for nothing.
        return write(bucket, key, *others)

    def first_alone(this, order, *others, **named):
        if order.photo.key != "beach.jpg":
            raise UnavailableError("the photos' disk is gone")
        return finished(this, order, *others, **named)

    monkeypatch.setattr(FolderBucket, "write", slow)
    monkeypatch.setattr(Painter, "paint", first_alone)
    monkeypatch.setattr(SavingPool, "__exit__", lambda *given: ending.set() or close(*given))
    with pytest.raises(UnavailableError, match="disk is gone"):
        run(folders, **IN_MONET)
    assert {"monet/beach.jpg", "_records/monet/beach.jpg.json"} == keys()
    assert "result_etag" in Path("out/_records/monet/beach.jpg.json").read_text()


def test_a_photo_too_narrow_for_its_recipe_fails_alone(folders, small_vgg, capsys):
    Path("photos/narrow.jpg").write_bytes(tiny.file(20, 600, 1))
    assert run(folders, PHOTO="narrow.jpg", STYLE_RECIPE="inetwork", **IN_MONET) == 1
    out = capsys.readouterr().out
    assert "FAILED: narrow.jpg in monet: 64 × 2 px are too narrow for recipe inetwork" in out


# A file's name may have 255 bytes; its record's has five more.
LONG = (f"{'é' * 125}.jpg", f"{'é' * 123}{'x' * 5}.jpg", f"{'é' * 125}.png", f"{'a' * 246}.jpg")


def test_photos_with_names_as_long_as_a_disk_allows_keep_their_records(folders, stand_in, capsys):
    for number, name in enumerate(LONG):
        Path("photos", name).write_bytes(tiny.file(60, 80, number))
    assert run(folders, OUTPUT_FORMAT="same", **IN_MONET) == 0
    assert {f"monet/{name}" for name in LONG} <= keys()
    records = [key for key in keys() if key.startswith("_records/")]
    assert len(records) == len(LONG) + 2
    capsys.readouterr()
    assert run(folders, OUTPUT_FORMAT="same", **IN_MONET) == 0
    assert "all 6 results are in ./out" in capsys.readouterr().out
    Path("photos", LONG[0]).write_bytes(tiny.file(60, 80, 9))
    assert run(folders, OUTPUT_FORMAT="same", **IN_MONET) == 0
    assert "1 painted" in capsys.readouterr().out


def test_a_name_that_is_not_utf_8_fails_alone(folders, stand_in, capsys):
    Path(os.fsdecode(b"photos/caf\xe9.jpg")).write_bytes(tiny.file(60, 80, 6))
    assert run(folders, **IN_MONET) == 1
    [failed] = failures(capsys)
    assert ": the name of the photo caf\\udce9.jpg is not UTF-8; rename the file" in failed


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOENT, errno.EILSEQ])
@pytest.mark.parametrize("key", ["what?.jpg", "what?/a.jpg"])
def test_a_name_that_the_disk_of_results_cannot_store_fails_alone(
    folders, stand_in, capsys, monkeypatch, key, number
):
    Path("photos/what?").mkdir()
    Path("photos", key).write_bytes(tiny.file(60, 80, 3))

    def refusing(real):
        def call(path, *given, **named):
            if any("?" in str(each) for each in (path, *given)):
                raise OSError(number, os.strerror(number))
            return real(path, *given, **named)

        return call

    monkeypatch.setattr(Path, "replace", refusing(Path.replace))
    monkeypatch.setattr(Path, "mkdir", refusing(Path.mkdir))
    assert run(folders, **IN_MONET) == 1
    out = capsys.readouterr().out
    [failed] = [line for line in out.splitlines() if line.startswith("FAILED: ")]
    assert failed.endswith(f"{key}.json: its disk cannot store this name; rename it")
    assert not [*Path("out").rglob("*what*")]
    assert "2 painted" in out


def test_a_folder_of_results_without_room_ends_the_run_where_a_record_still_fits(
    folders, stand_in, capsys, monkeypatch
):
    write = FolderBucket.write

    def full(bucket, key, data, *given):
        if not key.startswith("_"):
            with storage_errors(key):
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(bucket, key, data, *given)

    with monkeypatch.context() as patch:
        patch.setattr(FolderBucket, "write", full)
        with pytest.raises(DiskError, match="no space left on device; make room there"):
            run(folders)
    assert run(folders) == 0
    assert set(keys()) >= RESULTS


@pytest.mark.parametrize(
    ("place", "request_name", "key"),
    [
        ("BUCKET_SOURCE", "read_with_entry", "trip/old town é.png"),
        ("BUCKET_STYLE", "read_with_entry", "both/b.webp"),
        ("BUCKET_RESULT", "write", "monet/trip/old town é.png"),
    ],
)
def test_a_disk_that_goes_in_the_middle_ends_the_run_and_the_next_one_paints_the_rest(
    folders, stand_in, disk, monkeypatch, capsys, place, request_name, key
):
    monkeypatch.setattr(retry, "PAUSES_S", ())
    monkeypatch.setattr("painterly.runs.workers.MAX_STORING", 1)  # No write is begun already.
    places = folders | {place: str(disk.path)}
    files = contents(Path(folders[place])) if place != "BUCKET_RESULT" else {}
    real = getattr(FolderBucket, request_name)

    def going(bucket, asked, *given, **named):
        if asked == key and bucket.folder == disk.path:
            disk.go()
        return real(bucket, asked, *given, **named)

    def fill_disk():
        for each, data in files.items():
            FolderBucket(disk.path).write(each, data)

    fill_disk()
    with monkeypatch.context() as patch:
        patch.setattr(FolderBucket, request_name, going)
        with pytest.raises(UnavailableError) as ended:
            run(places)
    message = str(ended.value)
    assert message.startswith(f"folder {disk.path} is no longer on the disk mounted at ")
    assert message.endswith("what is stored stays, run it again for the rest")
    assert below(disk.path) == [] and ended.value.exit_code == 5
    disk.come_back()
    fill_disk()
    capsys.readouterr()
    assert run(places) == 0
    assert " painted in " in capsys.readouterr().out


@pytest.mark.parametrize("number", [errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT])
def test_a_disk_in_a_network_that_does_not_answer_is_waited_for(
    folders, stand_in, monkeypatch, capsys, number
):
    monkeypatch.setattr(retry, "PAUSES_S", (0,))
    replace, refused = Path.replace, []

    def refusing_once(path, target):
        if not refused and target.parent.name == "monet":
            refused.append(target)
            raise OSError(number, os.strerror(number))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refusing_once)
    assert run(folders) == 0 and refused
    why = f"{os.strerror(number).lower()}; mount its disk again; retrying in 0 s"
    assert why in capsys.readouterr().out
    assert set(keys()) >= RESULTS


def unreadable(monkeypatch, *folders, number=errno.EACCES):
    """Let folders be those of another user, by default. Root may read them all."""
    scandir = os.scandir

    def refusing(path):
        if isinstance(path, str) and Path(path).name in folders:
            raise OSError(number, os.strerror(number), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_a_folder_of_photos_that_cannot_be_read_is_named_and_the_others_are_painted(
    folders, stand_in, capsys, monkeypatch
):
    unreadable(monkeypatch, "trip")
    for _ in range(2):
        assert run(folders) == 1
        assert "FAILED: ./photos/trip/: permission denied" in capsys.readouterr().out
    assert {key for key in keys() if not key.startswith("_")} == {
        "both/beach.jpg",
        "monet/beach.jpg",
    }
    ended = Path("out/_gallery/ended.txt").read_text()
    assert "FAILED to read trip/: permission denied" in ended
    for pattern in ("trip/*", "trip/"):
        assert paint_batch(replace(config.load(folders), exclude=[pattern])) == 0


def test_a_folder_of_photos_on_a_disk_that_does_not_answer_is_not_left_out(
    folders, stand_in, monkeypatch
):
    unreadable(monkeypatch, "trip", number=errno.EHOSTDOWN)
    with pytest.raises(UnavailableError, match="host is down; mount its disk again"):
        run(folders)
    assert not keys()


def test_results_that_cannot_be_read_end_the_run(folders, stand_in, monkeypatch):
    assert run(folders | IN_MONET) == 0
    unreadable(monkeypatch, "monet")
    with pytest.raises(StorageError, match="permission denied"):
        run(folders | IN_MONET)
