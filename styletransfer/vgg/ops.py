"""Rows and columns cut out of feature maps, and a border put around them, where a gradient has to
go back through.

TensorFlow's own gradient of a slice takes some fifty times as long on a processor as padding with
zeros, which is the same, and its way of mirroring several times as long as putting pieces together.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Index = tf.Tensor | int
Range = tuple[Index, Index | None]
ALL: Range = (0, None)


def derived(function: Callable[..., tuple[Any, Callable]]) -> Callable[..., Any]:
    """`function`, which gives its value and the function of its gradient, for TensorFlow to derive
    by the latter where it traces.

    Executed at once, TensorFlow keeps what it needs for that in cycles of references: whole feature
    maps stay until Python looks for garbage. There its own gradient does.
    """
    if tf.executing_eagerly():
        return lambda *arguments: function(*arguments)[0]
    return tf.custom_gradient(function)


def part(x: tf.Tensor, rows: Range = ALL, columns: Range = ALL) -> tf.Tensor:
    """x[:, first:last, left:right] of x [1, h, w, C]; first and left are not negative."""
    (first, last), (left, right) = rows, columns

    @derived
    def cut(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        found, (height, width) = x[:, first:last, left:right], tf.unstack(tf.shape(x)[1:3])

        def slope(upstream: tf.Tensor) -> tf.Tensor:
            tall, wide = tf.unstack(tf.shape(upstream)[1:3])
            # Of what has fewer rows than are to be left out, nothing is left to lead back.
            above, before = tf.minimum(first, height - tall), tf.minimum(left, width - wide)
            around = [above, height - above - tall], [before, width - before - wide]
            return tf.pad(upstream, [[0, 0], *around, [0, 0]])

        return found, slope

    return cut(x)


def zeros_around(x: tf.Tensor, above: Index, below: Index) -> tf.Tensor:
    """x [1, h, w, C] with a column of zeros on either side, a row of them above if `above` is 1 (0:
    none), and one below if `below` is."""
    return tf.pad(x, [[0, 0], [above, below], [1, 1], [0, 0]])


def repeated_around(x: tf.Tensor, above: Index, below: Index) -> tf.Tensor:
    """The same with the first and last columns and rows repeated in place of zeros."""

    @derived
    def put(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        wide = tf.concat([x[:, :, :1], x, x[:, :, -1:]], axis=2)
        found = tf.concat([wide[:, :above], wide, wide[:, tf.shape(x)[1] - below :]], axis=1)

        def slope(upstream: tf.Tensor) -> tf.Tensor:
            around = [[0, 0], [above, below], [1, 1], [0, 0]]
            return tf.raw_ops.MirrorPadGrad(input=upstream, paddings=around, mode="SYMMETRIC")

        return found, slope

    return put(x)


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
