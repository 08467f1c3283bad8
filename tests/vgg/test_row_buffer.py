"""RowBuffer: a feature map read and written by rows."""

import numpy as np
import tensorflow as tf

from styletransfer.vgg.row_buffer import RowBuffer, read_rows, write_rows


def feature(height, dtype=tf.float32):
    values = np.arange(height * 5 * 2, dtype=np.float32).reshape(1, height, 5, 2)
    return tf.cast(values, dtype)


def test_writing_leaves_the_given_tensor_unchanged():
    whole = feature(6)
    before = whole.numpy()
    rows = RowBuffer.from_tensor(whole)
    rows.write(2, -whole[:, 2:4])
    assert np.array_equal(rows.read(0, 2), before[:, :2])
    assert np.array_equal(rows.read(2, 4), -before[:, 2:4])
    assert np.array_equal(whole, before)


def test_rows_that_were_read_stay_when_the_variable_changes():
    variable = tf.Variable(feature(6))
    for _ in range(2):  # From the second time on, reading all of it takes another path.
        everything, some = tf.convert_to_tensor(variable), read_rows(variable, 1, 3)
        before = everything.numpy().copy(), some.numpy().copy()
        write_rows(variable, 0, tf.zeros([1, 4, 5, 2]))
        assert np.array_equal(everything, before[0])
        assert np.array_equal(some, before[1])
        assert not read_rows(variable, 0, 4).numpy().any()
        variable.assign(feature(6))
