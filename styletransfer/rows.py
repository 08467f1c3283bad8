"""Pictures and feature maps that are read and written over by rows, each in one piece of memory and
where it lies.

TensorFlow's variables do that, but not by slices: what reads one of a variable that is written to
by parts makes a copy of all of it first.
"""

import tensorflow as tf


def read(variable: tf.Variable, first: int, last: int) -> tf.Tensor:
    """Rows first … last − 1 of a variable [1, h, w, C]."""
    rows = tf.range(first, last)
    return variable.gather_nd(tf.stack([tf.zeros_like(rows), rows], axis=1))[None]


def write(variable: tf.Variable, first: int, rows: tf.Tensor) -> None:
    """Puts rows [1, r, w, C] in the place of a variable's from row `first` on."""
    tf.raw_ops.ResourceStridedSliceAssign(
        ref=variable.handle,
        begin=[0, first],
        end=[1, first + rows.shape[1]],
        strides=[1, 1],
        value=rows,
    )


class Rows:
    """A tensor [1, height, w, C], given as it is or to be written by rows. In one piece: of many,
    made between what is computed meanwhile, none would leave room for anything large."""

    def __init__(self, height: int) -> None:
        self.height = height
        self._tensor: tf.Tensor | tf.Variable | None = None

    @classmethod
    def of(cls, tensor: tf.Tensor) -> "Rows":
        """The rows of a tensor [1, h, w, C]."""
        found = cls(tensor.shape[1])
        found._tensor = tensor
        return found

    @property
    def spec(self) -> tf.TensorSpec:
        """What stands for any of its rows."""
        return tf.TensorSpec([1, None, None, self._tensor.shape[3]], self._tensor.dtype)

    @property
    def whole(self) -> tf.Tensor:
        """All of it."""
        return tf.convert_to_tensor(self._tensor)

    def take(self, first: int, last: int) -> tf.Tensor:
        """Rows first … last − 1."""
        if isinstance(self._tensor, tf.Variable):
            return read(self._tensor, first, last)
        return self._tensor[:, first:last]

    def put(self, first: int, rows: tf.Tensor) -> None:
        """Writes rows [1, r, w, C] from row `first` on."""
        if self._tensor is None:
            self._tensor = tf.zeros([1, self.height, *rows.shape[2:]], rows.dtype)
        if not isinstance(self._tensor, tf.Variable):
            self._tensor = tf.Variable(self._tensor, trainable=False)
        write(self._tensor, first, rows)
