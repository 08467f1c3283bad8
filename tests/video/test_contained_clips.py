"""A separate process reads each clip: one that crashes, hangs or takes too much costs only
itself."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import pytest
from support import clips
from support.folder_batches import keys, run
from support.polling import has_ended, until

from painterly.configuration.web_options import WebOptions
from painterly.devices.system_memory import resident_memory
from painterly.errors import PictureError
from painterly.images.contained import decoder as pictures
from painterly.jobs.schemas import ApiError
from painterly.jobs.upload import checked_clip
from painterly.orders import frames
from painterly.painters import reading as bench_reading
from painterly.settings import clips as clips_here
from painterly.settings import limits
from painterly.settings.installation import PROGRAM
from painterly.signals import Stop, Stopped
from painterly.storage.folder import FolderBucket
from painterly.video import ffmpeg
from painterly.video.reading import ClipsView
from painterly.video.sent import sent
from painterly.video.writing import writing

pytestmark = pytest.mark.slow  # A process decodes the clips.

WALK = Path("clips/walk.mp4")
SAID = {
    "crash": "is damaged or incomplete; send it again, or export it anew as mp4",
    "exhaust": "needs more memory than a clip may take",
    "spin": "takes too long to decode; export it anew as mp4",
    "sleep": "takes too long to decode; export it anew as mp4",
}
# A program that does as ffmpeg does, apart from a clip that is called like a fault.
FAULTY = f"""#!{sys.executable}
import os, signal, sys, time
from pathlib import Path

def exhaust():
    filled = []
    try:
        while True:
            filled.append(b"1" * 10_000_000)
    except MemoryError:
        sys.exit("Cannot allocate memory")

def spin():
    while True:
        pass

fault = {{Path(each).stem for each in sys.argv if each.startswith("file:")}}
if "crash" in fault:
    os.kill(os.getpid(), signal.SIGSEGV)
if "exhaust" in fault:
    exhaust()
if "spin" in fault:
    spin()
if "sleep" in fault:
    time.sleep(600)
