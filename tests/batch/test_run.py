"""The runner from and to real storage, with a VGG so small that a painting takes a second."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image
from support import tiny
from support.folder_batches import QUICK, RECORDS, RESULTS, keys, run

from styletransfer.errors import DeviceError
from styletransfer.images import decode
from styletransfer.signals import Stop, Stopped
from styletransfer.storage.base import UnavailableError


def test_every_photo_is_painted_in_every_look_with_a_record(folders, small_vgg, capsys):
    assert run(folders) == 0
    assert keys() == RESULTS | RECORDS
    assert Image.open("out/monet/beach.jpg").size == (64, 48)
    assert Image.open("out/both/trip/old town é.png").size == (48, 64)
    record = json.loads(Path("out/_records/both/beach.jpg.json").read_text())
    assert record["result"] == "both/beach.jpg"
    assert [each["key"] for each in record["paintings"]] == ["both/a.jpg", "both/b.webp"]
    assert record["settings"]["size"] == 64
    assert record["losses"]["total"] > 0
    assert "4 painted" in capsys.readouterr().out


def test_a_second_run_paints_nothing_and_does_not_load_the_network(folders, small_vgg, capsys):
    run(folders)
    before = {key: Path("out", key).stat().st_mtime_ns for key in keys()}
    assert run(folders) == 0
    assert "Nothing to paint" in capsys.readouterr().out
    assert len(small_vgg) == 1
    assert {key: Path("out", key).stat().st_mtime_ns for key in keys()} == before


@pytest.mark.parametrize(
    "change, painted",
    [
        (lambda: Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 9)), 2),
        (lambda: Path("paintings/monet.jpg").write_bytes(tiny.file(50, 50, 9)), 2),
        (lambda: Path("paintings/both/b.webp").unlink(), 2),
        (lambda: Path("photos/new.jpg").write_bytes(tiny.file(60, 80, 9)), 2),
        (lambda: Path("out/monet/beach.jpg").unlink(), 1),
        (lambda: Path("out/_records/monet/beach.jpg.json").write_text("{"), 1),
        (lambda: Path("out/_records/monet/beach.jpg.json").write_text("[]"), 1),
    ],
    ids=["photo", "painting", "blend", "new photo", "lost result", "torn record", "odd record"],
)
def test_what_changed_is_repainted_and_nothing_else(folders, small_vgg, capsys, change, painted):
    run(folders)
    capsys.readouterr()
    change()
    assert run(folders) == 0
    assert f"{painted} painted" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [{"STYLE_ITERATIONS": "3"}, {"OUTPUT_QUALITY": "60"}, {"STYLE_SEED": "4"}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_setting_repaints_all(folders, small_vgg, capsys, changes):
    run(folders)
    assert run(folders, **changes) == 0
    assert "4 painted" in capsys.readouterr().out


def test_what_others_put_into_the_result_bucket_is_never_touched(folders, small_vgg):
    mine = Path("out/monet/holiday plans.txt")
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    run(folders)
    run(folders, STYLE_SEED="1")
    assert mine.read_text() == "mine"


def test_a_bad_photo_fails_alone_and_is_tried_again(folders, small_vgg, capsys):
    whole = Path("photos/beach.jpg").read_bytes()
    Path("photos/torn.jpg").write_bytes(whole[: len(whole) // 2])
    Path("photos/empty.png").write_bytes(b"")
    Path("photos/text.jpg").write_text("dear diary")
    assert run(folders) == 1
    bad = ("torn.jpg", "empty.png", "text.jpg")
    failed = {f"_records/{look}/{name}.json" for look in ("monet", "both") for name in bad}
    assert keys() == RESULTS | RECORDS | failed
    record = json.loads(Path("out/_records/monet/text.jpg.json").read_text())
    assert "text.jpg: is text" in record["error"] and "result" not in record
    out = capsys.readouterr().out
    failed = [line for line in out.splitlines() if line.startswith("FAILED: ")]
    assert len(failed) == 3 and all("Traceback" not in line for line in failed)
    assert all(" in 2 looks (both, monet): " in line for line in failed)
    assert {line.split(" in ")[0] for line in failed} == {
        "FAILED: torn.jpg",
        "FAILED: empty.png",
        "FAILED: text.jpg",
    }
    Path("photos/torn.jpg").write_bytes(whole)
    Path("photos/empty.png").unlink()
    Path("photos/text.jpg").unlink()
    assert run(folders) == 0
    assert "2 painted" in capsys.readouterr().out


def test_a_bad_painting_fails_its_look_and_the_others_are_painted(folders, small_vgg, capsys):
    Path("paintings/monet.jpg").write_bytes(b"no painting")
    assert run(folders) == 1
    assert {key for key in keys() if not key.startswith("_")} == {
        key for key in RESULTS if key.startswith("both/")
    }
    assert "painting monet.jpg" in capsys.readouterr().out


def test_every_kind_of_picture_is_painted_and_all_other_files_are_named(folders, small_vgg, caplog):
    Path("photos/beach.jpg").rename("photos/raw.CR2")
    for kind in ("gif", "bmp"):
        Path(f"photos/{kind}.{kind}").write_bytes(tiny.file(60, 80, 1, kind))
    Path("paintings/looks.toml.txt").write_text("[monet]")
    Path("photos/.DS_Store").write_bytes(b"x")
    assert run(folders, STYLE_MODE="blend") == 0
    assert {"blend/gif.png", "blend/bmp.png"} <= keys()
    assert [each for each in caplog.messages if "left out" in each] == [
        "left out in ./photos, of other kinds: raw.CR2",
        "left out in ./paintings, of other kinds: looks.toml.txt",
    ]


def test_blend_paints_all_of_the_top_level_into_one_look(folders, small_vgg):
    Path("paintings/klimt.jpg").write_bytes(tiny.file(50, 50, 8))
    run(folders, STYLE_MODE="blend")
    assert {"blend/beach.jpg", "both/beach.jpg"} <= keys()
    assert not any(key.startswith("monet/") for key in keys())


def test_nothing_to_do_is_no_error_and_says_what_is_missing(folders, small_vgg, caplog):
    for path in Path("photos").rglob("*.*"):
        path.unlink()
    Path("photos/link.jpg").symlink_to("../beach.jpg")
    assert run(folders) == 0
    assert "no photo in ./photos" in caplog.text
    assert "left out in ./photos, behind links: link.jpg → ../beach.jpg" in caplog.text
    assert not small_vgg


def test_a_name_without_room_for_its_records_is_refused_before_it_is_painted(
    folders, small_vgg, capsys
):
    """A file's name may have 255 bytes; its record's has five more."""
    long = f"{'é' * 125}.jpg"
    shutil.copy("photos/beach.jpg", f"photos/{long}")
    assert run(folders, LOOK="monet") == 1
    out = capsys.readouterr().out
    assert f"FAILED: {long} in monet: no record of it can be stored: {long}.json is too long" in out
    assert "2 to paint, 1 that cannot be painted" in out
    assert keys() == {key for key in RESULTS | RECORDS if "monet/" in key}


def test_a_missing_bucket_ends_the_run_with_its_name(folders, small_vgg):
    with pytest.raises(UnavailableError, match=r"\./nowhere does not exist"):
        run(folders, BUCKET_SOURCE="./nowhere")


def test_a_gpu_asked_for_and_not_there_fails_before_anything_is_read(folders, small_vgg):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="DEVICE=gpu"):
        run(folders, DEVICE="gpu", BUCKET_SOURCE="./nowhere")


def test_a_batch_runs_from_and_to_buckets_on_a_real_s3_server(server, small_vgg, tmp_path):
    client = server.client
    names = [f"{what}-{os.urandom(4).hex()}" for what in ("photos", "paintings", "results")]
    for name in names:
        client.create_bucket(Bucket=name)
    client.put_object(Bucket=names[0], Key="trip/old town é.jpg", Body=tiny.file(60, 80, 1))
    client.put_object(Bucket=names[0], Key="torn.jpg", Body=b"\xff\xd8\xff")
    client.put_object(Bucket=names[1], Key="monet.jpg", Body=tiny.file(50, 50, 2))
    client.put_object(Bucket=names[2], Key="index.html", Body=b"foreign")
    buckets = dict(zip(("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT"), names, strict=True))
    environment = QUICK | buckets | server.environment
    assert run(environment) == 1  # torn.jpg
    found = {each["Key"] for each in client.list_objects_v2(Bucket=names[2])["Contents"]}
    assert {key for key in found if not key.startswith("_gallery/")} == {
        "index.html",
        "monet/trip/old town é.jpg",
        "_records/monet/trip/old town é.jpg.json",
        "_records/monet/torn.jpg.json",
    }
    assert client.get_object(Bucket=names[2], Key="index.html")["Body"].read() == b"foreign"
    body = client.get_object(Bucket=names[2], Key="monet/trip/old town é.jpg")
    assert body["ContentType"] == "image/jpeg"
    assert decode.decode(body["Body"].read(), "result").pixels.shape == (48, 64, 3)
    client.delete_object(Bucket=names[0], Key="torn.jpg")
    assert run(environment) == 0
    assert len(small_vgg) == 1  # There was nothing to paint.


def test_looks_toml_names_the_looks_with_shares_and_settings(folders, small_vgg):
    Path("paintings/looks.toml").write_text(
        "[mixed]\npaintings = { 'monet.jpg' = 3, 'both/a.jpg' = 1 }\nsize = 96\n"
    )
    assert run(folders) == 0
    assert {key.split("/")[0] for key in keys()} == {"mixed", "_records"}
    assert max(Image.open("out/mixed/beach.jpg").size) == 96
    record = json.loads(Path("out/_records/mixed/beach.jpg.json").read_text())
    assert [each["share"] for each in record["paintings"]] == [0.75, 0.25]


def test_a_photo_that_turns_bad_keeps_its_result_and_its_record(folders, small_vgg):
    run(folders)
    Path("photos/beach.jpg").write_text("dear diary")
    assert run(folders) == 1
    record = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())
    assert record["result"] == "monet/beach.jpg" and "is text" in record["error"]
    assert Path("out/monet/beach.jpg").exists()
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 1))
    assert run(folders) == 0  # It is what it was: nothing is painted.


def test_a_gallery_that_a_killed_run_left_behind_is_published_by_the_next(folders, small_vgg):
    run(folders)
    index = Path("out/index.html")
    assert not Path("out/_gallery/unpublished").exists()
    index.unlink()
    Path("out/_gallery/unpublished").write_text("")
    assert run(folders) == 0
    assert "beach.jpg" in index.read_text() and not Path("out/_gallery/unpublished").exists()


@pytest.mark.parametrize("changes", [{}, {"DRY_RUN": "1"}], ids=["run", "dry run"])
def test_a_signal_that_python_discarded_stops_the_run_before_it_paints(folders, small_vgg, changes):
    """As one that arrived inside `__del__`, before the batch began."""
    with Stop():

        class Dying:
            def __del__(self):
                signal.raise_signal(signal.SIGTERM)

        Dying()
        with pytest.raises(Stopped, match="SIGTERM"):
            run(folders, **changes)
    assert keys() == set() and small_vgg == []
