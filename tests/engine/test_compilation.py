"""The choice of steps that XLA compiles, and the pictures they paint."""

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import last, picture

from styletransfer import Settings, stylize
from styletransfer.engine import compilation, objective, resilient_program
from styletransfer.engine.compilation import COMPILE_SECONDS, SAVED_SECONDS, Compilation, StepTimer
from styletransfer.engine.matching import Matching
from styletransfer.engine.program import term_weights
from styletransfer.engine.style_targets import StyleTargets
from styletransfer.engine.transport import by_products

ENOUGH = round(COMPILE_SECONDS / SAVED_SECONDS)  # steps, to pay for a compilation


@pytest.fixture
def fresh(monkeypatch):
    """As at the start of a process."""
    found = Compilation()
    monkeypatch.setattr("styletransfer.engine.resilient_program.of_this_process", found)
    return found


def test_a_gpu_compiles_a_size_once_its_steps_pay_for_it(monkeypatch):
    monkeypatch.setattr(compilation, "gpus_in_use", lambda: ["a GPU"])
    found, settings = Compilation(), Settings()
    half = ENOUGH // 2 + 1
    assert [found.wanted("512", half, settings) for _ in range(3)] == [False, True, True]
    assert not found.wanted("256", half, settings)
    assert found.wanted("1024", ENOUGH, settings)
    assert not found.wanted("724", ENOUGH, Settings(deterministic=True))
    assert not found.wanted("724", ENOUGH, Settings(compile="never"))
    assert not found.wanted("724", ENOUGH, Settings(optimizer="lbfgs"))
    found.failed(tf.errors.ResourceExhaustedError(None, None, "OOM"))
    assert found.wanted("1448", ENOUGH, settings)
    found.failed(tf.errors.InternalError(None, None, "no libdevice"))
    assert not found.wanted("2048", ENOUGH, settings)


def test_no_more_sizes_are_compiled_than_memory_has_room_for(monkeypatch):
    monkeypatch.setattr(compilation, "gpus_in_use", lambda: ["a GPU"])
    found = Compilation()
    wanted = [found.wanted(size, ENOUGH, Settings()) for size in range(100)]
    assert sum(wanted) == compilation.MOST_PROGRAMS
    assert found.wanted(0, 1, Settings())


def timed(step, first=None):
    timer = StepTimer()
    timer.first, timer.step = first, step
    return timer


def test_what_compiling_costs_and_saves_is_measured(monkeypatch):
    monkeypatch.setattr(compilation, "gpus_in_use", lambda: ["a GPU"])
    found, settings = Compilation(), Settings()
    assert not found.wanted("512", 200, settings)
    found.took("512", timed(0.020))
    assert found.wanted("512", ENOUGH, settings)
    found.took("512", timed(0.015, first=40.0))  # 5 ms a step, for 40 s: pays from 8000 steps on
    assert [found.wanted("256", 4000, settings) for _ in range(2)] == [False, True]
    found.took("512", timed(0.015, first=0.015))  # A compiled size costs nothing.
    assert not found.wanted("724", 7900, settings)


def test_where_compiling_saves_nothing_steps_stay_plain(monkeypatch):
    monkeypatch.setattr(compilation, "gpus_in_use", lambda: ["a GPU"])
    found, settings = Compilation(), Settings()
    found.took("512", timed(0.020))
    assert found.wanted("512", ENOUGH, settings)
    found.took("512", timed(None, first=9.0))  # Too few steps to tell.
    assert found.wanted("512", 1, settings)
    found.took("512", timed(0.021, first=9.0))
    assert not found.wanted("512", ENOUGH, settings)
    assert not found.wanted("256", 100 * ENOUGH, settings)


def test_a_step_is_timed_without_what_comes_between_steps(monkeypatch):
    now = iter([10.0, 11.0, 11.5, 14.5])
    monkeypatch.setattr(compilation, "perf_counter", lambda: next(now))
    timer = StepTimer()
    timer.done(5)
    assert timer.step is None
    for number in (10, 15, 20):
        timer.done(number)
    assert timer.step == pytest.approx(0.1)