os.execv({clips_here.ffmpeg()!r}, sys.argv)
"""


def processes(parent=None):
    """The processes of ffmpeg."""
    gc.collect()  # Readers end their process with the last reference.
    found = []
    for each in psutil.Process(parent).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # Or a zombie.
            found += [each] * ("-hide_banner" in each.cmdline())
    return found


@pytest.fixture
def faults(here, monkeypatch):
    """Clips whose names are faults have these."""
    program = Path("faulty").absolute()
    program.write_text(FAULTY)
    program.chmod(0o755)
    monkeypatch.setattr(clips_here, "ffmpeg", lambda: str(program))
    return here


@pytest.mark.thorough
def test_clips_that_fail_their_process_cost_only_themselves(faults, capsys, monkeypatch):
    monkeypatch.setattr(ffmpeg, "MOST_MEMORY", 400_000_000)
    monkeypatch.setattr(ffmpeg, "SECONDS", 2)
    for fault in SAID:
        shutil.copy(WALK, f"clips/{fault}.mp4")
    assert run(faults) == 1
    out = capsys.readouterr().out
    for fault, said in SAID.items():
        assert f"FAILED: {fault}.mp4 in monet: {fault}.mp4: {said}" in out
    assert "Traceback" not in out and "1 painted in" in out and "4 FAILED" in out
    results = {key for key in keys() if not key.startswith("_")}
    assert results == {"monet/walk.mp4"}
    until(lambda: not processes())


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="only Linux limits memory")
@pytest.mark.thorough
def test_a_clip_that_a_visitor_sends_has_the_memory_that_the_limit_leaves(
    tmp_path, cost, monkeypatch
):
    options = WebOptions("127.0.0.1", 8000)
    small, large = (
        clips.write(tmp_path / f"{name}.mp4", [frame])
        for name, frame in (
            ("small", clips.picture(0)),
            ("large", np.zeros((6000, 8000, 3), np.uint8)),
        )
    )
    resident = resident_memory()  # Other threads may free some between two looks.
    monkeypatch.setattr(bench_reading, "resident_memory", lambda: resident)
    left = resident + pictures.BYTES

    def checked(name, limit):
        with small.open("rb") as file, TemporaryDirectory() as folder:
            return checked_clip(name, file, Path(folder), options, limit)

    with pytest.raises(ApiError, match=r"^walk\.mp4: is a clip, which takes 0\.1 GB .* \d MB are"):
        checked("walk.mp4", left)
    assert checked("walk.mp4", 2 * left + 400_000_000).clip
    with cost() as spent, pytest.raises(PictureError, match="needs more memory than a clip may"):
        sent(large, "walk.mp4", 10**8, 150_000_000)
    assert spent.memory < 220_000_000


def test_ffmpeg_sees_no_secret(here, monkeypatch):
    for name in ("CELLAR_ADDON_KEY_SECRET", "PATH_TO_SECRET", "LANGSMITH_API_KEY", "TEMPORAL_KEY"):
        monkeypatch.setenv(name, "secret")
    endless = "-re", "-stream_loop", "-1", "-i", str(WALK.absolute()), "-f", "null", "-"
    with ffmpeg.Program(*endless, memory=10**9):
        is_ffmpeg = lambda process: "-stream_loop" in process.cmdline()  # noqa: E731
        process = until(lambda: next(filter(is_ffmpeg, processes()), None))
        until(lambda: "-hide_banner" in process.cmdline()[:2])
        assert "secret" not in process.environ().values()


def test_a_signal_ends_the_process(faults, monkeypatch):
    shutil.copy(WALK, "clips/sleep.mp4")
    real = ffmpeg.Program.end

    def end(self, **needed):
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
        return real(self, **needed)

    monkeypatch.setattr(ffmpeg.Program, "end", end)
    with pytest.raises(Stopped), Stop():
        clips.stamps(Path("clips/sleep.mp4"))
    until(lambda: not processes())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends it with its parent")
def test_the_process_ends_with_one_that_is_killed(faults):
    shutil.copy(WALK, "clips/sleep.mp4")
    code = (
        "import pathlib, sys; from painterly.settings import clips\n"
        "from support import clips as s\n"
        "clips.ffmpeg = lambda: sys.argv[1]; s.stamps(pathlib.Path('clips/sleep.mp4'))"
    )
    path = os.pathsep.join((str(PROGRAM), str(PROGRAM / "tests")))
    words = [sys.executable, "-c", code, str(Path("faulty").absolute())]
    with subprocess.Popen(words, env=os.environ | {"PYTHONPATH": path}) as parent:
        found = []
        until(lambda: found.extend(processes(parent.pid)) or found)
        parent.kill()
    until(lambda: all(map(has_ended, found)))


def test_a_reader_begins_anew_after_the_death_of_its_process(here):
    clips.write(WALK, [clips.picture(each, 480, 640) for each in range(12)])
    before = processes()
    frame = clips.reader(WALK)
    first = frame(0)
    (process,) = {*processes()} - {*before}
    process.kill()
    with pytest.raises(PictureError, match=r"^walk\.mp4: was being decoded when the system"):
        for number in range(12):
            frame(number)
    assert (frame(0) == first).all() and not process.is_running()


def test_the_time_of_a_process_is_counted_from_frame_to_frame(here):
    command = limits.limited([sys.executable, "-c", "input()"], 30, 10**9, 10**6)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as held:
        process = psutil.Process(held.pid)
        until(lambda: process.cmdline()[1:2] == ["-c"])
        limits.grant_time(held.pid, 500)
        assert 500 <= process.rlimit(psutil.RLIMIT_CPU)[0] < 600
        assert process.rlimit(psutil.RLIMIT_FSIZE)[0] == 10**6


@pytest.mark.thorough
def test_reading_and_writing_take_no_more_memory_than_is_counted(here, cost):
    """A clip that keeps the most frames, and one with more bits for a pixel."""
    wide = [clips.picture(each, 1080, 1920) for each in range(40)]
    for name, codec, form, options in (
        ("a.mp4", "libx264", "yuv420p", ("-refs", "16", "-preset", "ultrafast")),
        ("b.mp4", "libx265", "yuv420p10le", ("-preset", "ultrafast", "-x265-params", "ref=5")),
    ):
        path = clips.write(Path(name), wide[:24], codec, form, options=options)
        with cost() as spent:
            for _ in clips.opened(path).frames():
                pass
            process = spent.memory - spent.own_memory
        assert process < frames.PROCESS + frames.READING * 1920 * 1080, name
    for suffix in (".mp4", ".webm"):
        out = Path(f"out{suffix}").absolute()
        clip = clips.opened(Path("a.mp4"))
        with (
            cost() as spent,
            writing(out, clip.name, clip.memory, clips.RATE, wide[0].shape) as add,
        ):
            for each in wide:
                add(each)
            process = spent.memory - spent.own_memory
        assert process < frames.PROCESS + frames.WRITING * 1920 * 1080, suffix


def test_a_thread_that_reads_on_after_the_end_of_a_run_leaves_no_process(here):
    view = ClipsView(FolderBucket(Path("clips")))
    view.picture("walk.mp4")
    assert processes()
    view.close()
    view.picture("walk.mp4", 1)
    assert not processes()
