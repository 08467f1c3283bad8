"""Dry runs."""

import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from support import tiny
from support.folder_batches import keys, run
from support.pictures import saved

from styletransfer import log
from styletransfer.batch import dry_run, forecast, painting
from styletransfer.batch import run as batch_run
from styletransfer.batch.device_loader import DeviceLoader
from styletransfer.batch.looks import Look, Painting
from styletransfer.batch.plan import Task
from styletransfer.devices.system_memory import resident_memory
from styletransfer.engine.schedule import total_work
from styletransfer.engine.stylize import StyleTransfer
from styletransfer.errors import PictureError
from styletransfer.settings import Settings
from styletransfer.storage.base import Entry
from styletransfer.storage.folder import FolderBucket


def test_a_dry_run_logs_everything_and_writes_nothing(folders, small_vgg, capsys):
    assert run(folders, DRY_RUN="1", STYLE_ITERATIONS="50") == 0
    out = capsys.readouterr().out
    assert keys() == set() and not Path("out").exists()
    table = [line.split("  ") for line in out.splitlines() if "×" in line]
    rows = {cells[0]: [each.strip() for each in cells if each] for cells in table}
    for row, count in (("both", "2"), ("monet", "2"), ("total", "4")):
        assert rows[row][1:3] == [count, "64 × 48"] and rows[row][-1].endswith("B")
    assert "start, once" in out
    assert "dry run: 4 to paint in about" in out and "TensorFlow included, as in MEMORY" in out


def test_memory_counts_the_same_in_a_run_as_in_a_dry_run(folders, small_vgg, capsys):
    """All that the process holds: more than the programs and the network, which are there."""
    log.log_to_stdout("", as_json=True)
    assert run(folders, PHOTO="beach.jpg", LOOK="monet", DRY_RUN="1") == 0
    foretold = json.loads(capsys.readouterr().out.splitlines()[-1])["memory_gb"]
    assert run(folders, PHOTO="beach.jpg", LOOK="monet") == 0
    lines = [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]
    said = next(line for line in lines if "of memory in all" in line)
    taken = float(re.search(r"64 × 48 px, (\S+) GB of memory in all", said)[1])
    assert taken == pytest.approx(foretold, abs=0.16) and taken > resident_memory() / 1.5e9


def test_a_dry_run_with_nothing_to_paint_says_so_without_tensorflow(
    folders, small_vgg, monkeypatch, capsys
):
    one = folders | {"PHOTO": "beach.jpg", "LOOK": "monet"}
    assert run(one) == 0
    monkeypatch.setattr(DeviceLoader, "start", lambda _: pytest.fail("TensorFlow is loaded"))
    assert run(one, DRY_RUN="1") == 0
    assert "Nothing to paint: the result is in ./out." in capsys.readouterr().out


class PaintingClock:
    """A clock of which only painting takes any: a second for every thousand pixels of a step, ten
    times as long for the first step at a scale, and an hour more for the first step of all.

    steps: of each picture that was painted to its end.
    """

    def __init__(self, monkeypatch):
        self.now, self.steps, self._warm = 0.0, [], False
        for module in (batch_run, dry_run, forecast, painting):
            monkeypatch.setattr(module, "perf_counter", lambda: self.now)
        real = StyleTransfer.steps
        monkeypatch.setattr(StyleTransfer, "steps", lambda *given: self._timed(real(*given)))

    def start_anew(self):
        """As in a process that has painted nothing yet."""
        self.steps, self._warm = [], False

    def _timed(self, steps):
        painted, scale = 0, None
        for step in steps:
            height, width = step.image.shape[:2]
            self.now += height * width / 1000 * (1 if step.scale == scale else 10)
            self.now += 0 if self._warm else 3600
            painted, scale, self._warm = painted + 1, step.scale, True
            if step.iteration == step.total:
                self.steps.append(painted)
            yield step


@pytest.mark.slow
def test_a_dry_run_foretells_the_steps_and_the_seconds_of_the_run(
    folders, small_vgg, monkeypatch, capsys
):
    folders |= {"STYLE_SIZE": "192", "STYLE_ITERATIONS": "4"}
    Path("photos/square.png").write_bytes(tiny.file(60, 60, 5, "PNG"))
    Path("paintings/looks.toml").write_text(
        '[both]\npaintings = ["both/a.jpg", "both/b.webp"]\niterations = 5\n'
        '[monet]\npaintings = ["monet.jpg"]\n'
    )
    log.log_to_stdout("", as_json=True, level=logging.DEBUG)

    def logged(**options):
        assert run(folders, **options) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    clock = PaintingClock(monkeypatch)
    foretold = logged(DRY_RUN="1")
    clock.start_anew()
    taken = [each["seconds"] for each in logged() if "result" in each]
    pictures = [each for each in foretold if "photo" in each]
    steps = [each["steps"] for each in pictures]
    assert steps == clock.steps and set(steps) == {12, 15}
    assert len({each["seconds"] for each in pictures}) == 4  # of two sizes in two looks
    taken[0] -= 3600  # Spent once, and foretold for the whole alone.
    assert taken == pytest.approx([each["seconds"] for each in pictures], abs=0.11)
    assert foretold[-1]["to_paint"] == 6 and foretold[-1]["memory_gb"] > 0.1
    looks = {each["look"]: each["seconds"] for each in foretold[-1]["looks"]}
    assert looks["both"] == pytest.approx(sum(taken[:3]), abs=0.3)
    assert foretold[-1]["seconds"] == pytest.approx(3600 + sum(taken), abs=0.7)


