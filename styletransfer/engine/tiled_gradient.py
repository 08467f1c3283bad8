"""The same gradient in bounded memory: not an approximation, only another order of the same sums.

All that the losses need of a picture are sums over positions. So the picture goes through the
network block by block (a block ends at a pooling), each block in horizontal strips, and nothing is
kept but the blocks' inputs and the sums; from the sums come the losses, and their slopes. Then the
blocks are gone through again from the deepest to the first: each strip's features are computed
anew, and the slopes led back through them. What is led back takes the place of the block's input.

A strip's convolutions see some rows of its neighbours, so the gradients of two strips overlap
there, and are added. The deepest blocks may be computed whole, which saves computing their features
twice (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", for blocks of layers).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import tensorflow as tf

from styletransfer.engine.losses import TERMS, Targets, exact
from styletransfer.engine.objective import Objective, Problem, Program, add_up, opened, stepping
from styletransfer.engine.optimizers import adam_in_place
from styletransfer.vgg.network import Block, poolings_before
from styletransfer.vgg.ops import crop
from styletransfer.vgg.row_buffer import RowBuffer
from styletransfer.vgg.tiled_forward import Tile, tiles


class Tiling(NamedTuple):
    """How a gradient is computed. `first_whole_block`: the first that is computed whole, 1 for
    the picture at once, 6 for none; `rows`: of a strip of the others, at their own resolution."""

    first_whole_block: int
    rows: int


UNTILED = Tiling(1, 0)


def program(objective: Objective, problem: Problem, tiling: Tiling) -> Program:
    """What `objective.program(problem)` is, computed as planned."""
    if tiling == UNTILED:
        return objective.program(problem)

    def gradient(
        image: tf.Tensor, problem: Problem, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return _gradient(objective, tiling, image, problem, weights)

    return Program(gradient, stepping(gradient, adam_in_place))


def _gradient(
    objective: Objective, tiling: Tiling, image: tf.Tensor, problem: Problem, weights: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Terms [3], not weighted, and the gradient of their weighted sum, of image [1, H, W, 3], a
    tensor or a variable."""
    deepest = max(map(poolings_before, objective.layers)) + 1
    blocks = [
        _block(objective, number, number == deepest, opened(problem.targets))
        for number in range(1, min(tiling.first_whole_block, deepest + 1))
    ]
    size, targets = tf.constant(image.shape[1:3]), problem.targets

    def laid() -> RowBuffer:
        # Of a variable the value: what is led back is written in its place.
        picture = objective.composed(tf.convert_to_tensor(image), problem)
        return RowBuffer.from_tensor(objective.laid(picture))

    inputs, sums = _forward(blocks, tiling, laid(), size, targets)
    last = inputs.pop()
    x = () if len(blocks) == deepest else (last.tensor,)
    del last
    end = _end(
        objective,
        tiling.first_whole_block if x else None,
        opened(targets),
        tuple(opened(sums).items()),
    )
    terms, slopes, led = end(x, sums, targets, weights, size)
    above = RowBuffer.from_tensor(*led) if led else None
    del x, led
    for block in reversed(blocks):
        rows = inputs.pop() if inputs else laid()
        _backward(block, tiling, rows, above, slopes, size, targets)
        above = rows
    slope = above.tensor
    del above, rows
    return terms, _onto_picture(objective, opened(problem))(image, problem, slope)


