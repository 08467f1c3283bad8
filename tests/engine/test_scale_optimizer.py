"""What goes on between the steps of a picture."""

import re
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import network, picture
from tensorflow.python.framework import constant_op, op_callbacks

from styletransfer import Settings, stylize
from styletransfer.engine import scale_optimizer
from styletransfer.engine.optimizers import State

SETTINGS = Settings(size=64, iterations=40, precision="float32")


@pytest.fixture
def between_steps(monkeypatch):
    """The operations that TensorFlow launches one by one, and `transfer` for each tensor that is
    made of Python's numbers, as on a GPU each is one."""
    counts = Counter()

    def count(name, *_, graph=None, **__):
        if graph is None:
            name = name.decode() if isinstance(name, bytes) else name
            counts[re.sub("^__inference_|_[0-9]+$", "", name)] += 1

    def transfer(*args, **kwargs):
        counts["transfer"] += 1
        return convert(*args, **kwargs)

    convert = constant_op.convert_to_eager_tensor
    monkeypatch.setattr(constant_op, "convert_to_eager_tensor", transfer)
    op_callbacks.add_op_callback(count)
    yield counts
    op_callbacks.remove_op_callback(count)


def test_between_steps_nothing_goes_to_the_device_and_every_fifth_is_checked_in_one(between_steps):
    for step in stylize(picture(64, 64), [picture(64, 64, 1)], SETTINGS, network()):
        if step.iteration == 7:
            between_steps.clear()
        if step.iteration == 27:
            break
    assert between_steps == {"step": 20, "_numbers_to_check": 4, "Cast": 4}


def test_parameters_that_go_to_the_device_a_few_at_a_time_change_nothing(monkeypatch):
    def painted():
        steps = stylize(picture(64, 64), [picture(64, 64, 1)], SETTINGS, network())
        return [step.losses["total"] for step in steps]

    expected = painted()
    monkeypatch.setattr(scale_optimizer, "PARAMS_AT_ONCE", 3)
    np.testing.assert_allclose(painted(), expected, rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", State._fields)
def test_one_number_that_is_not_finite_is_noticed_in_any_part_of_the_state(name, bad):
    state = State.start(tf.ones([1, 8, 8, 3]), 0.1)
    terms = tf.constant([1.0, -2.0, 3.0, 4.0])
    numbers = scale_optimizer._numbers_to_check(state, terms).numpy()
    assert numbers[:4].tolist() == [1, -2, 3, 4] and np.isfinite(numbers).all()
    part = np.array(getattr(state, name))
    part.flat[-1] = bad
    damaged = state._replace(**{name: tf.constant(part)})
    assert not np.isfinite(scale_optimizer._numbers_to_check(damaged, terms).numpy()[4])
