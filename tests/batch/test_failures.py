"""One picture that fails, in whatever way, costs that picture alone."""

import errno
import json
import logging
import threading
import time
from pathlib import Path

import pytest
from support import tiny
from support.batch_results import failures, results
from support.folder_batches import RESULTS, keys, run

from styletransfer import log
from styletransfer.batch import painting, reading
from styletransfer.batch.painting import Painter
from styletransfer.batch.workers import Stores
from styletransfer.images import encode
from styletransfer.storage.base import DiskError, ObjectError, UnavailableError
from styletransfer.storage.files import storage_errors
from styletransfer.storage.folder import FolderBucket

IN_MONET = {"STYLE": "monet"}
PLACES = {
    "reading": (reading.decode, "decode"),
    "painting": (painting, "follow"),
    "encoding": (encode, "encode_result"),
    "pushing": (FolderBucket, "write"),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_error_that_nobody_foresaw_fails_its_picture_alone(
    folders, stand_in, capsys, monkeypatch, place
):
    """It strikes once, at the first photo."""
    where, name = PLACES[place]
    whole, struck_already = getattr(where, name), []

    def struck(*arguments, **named):
        own = str(arguments[1]).startswith(("_", "painting"))  # the gallery's, or the style's
        if not struck_already and not own:
            struck_already.append(True)
            raise IndexError("no such row\nand a second line")
        return whole(*arguments, **named)

    monkeypatch.setattr(where, name, struck)
    assert run(folders, **IN_MONET) == 1
    out = capsys.readouterr().out
    [failed] = [line for line in out.splitlines() if line.startswith("FAILED: ")]
    assert failed.endswith(
        " in monet: unexpected IndexError: no such row (LOG_LEVEL=debug logs where)"
    )
    assert "Traceback" not in out and "second line" not in out
    assert len(results()) == 1
    records = [json.loads(path.read_text()) for path in Path("out/_records").rglob("*.json")]
    assert len(records) == 2 and ["error" in each for each in records].count(True) == 1


def test_the_trace_is_logged_at_debug_level(folders, stand_in, capsys, monkeypatch):
    def failing(*_, **__):
        raise IndexError("no such row")

    monkeypatch.setattr(painting, "follow", failing)
    log.log_to_stdout("%(message)s", level=logging.DEBUG)
    assert run(folders, PHOTO="beach.jpg", **IN_MONET) == 1
    out = capsys.readouterr().out
    assert "Traceback" in out and ", in failing" in out


def test_a_result_that_there_is_too_little_memory_to_encode_fails_alone(
    folders, stand_in, monkeypatch, capsys
):
    whole = encode.encode_result

    def failing(output, photo, image):
        if image.shape[0] > image.shape[1]:
            raise MemoryError
        return whole(output, photo, image)

    monkeypatch.setattr(encode, "encode_result", failing)
    assert run(folders, **IN_MONET) == 1
    out = capsys.readouterr().out
    [failed] = [line for line in out.splitlines() if line.startswith("FAILED: ")]
    assert "old town é.png: there is too little memory to encode its result" in failed
    assert "1 painted" in out
    assert "too little memory" in Path("out/_records/monet/trip/old town é.png.json").read_text()


@pytest.mark.parametrize("place", ["painting", "pushing"])
def test_memory_that_runs_out_in_one_picture_fails_it_alone(
    folders, stand_in, monkeypatch, capsys, place
):
    where, name = PLACES[place]
    whole = getattr(where, name)

    def struck(*arguments, **named):
        if "beach.jpg" in str(arguments[1]) and not str(arguments[1]).startswith("_"):
            raise MemoryError
        return whole(*arguments, **named)

    monkeypatch.setattr(where, name, struck)
    assert run(folders, **IN_MONET) == 1
    out = capsys.readouterr().out
    [failed] = [line for line in out.splitlines() if line.startswith("FAILED: ")]
    assert failed == (
        "FAILED: beach.jpg in monet: there is too little memory to paint it; choose a smaller size"
    )
    assert "1 painted" in out and "Traceback" not in out
    assert "too little memory" in Path("out/_records/monet/beach.jpg.json").read_text()


def test_what_is_finished_is_stored_though_an_error_ends_the_run(folders, stand_in, monkeypatch):
    close = Stores.close
    write, finished, ending = FolderBucket.write, Painter.paint, threading.Event()

    def slow(bucket, key, *others):
        if key == "monet/beach.jpg":
            assert ending.wait(10)
            time.sleep(0.2)  # Longer than a run takes to end that waits for nothing.
        return write(bucket, key, *others)

    def first_alone(this, task, *others):
        if task.photo.key != "beach.jpg":
            raise UnavailableError("the photos' disk is gone")
        return finished(this, task, *others)

    monkeypatch.setattr(FolderBucket, "write", slow)
    monkeypatch.setattr(Painter, "paint", first_alone)
    monkeypatch.setattr(Stores, "close", lambda this: (ending.set(), close(this)))
    with pytest.raises(UnavailableError, match="disk is gone"):
        run(folders, **IN_MONET)
    assert {"monet/beach.jpg", "_records/monet/beach.jpg.json"} == keys()
    assert "result_etag" in Path("out/_records/monet/beach.jpg.json").read_text()


def test_a_photo_that_cannot_be_fetched_fails_alone_and_is_tried_again(
    folders, stand_in, monkeypatch, capsys
):
    """As one that arrives damaged twice, or is gone since the listing."""
    read = FolderBucket.read

    def damaged(bucket, key):
        if key == "beach.jpg":
            raise ObjectError("beach.jpg arrived damaged twice")
        return read(bucket, key)

    with monkeypatch.context() as patch:
        patch.setattr(FolderBucket, "read", damaged)
        assert run(folders) == 1
    assert failures(capsys) == [
        "FAILED: beach.jpg in 2 styles (both, monet): beach.jpg arrived damaged twice"
    ]
    assert results() == {key for key in RESULTS if "beach" not in key}
    assert run(folders) == 0 and results() == RESULTS


def test_a_photo_too_narrow_for_its_recipe_fails_alone(folders, small_vgg, capsys):
    Path("photos/narrow.jpg").write_bytes(tiny.file(20, 600, 1))
    assert run(folders, PHOTO="narrow.jpg", STYLE_RECIPE="inetwork", **IN_MONET) == 1
    out = capsys.readouterr().out
    assert "FAILED: narrow.jpg in monet: 64 × 2 px are too narrow for recipe inetwork" in out


def test_a_name_that_no_file_can_have_fails_alone(folders, stand_in, capsys):
    """As files of archives that were made on Windows may have on Linux."""
    for name in ("photos/trip\\beach.jpg", "paintings/old\\ink.jpg"):
        Path(name).write_bytes(tiny.file(60, 80, 6))
    assert run(folders) == 1
    failed = failures(capsys)
    assert len(failed) == 3 and all("cannot be a file in" in line for line in failed)
    assert results() == RESULTS


def test_a_name_that_the_disk_of_results_cannot_store_fails_alone(
    folders, stand_in, capsys, monkeypatch
):
    Path("photos/what?.jpg").write_bytes(tiny.file(60, 80, 3))
    replace = Path.replace

    def refusing(path, target):
        if "?" in str(target):
            raise OSError(errno.EINVAL, "Invalid argument")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refusing)
    assert run(folders, **IN_MONET) == 1
    out = capsys.readouterr().out
    [failed] = [line for line in out.splitlines() if line.startswith("FAILED: ")]
    assert failed.endswith("what?.jpg.json: its disk cannot store this name; rename it")
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
