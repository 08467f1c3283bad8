"""Pictures painted from their records."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from support import fabricated, tiny
from support.folder_batches import run

from painterly.cli.command import inetwork

ONE = {"PHOTO": "trip/old town é.png", "STYLE": "both"}
RECORD = "out/_records/both/trip/old town é.png.json"
FIRST, COPY = Path("out/both/trip/old town é.png"), Path("copy/town.png")


def save_weights(path, seed=0):
    np.savez(path, **fabricated.trained_arrays(seed=seed))


@pytest.mark.slow
def test_a_record_makes_the_same_picture_with_its_weights_and_with_no_others(
    folders, traced_once, capsys
):
    save_weights("small.npz")
    assert run(folders, VGG_WEIGHTS="small.npz", **ONE) == 0
    Path("small.npz").rename("moved.npz")
    assert inetwork(["--from-record", RECORD, "x"]) == 3
    assert "small.npz" in capsys.readouterr().err
    save_weights("small.npz", seed=1)
    assert inetwork(["--from-record", RECORD, "x"]) == 3
    assert "the weights small.npz are not those that are expected" in capsys.readouterr().err
    assert inetwork(["--from-record", RECORD, "copy/town", "--weights", "moved.npz"]) == 0
    assert COPY.read_bytes() == FIRST.read_bytes()
    Path("paintings/both/a.jpg").write_bytes(tiny.file(50, 40, 9))
    assert inetwork(["--from-record", RECORD, "x"]) == 1
    assert "both/a.jpg in ./paintings has changed" in capsys.readouterr().err
    Path("paintings/both/a.jpg").unlink()
    assert inetwork(["--from-record", RECORD, "x"]) == 1
    assert "both/a.jpg is no longer in ./paintings" in capsys.readouterr().err
    assert not [*Path().glob("x*")]


@pytest.mark.slow
def test_weights_in_the_bucket_that_have_changed_are_refused(folders, traced_once, capsys):
    save_weights("paintings/small.npz")
    assert run(folders, VGG_WEIGHTS="bucket:small.npz", **ONE) == 0
    assert inetwork(["--from-record", RECORD, "copy/town"]) == 0
    assert COPY.read_bytes() == FIRST.read_bytes()
    save_weights("paintings/small.npz", seed=1)
    capsys.readouterr()
    assert inetwork(["--from-record", RECORD, "x"]) == 3
    assert re.search(
        "the weights bucket:small.npz are not those that are expected: they are md5:[0-9a-f]+, not "
        "md5:[0-9a-f]+;",
        capsys.readouterr().err,
    )


def test_a_record_of_a_result_in_a_format_that_is_not_written_is_refused_at_once(
    folders, stand_in, capsys
):
    assert run(folders, **ONE) == 0
    record = json.loads(Path(RECORD).read_text())
    Path("r.json").write_text(json.dumps(record | {"result": "both/town.gif"}))
    capsys.readouterr()
    assert inetwork(["--from-record", "r.json", "x"]) == 2
    out, err = capsys.readouterr()
    assert "both/town.gif" in err and "expected one of jpg, png, webp, tiff" in err
    assert "of memory" not in out + err, "painted"


def test_a_record_is_not_painted_over_its_pictures(folders, stand_in, monkeypatch, capsys):
    assert run(folders, PHOTO="beach.jpg", STYLE="monet") == 0
    record, before = "out/_records/monet/beach.jpg.json", Path("photos/beach.jpg").read_bytes()
    monkeypatch.chdir("photos")
    Path("photos").symlink_to(".")
    Path("paintings").symlink_to("../paintings")
    for name in ("beach", "beach.jpg", "../paintings/monet"):
        assert inetwork(["--from-record", f"../{record}", name]) == 2
        assert "the result would overwrite" in capsys.readouterr().err
    assert inetwork(["--from-record", f"../{record}", "new/"]) == 2
    assert Path("beach.jpg").read_bytes() == before and not Path("new").exists()