def _forward(
    blocks: "Sequence[_Block]", tiling: Tiling, x: RowBuffer, size: tf.Tensor, targets: Targets
) -> tuple[list[RowBuffer], dict[str, Any]]:
    """A picture of this size through all blocks, from the first one's input x on: what comes out of
    each (of the deepest, nothing), and the sums over all."""
    outputs, sums = [], {}
    for block in blocks:
        out = RowBuffer(x.height // 2)
        for tile in tiles(x.height, tiling.rows, block.reach):
            strip = x.read(tile.input_first, tile.input_last)
            found, pooled = block.forward(strip, _where(tile), size, targets)
            add_up(sums, found)
            for piece in pooled:
                out.write(tile.first // 2, piece)
        outputs.append(out)
        x = out
    return outputs, sums


def _backward(
    block: "_Block",
    tiling: Tiling,
    x: RowBuffer,
    above: RowBuffer | None,
    slopes: dict[str, Any],
    size: tf.Tensor,
    targets: Targets,
) -> None:
    """Puts the slope of a block's input x in its place, from that of what comes out of it, `above`,
    if anything does, and those of the sums."""
    of_block = {name: slopes[name] for name in block.names}
    strips, pending = tiles(x.height, tiling.rows, block.reach), None
    for tile, after in zip(strips, [*strips[1:], None], strict=True):
        strip = x.read(tile.input_first, tile.input_last)
        led = (above.read(tile.first // 2, tile.last // 2),) if above else ()
        slope = block.backward(strip, _where(tile), size, targets, of_block, led)
        if pending is not None:
            shared = pending.shape[1]
            slope = tf.concat([slope[:, :shared] + pending, slope[:, shared:]], axis=1)
        complete = (after.input_first if after else x.height) - tile.input_first
        x.write(tile.input_first, slope[:, :complete])
        pending = slope[:, complete:]


class _Block(NamedTuple):
    """One block's functions, traced. `forward`: strip, where, size, targets → the sums over its own
    rows, and those rows pooled (none for the deepest block). `backward`: the same and the slopes of
    the sums and of the pooled rows → that of the strip. `names`: of the sums; `reach`: how many
    rows of its neighbours a strip needs."""

    forward: Callable[..., tuple[dict[str, Any], tuple[tf.Tensor, ...]]]
    backward: Callable[..., tf.Tensor]
    names: tuple[str, ...]
    reach: int


def _where(tile: Tile) -> tf.Tensor:
    return tf.constant([tile.first, tile.last, tile.input_first, *tile.borders])


@lru_cache(maxsize=32)
def _block(objective: Objective, number: int, deepest: bool, targets_spec: Targets) -> _Block:
    losses = objective.losses
    block = Block(objective.vgg, number, objective.layers, objective.options)

    def forward(
        strip: tf.Tensor, where: tf.Tensor, size: tf.Tensor, targets: Targets
    ) -> tuple[dict[str, Any], tuple[tf.Tensor, ...]]:
        first, last, above, top, bottom = tf.unstack(where)
        height, width = tf.unstack(size)
        rows, out = block.forward_tile(strip, (first, last), (top, bottom))
        sums = objective.sums(objective.inside(rows, height, width, first), targets, first)
        if number == 1:
            begin, end = (tf.minimum(row, height) for row in (first, last))
            seen = tf.maximum([begin, tf.minimum(end + 1, height)] - above, 0)
            picture = crop(strip, (seen[0], seen[1]), (0, width))
            sums["total_variation"] = losses.total_variation(picture, end - begin)
        if deepest:
            return sums, ()
        return sums, (objective.options.downsample(out),)

    def backward(
        strip: tf.Tensor,
        where: tf.Tensor,
        size: tf.Tensor,
        targets: Targets,
        slopes: dict[str, Any],
        led: tuple[tf.Tensor, ...],
    ) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(strip)
            found = forward(strip, where, size, targets)
        return tape.gradient(found, strip, (slopes, led), unconnected_gradients="zero")

    signature = [
        _input_spec(objective, number),
        tf.TensorSpec([5], tf.int32),
        tf.TensorSpec([2], tf.int32),
        targets_spec,
    ]
    traced = tf.function(
        forward, autograph=False, input_signature=signature
    ).get_concrete_function()
    sums, pooled = traced.structured_outputs
    signature += [opened(sums), opened(pooled)]
    return _Block(
        traced,
        tf.function(backward, autograph=False, input_signature=signature).get_concrete_function(),
        tuple(sums),
        block.halo,
    )


@lru_cache(maxsize=32)
def _end(
    objective: Objective,
    first_whole_block: int | None,
    targets_spec: Targets,
    sums_spec: tuple[tuple[str, Any], ...],
) -> Callable[..., tuple[tf.Tensor, dict[str, Any], tuple[tf.Tensor, ...]]]:
    """From the sums to the losses: x (the input of block `first_whole_block`, or none), sums,
    targets, weights, size → terms, the gradients of the sums, and that of x."""

    def end(
        x: tuple[tf.Tensor, ...],
        sums: dict[str, Any],
        targets: Targets,
        weights: tf.Tensor,
        size: tf.Tensor,
    ) -> tuple[tf.Tensor, dict[str, Any], tuple[tf.Tensor, ...]]:
        height, width = tf.unstack(size)
        with tf.GradientTape() as tape:
            tape.watch((x, sums))
            found = dict(sums)
            if first_whole_block is not None:
                layers = [
                    each
                    for each in objective.layers
                    if poolings_before(each) + 1 >= first_whole_block
                ]
                features = objective.vgg.forward_from(
                    first_whole_block, x[0], layers, objective.options
                )
                found |= objective.sums(objective.inside(features, height, width), targets)
            terms = objective.losses.terms(found, targets, height, width)
            total = tf.reduce_sum(weights * terms)
        slopes, led = tape.gradient(total, (sums, x), unconnected_gradients="zero")
        return terms, slopes, led

    sums = dict(sums_spec)
    weights = next(iter(tf.nest.flatten(sums))).dtype
    signature = [
        () if first_whole_block is None else (_input_spec(objective, first_whole_block),),
        sums,
        targets_spec,
        tf.TensorSpec([len(TERMS)], weights),
        tf.TensorSpec([2], tf.int32),
    ]
    return tf.function(end, autograph=False, input_signature=signature).get_concrete_function()


@lru_cache(maxsize=8)
def _onto_picture(objective: Objective, problem_spec: Problem) -> Callable[..., tf.Tensor]:
    """The slope of an image, from that of what the network sees of it: image, problem, slope → it.
    Traced, so that nothing else is computed."""
    picture = _input_spec(objective, 1)

    @tf.function(autograph=False, input_signature=[picture, problem_spec, picture])
    def led(image: tf.Tensor, problem: Problem, slope: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(image)
            seen = objective.laid(objective.composed(image, problem))
        return tape.gradient(seen, image, slope)

    return led


def _input_spec(objective: Objective, number: int) -> tf.TensorSpec:
    """What stands for strips of the input of block `number`."""
    if number == 1:
        return tf.TensorSpec([1, None, None, 3], exact(tf.zeros([], objective.options.dtype)).dtype)
    channels = objective.vgg.channels(f"conv{number - 1}_1")
    return tf.TensorSpec([1, None, None, channels], objective.options.dtype)
