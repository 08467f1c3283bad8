"""A separate process decodes each clip: one that crashes, hangs or takes too much memory costs only
itself."""

import gc
import os
import shutil
import signal
import threading
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest
from support import clips
from support.folder_batches import keys, run

from painterly.bench import reading
from painterly.configuration.web_options import WebOptions
from painterly.devices.system_memory import resident_memory
from painterly.errors import PictureError
from painterly.images.contained import decoder as pictures
from painterly.images.contained import process as contained
from painterly.jobs.schemas import ApiError
from painterly.jobs.upload import checked_source
from painterly.signals import Stop, Stopped
from painterly.video import decoder, source
from painterly.video.sent import sent

pytestmark = pytest.mark.slow  # A process decodes the clips.

WALK = Path("clips/walk.mp4")
SAID = {
    "crash": "is damaged or incomplete; send it again, or export it anew as mp4",
    "sound": "is damaged or incomplete; send it again, or export it anew as mp4",
    "exhaust": "needs more memory than a clip may take",
    "spin": "takes too long to decode; export it anew as mp4",
    "sleep": "takes too long to decode; export it anew as mp4",
}


@pytest.fixture
def decoded_here():
    """Processes decode the clips."""


def processes():
    """The processes that decode clips."""
    gc.collect()  # Readers end their process with the last reference.
    children = psutil.Process().children()
    return [each for each in children if decoder.PROGRAM in each.cmdline()]


@pytest.fixture
def faults(here, monkeypatch):
    """Clips whose names are faults have these."""
    monkeypatch.setattr(decoder, "PROGRAM", "support.failing_clips")
    return here


@pytest.mark.thorough
def test_clips_that_fail_their_process_cost_only_themselves(faults, capsys, monkeypatch):
    monkeypatch.setattr(decoder, "MOST_MEMORY", 400_000_000)
    monkeypatch.setattr(decoder, "SECONDS", 1)
    for fault in SAID:
        shutil.copy(WALK, f"clips/{fault}.mp4")
    assert run(faults) == 1
    out = capsys.readouterr().out
    for fault, said in SAID.items():
        assert f"FAILED: {fault}.mp4 in monet: {fault}.mp4: {said}" in out
    assert "Traceback" not in out and "1 painted in" in out and "5 FAILED" in out
    results = {key for key in keys() if not key.startswith("_")}
    assert results == {"monet/walk.mp4"}
    assert not processes()


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="only Linux limits memory")
def test_ffmpeg_has_no_more_memory_than_the_limit(here, monkeypatch):
    monkeypatch.setattr(decoder, "MOST_MEMORY", 100_000)
    with pytest.raises(PictureError, match=r"^walk\.mp4: needs more memory"):
        clips.stamps(WALK)


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="only Linux limits memory")
def test_a_clip_that_a_visitor_sends_has_the_memory_that_the_limit_leaves(
    tmp_path, cost, monkeypatch
):
    options = WebOptions("127.0.0.1", 8000)
    small, large = (
        clips.write(tmp_path / f"{name}.mp4", [frame]).read_bytes()
        for name, frame in (
            ("small", clips.picture(0)),
            ("large", np.zeros((6000, 8000, 3), np.uint8)),
        )
    )
    resident = resident_memory()  # Other threads may free some between two looks.
    monkeypatch.setattr(reading, "resident_memory", lambda: resident)
    left = resident + pictures.BYTES
    with pytest.raises(ApiError, match=r"^walk\.mp4: is a clip, which takes 50 MB .* \d MB are"):
        checked_source("walk.mp4", small, options, left)
    assert checked_source("walk.mp4", small, options, 2 * left + 200_000_000).source
    with cost() as spent, pytest.raises(PictureError, match="needs more memory than a clip may"):
        sent(large, "walk.mp4", 10**8, 150_000_000)
    assert spent.memory < 220_000_000


def test_a_signal_ends_the_process(faults, monkeypatch):
    path, receive = shutil.copy(WALK, "clips/sleep.mp4"), contained.receive
    answers = iter([False, True])  # A second signal would end the tests.

    def waiting(*arguments):
        if next(answers, False):
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
        return receive(*arguments)

    monkeypatch.setattr(contained, "receive", waiting)
    with pytest.raises(Stopped), Stop():
        clips.stamps(Path(path))
    assert not processes()


def test_a_reader_ends_its_process_and_begins_anew_after_its_death(here):
    before = processes()
    frame = clips.reader(WALK)
    first = frame(0)
    (process,) = {*processes()} - {*before}
    process.kill()
    with pytest.raises(PictureError, match=r"^walk\.mp4: was being decoded when the system"):
        frame(Fraction(1, clips.RATE))
    assert (frame(0) == first).all() and not process.is_running()
    del frame
    assert {*processes()} <= {*before}


@pytest.mark.thorough
def test_reading_and_writing_take_no_more_memory_than_is_counted(here, decoded_here, cost):
    """A clip that keeps the most frames, and one with more bits for a pixel."""
    wide = [clips.picture(each, 1080, 1920) for each in range(40)]
    for name, codec, form, options in (
        ("a.mp4", "libx264", "yuv420p", {"refs": "16", "preset": "ultrafast"}),
        ("b.mp4", "libx265", "yuv420p10le", {"preset": "ultrafast", "x265-params": "ref=5"}),
    ):
        path = clips.write(Path(name), wide, codec, form, options=options)
        with cost() as spent, closing(decoder.Decoder(name, path, 10**9)) as reading:
            while reading.next():
                pass
            process = spent.memory - spent.own_memory
        assert process < source.PROCESS + source.READING * 1920 * 1080, name
    for suffix in (".mp4", ".webm"):
        out = Path(f"out{suffix}").absolute()
        with cost() as spent, closing(decoder.Decoder("a.mp4", Path("a.mp4"), 10**9)) as writing:
            for number, each in enumerate(wide):
                time = str(Fraction(number, 24))
                writing.ask("add", each, path=str(out), time=time, shape=each.shape)
            writing.ask("end", times=64)
            process = spent.memory - spent.own_memory
        assert process < source.PROCESS + source.WRITING * 1920 * 1080, suffix
