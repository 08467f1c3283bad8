"""Recipe attention in the programs around the engine, with small networks."""

import logging
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from attention.hub import place
from attention.small_networks import small_weights
from support.folder_batches import run

from painterly.attention.diffusion import self_test, sources
from painterly.bench.easel import Easel
from painterly.cli.command import inetwork
from painterly.signals import Stopped

ONE = {"PHOTO": "trip/old town é.png", "STYLE": "monet", "STYLE_RECIPE": "attention"}
RECORD = "out/_records/monet/trip/old town é.png.json"
FIRST = Path("out/monet/trip/old town é.png")


@pytest.fixture
def small_diffusion(small_files, monkeypatch):
    """Small networks, in the place of the published ones."""
    place(sources.CACHE, small_files)
    weights = replace(small_weights(), identity=sources.identity())
    monkeypatch.setattr(sources, "read", lambda folder: weights)
    monkeypatch.setattr(self_test, "check_once", lambda weights: None)


@pytest.mark.thorough
def test_it_is_forecast_painted_resumed_and_painted_again_from_its_record(
    folders, small_diffusion, monkeypatch, caplog
):
    caplog.set_level(logging.INFO)
    folders |= {"STYLE_ITERATIONS": "6", "STYLE_PRECISION": "float32"}
    assert run(folders, DRY_RUN="1", **ONE) == 0
    assert "on this CPU, a fraction of it on a GPU" in caplog.text
    assert "dry run: 1 to paint in about" in caplog.text
    assert run(folders, **ONE) == 0
    whole = FIRST.read_bytes()
    assert inetwork(["--from-record", RECORD, "copy/town"]) == 0
    assert Path("copy/town.png").read_bytes() == whole
    FIRST.unlink()
    with monkeypatch.context() as stopping:
        begin = Easel.begin

        def stopped(*arguments):
            transfer = begin(*arguments)
            steps = transfer.steps

            def some(*others):
                for step in steps(*others):
                    yield step
                    if step.iteration == 3:
                        signal.raise_signal(signal.SIGTERM)

            transfer.steps = some
            return transfer

        stopping.setattr(Easel, "begin", stopped)
        with pytest.raises(Stopped):
            run(folders, **ONE)
    caplog.clear()
    assert run(folders, **ONE) == 0
    assert "resuming from step 3" in caplog.text
    assert FIRST.read_bytes() == whole


@pytest.mark.thorough
def test_one_picture_is_painted_by_it(folders, small_diffusion):
    words = ["photos/beach.jpg", "paintings/monet.jpg", "one.png", "--recipe", "attention"]
    # The precision of the other test, so that nothing is traced again.
    size = ("--size", "64", "--iterations", "1", "--precision", "float32")
    assert inetwork([*words, *size]) == 0
    assert Path("one.png").is_file()
