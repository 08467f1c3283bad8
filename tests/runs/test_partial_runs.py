"""Runs of one photo or one style."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from support import tiny
from support.folder_batches import keys, run
from support.gallery import results_of

from painterly.cli.batch import paint_batch
from painterly.configuration import config
from painterly.errors import ConfigError
from painterly.painters.checkpoints import Snapshot
from painterly.storage.folder import FolderBucket

BEACH_IN_MONET = {"monet/beach.jpg", "_records/monet/beach.jpg.json"}


@pytest.mark.parametrize(
    "asked, painted",
    [
        ({"PHOTO": "beach.jpg"}, {"monet/beach.jpg", "both/beach.jpg"}),
        ({"STYLE": "monet"}, {"monet/beach.jpg", "monet/trip/old town é.png"}),
    ],
)
def test_only_the_photo_or_the_style_asked_for_is_painted(folders, stand_in, asked, painted):
    assert run(folders, **asked) == 0
    assert keys() == painted | {f"_records/{key}.json" for key in painted}


def test_a_part_leaves_alone_what_belongs_to_others_whole_or_under_way(folders, stand_in):
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
    asked = {"PHOTO": "beach.jpg", "STYLE": "monet"}
    for _ in range(2):  # The second time, there is nothing to paint.
        assert run(folders, **asked) == 0
        assert keys() == others | BEACH_IN_MONET
    assert {key: bucket.read(key) for key in others} == {key: key.encode() for key in others}
    assert bucket.read("index.html") == b"mine"
    assert run(folders, PHOTO="text.jpg", STYLE="monet") == 1
    assert keys() == others | BEACH_IN_MONET | {"_records/monet/text.jpg.json"}


def test_the_gallery_shows_the_results_of_parts_and_of_photos_and_styles_that_are_gone(
    folders, stand_in
):
    page = Path("out/index.html")
    run(folders, PHOTO="beach.jpg", STYLE="monet")
    assert len(results_of(page.read_text())) == 1
    run(folders, STYLE="both")
    assert len(results_of(page.read_text())) == 3
    assert not Path("out/_gallery/unpublished").exists()
    run(folders, SHARD="0/1")  # Other shards may be painting.
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
    shown = {each["key"] or f"{each['style']}/{each['photo']}" for each in results}
    assert "both/new.jpg" in shown and "both/beach.jpg" in shown
    assert "monet/beach.jpg" not in shown  # It was deleted.


def test_without_a_gallery_nothing_is_stored_for_one(folders, stand_in):
    loaded = config.load(folders | {"PHOTO": "beach.jpg", "STYLE": "monet"})
    assert paint_batch(dataclasses.replace(loaded, gallery=False)) == 0
    assert {entry.key for entry in FolderBucket(Path("out")).list()} == BEACH_IN_MONET


# --- shards ---------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["3/3", "1", "x/2", "-1/2", "1/0", "INSTANCE_NUMBER/2"])
def test_a_wrong_shard_is_one_line(folders, wrong):
    with pytest.raises(ConfigError, match=re.escape(f"SHARD is {wrong!r}; expected i/n")):
        config.load(folders | {"SHARD": wrong})
