"""The two networks of recipe `instant`: from an image to the features of its places, and from the
matches of places to a picture.

The pixels of the matches, put side by side, are a collage: the painting's own strokes, with a seam
around every place. The decoder, a small convolutional network, sees the collage and the features of
the matches, and adds what is missing. training/train_decoder.py trains it. Its file, `decoder.npz`,
has for each layer:

    NAME_W        int8 [n, n, in, out]
    NAME_scale    float32 [out]: the kernel is W · scale, by output channel
    NAME_b        float32 [out]

and `mean` and `deviation`, float32 [features]: places' features are standardised by them.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from styletransfer.engine.constants import (
    CORRECTION,
    DECODER,
    GREY,
    MATCHED_LAYERS,
    PIXEL_SCALE,
    PIXELS_OF_PLACE,
    PLACE,
)
from styletransfer.engine.convolutions import (
    Kernel,
    convolve,
    doubled_kernels,
    framed,
    kernel,
    rectified,
    repeat_border,
    tile,
)
from styletransfer.vgg.readers import read_weights
from styletransfer.vgg.registry import BUILTIN, poolings_before

CHANNELS = 608  # of a place, in all matched layers
# px above and below a band that its features, or its decoded pixels, depend on.
FEATURES_HALO, DECODER_HALO = 32, 16
BLOCK = 2  # conv1_1 and full2 have few channels: 2 × 2 px are computed at once


def with_halo(rows: slice, halo: int, height: int) -> slice:
    """Return rows with those that they depend on, of an image with `height` rows."""
    return slice(max(0, rows.start - halo), min(height, rows.stop + halo))


def at_scale(rows: slice, px: int, other_px: int = PLACE) -> slice:
    """Return rows of `px` pixels each as rows of `other_px` pixels each."""
    return slice(rows.start * px // other_px, rows.stop * px // other_px)


def features_of(image: np.ndarray, rows: slice) -> np.ndarray:
    """Compute the features of places.

    Args:
        image: The image on its canvas [H, W, 3], sRGB 0…1; H and W are multiples of 16.
        rows: The rows of pixels of which the places are computed; multiples of 16.

    Returns:
        [rows / 4, W / 4, CHANNELS]: averaged in shallow layers, repeated in deep ones.
    """
    used = with_halo(rows, FEATURES_HALO, len(image))
    height, width = used.stop - used.start, image.shape[1]
    x, inside = framed(height, width, 3)
    inside[:] = image[used]
    features = np.empty((height // PLACE, width // PLACE, CHANNELS), np.float32)
    first = 0
    network = _network()
    blocks = [poolings_before(layer) for layer in network]
    for layer, block, next_block in zip(network, blocks, [*blocks[1:], blocks[-1]], strict=True):
        depth = network[layer].channels
        of_layer = None
        if layer in MATCHED_LAYERS:
            of_layer, first = features[..., first : first + depth], first + depth
        y, inside = framed(height >> next_block, width >> next_block, depth)
        finish = _stored(2**block, inside, next_block > block, of_layer, network[layer].stride > 1)
        convolve(repeat_border(x), network[layer], finish)
        x = y
    own = at_scale(slice(rows.start - used.start, rows.stop - used.start), 1)
    return features[own]


def _stored(
    px: int, out: np.ndarray, pools: bool, places: np.ndarray | None, in_blocks: bool
) -> Callable[[np.ndarray, slice, slice], None]:
    """Return a function for `convolve` that stores the values of a layer.

    Args:
        px: Side of a position of the layer in pixels.
        out: The inside of the next layer's map.
        pools: Whether a pooling comes before the next layer.
        places: The layer's features of places, or None if they are not matched.
        in_blocks: Whether the values of 2 × 2 positions are the channels of one.
    """

    def finish(values: np.ndarray, rows: slice, columns: slice) -> None:
        np.maximum(values, 0, out=values)
        squares = np.split(values, 4, -1) if in_blocks else _squares(values)
        values_px = 2 * px if in_blocks else px
        if places is not None:
            shown, shown_px = (_mean(squares), 2 * px) if px < PLACE else (values, px)
            if shown_px < PLACE:
                shown = _mean(_squares(shown))
            if shown_px > PLACE:
                shown = shown.repeat(2, 0).repeat(2, 1)
            places[at_scale(rows, values_px), at_scale(columns, values_px)] = shown
        out_px = 2 * px if pools else px
        tile = at_scale(rows, values_px, out_px), at_scale(columns, values_px, out_px)
        out[tile] = _reduced(np.maximum, squares) if pools else values

    return finish


def pixels_of(image: np.ndarray) -> np.ndarray:
    """Return the pixels of places [H / 4, W / 4, 48] of an image [H, W, 3]."""
    return _space_to_depth(image, PLACE)


def joined(features: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Pass places through the decoder's first layer, before its ReLU.

    It sees each place alone and is linear, so that candidates are passed through it before they are
    matched and mixed.

    Args:
        features: Their features [h, w, CHANNELS].
        pixels: Their pixels [h, w, 48], sRGB 0…1.

    Returns:
        [h, w, 128].
    """
    layer = _decoder()["join"]
    out = np.empty((*features.shape[:2], layer.channels), np.float32)

    def finish(values: np.ndarray, rows: slice, columns: slice) -> None:
        out[rows, columns] = values

    convolve(np.concatenate([features, pixels], -1), layer, finish)
    return out


