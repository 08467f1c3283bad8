"""A feature map that is read and written by rows."""

import tensorflow as tf


def read_rows(variable: tf.Variable, first: int, last: int) -> tf.Tensor:
    """Rows first … last − 1 of a variable [1, h, w, C]."""
    rows = tf.range(first, last)
    return variable.gather_nd(tf.stack([tf.zeros_like(rows), rows], axis=1))[None]


def write_rows(variable: tf.Variable, first: int, rows: tf.Tensor) -> None:
    """Writes rows [1, r, w, C] over those of a variable from row `first` on."""
    tf.raw_ops.ResourceStridedSliceAssign(
        ref=variable.handle,
        begin=[0, first],
        end=[1, first + rows.shape[1]],
        strides=[1, 1],
        value=rows,
    )


class RowBuffer:
    """A tensor [1, height, w, C], given at once or written by rows.

    It is one allocation: many small ones, made between other results, would fragment memory and
    leave no room for a large tensor.
    """

    def __init__(self, height: int) -> None:
        self.height = height
        self._tensor: tf.Tensor | tf.Variable | None = None

    @classmethod
    def from_tensor(cls, tensor: tf.Tensor) -> "RowBuffer":
        """A buffer of all rows of a tensor [1, h, w, C]."""
        buffer = cls(tensor.shape[1])
        buffer._tensor = tensor
        return buffer

    @property
    def spec(self) -> tf.TensorSpec:
        """The signature of any number of its rows."""
        assert self._tensor is not None, "nothing is written yet"
        return tf.TensorSpec([1, None, None, self._tensor.shape[3]], self._tensor.dtype)

    @property
    def tensor(self) -> tf.Tensor:
        """The whole tensor [1, height, w, C]."""
        return tf.convert_to_tensor(self._tensor)

    def read(self, first: int, last: int) -> tf.Tensor:
        """Rows first … last − 1."""
        if isinstance(self._tensor, tf.Variable):
            return read_rows(self._tensor, first, last)
        assert self._tensor is not None, "nothing is written yet"
        return self._tensor[:, first:last]

    def write(self, first: int, rows: tf.Tensor) -> None:
        """Writes rows [1, r, w, C] from row `first` on. A tensor given at once stays as it is."""
        if self._tensor is None:
            self._tensor = tf.zeros([1, self.height, *rows.shape[2:]], rows.dtype)
        if not isinstance(self._tensor, tf.Variable):
            self._tensor = tf.Variable(self._tensor, trainable=False)
        write_rows(self._tensor, first, rows)