def test_a_resumed_picture_asks_for_the_steps_that_are_left(tiny, fresh, monkeypatch):
    asked = []
    monkeypatch.setattr(fresh, "wanted", lambda _, left, settings: asked.append(left))
    args = picture(96, 128, 1), [picture(60, 60, 2)], Settings(size=181, iterations=3), tiny
    for step in stylize(*args):
        if step.iteration == 4:
            snapshot = step.snapshot()
            break
    asked.clear()
    last(stylize(*args, resume=snapshot))
    assert asked == [2, 3]


def test_a_cpu_compiles_nothing_unasked():
    assert not Compilation().wanted("512", 100 * ENOUGH, Settings())
    assert Compilation().wanted("512", 1, Settings(compile="always"))


@pytest.mark.slow
def test_a_compiled_picture_is_the_plain_one_up_to_rounding(tiny, fresh):
    inputs = picture(32, 48, 1), [picture(40, 48, 2)]
    settings = Settings(size=48, iterations=1, precision="float32", style_statistics="gram")
    plain, compiled = (
        last(stylize(*inputs, dataclasses.replace(settings, compile=how), tiny))
        for how in ("never", "always")
    )
    assert fresh.wanted("another", 1, Settings(compile="always"))  # None has failed.
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-3)
    # If a gradient is nearly 0, rounding alone decides in which direction Adam goes.
    off = np.abs(compiled.image - plain.image)
    assert off.mean() < 1e-4 and np.quantile(off, 0.99) < 1e-3


@pytest.mark.slow
def test_terms_that_xla_joins_and_their_gradient_are_the_plain_ones(tiny):
    """As on a GPU: without eigendecompositions."""
    minimised = objective.Objective.of(Settings(precision="float32"), tiny)
    losses = dataclasses.replace(minimised.losses, displacements=by_products)
    minimised = dataclasses.replace(minimised, losses=losses)
    photo = tf.constant(picture(32, 48, 1)[None])
    groups = StyleTargets([picture(40, 48, 2)]).groups(minimised, (32, 48))
    problem = minimised.problem(photo, groups, None)
    image = minimised.canvas((32, 48)).padded(tf.constant(picture(32, 48, 3)[None]))
    problem = Matching(minimised, problem, photo).matched(image)
    weights = term_weights(0.7, Settings())
    plain, found = (
        dataclasses.replace(minimised, compiled_terms=compiled_terms).gradient(
            image, problem, weights
        )
        for compiled_terms in (False, True)
    )
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_gpu_joins_terms_where_xla_works(monkeypatch):
    monkeypatch.setattr(compilation, "gpus_in_use", lambda: ["a GPU"])
    monkeypatch.setattr(compilation, "xla_works", lambda: True)
    assert compilation.compiles_terms(Settings())
    for other in (Settings(compile="never"), Settings(deterministic=True), Settings.inetwork()):
        assert not compilation.compiles_terms(other)
    monkeypatch.setattr(compilation, "xla_works", lambda: False)
    assert not compilation.compiles_terms(Settings())


def test_where_xla_fails_the_picture_is_painted_without(tiny, fresh, monkeypatch, caplog):
    """Whether it compiles the whole step or the terms."""

    def fails(*_):
        raise tf.errors.InternalError(None, None, "libdevice not found")

    made = resilient_program.program

    def program(minimised, problem, tiling):
        found = made(minimised, problem, tiling)._replace(compiled_step=fails)
        return found._replace(step=fails) if minimised.compiled_terms else found

    monkeypatch.setattr(resilient_program, "program", program)
    monkeypatch.setattr(objective, "compiles_terms", lambda settings: settings.compile == "always")
    inputs = picture(32, 48, 1), [picture(40, 48, 2)]
    always = Settings(size=48, iterations=2, precision="float32", compile="always")
    never = Settings(size=48, iterations=2, precision="float32", compile="never")
    with caplog.at_level(logging.WARNING, "styletransfer"):
        found = last(stylize(*inputs, always, tiny)).image
    np.testing.assert_array_equal(found, last(stylize(*inputs, never, tiny)).image)
    assert {each.message for each in caplog.records} == {
        "steps cannot be compiled here, and are slower: libdevice not found"
    }
    assert not fresh.wanted("another", 1, always)