def decoded(first: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Decode the places of a part of a picture.

    Args:
        first: The first layer of the places [h, w, 128], as `joined` returns it.
        pixels: Their pixels [h, w, 48], sRGB 0…1.

    Returns:
        The pixels [4·h, 4·w, 3], about 0…1.
    """
    layers = _decoder()
    height, width, _ = first.shape
    collage = _depth_to_space(pixels, PLACE)

    x, inside = framed(height, width, 128)
    np.maximum(first, 0, out=inside)
    for name in ("quarter1", "quarter2"):
        y, out = framed(height, width, 128)
        convolve(repeat_border(x), layers[name], rectified(out))
        out += inside
        x, inside = y, out

    y, out = framed(2 * height, 2 * width, 64 + 12)
    repeat_border(x)
    for (down, right), layer in _doubled().items():
        seen = x[down : down + height + 1, right : right + width + 1]
        convolve(seen, layer, rectified(out[down::2, right::2, :64]))
    out[..., 64:] = _space_to_depth(collage, 2)
    x, inside = framed(2 * height, 2 * width, 64)
    convolve(repeat_border(y), layers["half2"], rectified(inside))

    y, out = framed(4 * height, 4 * width, 16 + 3)
    convolve(repeat_border(x), layers["full1"], rectified(out[..., :16], BLOCK))
    out[..., 16:] = collage
    x, inside = framed(4 * height, 4 * width, 16)
    convolve(repeat_border(y), layers["full2"], rectified(inside, BLOCK))

    def add(values: np.ndarray, rows: slice, columns: slice) -> None:
        pixels = tile(collage, rows, columns, PLACE)
        pixels += values.reshape(pixels.shape)

    convolve(repeat_border(x), layers["full3"], add)
    return collage


@cache
def _network() -> dict[str, Kernel]:
    """Read the built-in network, for pixels of 0…1."""
    network = read_weights(BUILTIN, "vgg19")
    layers = {layer: kernel(*arrays) for layer, arrays in network.kernels.items()}
    weights, bias = network.kernels["conv1_1"]
    layers["conv1_1"] = kernel(*_rescaled(weights, bias, 255, network.mean / 255), BLOCK)
    return layers


@cache
def _decoder() -> dict[str, Kernel]:
    """Read the decoder, for features and pixels that are not standardised."""
    blocks = {"full2": BLOCK, "full3": PLACE}
    return {name: kernel(*arrays, blocks.get(name, 1)) for name, arrays in _arrays().items()}


@cache
def _doubled() -> dict[tuple[int, int], Kernel]:
    """Read the decoder's layer that convolves doubled maps."""
    return doubled_kernels(*_arrays()["half1"])


@cache
def _arrays() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    with np.load(DECODER, allow_pickle=False) as file:
        names = [name.removesuffix("_W") for name in file.files if name.endswith("_W")]
        arrays = {
            name: (file[f"{name}_W"] * file[f"{name}_scale"], file[f"{name}_b"]) for name in names
        }
        mean, deviation = file["mean"], file["deviation"]
    # The last channels of these are pixels.
    for name, pixels in {"join": PIXELS_OF_PLACE, "half2": 12, "full2": 3}.items():
        weights, bias = arrays[name]
        others = weights.shape[2] - pixels
        scale, shift = np.ones(others + pixels, "f4"), np.zeros(others + pixels, "f4")
        scale[others:], shift[others:] = PIXEL_SCALE, GREY
        if name == "join":
            scale[:others], shift[:others] = 1 / deviation, mean
        arrays[name] = _rescaled(weights, bias, scale, shift)
    arrays["full3"] = CORRECTION * arrays["full3"][0], CORRECTION * arrays["full3"][1]
    return arrays


def _rescaled(
    weights: np.ndarray, bias: np.ndarray, scale: np.ndarray | float, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a kernel [n, n, C, C′] and its bias for x, which were made for scale · (x − shift)."""
    weights = weights * np.broadcast_to(np.float32(scale), shift.shape)[:, None]
    return weights, bias - (weights * shift[:, None]).sum((0, 1, 2))


def _squares(x: np.ndarray) -> list[np.ndarray]:
    """Return the four pixels of each square of 2 × 2 of x [h, w, C], as views."""
    return [x[down::2, right::2] for down in (0, 1) for right in (0, 1)]


def _reduced(operation: np.ufunc, four: list[np.ndarray]) -> np.ndarray:
    one, two, three, last = four
    result = operation(one, two)
    operation(result, operation(three, last), out=result)
    return result


def _mean(four: list[np.ndarray]) -> np.ndarray:
    result = _reduced(np.add, four)
    result *= 0.25
    return result


def _space_to_depth(x: np.ndarray, side: int) -> np.ndarray:
    height, width, channels = x.shape
    squares = x.reshape(height // side, side, width // side, side, channels)
    return squares.transpose(0, 2, 1, 3, 4).reshape(height // side, width // side, -1)


def _depth_to_space(x: np.ndarray, side: int) -> np.ndarray:
    height, width, depth = x.shape
    squares = x.reshape(height, width, side, side, depth // side**2).transpose(0, 2, 1, 3, 4)
    return squares.reshape(side * height, side * width, -1)
