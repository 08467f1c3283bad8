"""Clips among the photos of a run: painted frame by frame, steadied, and stored as one result."""

import json
import signal
import struct
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support import clips, tiny
from support.fake_ray import FakeRay
from support.folder_batches import keys, run

from painterly.cli.batch import paint_batch
from painterly.cluster import actor, driver, fleet
from painterly.configuration import config
from painterly.orders import frames
from painterly.orders.frames import Clip
from painterly.painters.painter import Painter
from painterly.painters.reading import ChangedError
from painterly.runs import dry_run
from painterly.settings import clips as clips_here
from painterly.signals import Stopped
from painterly.storage.folder import FolderBucket
from painterly.video import steadying

pytestmark = [pytest.mark.slow, pytest.mark.thorough]  # A process decodes the clips.

WHOLE: list[bytes] = []
RESULT, RECORD = Path("out/monet/walk.mp4"), Path("out/_records/monet/walk.mp4.json")


@pytest.fixture
def here(folder_with_clip, stand_in):
    """The variables of a run in which painting takes no time."""
    return folder_with_clip


@pytest.fixture
def whole_run(here):
    """The result of a run without a pause, which is painted once for all tests."""
    if not WHOLE:
        assert run(here, BUCKET_RESULT="./whole") == 0
        WHOLE.append(Path("whole/monet/walk.mp4").read_bytes())
    return WHOLE[0]


@pytest.fixture
def after_frames(monkeypatch):
    """Lets something happen after a number of frames were painted."""

    def arrange(count, happen):
        painted, real = [], Painter.paint

        def paint(*arguments, **named):
            finished = real(*arguments, **named)
            painted.append(finished)
            if len(painted) == count:
                happen()
            return finished

        monkeypatch.setattr(Painter, "paint", paint)
        return painted

    return arrange


def test_a_clip_and_a_photo_are_painted_side_by_side(folder_with_clip, capsys):
    Path("clips/beach.jpg").write_bytes(tiny.file(60, 80, 1))
    assert run(folder_with_clip) == 0
    assert keys() == {
        *("monet/beach.jpg", "monet/walk.mp4"),
        *("_records/monet/beach.jpg.json", "_records/monet/walk.mp4.json"),
    }
    sizes, times, sounds = clips.facts(RESULT)
    assert (sizes, len(times), sounds) == ({(64, 42)}, 6, ["aac"])
    frames = [Image.fromarray(clips.picture(each)).resize((64, 42)) for each in range(6)]
    assert np.abs(clips.pixels(RESULT) - np.stack(frames)).mean() > 20, "it is painted"
    record = json.loads(RECORD.read_text())
    assert (record["photo"], record["width"]) == ("walk.mp4", 64)
    assert record["result_size"] == RESULT.stat().st_size
    out = capsys.readouterr().out
    assert "walk.mp4 in monet: 6 frames" in out and "100 %, 6 of 6 frames" in out
    assert "2 painted in" in out and "walk.mp4/" not in out
    for kind in ("results/monet/walk.mp4", "photos/walk.mp4"):
        assert Path(f"out/_gallery/{kind}.jpg").exists(), "the poster frame"
    assert "walk.mp4" in Path("out/index.html").read_text()
    assert run(folder_with_clip) == 0
    assert "Nothing to paint: all 2 results" in capsys.readouterr().out


def test_a_run_goes_on_wherever_the_last_one_was_killed(here, whole_run, monkeypatch):
    """Each run is killed at the next request to the bucket of results that changes anything."""
    real = {name: getattr(FolderBucket, name) for name in ("write", "delete")}
    left = starts = 0

    class KilledError(BaseException):
        pass

    def killing(name):
        def request(self, key, *rest):
            nonlocal left
            if key.startswith("_checkpoints/") or key.endswith(("walk.mp4", "walk.mp4.json")):
                left -= 1
                if left < 0:
                    raise KilledError
            return real[name](self, key, *rest)

        return request

    for name in real:
        monkeypatch.setattr(FolderBucket, name, killing(name))
    for number in range(60):
        left, starts = number % 4, number
        try:
            assert run(here) == 0
            break
        except KilledError:
            pass
    assert starts > 4 and RESULT.read_bytes() == whole_run
    left = 99
    run(here)
    assert keys() >= {"monet/walk.mp4", "_records/monet/walk.mp4.json"}


@pytest.mark.parametrize("why", ["no library", "unreadable"])
def test_what_is_kept_of_a_clip_stays_while_it_cannot_be_painted(
    why, here, whole_run, after_frames, monkeypatch
):
    Path("clips/beach.jpg").write_bytes(tiny.file(60, 80, 1))
    with pytest.raises(Stopped):
        after_frames(5, lambda: signal.raise_signal(signal.SIGTERM))
        run(here)
    kept = {key for key in keys() if key.startswith("_checkpoints/monet/walk.mp4/")}
    with monkeypatch.context() as patch:
        if why == "no library":
            patch.setattr(clips_here, "can_be_painted", lambda: False)
        else:
            patch.setattr(frames, "stamps_of", lambda *_: "walk.mp4: takes too long to decode")
        run(here)
    assert kept and kept <= keys()
    assert run(here) == 0
    assert RESULT.read_bytes() == whole_run
    assert not any(key.startswith("_checkpoints") for key in keys())


