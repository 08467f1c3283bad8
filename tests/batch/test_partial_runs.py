"""Runs of one photo or one look."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from support import tiny
from support.folder_batches import grey_file, keys, run
from support.gallery import results_of

from styletransfer import config
from styletransfer.batch import run as batch
from styletransfer.batch.snapshots import Snapshot
from styletransfer.errors import ConfigError
from styletransfer.storage.folder import FolderBucket

BEACH_IN_MONET = {"monet/beach.jpg", "_records/monet/beach.jpg.json"}


@pytest.fixture
def listed(monkeypatch):
    """The keys that were listed of the photos."""
    seen, whole = [], FolderBucket.list

    def listing(bucket, prefix=""):
        for entry in whole(bucket, prefix):
            if bucket.name == "./photos":
                seen.append(entry.key)
            yield entry

    monkeypatch.setattr(FolderBucket, "list", listing)
    return seen


@pytest.mark.parametrize(
    "asked, painted",
    [
        ({"PHOTO": "beach.jpg"}, {"monet/beach.jpg", "both/beach.jpg"}),
        ({"LOOK": "monet"}, {"monet/beach.jpg", "monet/trip/old town é.png"}),
        ({"PHOTO": "trip/old town é.png", "LOOK": "both"}, {"both/trip/old town é.png"}),
    ],
    ids=["photo", "look", "both"],
)
def test_only_the_photo_and_the_look_asked_for_are_painted(folders, small_vgg, asked, painted):
    assert run(folders, **asked) == 0
    assert keys() == painted | {f"_records/{key}.json" for key in painted}


def test_a_part_leaves_alone_what_belongs_to_others_whole_or_under_way(folders, small_vgg):
    others = {
        "_checkpoints/monet/trip/old town é.png.npz",
        "_checkpoints/gone/beach.jpg.npz",
        "_records/monet/gone.jpg.json",
    }
    bucket = FolderBucket(Path("out"), new=True)
    bucket.write("index.html", b"mine")
    for key in others:
        bucket.write(key, key.encode())
    own = Snapshot("of other settings", {"iteration": np.array(1)})
    own.upload(bucket, "_checkpoints/monet/beach.jpg.npz")
    Path("photos/text.jpg").write_text("dear diary")
    asked = {"PHOTO": "beach.jpg", "LOOK": "monet"}
    for _ in range(2):  # The second time, there is nothing to paint.
        assert run(folders, **asked) == 0
        assert keys() == others | BEACH_IN_MONET
    assert {key: bucket.read(key) for key in others} == {key: key.encode() for key in others}
    assert bucket.read("index.html") == b"mine"
    assert run(folders, PHOTO="text.jpg", LOOK="monet") == 1
    assert keys() == others | BEACH_IN_MONET | {"_records/monet/text.jpg.json"}


def test_the_gallery_shows_the_results_of_parts_and_of_photos_and_looks_that_are_gone(
    folders, small_vgg
):
    page = Path("out/index.html")
    run(folders, PHOTO="beach.jpg", LOOK="monet")
    assert len(results_of(page.read_text())) == 1
    run(folders, LOOK="both")
    assert len(results_of(page.read_text())) == 3
    assert not Path("out/_gallery/unpublished").exists()
    run(folders, SHARD="0/1")  # Others may be painting beside it.
    assert len(results_of(page.read_text())) == 3 and Path("out/_gallery/unpublished").exists()
    assert run(folders) == 0  # There is nothing to paint, but to publish.
    whole = page.read_text()
    assert len(results_of(whole)) == 4 and all(each["thumb"] for each in results_of(whole))
    assert not Path("out/_gallery/unpublished").exists()
    assert Path("out/index.html").read_text() == whole
    page.unlink()
    Path("out/_gallery/unpublished").touch()
    assert run(folders, SHARD="0/1") == 0 and not page.exists()
    assert run(folders, PHOTO="beach.jpg") == 0  # There is nothing to paint here either.
    assert page.read_text() == whole and not Path("out/_gallery/unpublished").exists()
    Path("photos/beach.jpg").unlink()
    Path("paintings/monet.jpg").unlink()
    Path("out/_gallery/unpublished").touch()
    assert run(folders) == 0  # There is nothing to paint.
    assert Path("out/index.html").read_text() == whole
    Path("out/monet/beach.jpg").unlink()
    Path("photos/new.jpg").write_bytes(tiny.file(60, 80, 9))
    assert run(folders) == 0
    results = results_of(Path("out/index.html").read_text())
    shown = {each["key"] or f"{each['look']}/{each['photo']}" for each in results}
    assert "both/new.jpg" in shown and "both/beach.jpg" in shown
    assert "monet/beach.jpg" not in shown  # It was deleted.


def test_without_a_gallery_nothing_is_stored_for_one(folders, small_vgg):
    loaded = config.load(folders | {"PHOTO": "beach.jpg", "LOOK": "monet"})
    assert batch.run(dataclasses.replace(loaded, gallery=False)) == 0
    assert everything() == BEACH_IN_MONET


def test_other_photos_are_not_listed_but_masks_and_photos_of_the_same_name_are(
    folders, small_vgg, listed
):
    beside = {"beach.png", "beach.MASK.png", "beach.jpg"}
    Path("photos/beach.png").write_bytes(tiny.file(60, 80, 7, "PNG"))
    Path("photos/beach.MASK.png").write_bytes(grey_file(np.eye(60, 80)))
    asked = {"LOOK": "monet", "OUTPUT_FORMAT": "png"}
    assert run(folders, PHOTO="beach.jpg", **asked) == 0
    assert {*listed} == beside
    record = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())
    assert record["photo_mask"]["key"] == "beach.MASK.png"
    assert record["result"] == "monet/beach.jpg.png"
    assert run(folders, PHOTO="beach.png", **asked) == 0
    whole = {key: Path("out", key).stat().st_mtime_ns for key in keys()}
    assert run(folders, **asked) == 0  # The keys are those of a whole run, which adds the rest.
    assert {key: Path("out", key).stat().st_mtime_ns for key in whole} == whole


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"PHOTO": "gone.jpg"}, "PHOTO is 'gone.jpg', but ./photos has no such photo"),
        ({"PHOTO": "beach"}, "PHOTO is 'beach', but"),
        ({"PHOTO": "../photos/beach.jpg"}, "PHOTO is '../photos/beach.jpg', but"),
        (
            {"LOOK": "Manet"},
            "LOOK is 'Manet', but ./paintings has no such look; did you mean monet",
        ),
        ({"LOOK": "dürer"}, "no such look; expected one of both, monet"),
    ],
    ids=str,
)
def test_a_photo_or_look_that_is_not_there_is_named(folders, small_vgg, asked, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        run(folders, **asked)
    assert caught.value.exit_code == 2 and not Path("out").exists()


def everything():
    return {entry.key for entry in FolderBucket(Path("out"), new=True).list()}


# --- shards ---------------------------------------------------------------------------------


def test_shards_paint_every_photo_once_and_the_next_whole_run_makes_the_page(
    folders, small_vgg, capsys
):
    for number in range(5):
        Path(f"photos/{number}.jpg").write_bytes(tiny.file(60, 80, number))
    painted = []
    for number in ("0", "1", "2"):
        before = keys()
        assert run(folders, SHARD="INSTANCE_NUMBER/3", INSTANCE_NUMBER=number, LOOK="monet") == 0
        painted.append({key for key in keys() - before if not key.startswith("_")})
    assert sum(map(len, painted)) == len(set.union(*painted)) == 7
    assert sum(map(bool, painted)) > 1
    assert not Path("out/index.html").exists()
    assert run(folders, LOOK="monet", SHARD="1/3") == 0
    assert run(folders) == 0 and "4.jpg" in Path("out/index.html").read_text()


def test_a_photo_stays_in_its_shard_whatever_other_photos_there_are(folders, small_vgg, capsys):
    shard = {"SHARD": "0/2", "LOOK": "monet"}
    run(folders, **shard)
    before = keys()
    for number in range(4):
        Path(f"photos/a{number}.jpg").write_bytes(tiny.file(60, 80, number))
    run(folders, **shard)
    assert not {key for key in keys() - before if "/a" not in key}


@pytest.mark.parametrize("wrong", ["3/3", "1", "x/2", "-1/2", "1/0", "INSTANCE_NUMBER/2"])
def test_a_wrong_shard_is_one_line(folders, wrong):
    with pytest.raises(ConfigError, match=re.escape(f"SHARD is {wrong!r}; expected i/n")):
        config.load(folders | {"SHARD": wrong})
