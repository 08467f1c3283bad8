"""The gradient in bounded memory. It is exact; only the order of summation differs.

The losses need only sums over positions. So the picture passes through the network block by block
(a block ends at a pooling) in horizontal tiles, and only the blocks' inputs and the sums are kept.
The losses and the gradients of the sums are computed from the sums. Then the blocks run from the
deepest to the first: each tile's features are recomputed and backpropagated through, and the
gradient of a block's input is written over that input.

A tile's convolutions see some rows of its neighbours (the halo), so the gradients of two tiles
overlap there and are added. The deepest blocks may be computed whole, which avoids recomputing
their features (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", with blocks
instead of layers).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import tensorflow as tf

from styletransfer.engine.objective import Objective, Problem, gradient_scale, signature
from styletransfer.engine.structure import PhotoContours, structure_error
from styletransfer.engine.targets import TERMS, Targets, add_sums, sum_dtype
from styletransfer.vgg.network import Block, poolings_before
from styletransfer.vgg.ops import crop
from styletransfer.vgg.row_buffer import RowBuffer
from styletransfer.vgg.tiled_forward import through_block, tiles


class Tiling(NamedTuple):
    """The tiles in which a gradient is computed.

    Attributes:
        first_whole_block: The first block that is computed whole: 1 for an untiled picture, 6 for
            none.
        rows: The rows of a tile of the other blocks, at their resolution.
    """

    first_whole_block: int
    rows: int


UNTILED = Tiling(1, 0)


class _Picture(NamedTuple):
    """A picture's size [2], (height, width), and targets: arguments of all traced functions."""

    size: tf.Tensor
    targets: Targets