def test_equal_frames_are_painted_once(here, after_frames):
    shown = [clips.picture(each) for each in (0, 0, 0, 1, 1, 2)]
    clips.write(Path("clips/walk.mp4"), shown, "ffv1", "yuv444p")
    painted = after_frames(0, None)
    assert run(here) == 0
    result = clips.pixels(RESULT)
    assert len(painted) == 3 and len(result) == 6
    assert np.abs(result[1] - result[0]).mean() < 1 < np.abs(result[3] - result[0]).mean()


def test_without_its_libraries_a_clip_is_left_out_and_the_way_to_install_them_named(
    here, monkeypatch, capsys
):
    Path("clips/beach.jpg").write_bytes(tiny.file(60, 80, 1))
    monkeypatch.setattr(clips_here, "can_be_painted", lambda: False)
    assert run(here) == 0
    out = capsys.readouterr().out
    assert out.count("left out: walk.mp4: clips need ffmpeg and OpenCV") == 1 and "--video" in out
    assert keys() == {"monet/beach.jpg", "_records/monet/beach.jpg.json"}


def test_a_dry_run_sets_memory_aside_for_frames_and_not_for_whole_clips(
    folder_with_clip, monkeypatch
):
    with Path("clips/walk.mp4").open("ab") as file:
        file.write(struct.pack(">L4s", 8 + 10**7, b"free") + bytes(10**7))
    monkeypatch.setattr(dry_run, "READ_AHEAD", 10**4)  # 0.2 GB of frames, 100 GB of clips
    assert run(folder_with_clip, DRY_RUN="1") == 0


@pytest.mark.parametrize("dry", ["", "1"])
def test_the_memory_of_steadying_is_counted(dry, folder_with_clip, monkeypatch, capsys):
    Path("clips/beach.jpg").write_bytes(tiny.file(60, 80, 1))
    monkeypatch.setattr(frames, "STEADYING", 10**9)
    assert run(folder_with_clip, DRY_RUN=dry) == 1
    out = capsys.readouterr().out
    assert "beach.jpg in monet: FAILED" not in out
    assert [line for line in out.splitlines() if "walk.mp4" in line and "memory" in line]


def test_a_mask_beside_a_clip_holds_for_all_of_its_frames(folder_with_clip, capsys):
    mask = np.zeros((64, 96), np.uint8)
    mask[:, :48] = 255
    Image.fromarray(mask).save("clips/walk.mask.png")
    assert run(folder_with_clip) == 0
    assert "walk.mask" not in capsys.readouterr().out
    for number, each in enumerate(clips.pixels(RESULT)):
        frame = Image.fromarray(clips.picture(number)).resize((64, 42))
        apart = np.abs(each - np.asarray(frame, int)).mean((0, 2))
        assert apart[36:].mean() < 0.5 * apart[:28].mean()


def test_the_frames_of_a_clip_are_spread_over_the_nodes_of_a_cluster(here, whole_run, monkeypatch):
    ray = FakeRay("one", "two")
    monkeypatch.setattr(driver, "connected", ray.connected)
    monkeypatch.setattr(driver, "prepare", lambda *_: None)
    monkeypatch.setattr(fleet, "NODES_EVERY_S", 0.05)
    monkeypatch.setattr(actor, "log_to_stdout", lambda *_: None)
    loaded = config.load(here | {"CLUSTER": "auto", "DEVICE": "cpu"})
    try:
        assert paint_batch(loaded, driver.on_cluster("auto", {})) == 0
    finally:
        for each in ray.actors:
            each.threads.shutdown()
    assert RESULT.read_bytes() == whole_run
    assert keys() == {"monet/walk.mp4", "_records/monet/walk.mp4.json"}


def test_the_result_is_steadied(here, monkeypatch):
    calls, real = [], steadying.steadied
    monkeypatch.setattr(steadying, "steadied", lambda *a: calls.append(1) or real(*a))
    assert run(here) == 0
    assert len(calls) == 5


def test_what_is_kept_of_a_part_of_a_clip_is_not_taken_for_that_of_another():
    order = SimpleNamespace(checkpoint_mark="mark", checkpoint_key="monet/walk.npz")
    spans = [(Fraction(0), None), (Fraction(1), None), (Fraction(0), Fraction(1))]
    folders = {Clip(order, span).folder for span in spans}
    assert len(folders) == 3 and all(each.startswith("monet/walk/") for each in folders)


def test_a_clip_fails_once_and_its_other_frames_are_not_painted(here, monkeypatch, capsys):
    Path("clips/beach.jpg").write_bytes(tiny.file(60, 80, 1))
    tried, real = [], Painter.paint

    def paint(self, order, *arguments, **named):
        if order.photo.key != "beach.jpg":
            tried.append(order.photo.key)
            raise ValueError("no paint is left")
        return real(self, order, *arguments, **named)

    monkeypatch.setattr(Painter, "paint", paint)
    assert run(here) == 1
    out = capsys.readouterr().out
    assert out.count("walk.mp4 in monet: FAILED: unexpected ValueError: no paint is left") == 1
    assert "1 painted in" in out and "1 FAILED" in out and len(tried) < 5
    assert {"monet/beach.jpg", "_records/monet/walk.mp4.json"} <= keys()


def test_a_clip_that_changes_while_it_is_painted_waits_for_the_next_round(
    here, whole_run, after_frames, capsys
):
    def change():
        raise ChangedError("walk.mp4 is being changed; it is waited for")

    after_frames(4, change)
    assert run(here) == 0
    out = capsys.readouterr().out
    assert "0 painted in" in out and "FAILED" not in out
    assert not RESULT.exists()
    assert run(here) == 0
    assert RESULT.read_bytes() == whole_run
