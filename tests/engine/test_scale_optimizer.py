"""The check for numbers that are not finite."""

import numpy as np
import pytest
import tensorflow as tf

from styletransfer.engine import scale_optimizer
from styletransfer.engine.optimizers import State


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