def test_of_a_photo_a_dry_run_reads_the_start_and_all_where_that_does_not_say_its_size(
    folders, small_vgg, monkeypatch, capsys
):
    large = Image.effect_noise((960, 800), 60).convert("RGB")
    header_last = saved(large, "TIFF", compression="tiff_lzw")
    Path("photos/scan.tif").write_bytes(header_last)
    read, real = [], FolderBucket.read
    monkeypatch.setattr(FolderBucket, "read", lambda self, key: read.append(key) or real(self, key))
    assert run(folders, DRY_RUN="1") == 0
    assert [key for key in read if key not in ("monet.jpg", "both/a.jpg", "both/b.webp")] == [
        "scan.tif"
    ]
    assert "dry run: 6 to paint" in capsys.readouterr().out


def test_a_dry_run_names_what_cannot_be_painted(folders, small_vgg, capsys):
    Path("photos/text.jpg").write_text("dear diary")
    assert run(folders, DRY_RUN="1") == 1
    assert "text.jpg in monet: cannot be painted: text.jpg: is text" in capsys.readouterr().out


def test_a_dry_run_names_every_photo_and_look_that_cannot_be_painted(folders, small_vgg, capsys):
    Path("photos/a wall.png").write_bytes(saved(Image.new("1", (14000, 14000)), "PNG"))
    Path("paintings/torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    limit = str(resident_memory() + 900_000_000)
    assert run(folders, DRY_RUN="1", MEMORY_LIMIT=limit) == 1
    out = capsys.readouterr().out
    for look in ("both", "monet"):
        assert f"a wall.png in {look}: cannot be painted: a wall.png: decoding it takes" in out
    assert "beach.jpg in torn: cannot be painted: painting torn.jpg" in out
    assert [line.split()[:2] for line in out.splitlines() if "64 × 48" in line] == [
        *(["both", "2"], ["monet", "2"], ["total", "4"])
    ]
    assert "dry run: 4 to paint in about" in out and "5 that cannot be painted" in out


def estimated(photo, look, size, gigabytes, seconds):
    task = Task(Entry(photo, 9, "e"), None, Look(look, (), Settings()), "", None, "f", None)
    return forecast.TaskForecast(task, size, SimpleNamespace(in_all=gigabytes * 1e9), 7, seconds)


class FakeForecast:
    """Knows what painting takes; None: it cannot be painted."""

    set_up_s, by_task = 8.0, None

    def __init__(self, run, device):
        assert device == "a core"

    def of(self, task):
        found = self.by_task[id(task)]
        if not found.seconds:
            raise PictureError("torn")
        return found

    def close(self):
        """Nothing is open."""


TOTALS = {
    0: {
        "to_paint": 3,
        "failed": 0,
        "seconds": 105.0,
        "once_s": 10.0,
        "memory_gb": 2.5,
        "looks": [
            {"look": "monet", "to_paint": 2, "seconds": 90.0, "memory_gb": 2.5},
            {"look": "klee", "to_paint": 1, "seconds": 5.0, "memory_gb": 1.25},
        ],
    },
    1: {"to_paint": 2, "failed": 2, "seconds": 100.0, "once_s": 10.0, "memory_gb": 2.5},
    3: {"to_paint": 0, "failed": 3, "seconds": 0.0},
}
HEAD = [
    ["look", "to paint", "largest, px", "time", "memory"],
    ["monet", "2", "40 × 30", "1 min 30 s", "2.5 GB"],
]
ONCE = ["start, once", "10 s"]
TABLES = {
    0: [
        *HEAD,
        ["klee", "1", "40 × 60", "5 s", "1.2 GB"],
        ONCE,
        ["total", "3", "40 × 60", "1 min 45 s", "2.5 GB"],
    ],
    1: [*HEAD, ONCE, ["total", "2", "40 × 30", "1 min 40 s", "2.5 GB"]],
    3: [],
}
ENDS = {
    0: "dry run: 3 to paint in about 1 min 45 s on this device; memory is that of the whole",
    1: "dry run: 2 to paint in about 1 min 40 s on this device, 2 that cannot be painted; memory",
    3: "dry run: 0 to paint, 3 that cannot be painted. Nothing was painted.",
}


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("torn", [0, 1, 3])
def test_a_dry_run_sums_up_each_look_and_the_whole(monkeypatch, capsys, as_json, torn):
    estimates = [
        estimated("a.jpg", "monet", (30, 40), 1.5, 60.0 if torn < 3 else 0),
        estimated("b.jpg", "monet", (50, 20), 2.5, 30.0 if torn < 3 else 0),
        estimated("a.jpg", "klee", (60, 40), 1.25, 0 if torn else 5.04),
    ]
    monkeypatch.setattr(FakeForecast, "by_task", {id(each.task): each for each in estimates})
    monkeypatch.setattr(dry_run, "Forecast", FakeForecast)
    monkeypatch.setattr(dry_run, "perf_counter", lambda: 102.0)
    log.log_to_stdout("%(message)s", as_json=as_json)
    loaded = []
    context = SimpleNamespace(
        plan=SimpleNamespace(todo=[each.task for each in estimates], refused=[None] * (torn == 1)),
        networks=SimpleNamespace(load=lambda *given: loaded.append(given)),
        stop=SimpleNamespace(obey=lambda: None),
    )
    devices = SimpleNamespace(first=SimpleNamespace(name="a core"))
    assert dry_run.report_dry_run(context, devices, 100.0) == bool(torn)
    lines = capsys.readouterr().out.splitlines()
    assert loaded == [(Settings(), "a core")]
    if as_json:
        last = json.loads(lines[-1])
        expected = TOTALS[torn]
        assert {name: last[name] for name in expected} == expected
    else:
        rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
        assert [row for row in rows if len(row) > 1] == TABLES[torn]
        assert lines[-1].startswith(ENDS[torn])


def test_each_kind_of_picture_is_measured_once(monkeypatch):
    """Of one look, one size within a factor of four, and with or without a mask."""
    measured = []

    def measure(self, task, inputs):
        measured.append(task)
        return 1e-3

    def plan(self, inputs, settings):
        height, width = inputs.size
        memory = SimpleNamespace(tiling=None)
        return SimpleNamespace(sizes=[(height // 2, width // 2)], memory=memory, counts=[3, 4])

    monkeypatch.setattr(forecast.Forecast, "_look_targets", lambda *_: None)
    monkeypatch.setattr(forecast.Forecast, "_size", lambda self, task: task.photo.size)
    monkeypatch.setattr(forecast.Forecast, "_plan", plan)
    monkeypatch.setattr(forecast.Forecast, "_seconds_per_work", measure)
    context = SimpleNamespace(
        config=SimpleNamespace(memory_limit=None),
        plan=SimpleNamespace(todo=()),
        buckets=SimpleNamespace(source=None, style=None),
    )
    found = forecast.Forecast(context, "a core")

    def estimate(size, mask=None, **settings):
        look = Look("monet", (Painting(Entry("m.jpg", 9, "e"), 1.0),), Settings(**settings))
        task = Task(Entry("a.jpg", size, "e"), mask, look, "", None, "f", None)
        return task, found.of(task)

    first, taken = estimate((480, 640))
    assert (taken.task, taken.size, taken.steps) == (first, (240, 320), 7)
    assert taken.seconds == pytest.approx(1e-3 * total_work(480, 640, Settings()))
    _, taken = estimate((490, 650))
    assert measured == [first] and taken.seconds != 1e-3 * total_work(480, 640, Settings())
    large, _ = estimate((960, 1280))
    masked, _ = estimate((480, 640), mask=Entry("a.mask.png", 9, "m"))
    rescaled, taken = estimate((480, 640), rescale_image=True)
    assert measured == [first, large, masked, rescaled] and taken.size == (480, 640)


def test_what_a_run_spends_once_is_counted_once(folders, small_vgg, monkeypatch, capsys):
    """As TensorFlow's programs, which are built for the first picture."""
    times = iter([[60.0, 1, 1, 1], *[[2.0, 1, 1, 1]] * 9])
    monkeypatch.setattr(forecast, "_step_sizes", lambda *_: [(48, 64)] * 4)
    monkeypatch.setattr(forecast.Forecast, "_step_times", lambda *_: next(times))
    log.log_to_stdout("", as_json=True, level=logging.DEBUG)
    assert run(folders, DRY_RUN="1") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["seconds"] for each in lines if "photo" in each] == [5, 5, 5, 5]
    assert lines[-1]["once_s"] >= 58
    assert lines[-1]["seconds"] == pytest.approx(lines[-1]["once_s"] + 4 * 5, abs=0.11)