def gradient_in_tiles(
    objective: Objective, tiling: Tiling, image: tf.Tensor, problem: Problem, weights: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes `objective.gradient` of image [1, H, W, 3], a tensor or a variable, in tiles."""
    scale = gradient_scale(objective.options.dtype, weights, tf.constant(image.shape[1:3]))
    if scale is not None:
        weights *= scale
    terms, gradient = _network_gradient(objective, tiling, image, problem, weights[:-1])
    structure = tf.zeros([], terms.dtype)
    if problem.contours:
        whole = objective.composited(tf.convert_to_tensor(image), problem)
        structure, of_structure = _structure(whole, problem.contours, weights[-1])
        gradient += of_structure
        del whole, of_structure
    terms = tf.concat([terms, [structure]], axis=0)
    if scale is not None:
        gradient /= scale
    if problem.background:
        mask, _ = problem.background
        gradient *= mask
    return terms, gradient


def _network_gradient(
    objective: Objective, tiling: Tiling, image: tf.Tensor, problem: Problem, weights: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the terms [3] that are computed from the network's features or from neighbouring
    pixels, and the gradient of their weighted sum by the network's input."""
    deepest = max(map(poolings_before, objective.layers)) + 1
    blocks = [
        _block(objective, number, number == deepest, signature(problem.targets))
        for number in range(1, min(tiling.first_whole_block, deepest + 1))
    ]
    picture = _Picture(tf.constant(image.shape[1:3]), problem.targets)

    def network_input() -> RowBuffer:
        # A variable's value, because the gradient is written over the input.
        whole = objective.composited(tf.convert_to_tensor(image), problem)
        return RowBuffer.from_tensor(whole)

    inputs, sums = _forward(blocks, tiling, network_input(), picture)
    last = inputs.pop()
    x = () if len(blocks) == deepest else (last.tensor,)
    del last
    whole_from = tiling.first_whole_block if x else None
    end = _end(objective, whole_from, signature(problem.targets), tuple(signature(sums).items()))
    terms, sum_gradients, backpropagated = end(x, sums, picture, weights)
    upstream = RowBuffer.from_tensor(*backpropagated) if backpropagated else None
    del x, backpropagated
    for block in reversed(blocks):
        rows = inputs.pop() if inputs else network_input()
        _backward(block, tiling, rows, upstream, sum_gradients, picture)
        upstream = rows
    assert upstream is not None  # There is at least one block.
    return terms, upstream.tensor


@partial(tf.function, autograph=False, reduce_retracing=True)
def _structure(
    image: tf.Tensor, contours: PhotoContours, weight: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the structure term, which needs no tiles, and the gradient of its weighted value."""
    with tf.GradientTape() as tape:
        tape.watch(image)
        error = structure_error(image, contours)
        weighted = tf.cast(weight, error.dtype) * error
    return error, tape.gradient(weighted, image)


def _forward(
    blocks: "Sequence[_TracedBlock]", tiling: Tiling, x: RowBuffer, picture: _Picture
) -> tuple[list[RowBuffer], dict[str, Any]]:
    """Passes the network's input x through all blocks. Returns their pooled outputs (the deepest
    block's is empty), and the sums over all tiles."""
    outputs: list[RowBuffer] = []
    sums: dict[str, Any] = {}
    for block in blocks:
        outputs.append(RowBuffer(x.height // 2))
        forward = partial(block.forward, picture=picture)
        all_tiles = tiles(x.height, tiling.rows, block.halo)
        for _, found in through_block(forward, x, outputs[-1], all_tiles):
            add_sums(sums, found)
        x = outputs[-1]
    return outputs, sums


def _backward(
    block: "_TracedBlock",
    tiling: Tiling,
    x: RowBuffer,
    upstream: RowBuffer | None,
    sum_gradients: dict[str, Any],
    picture: _Picture,
) -> None:
    """Writes the gradient of a block's input x over x. `upstream` is the gradient of the block's
    pooled output, if it has one."""
    of_block = {name: sum_gradients[name] for name in block.names}
    all_tiles, pending = tiles(x.height, tiling.rows, block.halo), None
    for tile, following in zip(all_tiles, [*all_tiles[1:], None], strict=True):
        tile_input = x.read(tile.input_first, tile.input_last)
        pooled = (upstream.read(tile.first // 2, tile.last // 2),) if upstream else ()
        gradient = block.backward(tile_input, tile.where(), picture, of_block, pooled)
        if pending is not None:
            shared = pending.shape[1]
            gradient = tf.concat([gradient[:, :shared] + pending, gradient[:, shared:]], axis=1)
        complete = (following.input_first if following else x.height) - tile.input_first
        x.write(tile.input_first, gradient[:, :complete])
        pending = gradient[:, complete:]


class _TracedBlock(NamedTuple):
    """The traced functions of a block.

    Attributes:
        forward: Takes a tile's input, `Tile.where` and the picture; returns the sums over the
            tile's own rows, and these rows pooled (none for the deepest block).
        backward: Takes the same arguments, and the gradients of the sums and of the pooled rows;
            returns the gradient of the tile's input.
        names: The names of the sums.
        halo: The number of rows of its neighbours that a tile depends on.
    """

    forward: Callable[..., tuple[dict[str, Any], tuple[tf.Tensor, ...]]]
    backward: Callable[..., tf.Tensor]
    names: tuple[str, ...]
    halo: int


@lru_cache(maxsize=256)  # Several for each of the programs in scale_optimizer.
def _block(objective: Objective, number: int, deepest: bool, targets_spec: Targets) -> _TracedBlock:
    block = Block(objective.vgg, number, objective.layers, objective.options)

    def forward(
        tile_input: tf.Tensor, where: tf.Tensor, picture: _Picture
    ) -> tuple[dict[str, Any], tuple[tf.Tensor, ...]]:
        first, last, input_first, _, _ = tf.unstack(where)
        features, out = block.forward_tile(tile_input, where)
        sums = objective.feature_sums(features, picture.targets, first)
        if number == 1:
            below = tf.minimum(last + 1, picture.size[0])
            pixels = crop(tile_input, (first - input_first, below - input_first))
            sums["total_variation"] = objective.losses.total_variation(pixels, last - first)
        if deepest:
            return sums, ()
        return sums, (objective.options.downsample(out),)

    def backward(
        tile_input: tf.Tensor,
        where: tf.Tensor,
        picture: _Picture,
        sum_gradients: dict[str, Any],
        upstream: tuple[tf.Tensor, ...],
    ) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(tile_input)
            found = forward(tile_input, where, picture)
        return tape.gradient(
            found, tile_input, (sum_gradients, upstream), unconnected_gradients="zero"
        )

    specs = [
        _input_spec(objective, number),
        tf.TensorSpec([5], tf.int32),
        _Picture(tf.TensorSpec([2], tf.int32), targets_spec),
    ]
    traced = _traced(forward, specs)
    sums, pooled = traced.structured_outputs
    return _TracedBlock(
        traced,
        _traced(backward, [*specs, signature(sums), signature(pooled)]),
        tuple(sums),
        block.halo,
    )


@lru_cache(maxsize=64)
def _end(
    objective: Objective,
    first_whole_block: int | None,
    targets_spec: Targets,
    sums_spec: tuple[tuple[str, Any], ...],
) -> Callable[..., tuple[tf.Tensor, dict[str, Any], tuple[tf.Tensor, ...]]]:
    """Returns the function that computes losses from sums.

    It takes x (the input of the first whole block, if there is one), sums, picture and weights. It
    returns the terms except structure, the gradients of the sums, and the gradient of x.
    """

    def end(
        x: tuple[tf.Tensor, ...], sums: dict[str, Any], picture: _Picture, weights: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, Any], tuple[tf.Tensor, ...]]:
        height, width = tf.unstack(picture.size)
        with tf.GradientTape() as tape:
            tape.watch((x, sums))
            found = dict(sums)
            if first_whole_block is not None:
                layers = [
                    layer
                    for layer in objective.layers
                    if poolings_before(layer) + 1 >= first_whole_block
                ]
                features = objective.vgg.forward_from(
                    first_whole_block, x[0], layers, objective.options
                )
                found |= objective.feature_sums(features, picture.targets)
            terms = objective.losses.terms(found, picture.targets, height, width)
            total = tf.reduce_sum(weights * terms)
        gradients, backpropagated = tape.gradient(total, (sums, x), unconnected_gradients="zero")
        return terms, gradients, backpropagated

    sums = dict(sums_spec)
    weights_dtype = next(iter(tf.nest.flatten(sums))).dtype
    specs = [
        () if first_whole_block is None else (_input_spec(objective, first_whole_block),),
        sums,
        _Picture(tf.TensorSpec([2], tf.int32), targets_spec),
        tf.TensorSpec([len(TERMS) - 1], weights_dtype),
    ]
    return _traced(end, specs)


def _traced(function: Callable[..., Any], specs: Sequence[Any]) -> Any:
    return tf.function(function, autograph=False, input_signature=specs).get_concrete_function()


def _input_spec(objective: Objective, number: int) -> tf.TensorSpec:
    """Returns the signature of tiles of the input of block `number`."""
    dtype = objective.options.dtype
    if number == 1:
        return tf.TensorSpec([1, None, None, 3], sum_dtype(dtype))
    channels = objective.vgg.channels(f"conv{number - 1}_1")
    return tf.TensorSpec([1, None, None, channels], dtype)
