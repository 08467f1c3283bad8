"""A batch of pictures by preset instant, which needs no TensorFlow."""

import os
import signal
from multiprocessing import get_context
from pathlib import Path

import pytest
from PIL import Image
from support import programs, tiny
from support.commands import python
from support.folder_batches import keys, run
from support.pictures import saved
from support.processes import Starter

from painterly.cli.command import inetwork
from painterly.devices.budget import FREE_SHARE
from painterly.devices.system_memory import resident_memory
from painterly.engine.instant import memory
from painterly.engine.memory_model import SIDES, PaintingInputs
from painterly.errors import DeviceError
from painterly.orders.record import Record
from painterly.settings.recipes import PRESETS
from painterly.settings.settings import Settings
from painterly.vgg.architectures import BUILTIN
from painterly.vgg.sources import file_identity

INSTANT = {"PRESET": "instant", "STYLE_SIZE": "64"}


def record(key):
    return Record.from_bytes(Path(f"out/_records/{key}.json").read_bytes())


@pytest.mark.slow
def test_a_run_whose_orders_are_all_instant_never_loads_tensorflow(folders, tmp_path):
    code = """if True:
        import sys
        from painterly.cli.command import main
        code = main(["--dry-run"]) or main([])
        sys.exit(code or 9 * ("tensorflow" in sys.modules))"""
    done = python("-c", code, cwd=tmp_path, **folders | INSTANT)
    assert done.returncode == 0, done.stderr
    assert "dry run: 4 to paint, the largest" in done.stdout and "4 painted" in done.stdout
    kept = record("both/beach.jpg")
    assert kept.device == f"the CPU, {os.cpu_count()} cores"
    assert kept.weights == file_identity(BUILTIN)


@pytest.mark.usefixtures("small_vgg")
@pytest.mark.thorough
def test_an_instant_style_and_another_one_are_painted_in_one_run(folders, capsys):
    Path("paintings/styles.toml").write_text(
        '[quick]\npaintings = ["monet.jpg"]\npreset = "instant"\nsize = 64\n'
        '[usual]\npaintings = ["monet.jpg"]\n'
    )
    assert run(folders, DRY_RUN="1") == 0
    assert "dry run: 4 to paint" in capsys.readouterr().out
    assert run(folders) == 0
    assert "fastest in" in record("usual/beach.jpg").device
    assert "fastest in" not in record("quick/beach.jpg").device
    assert record("quick/beach.jpg").weights == file_identity(BUILTIN)
    assert run(folders) == 0
    assert "Nothing to paint: all 4 results" in capsys.readouterr().out


@pytest.mark.slow
def test_a_picture_that_does_not_fit_costs_only_itself(folders, capsys):
    Path("photos/large.jpg").write_bytes(saved(Image.new("RGB", (4000, 4000)), "JPEG"))
    limit = f"{resident_memory() // 10**6 + 1200}MB"
    assert run(folders | INSTANT, STYLE_SIZE="full", MEMORY_LIMIT=limit, STYLE="monet") == 1
    out = capsys.readouterr().out
    assert "large.jpg in monet" in out and "FAILED: painting 4000 × 4000 px needs" in out
    assert "monet/beach.jpg" in keys() and "monet/large.jpg" not in keys()


@pytest.mark.slow
def test_a_default_size_gives_way_to_too_little_memory_and_a_size_that_is_named_does_not(
    folders, monkeypatch, capsys
):
    """A default of 256 px stands for that of 1024."""
    Path("paintings/monet.jpg").write_bytes(tiny.file(300, 300, 3))
    monkeypatch.setitem(PRESETS, "instant", {"recipe": "instant", "size": 256})
    monkeypatch.setattr("painterly.settings.settings.LEAST_DEFAULT", 128)
    settings = Settings(preset="instant")
    footprint = memory.footprint_of(PaintingInputs((192, 256)), [(192, 256)], settings)
    needed = [footprint.bytes_needed(size, SIDES[-1]) for size in ((96, 128), (192, 256))]
    between = int(sum(needed) / 2 / FREE_SHARE)
    monkeypatch.setattr("painterly.devices.budget.least_free_memory", lambda _: between)
    unnamed = folders | INSTANT | {"STYLE_SIZE": "", "PHOTO": "beach.jpg", "STYLE": "monet"}
    assert run(unnamed, DRY_RUN="1") == 0
    assert "the largest 128 × 96 px" in capsys.readouterr().out
    assert run(unnamed) == 0
    out = capsys.readouterr().out
    assert "painting 256 × 192 px needs" in out and "; 128 px are tried instead" in out
    kept = record("monet/beach.jpg")
    assert (kept.width, kept.settings["size"]) == (128, 128)
    assert inetwork(["photos/beach.jpg", "paintings/monet.jpg", "one", "--preset=instant"]) == 0
    assert Image.open("one.png").size == (128, 96)
    capsys.readouterr()
    assert run(unnamed) == 0
    assert "Nothing to paint" in capsys.readouterr().out
    assert run(unnamed, STYLE_SIZE="256") == 1
    assert "FAILED: painting 256 × 192 px needs" in capsys.readouterr().out
    monkeypatch.setattr("painterly.devices.budget.least_free_memory", lambda _: 8_000_000_000)
    assert run(unnamed, STYLE_SIZE="256") == 0
    assert record("monet/beach.jpg").width == 256


@pytest.mark.slow
def test_device_gpu_demands_one_though_the_cpu_paints(folders, monkeypatch):
    installed = []
    monkeypatch.setattr("painterly.devices.nvidia.installed_gpus", lambda: installed)
    with pytest.raises(DeviceError, match="no NVIDIA GPU was found") as refused:
        run(folders | INSTANT, DEVICE="gpu")
    assert refused.value.exit_code == 4 and not Path("out").exists()
    installed.append("NVIDIA GPU")
    assert run(folders | INSTANT, DEVICE="gpu") == 0
    assert "CPU" in record("both/beach.jpg").device


@pytest.fixture
def spawn():
    """Starts programs in new processes, without TensorFlow, which `start_program` loads."""
    starter = Starter(get_context("spawn").Process)
    yield starter
    starter.kill()


@pytest.mark.slow
def test_a_signal_ends_a_large_picture_within_5_s_and_the_next_run_paints_it(
    folders, spawn, tmp_path
):
    Path("paintings/monet.jpg").unlink()
    Path("photos/trip/old town é.png").unlink()

    def start(name, size):
        environment = os.environ | folders | {"PRESET": "instant", "STYLE_SIZE": size}
        return spawn(programs.batch, environment=environment, log=tmp_path / name)

    child = start("first", "3000")
    child.wait_until(lambda out: "painting on the CPU" in out)
    assert child.stop(signal.SIGTERM) == 143
    assert "stopped by SIGTERM" in child.output and "Traceback" not in child.output
    assert keys() == set()
    assert start("second", "64").wait() == 0
    assert keys() == {"both/beach.jpg", "_records/both/beach.jpg.json"}
