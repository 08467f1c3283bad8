"""The runner from and to real storage, with a VGG so small that a painting takes a second."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
from PIL import Image

from styletransfer import batch, config, images
from styletransfer.errors import DeviceError, WeightsError
from styletransfer.storage import FolderBucket, UnavailableError

REPOSITORY = Path(__file__).parents[1]
QUICK = {"STYLE_SIZE": "64", "STYLE_ITERATIONS": "2", "VGG_WEIGHTS": "random"}


@pytest.fixture
def small_vgg(monkeypatch):
    """The batch paints with a tiny VGG, and counts how often it loads it."""
    from styletransfer.vgg import VGG

    loads = []
    monkeypatch.setattr(batch, "_load", lambda *_: loads.append(1) or VGG(tiny.weights()))
    return loads


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Three folders as buckets, and the variables that name them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "trip").mkdir(parents=True)
    (tmp_path / "paintings" / "both").mkdir(parents=True)
    (tmp_path / "photos" / "beach.jpg").write_bytes(tiny.file(60, 80, 1))
    (tmp_path / "photos" / "trip" / "old town é.png").write_bytes(tiny.file(80, 60, 2, "PNG"))
    (tmp_path / "paintings" / "monet.jpg").write_bytes(tiny.file(50, 50, 3))
    (tmp_path / "paintings" / "both" / "a.jpg").write_bytes(tiny.file(50, 40, 4))
    (tmp_path / "paintings" / "both" / "b.webp").write_bytes(tiny.file(40, 50, 5, "WEBP"))
    return QUICK | {
        "BUCKET_SOURCE": "./photos",
        "BUCKET_STYLE": "./paintings",
        "BUCKET_RESULT": "./out",
    }


def run(environment, **changes):
    return batch.run(config.load(environment | changes))


def keys(folder="out"):
    return {entry.key for entry in FolderBucket(Path(folder), new=True).list()}


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
    assert keys() == RESULTS | RECORDS
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
    assert images.output_extension("same", images.decode(data, "x").format) == expected[6:]


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
    from styletransfer import weights

    monkeypatch.setattr(weights, "CACHE", tmp_path / "none")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(weights, "hub_problem", lambda *_: "no route to host")
    del folders["VGG_WEIGHTS"]
    with pytest.raises(WeightsError, match=r"no route to host.*three ways"):
        run(folders)
    assert keys() == set()


def test_weights_can_lie_in_the_style_bucket(folders, monkeypatch):
    import fabricated

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
    assert found == {
        "index.html",
        "monet/trip/old town é.jpg",
        "_records/monet/trip/old town é.jpg.json",
    }
    body = client.get_object(Bucket=names[2], Key="monet/trip/old town é.jpg")
    assert body["ContentType"] == "image/jpeg"
    assert images.decode(body["Body"].read(), "result").pixels.shape == (48, 64, 3)
    client.delete_object(Bucket=names[0], Key="torn.jpg")
    assert run(environment) == 0
    assert len(small_vgg) == 1  # There was nothing to paint.


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
        "import sys; from styletransfer.__main__ import main; code = main([]);"
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
def test_ctrl_c_keeps_what_was_painted(folders, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | folders
    environment["STYLE_ITERATIONS"] = "100000"
    child = subprocess.Popen(
        [sys.executable, "-m", "styletransfer"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in child.stdout:
        if "painting on" in line:
            break
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "what was painted stays" in out
