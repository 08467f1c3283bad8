"""The runner from and to real storage, with a VGG so small that a painting takes a second."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.folder_batches import QUICK, grey_file, keys, run

from styletransfer import config, log
from styletransfer.batch import checkpoints
from styletransfer.batch import run as batch
from styletransfer.errors import ConfigError, DeviceError, WeightsError
from styletransfer.images import decode
from styletransfer.images import output as output_module
from styletransfer.storage.base import UnavailableError
from styletransfer.storage.folder import FolderBucket

REPOSITORY = Path(__file__).parents[2]


RESULTS = {
    "monet/beach.jpg",
    "monet/trip/old town é.png",
    "both/beach.jpg",
    "both/trip/old town é.png",
}
RECORDS = {
    "_records/monet/beach.jpg.json",
    "_records/monet/trip/old town é.png.json",
    "_records/both/beach.jpg.json",
    "_records/both/trip/old town é.png.json",
}


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
    "change, again",
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
def test_what_changed_is_painted_again_and_nothing_else(folders, small_vgg, capsys, change, again):
    run(folders)
    capsys.readouterr()
    change()
    assert run(folders) == 0
    assert f"{again} painted" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [{"STYLE_ITERATIONS": "3"}, {"OUTPUT_QUALITY": "60"}, {"STYLE_SEED": "4"}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_setting_paints_all_again(folders, small_vgg, capsys, changes):
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
    told = {f"_records/{look}/{name}.json" for look in ("monet", "both") for name in bad}
    assert keys() == RESULTS | RECORDS | told
    record = json.loads(Path("out/_records/monet/text.jpg.json").read_text())
    assert "text.jpg: is text" in record["error"] and "result" not in record
    out = capsys.readouterr().out
    failed = [line for line in out.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 6 and all("Traceback" not in line for line in failed)
    assert {line.split(" in ")[0] for line in failed} == {
        "failed: torn.jpg",
        "failed: empty.png",
        "failed: text.jpg",
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


def test_alpha_and_the_format_come_through(folders, small_vgg):
    rgba = np.zeros((60, 80, 4), np.uint8)
    rgba[..., :3] = (tiny.picture(60, 80, 6) * 255).astype(np.uint8)
    rgba[:, 40:, 3] = 255
    Image.fromarray(rgba).save("photos/cut out.png")
    run(folders)
    alpha = np.asarray(Image.open("out/monet/cut out.png"))[..., 3]
    assert alpha.shape == (48, 64)
    assert alpha[:, :28].max() == 0 and alpha[:, 36:].min() == 255


@pytest.mark.parametrize(
    "output, expected",
    [("png", "beach.png"), ("webp", "beach.webp"), ("tiff", "beach.tiff"), ("same", "beach.jpg")],
)
def test_the_output_format_can_be_chosen(folders, small_vgg, output, expected):
    run(folders, OUTPUT_FORMAT=output)
    assert f"monet/{expected}" in keys()
    data = Path("out/monet", expected).read_bytes()
    assert output_module.output_extension("same", decode.decode(data, "x").format) == expected[6:]


def test_photos_whose_results_would_share_a_key_keep_their_extension(folders, small_vgg):
    Path("photos/beach.png").write_bytes(tiny.file(60, 80, 7, "PNG"))
    run(folders, OUTPUT_FORMAT="png")
    assert {"monet/beach.jpg.png", "monet/beach.png.png"} <= keys()
    assert "monet/beach.png" not in keys()


def test_a_png_called_jpg_takes_no_other_results_key(folders, small_vgg):
    Path("photos/beach.png").write_bytes(tiny.file(60, 80, 7, "PNG"))
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 8, "PNG"))
    assert run(folders) == 0
    assert {"monet/beach.jpg.png", "monet/beach.png"} <= keys()


def test_blend_paints_all_of_the_top_level_into_one_look(folders, small_vgg):
    Path("paintings/klimt.jpg").write_bytes(tiny.file(50, 50, 8))
    run(folders, STYLE_MODE="blend")
    assert {"blend/beach.jpg", "both/beach.jpg"} <= keys()
    assert not any(key.startswith("monet/") for key in keys())


def test_nothing_to_do_is_no_error_and_says_what_is_missing(folders, small_vgg, caplog):
    for path in Path("photos").rglob("*.*"):
        path.unlink()
    assert run(folders) == 0
    assert "no photo in ./photos" in caplog.text
    assert not small_vgg


def test_a_missing_bucket_ends_the_run_with_its_name(folders, small_vgg):
    with pytest.raises(UnavailableError, match=r"\./nowhere does not exist"):
        run(folders, BUCKET_SOURCE="./nowhere")


def test_a_gpu_asked_for_and_not_there_is_told_before_anything_is_read(folders, small_vgg):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="DEVICE=gpu"):
        run(folders, DEVICE="gpu", BUCKET_SOURCE="./nowhere")


def test_a_run_on_real_buckets_never_falls_back_to_random_features(folders, monkeypatch, tmp_path):
    from styletransfer.vgg import download

    monkeypatch.setattr(download, "CACHE", tmp_path / "none")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(download, "hub_problem", lambda *_: "no route to host")
    del folders["VGG_WEIGHTS"]
    with pytest.raises(WeightsError, match=r"no route to host.*three ways"):
        run(folders)
    assert keys() == set()


def test_weights_can_lie_in_the_style_bucket(folders, monkeypatch):
    from support import fabricated

    fabricated.save_h5(Path("paintings/vgg.h5"), fabricated.weights())
    folders["VGG_WEIGHTS"] = "bucket:vgg.h5"
    Path("photos/trip/old town é.png").unlink()
    assert run(folders, STYLE_ITERATIONS="1") == 0
    identity = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())["weights"]
    assert identity.startswith("md5:")
    assert run(folders, STYLE_ITERATIONS="1") == 0
    with pytest.raises(WeightsError, match=r"bucket:other\.h5"):
        run(folders, VGG_WEIGHTS="bucket:other.h5")


def test_random_weights_are_told_of_in_the_log_and_the_record(folders, small_vgg, capsys):
    run(folders)
    assert "random features, not with trained VGG weights" in capsys.readouterr().out


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


# --- a part of a batch ----------------------------------------------------------------------

BEACH_IN_MONET = {"monet/beach.jpg", "_records/monet/beach.jpg.json"}


@pytest.fixture
def listed(monkeypatch):
    """The keys that were listed of the photos."""
    told, whole = [], FolderBucket.list

    def listing(bucket, prefix=""):
        for entry in whole(bucket, prefix):
            if bucket.name == "./photos":
                told.append(entry.key)
            yield entry

    monkeypatch.setattr(FolderBucket, "list", listing)
    return told


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
    assert everything() == painted | {f"_records/{key}.json" for key in painted}


def test_a_part_leaves_alone_what_belongs_to_others_whole_or_under_way(folders, small_vgg):
    others = {
        "_checkpoints/monet/trip/old town é.png.npz",
        "_checkpoints/gone/beach.jpg.npz",
        "_gallery/unpublished",
        "_records/monet/gone.jpg.json",
        "index.html",
    }
    bucket = FolderBucket(Path("out"), new=True)
    for key in (*others, "_checkpoints/monet/beach.jpg.npz"):
        bucket.write(key, key.encode())
    Path("photos/text.jpg").write_text("dear diary")
    asked = {"PHOTO": "beach.jpg", "LOOK": "monet"}
    for _ in range(2):  # The second time, there is nothing to paint.
        assert run(folders, **asked) == 0
        assert everything() == others | BEACH_IN_MONET
    assert {key: bucket.read(key) for key in others} == {key: key.encode() for key in others}
    assert run(folders, PHOTO="text.jpg", LOOK="monet") == 1
    assert everything() == others | BEACH_IN_MONET | {"_records/monet/text.jpg.json"}


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
    whole = {key: Path("out", key).stat().st_mtime_ns for key in everything()}
    assert run(folders, **asked) == 0  # The keys are those of a whole run, which adds the rest.
    assert {key: Path("out", key).stat().st_mtime_ns for key in whole} == whole


@pytest.mark.parametrize(
    "asked, told",
    [
        ({"PHOTO": "gone.jpg"}, "PHOTO is 'gone.jpg', but ./photos has no such photo"),
        ({"PHOTO": "beach"}, "PHOTO is 'beach', but"),
        ({"PHOTO": "../photos/beach.jpg"}, "PHOTO is '../photos/beach.jpg', but"),
        ({"LOOK": "manet"}, "LOOK is 'manet', but ./paintings has no such look; expected one of"),
        ({"LOOK": "manet"}, "both, monet"),
    ],
    ids=str,
)
def test_a_photo_or_look_that_is_not_there_is_named(folders, small_vgg, asked, told):
    with pytest.raises(ConfigError, match=re.escape(told)) as caught:
        run(folders, **asked)
    assert caught.value.exit_code == 2 and not Path("out").exists()


def everything():
    return {entry.key for entry in FolderBucket(Path("out"), new=True).list()}


# --- as a process ---------------------------------------------------------------------------


def process(environment, folder, *arguments):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUCKET_", "STYLE_"))}
    return subprocess.run(
        [sys.executable, "-m", "styletransfer", *arguments],
        cwd=folder,
        env=clean | {"PYTHONPATH": str(REPOSITORY)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    "changes, code, told",
    [
        ({"BUCKET_STYLE": ""}, 2, "BUCKET_STYLE missing"),
        ({"STYLE_SIZE": "huge"}, 2, "STYLE_SIZE is 'huge'"),
        ({"STYLE_MODE": "mix"}, 2, "STYLE_MODE is 'mix'"),
        ({"OUTPUT_QUALITY": "0"}, 2, "OUTPUT_QUALITY is '0'"),
        ({"BUCKET_SOURCE": "./nowhere"}, 5, "./nowhere does not exist"),
        ({"VGG_WEIGHTS": "missing.h5"}, 3, "missing.h5"),
        ({"DEVICE": "tpu"}, 2, "DEVICE is 'tpu'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_one_line_and_an_exit_code(folders, tmp_path, changes, code, told):
    done = process(folders | changes, tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr and done.stderr.count("\n") == 1


def test_a_secret_is_never_shown(folders, tmp_path):
    buckets = {"BUCKET_SOURCE": "photos", "BUCKET_STYLE": "paintings", "BUCKET_RESULT": "results"}
    cellar = {
        "CELLAR_ADDON_HOST": "127.0.0.1:9",
        "CELLAR_ADDON_KEY_ID": "id-of-mine",
        "CELLAR_ADDON_KEY_SECRET": "secret-of-mine",
    }
    done = process(folders | buckets | cellar, tmp_path)
    assert done.returncode == 5
    assert "127.0.0.1:9" in done.stderr and "of-mine" not in done.stdout + done.stderr


def test_nothing_to_paint_never_imports_tensorflow(folders, small_vgg, tmp_path):
    run(folders)
    code = (
        "import sys; from styletransfer.cli.paint import main; code = main([]);"
        "sys.exit(code or 9 * ('tensorflow' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | folders,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing to paint: all 4 results" in done.stdout


def test_help_answers_without_loading_anything(tmp_path):
    done = process({}, tmp_path, "--help")
    assert done.returncode == 0 and "exit codes" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("signum, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_a_checkpoint_that_the_next_run_goes_on_from(
    folders, tmp_path, signum, code
):
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | folders
    environment["STYLE_ITERATIONS"] = "150"
    Path("paintings/monet.jpg").unlink()
    Path("photos/trip/old town é.png").unlink()
    command = [sys.executable, "-u", "-m", "styletransfer"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) as child:
        for line in child.stdout:
            if "20 %" in line:
                break
        child.send_signal(signum)
        told = time.perf_counter()
        out, _ = child.communicate(timeout=60)
    assert time.perf_counter() - told < 10  # 5 s on a machine that does nothing else
    assert child.returncode == code
    assert f"stopped by {signum.name}" in out and "Traceback" not in out
    assert keys() == {"_checkpoints/both/beach.jpg.npz"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, timeout=200, check=False, **pipes)
    assert done.returncode == 0
    assert "beach.jpg: resuming from step" in done.stdout and " 10 %" not in done.stdout
    assert keys() == {"both/beach.jpg", "_records/both/beach.jpg.json"}


# --- records, dry runs, logs ----------------------------------------------------------------


def test_a_record_makes_the_same_picture_again(folders, small_vgg, monkeypatch, capsys):
    from styletransfer.batch import network_pool
    from styletransfer.cli.inetwork import inetwork

    monkeypatch.setattr(network_pool, "load_network", lambda *_: tiny.network())
    run(folders)
    record = "out/_records/both/trip/old town é.png.json"
    assert inetwork(["--from-record", record, "again/town"]) == 0
    again, first = Path("again/town.png"), Path("out/both/trip/old town é.png")
    assert again.read_bytes() == first.read_bytes()
    Path("paintings/both/a.jpg").write_bytes(tiny.file(50, 40, 9))
    assert inetwork(["--from-record", record, "x"]) == 1
    assert "both/a.jpg in ./paintings has changed" in capsys.readouterr().err
    Path("paintings/both/a.jpg").unlink()
    assert inetwork(["--from-record", record, "x"]) == 1
    assert inetwork(["--from-record", "photos/beach.jpg", "x"]) == 2
    assert inetwork(["--from-record", "nowhere.json", "x"]) == 2
    assert inetwork(["--from-record", record, "x", "--memory_limit", "5"]) == 2


def test_a_dry_run_tells_all_and_writes_nothing(folders, small_vgg, capsys):
    assert run(folders, DRY_RUN="1", STYLE_ITERATIONS="50") == 0
    out = capsys.readouterr().out
    assert keys() == set() and not Path("out").exists()
    assert "beach.jpg in monet: would be painted, 64 × 48 px, 100 steps, about" in out
    assert "dry run: 4 to paint in about" in out and "GB of memory for the largest, 64 × 48 px" in out


def test_a_dry_run_measures_about_what_the_run_then_takes(folders, small_vgg, capsys):
    folders |= {"STYLE_SIZE": "160", "STYLE_ITERATIONS": "40"}
    run(folders, STYLE_SEED="1")  # Nothing is set up for the first time in either.
    log.log_to_stdout("", as_json=True)
    capsys.readouterr()
    run(folders, DRY_RUN="1")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()][-1]
    run(folders)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    took = sum(each["seconds"] for each in events if "result" in each)
    assert told["to_paint"] == 4 and told["memory_gb"] > 0.1
    assert took / 5 < told["seconds"] < took * 5  # The machine's speed wanders.


def test_a_dry_run_names_what_cannot_be_painted(folders, small_vgg, capsys):
    Path("photos/text.jpg").write_text("dear diary")
    assert run(folders, DRY_RUN="1") == 1
    assert "text.jpg in monet: cannot be painted: text.jpg: is text" in capsys.readouterr().out


def test_json_logs_have_one_object_a_line_with_the_numbers(folders, small_vgg, capsys):
    log.log_to_stdout("", as_json=True)
    run(folders, STYLE_ITERATIONS="10")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    progressed = next(each for each in events if "percent" in each)
    told = {"photo", "look", "loss", "iterations_per_s", "left_s", "batch_left_s"}
    assert told <= set(progressed)
    assert events[-2]["painted"] == 4 and all(each["level"] for each in events)


def test_the_closing_table_counts_by_look(folders, small_vgg, capsys):
    Path("photos/text.jpg").write_text("dear diary")
    run(folders)
    lines = capsys.readouterr().out.splitlines()
    heading = next(number for number, line in enumerate(lines) if line.startswith("look "))
    both, monet = (lines[heading + row].split() for row in (1, 2))
    assert both[:4] == ["both", "2", "0", "1"] and monet[:4] == ["monet", "2", "0", "1"]


# --- looks.toml, checkpoints, outdated keys -------------------------------------------------


def test_looks_toml_names_the_looks_with_shares_and_settings(folders, small_vgg):
    Path("paintings/looks.toml").write_text(
        "[mixed]\npaintings = { 'monet.jpg' = 3, 'both/a.jpg' = 1 }\nsize = 96\n"
    )
    assert run(folders) == 0
    assert {key.split("/")[0] for key in keys()} == {"mixed", "_records"}
    assert max(Image.open("out/mixed/beach.jpg").size) == 96
    record = json.loads(Path("out/_records/mixed/beach.jpg.json").read_text())
    assert [each["share"] for each in record["paintings"]] == [0.75, 0.25]


def test_a_checkpoint_of_other_settings_is_not_used_and_stale_ones_are_cleared(
    folders, small_vgg, capsys
):
    run(folders)
    one = tiny.picture(4, 4)
    state = {"iteration": np.array(1), "image": one}
    bucket = FolderBucket(Path("out"))
    checkpoints.Snapshot("another", state).upload(bucket, "_checkpoints/monet/beach.jpg.npz")
    checkpoints.Snapshot("another", state).upload(bucket, "_checkpoints/gone/beach.jpg.npz")
    bucket.write("_checkpoints/both/beach.jpg.npz", b"torn")
    capsys.readouterr()
    assert run(folders, STYLE_SEED="3") == 0
    assert "goes on" not in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


def test_a_result_under_another_extension_replaces_the_old_one(folders, small_vgg):
    run(folders)
    run(folders, OUTPUT_FORMAT="webp")
    assert {key for key in keys() if not key.startswith("_")} == {
        "monet/beach.webp",
        "monet/trip/old town é.webp",
        "both/beach.webp",
        "both/trip/old town é.webp",
    }


def test_a_photo_that_turns_bad_keeps_its_result_and_its_record(folders, small_vgg):
    run(folders)
    Path("photos/beach.jpg").write_text("dear diary")
    assert run(folders) == 1
    record = json.loads(Path("out/_records/monet/beach.jpg.json").read_text())
    assert record["result"] == "monet/beach.jpg" and "is text" in record["error"]
    assert Path("out/monet/beach.jpg").exists()
    Path("photos/beach.jpg").write_bytes(tiny.file(60, 80, 1))
    assert run(folders) == 0  # It is what it was: nothing is painted.


def test_checkpoints_are_saved_while_a_painting_takes_long_and_gone_after(
    folders, small_vgg, monkeypatch, capsys
):
    import dataclasses

    loaded = config.load(folders | {"STYLE_ITERATIONS": "60"})
    assert batch.run(dataclasses.replace(loaded, checkpoint_every=0.02)) == 0
    assert "checkpoint saved: _checkpoints/" in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


def test_without_room_for_a_checkpoint_the_painting_goes_on(
    folders, small_vgg, monkeypatch, capsys
):
    import dataclasses

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    loaded = config.load(folders | {"STYLE_ITERATIONS": "60"})
    monkeypatch.setattr(np, "savez", full)
    assert batch.run(dataclasses.replace(loaded, checkpoint_every=0.02)) == 0
    told = "no checkpoint: a temporary file cannot be written: No space left on device"
    assert told in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS


def test_a_gallery_that_a_killed_run_left_behind_is_published_by_the_next(folders, small_vgg):
    run(folders)
    index = Path("out/index.html")
    assert not Path("out/_gallery/unpublished").exists()
    index.unlink()
    Path("out/_gallery/unpublished").write_text("")
    assert run(folders) == 0
    assert "beach.jpg" in index.read_text() and not Path("out/_gallery/unpublished").exists()
