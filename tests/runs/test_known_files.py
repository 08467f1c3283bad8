"""A second run, and each further round of a watch, reads only files that have changed."""

import time
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from PIL import Image
from support.folder_batches import keys, run
from support.pictures import saved
from support.polling import until

from painterly.configuration import config
from painterly.orders.buckets import Buckets
from painterly.painters.loading import load_devices
from painterly.runs.report import Notifier
from painterly.runs.run import Run
from painterly.signals import Stop
from painterly.storage.files import was_at_rest
from painterly.storage.known_files import LIST

pytestmark = pytest.mark.slow  # Several runs read the same files.

OTHERS = 300_000  # bytes that a round reads, without photos and results
BUCKETS = ("BUCKET_SOURCE", "BUCKET_STYLE", "BUCKET_RESULT")


def noise(seed, side=500):
    """A photo of 750 kB."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return saved(Image.fromarray(pixels), "PNG")


def write_at_rest(path, data):
    path.write_bytes(data)
    wait_at_rest(path)


def wait_at_rest(*paths):
    until(lambda: all(was_at_rest(path.stat(), time.time_ns()) for path in paths))


@pytest.fixture
def large_folders(folders, stand_in):
    """Folders with photos and results that take megabytes."""
    for path in (*Path("photos").rglob("*.*"), *Path("paintings").rglob("*.*")):
        path.unlink()
    for number in range(3):
        write_at_rest(Path(f"photos/{number}.png"), noise(number))
    write_at_rest(Path("paintings/monet.png"), noise(7))
    return folders | {"STYLE_SIZE": "400", "OUTPUT_FORMAT": "png"}


def size(folder):
    return sum(each.stat().st_size for each in Path(folder).rglob("*.png"))


def test_a_second_run_over_finished_folders_reads_hardly_anything(large_folders, cost, capsys):
    assert run(large_folders) == 0
    assert size("photos") > 2e6 and size("out") > 1e6
    with cost() as spent:
        assert run(large_folders) == 0
    assert "all 3 results are in ./out" in capsys.readouterr().out
    assert spent.read < OTHERS
    wait_at_rest(*Path("out").rglob("*.png"))
    Path("out", LIST).unlink()
    assert run(large_folders) == 0
    assert "all 3 results are in ./out" in capsys.readouterr().out
    with cost() as spent:
        assert run(large_folders) == 0
    assert spent.read < OTHERS, "the list was made again"


@pytest.mark.thorough
def test_a_read_only_folder_of_photos_is_read_once(large_folders, cost):
    Path("photos").chmod(0o555)
    try:
        assert run(large_folders) == 0
        with cost() as spent:
            assert run(large_folders) == 0
    finally:
        Path("photos").chmod(0o755)
    assert spent.read < OTHERS
    assert {each.name for each in Path("photos").glob("*.*")} == {"0.png", "1.png", "2.png"}


def test_a_dry_run_writes_no_list(folders):
    Path("out").mkdir()
    wait_at_rest(*Path("photos").rglob("*.*"))
    assert run(folders, DRY_RUN="1", STYLE_PRESET="instant") == 0
    assert not [*Path("out").iterdir()]


@pytest.mark.slow
def test_a_changed_photo_and_result_are_painted_though_they_were_known(large_folders, capsys):
    assert run(large_folders) == 0
    Path("photos/1.png").write_bytes(noise(8))
    result = Path("out/monet/2.png")
    data = bytearray(result.read_bytes())
    data[-30] ^= 1
    result.write_bytes(data)  # Its size stays.
    assert run(large_folders) == 0
    assert "1 already done, 2 to paint" in capsys.readouterr().out
    assert "monet/2.png" in keys() and result.read_bytes() != bytes(data)


@pytest.fixture
def start_watch():
    """Start a batch whose rounds the test runs itself."""
    with Stop() as stop:

        def start(variables):
            loaded = config.load(variables)
            loading = partial(load_devices, loaded.device)
            return Run(loaded, Buckets.open(loaded), loading, stop, Notifier(None, None))

        yield start


@pytest.mark.thorough
def test_a_round_of_a_watch_in_which_one_photo_changed_reads_that_one(
    large_folders, start_watch, cost
):
    batch = start_watch(large_folders)
    assert batch.round(batch.list(), perf_counter()).fields["painted"] == 3
    one = noise(9, 200)
    for number in range(2):  # The first round reads a style and the page once more.
        write_at_rest(Path("photos/new.png"), noise(20 + number, 200))
        with cost() as spent:
            assert batch.round(batch.list(), perf_counter()).fields["painted"] == 1
    painting = Path("paintings/monet.png").stat().st_size
    # Pixels come through a pipe as well, from the process that decodes. Another photo has as many
    # as the painting.
    assert spent.read < 2 * painting + 10 * len(one) + OTHERS
    with cost() as spent:
        batch.round(batch.list(), perf_counter())
    assert spent.read < OTHERS


@pytest.mark.thorough
def test_a_watch_reads_no_record_of_a_finished_bucket_twice(
    folders, stand_in, moto, start_watch, cost
):
    names = [moto.new_bucket() for _ in range(3)]
    photos, paintings, results = map(moto.open, names)
    for number in range(4):
        photos.write(f"{number}.jpg", Path("photos/beach.jpg").read_bytes())
    paintings.write("monet.jpg", Path("paintings/monet.jpg").read_bytes())
    variables = folders | moto.environment | dict(zip(BUCKETS, names, strict=True))
    assert run(variables) == 0
    batch = start_watch(variables)
    with cost() as spent:
        for number in range(4, 7):
            batch.round(batch.list(), perf_counter())
            photos.write(f"{number}.jpg", Path("photos/beach.jpg").read_bytes())
    of_records = [each for each in spent.requests if each.startswith("GET") and "_records/" in each]
    finished = [
        each for each in of_records if each.endswith(tuple(f"/{n}.jpg.json" for n in range(4)))
    ]
    assert len(finished) == len({*finished}) == 4
    record = results.read("_records/monet/0.jpg.json").replace(b'"seconds"', b'"seconds_"')
    results.write("_records/monet/0.jpg.json", record)
    with cost() as spent:
        batch.round(batch.list(), perf_counter())
    assert any(each.endswith("/_records/monet/0.jpg.json") for each in spent.requests), "it changed"
