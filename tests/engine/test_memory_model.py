"""The memory that a picture needs and a GPU has; paintings take little."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import picture

from painterly import Settings
from painterly.devices import memory, nvidia
from painterly.devices.budget import FREE_SHARE, MemoryBudget
from painterly.devices.memory import device_budget
from painterly.engine import memory_model, places
from painterly.engine.extractor import Extractor
from painterly.engine.groups import painting_targets
from painterly.engine.memory_model import PaintingInputs
from painterly.engine.paintings import Paintings
from painterly.engine.schedule import Schedule
from painterly.engine.style_transfer import StyleTransfer, plan_painting
from painterly.engine.transfer import TransferInputs
from painterly.errors import MemoryShortError
from painterly.vgg import tiles

GIB = 2**30


@pytest.mark.thorough
def test_a_photo_too_large_for_any_size_of_the_picture_is_named_as_what_is_too_large(random_vgg):
    chosen = Settings(size=128, rescale_image=True)
    with pytest.raises(MemoryShortError, match=r"photo alone, at its own size, takes .* smaller"):
        plan_painting(
            PaintingInputs((6000, 8000)),
            [(96, 128)],
            chosen,
            random_vgg,
            MemoryBudget(in_use=0, free=220 << 20),
        )


def test_strokes_too_large_for_the_memory_are_named_before_anything_is_painted(tiny, monkeypatch):
    monkeypatch.setattr(memory, "cpu_memory", lambda: (0, 1 * GIB))
    photo, style = picture(100, 150), Paintings([np.zeros((2000, 2000, 3), np.uint8)])

    def prepared(stroke_size):
        settings = Settings(size=1500, stroke_size=stroke_size)
        return StyleTransfer(TransferInputs(photo, style, settings), tiny, device_budget())

    with pytest.raises(MemoryShortError, match=r"^stroke_size 4 needs 1\.7 GB of memory, and 1\.1"):
        prepared(4)
    assert prepared(3).memory_plan and prepared(1).memory_plan


def test_on_a_gpu_is_planned_what_others_and_tensorflow_leave_of_its_memory(monkeypatch):
    """An RTX 3070 of 8 GiB. A desktop and CUDA hold one and a half, and TensorFlow two, one of them
    free again. TensorFlow takes memory as it needs it, if `grows`."""
    gpu = SimpleNamespace(grows=True, free=4.5, held={"current": 1 * GIB, "peak": 2 * GIB})
    monkeypatch.setattr(memory, "device_name", lambda: "GPU:0")
    in_all = nvidia.GpuMemory
    monkeypatch.setattr(nvidia, "gpu_memory", lambda number: in_all(int(gpu.free * GIB), 8 * GIB))
    card = SimpleNamespace(name="/physical_device:GPU:0")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [card])
    config = tf.config.experimental
    monkeypatch.setattr(config, "get_memory_growth", lambda _: gpu.grows)
    monkeypatch.setattr(config, "get_memory_info", lambda name: gpu.held)
    monkeypatch.setattr(config, "get_device_details", lambda gpu: {"compute_capability": (8, 6)})
    capacity = memory.gpu_capacity.__wrapped__
    monkeypatch.setattr(memory, "gpu_capacity", cache(capacity))
    most = 8 - 1.5 - 1536 / 1024  # TensorFlow leaves 1536 MiB to CUDA's libraries.
    assert device_budget().bytes == pytest.approx(0.9 * (most - 1) * GIB)
    # Once it has taken more from the driver, that is TensorFlow's to use again.
    gpu.free, gpu.held = 0, {"current": 0, "peak": 5 * GIB}
    assert device_budget().bytes == pytest.approx(0.9 * most * GIB)
    # A program that uses the library and sets up nothing: TensorFlow took all at its start.
    monkeypatch.setattr(memory, "gpu_capacity", cache(capacity))
    gpu.grows, gpu.free, gpu.held = False, 0.2, {"current": 1 * GIB, "peak": 2 * GIB}
    assert device_budget().bytes == pytest.approx(0.9 * (8 - 1536 / 1024 - 1) * GIB)


@pytest.mark.parametrize("recipe", ["default", pytest.param("inetwork", marks=pytest.mark.slow)])
def test_a_high_painting_is_measured_in_bands_as_it_is_at_once(tiny, recipe, monkeypatch):
    extractor = Extractor.of(Settings(recipe=recipe, precision="float32", model="vgg19"), tiny)
    painting, mask = picture(611, 40)[None], picture(50, 30)[..., 0]
    at_once, _ = painting_targets(extractor, tf.constant(painting), mask)
    heights, whole = [], tiles.tiles
    monkeypatch.setattr(tiles, "FORWARD_SIDE", 48)
    monkeypatch.setattr(places, "BANDS", (1, 1))

    def recorded(*given):
        found = whole(*given)
        heights.extend(row[0].rows.last - row[0].rows.first for row in found)
        return found

    monkeypatch.setattr(tiles, "tiles", recorded)
    in_bands, _ = painting_targets(extractor, tf.constant(painting), mask)
    for one, other in zip(tf.nest.flatten(at_once), tf.nest.flatten(in_bands), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5 * np.abs(one).max())
    assert 1 < max(heights) < 0.6 * 611  # Most of it the halo of recipe inetwork.


@pytest.mark.thorough
def test_speed_costs_memory_only_if_a_picture_still_fits_at_once(random_vgg, monkeypatch):
    settings = Settings(size=1024, precision="float32")
    sizes = Schedule.of(1024, 1024, settings).sizes

    def planned(free):
        monkeypatch.setattr(memory, "cpu_memory", lambda: (0, free))
        inputs = PaintingInputs((1024, 1024))
        return plan_painting(inputs, sizes, settings, random_vgg, device_budget())

    roomy = planned(16_000_000_000)
    tight = planned(roomy.memory.bytes_needed / FREE_SHARE - 1)
    assert roomy.objective.extractor.options.spends_memory
    assert not tight.objective.extractor.options.spends_memory
    assert roomy.memory.side is tight.memory.side is None
    earlier = map(roomy.memory.for_scale, sizes[:-1])
    assert {plan.side for plan in earlier} == {None}


@pytest.fixture
def planned(random_vgg, monkeypatch):
    """Plan a square picture on a CPU with this many free bytes, in float32."""

    def plan(side, free, **inputs):
        monkeypatch.setattr(memory, "cpu_memory", lambda: (0, free))
        settings = Settings(size=side, precision="float32")
        sizes = Schedule.of(side, side, settings).sizes
        given = PaintingInputs(**{"size": (side, side), **inputs})
        return plan_painting(given, sizes, settings, random_vgg, device_budget()).memory

    return plan


def test_after_memory_ran_out_no_later_plan_takes_as_much(planned):
    first = planned(1024, 100 * GIB)
    less = first.with_less()
    assert less.bytes_needed < first.bytes_needed
    assert less.for_scale(less.size).bytes_needed < first.bytes_needed
    while less.side != memory_model.SIDES[-1]:
        less = less.with_less()
    with pytest.raises(MemoryShortError, match="smallest tiles; choose a smaller size"):
        less.with_less()


def test_an_earlier_scale_takes_less_than_the_last_one(planned):
    settings = Settings(size=3000, precision="float32")
    earlier = Schedule.of(3000, 3000, settings).sizes[:-1]
    for gigabytes in (6, 8, 12, 16, 24):
        last = planned(3000, gigabytes * GIB)
        for size in earlier:
            assert last.for_scale(size).bytes_needed <= last.bytes_needed


def test_a_photo_that_is_too_large_to_be_scaled_is_named(planned):
    with pytest.raises(MemoryShortError, match=r"^scaling the photo needs .* make it smaller"):
        planned(256, 4 * GIB, size=(30_000, 30_000))
