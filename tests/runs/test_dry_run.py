"""Dry runs."""

import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.batch_results import failures
from support.folder_batches import grey_file, keys, run
from support.pictures import saved

from painterly import log
from painterly.devices.system_memory import resident_memory
from painterly.storage.folder import FolderBucket


def logged(capsys, environment, **changes):
    """Runs with a log of objects, and returns these."""
    log.log_to_stdout("", as_json=True, level=logging.DEBUG)
    capsys.readouterr()
    assert run(environment, **changes) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.thorough
def test_memory_counts_the_same_in_a_run_as_in_a_dry_run(folders, small_vgg, capsys):
    """It is the memory of the whole process, with the programs and the network."""
    one = {"PHOTO": "beach.jpg", "STYLE": "monet"}
    foretold = logged(capsys, folders, **one, DRY_RUN="1")[-1]["memory_gb"]
    messages = [each["message"] for each in logged(capsys, folders, **one)]
    said = next(line for line in messages if " of memory" in line)
    taken = float(re.search(r"64 × 48 px, needs (\S+) GB of memory", said)[1])
    assert taken == pytest.approx(foretold, abs=0.16) and taken > resident_memory() / 1.5e9


def test_a_dry_run_sums_up_pictures_of_several_sizes(folders, small_vgg, capsys):
    """The largest picture and its memory stand for all, wherever it comes in the order."""
    Path("photos/coast.jpg").write_bytes(tiny.file(300, 400, 7))
    Path("photos/dune.jpg").write_bytes(tiny.file(60, 80, 8))
    Path("photos/dune.mask.png").write_bytes(grey_file(np.linspace(0, 1, 1200).reshape(30, 40)))
    folders |= {"STYLE_SIZE": "full", "STYLE": "monet", "DRY_RUN": "1"}
    assert run(folders) == 0
    assert keys() == set() and not Path("out").exists()
    assert re.search(
        r"dry run: 4 to paint, the largest 400 × 300 px, with [\d.]+ GB of memory; .*TensorFlow "
        r"included, as in MEMORY_LIMIT",
        capsys.readouterr().out,
    )
    *lines, whole = logged(capsys, folders)
    taken = {each["photo"]: each["memory_gb"] for each in lines if "memory_gb" in each}
    assert len(taken) == 4 and max(taken, key=taken.get) == "coast.jpg"
    assert whole["memory_gb"] == taken["coast.jpg"] > taken["trip/old town é.png"]


def test_the_memory_of_a_decoded_photo_counts_in_a_dry_run(folders, small_vgg, capsys):
    """A photo with alpha takes four bytes a pixel."""
    photo = Image.new("RGBA", (4000, 4000), "red")
    Path("photos/large.png").write_bytes(saved(photo, "PNG", compress_level=1))
    lines = logged(capsys, folders, STYLE="monet", DRY_RUN="1")[:-1]
    taken = {each["photo"]: each["memory_gb"] for each in lines if "memory_gb" in each}
    more = taken["large.png"] - taken["beach.jpg"]
    assert more == pytest.approx(4 * 16e6 / 1e9, abs=0.03)


def test_of_a_photo_a_dry_run_reads_the_start_and_all_where_that_does_not_say_its_size(
    folders, small_vgg, monkeypatch, capsys
):
    large = Image.effect_noise((960, 800), 60).convert("RGB")
    header_last = saved(large, "TIFF", compression="tiff_lzw")
    Path("photos/scan.tif").write_bytes(header_last)
    read, real = [], FolderBucket.read
    monkeypatch.setattr(FolderBucket, "read", lambda self, key: read.append(key) or real(self, key))
    assert run(folders, DRY_RUN="1") == 0
    assert [key for key in read if key not in ("monet.jpg", "both/a.jpg", "both/b.webp")] == [
        "scan.tif"
    ]
    assert "dry run: 6 to paint" in capsys.readouterr().out


@pytest.mark.thorough
def test_a_dry_run_names_every_photo_and_style_that_cannot_be_painted_as_a_run_does(
    folders, small_vgg, capsys
):
    Path("photos/a wall.png").write_bytes(saved(Image.new("1", (14000, 14000)), "PNG"))
    Path("paintings/torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    limit = str(resident_memory() + 900_000_000)
    assert run(folders, DRY_RUN="1", MEMORY_LIMIT=limit) == 1
    out = capsys.readouterr().out
    for style in ("both", "monet"):
        assert f"a wall.png in {style}: cannot be painted: a wall.png: decoding it takes" in out
    assert "beach.jpg in torn: cannot be painted: painting torn.jpg" in out
    assert "dry run: 4 to paint, the largest" in out and "5 that cannot be painted" in out
    assert run(folders, MEMORY_LIMIT=limit) == 1
    wall, *others = failures(capsys)
    assert "a wall.png in 2 styles (both, monet): a wall.png: decoding it takes" in wall
    assert len(others) == 2 and all("in torn: painting torn.jpg" in line for line in others)
    assert run(folders, DRY_RUN="1", STYLE="torn") == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "dry run: 0 to paint, 3 that cannot be painted. Nothing was painted."
