"""Time-lapses: what they show, and when they are stored, kept and deleted."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support import tiny
from support.commands import python
from support.folder_batches import RECORDS, RESULTS, TIMELAPSES, keys, run

from painterly.orders.record import PictureRef, Record
from painterly.painters import timelapse
from painterly.painters.timelapse import FRAMES, MOST_BYTES, Timelapse
from painterly.storage.folder import FolderBucket

BEACH = "monet/beach.timelapse.webp"


def frames(data):
    """The frames of an animation, float [H, W, 3], 0…1."""
    with Image.open(io.BytesIO(data)) as film:
        return [_seen(film, number) for number in range(film.n_frames)]


def _seen(film, number):
    film.seek(number)
    return np.asarray(film.convert("RGB")) / 255


def record(key="monet/beach.jpg"):
    return Record.from_bytes(Path(f"out/_records/{key}.json").read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "shown", "height"), [(3, 3, 600), (60, 48, 150)])
def test_it_has_48_frames_at_most_ends_with_the_result_and_is_small(steps, shown, height):
    film, grain = Timelapse(), np.random.default_rng(0)
    photo, painting = tiny.picture(height, 128, 1), tiny.picture(height, 128, 2)
    for number in range(1, steps + 1):
        image = photo + (painting - photo) * np.float32(number / steps)
        image = np.clip(image + grain.normal(0, 0.07, image.shape), 0, 1).astype(np.float32)
        if number < steps:
            film.add(SimpleNamespace(iteration=number, total=steps, image=image))
    data = film.encoded(image)
    assert len(data) <= MOST_BYTES
    seen = frames(data)
    assert len(seen) == shown <= FRAMES
    with Image.open(io.BytesIO(data)) as played:
        held = [(_seen(played, at), played.info["duration"])[1] for at in (0, shown - 1)]
        assert (*held, played.info["loop"]) == (min(700, 5000 // shown), 2500, 0)
    size = (109, 512) if height == 600 else (128, height)  # 512 px at most
    small = np.asarray(Image.fromarray(np.uint8(image * 255)).resize(size)) / 255
    assert seen[0].shape == small.shape
    assert np.abs(seen[-1] - small).mean() < 0.06 < np.abs(seen[0] - small).mean()


def test_even_noise_is_small(monkeypatch):
    """It is what compresses worst. A picture of 64 px stands for one of 512."""
    monkeypatch.setattr(timelapse, "MOST_BYTES", MOST_BYTES // 64)
    film, random = Timelapse(), np.random.default_rng(0)
    for number in range(1, 60):
        image = random.random((64, 64, 3), np.float32)
        film.add(SimpleNamespace(iteration=number, total=60, image=image))
    assert len(film.encoded(image)) <= MOST_BYTES // 64


def test_where_the_photo_is_transparent_frames_are_white(folders):
    alpha = np.zeros((20, 20), np.float32)
    (last,) = frames(Timelapse().encoded(tiny.picture(40, 40), alpha))
    assert last.min() > 0.98


@pytest.mark.thorough
def test_it_repaints_nothing_and_is_replaced_and_deleted_with_its_result(folders, stand_in, capsys):
    assert run(folders) == 0
    before = record().fingerprint
    capsys.readouterr()
    assert run(folders, STYLE_TIMELAPSE="1") == 0
    assert "Nothing to paint: all 4 results" in capsys.readouterr().out
    assert keys() == RESULTS | RECORDS

    assert run(folders, STYLE_TIMELAPSE="1", STYLE_SEED="3") == 0
    assert keys() == RESULTS | RECORDS | TIMELAPSES
    with_frames = record()
    assert with_frames.timelapse.key == BEACH
    assert "timelapse" not in with_frames.settings and with_frames.fingerprint != before
    first = Path("out", BEACH).read_bytes()
    assert run(folders, STYLE_TIMELAPSE="1", STYLE_SEED="4") == 0
    assert Path("out", BEACH).read_bytes() != first

    Path("out", BEACH).write_bytes(b"edited by hand")
    assert run(folders, STYLE_SEED="5") == 0
    assert keys() == RESULTS | RECORDS | {BEACH}, "the others would show other pictures"


def test_a_file_of_somebody_else_in_its_place_stays(folders, stand_in, capsys):
    Path("out/monet").mkdir(parents=True)
    Path("out", BEACH).write_bytes(b"mine")
    assert run(folders, STYLE_TIMELAPSE="1") == 0
    assert f"no time-lapse: {BEACH} in ./out is not the one in this" in capsys.readouterr().out
    assert record().timelapse is None and Path("out", BEACH).read_bytes() == b"mine"
    assert run(folders, STYLE_SEED="2") == 0
    assert keys() == RESULTS | RECORDS | {BEACH}


def test_its_record_has_the_etag_that_the_bucket_gives_it(folders, stand_in, monkeypatch):
    """As S3 does for one that is encrypted with a key of its user, or was sent in parts."""
    write = FolderBucket.write

    def written(bucket, key, *others):
        etag = write(bucket, key, *others)
        return "of-the-bucket" if key == BEACH else etag

    monkeypatch.setattr(FolderBucket, "write", written)
    assert run(folders, STYLE_TIMELAPSE="1", STYLE="monet", PHOTO="beach.jpg") == 0
    assert record().timelapse == PictureRef(BEACH, "of-the-bucket")


def test_results_that_differ_in_their_extension_alone_each_have_their_own(folders, stand_in):
    Path("photos/beach.webp").write_bytes(tiny.file(60, 80, 9, "WEBP"))
    assert run(folders, STYLE_TIMELAPSE="1", OUTPUT_FORMAT="same", STYLE="monet") == 0
    films = {key for key in keys() if "timelapse" in key and "beach" in key}
    assert films == {"monet/beach.jpg.timelapse.webp", "monet/beach.webp.timelapse.webp"}
    ends = [frames(Path("out", key).read_bytes())[-1] for key in sorted(films)]
    assert np.abs(ends[0] - ends[1]).mean() > 0.05


@pytest.mark.thorough
def test_one_picture_gets_one_beside_the_file_also_by_preset_instant(tmp_path):
    (tmp_path / "beach.jpg").write_bytes(tiny.file(200, 300, 1))
    (tmp_path / "monet.jpg").write_bytes(tiny.file(150, 150, 2))
    words = ("-m", "painterly", "beach.jpg", "monet.jpg")
    done = python(
        *words, "-o", "x.png", "--preset", "instant", "--size", "300", "--timelapse", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "the time-lapse is x.timelapse.webp" in done.stdout
    seen = frames((tmp_path / "x.timelapse.webp").read_bytes())
    assert len(seen) == 4, "one for each size, and the rebuilt picture"
    result = np.asarray(Image.open(tmp_path / "x.png")) / 255
    errors = [np.abs(each - result).mean() for each in seen]
    assert errors[2] < 0.03 and errors == sorted(errors, reverse=True)

    refused = python(*words, "-o", "-", "--timelapse", cwd=tmp_path)
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert "--timelapse writes files beside the result, which has no file" in refused.stderr
