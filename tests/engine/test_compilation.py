"""The choice of steps that XLA compiles, and the pictures they paint."""

import dataclasses
import logging
import math
import threading
from collections import defaultdict

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import last, picture

from painterly import Settings, stylize
from painterly.engine.features.gaussians import by_products
from painterly.engine.groups import groups_of
from painterly.engine.optimisation import compilation, matching, objective, scale_optimizer
from painterly.engine.optimisation.compilation import COMPILING_S, compiles_steps
from painterly.engine.optimisation.matching import Matching
from painterly.engine.optimisation.optimizers import term_weights
from painterly.engine.paintings import Paintings
from painterly.engine.tensors import padded

SIZE = 341, 512  # height, width


@pytest.fixture
def _fresh(monkeypatch):
    """As at the start of a process."""
    monkeypatch.setattr(compilation, "failed", threading.Event())
    monkeypatch.setattr(compilation, "saved", defaultdict(float))


@pytest.mark.usefixtures("_fresh")
def test_a_gpu_compiles_a_program_once_that_would_have_paid_and_terms_at_once(monkeypatch):
    monkeypatch.setattr(compilation, "gpus_in_use", lambda: ["a GPU"])
    settings, size, large = Settings(), SIZE, (1365, 2048)
    enough = math.ceil(COMPILING_S / compilation.saved_seconds(size))
    assert not compiles_steps(settings, "one", size, enough // 2)
    assert not compiles_steps(settings, "another", size, enough // 2)
    assert not compiles_steps(settings, "large", large, enough // 6)
    assert compiles_steps(settings, "one", size, enough // 2 + 1)
    assert compiles_steps(settings, "large", large, enough // 6)
    monkeypatch.setattr(compilation, "xla_works", lambda: True)
    assert compilation.compiles_terms(settings)
    for other in (
        Settings(deterministic=True),
        Settings(compile="never"),
        Settings(optimizer="lbfgs"),
        Settings.inetwork(),
    ):
        assert not compiles_steps(other, "one", size, enough)
        assert not compilation.compiles_terms(other)
    with monkeypatch.context() as patch:  # A CPU compiles nothing unasked.
        patch.setattr(compilation, "gpus_in_use", list)
        assert not compiles_steps(settings, "one", size, 10**6)
        assert compiles_steps(Settings(compile="always"), "one", size, 1)
    monkeypatch.setattr(compilation, "xla_works", lambda: False)
    assert not compilation.compiles_terms(settings)
    compilation.xla_failed(tf.errors.InternalError(None, None, "no libdevice"))
    assert not compiles_steps(settings, "one", size, enough)


@pytest.mark.thorough
@pytest.mark.usefixtures("_fresh")
def test_a_compiled_picture_is_the_plain_one_up_to_rounding(tiny):
    inputs = picture(32, 48, 1), [picture(40, 48, 2)]
    settings = Settings(size=48, iterations=1, precision="float32", style_statistics="gram")
    plain, compiled = (
        last(stylize(*inputs, dataclasses.replace(settings, compile=how), tiny))
        for how in ("never", "always")
    )
    assert compiles_steps(Settings(compile="always"), "one", SIZE, 1)  # None has failed.
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-3)
    # If a gradient is nearly 0, rounding alone decides in which direction Adam goes.
    off = np.abs(compiled.image - plain.image)
    assert off.mean() < 1e-4 and np.quantile(off, 0.99) < 1e-3


@pytest.mark.thorough
def test_terms_that_xla_joins_and_their_gradient_are_the_plain_ones(tiny):
    """As on a GPU: without eigendecompositions."""
    minimised = objective.Objective.of(Settings(precision="float32"), tiny)
    losses = dataclasses.replace(minimised.extractor.losses, displacements=by_products)
    extractor = dataclasses.replace(minimised.extractor, losses=losses)
    minimised = dataclasses.replace(minimised, extractor=extractor)
    photo = tf.constant(picture(32, 48, 1)[None])
    groups = groups_of(Paintings([picture(40, 48, 2)]), extractor, (32, 48))
    problem = minimised.problem(photo, groups, None)
    image = padded(extractor.canvas((32, 48)), tf.constant(picture(32, 48, 3)[None]))
    problem = Matching(extractor, problem, photo, 0.5, bare=False).matched(image)
    weights = term_weights(0.7, Settings())
    plain, found = (
        dataclasses.replace(minimised, compiled_terms=compiled_terms).gradient(
            image, problem, weights
        )
        for compiled_terms in (False, True)
    )
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.thorough
def test_styles_of_about_as_many_candidates_share_a_program(tiny, monkeypatch):
    asked = []
    monkeypatch.setattr(matching, "gpus_in_use", lambda: ["a GPU"])
    monkeypatch.setattr(
        scale_optimizer, "compiles_steps", lambda _, program, *rest: asked.append(program)
    )
    settings = Settings(size=64, iterations=1, precision="float32")
    for style in (60, 56):
        last(stylize(picture(48, 64, 1), [picture(style, 60, 2)], settings, tiny))
    first, other_style = asked
    assert first == other_style


@pytest.mark.usefixtures("_fresh")
@pytest.mark.thorough
def test_where_xla_fails_the_picture_is_painted_without(tiny, monkeypatch, caplog):
    """Whether it compiles the whole step or the terms."""

    def fails(*_):
        raise tf.errors.InternalError(None, None, "libdevice not found")

    made = scale_optimizer.program

    def program(minimised, problem, side, compiled=False):
        found = made(minimised, problem, side)
        return found._replace(step=fails) if compiled or minimised.compiled_terms else found

    monkeypatch.setattr(scale_optimizer, "program", program)
    monkeypatch.setattr(objective, "compiles_terms", lambda settings: settings.compile == "always")
    inputs = picture(32, 48, 1), [picture(40, 48, 2)]
    always = Settings(size=48, iterations=2, precision="float32", compile="always")
    never = Settings(size=48, iterations=2, precision="float32", compile="never")
    with caplog.at_level(logging.WARNING, "painterly"):
        found = last(stylize(*inputs, always, tiny)).image
    np.testing.assert_array_equal(found, last(stylize(*inputs, never, tiny)).image)
    assert {each.message for each in caplog.records} == {
        "steps cannot be compiled here, and are slower: libdevice not found"
    }
    assert not compiles_steps(always, "one", SIZE, 1)
