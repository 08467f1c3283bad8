"""The two networks of recipe `instant`: from an image to the features of its places, and from the
matches of places to a picture.

The pixels of the matches, put side by side, are a collage: the painting's own strokes, with a seam
around every place. The decoder, a small convolutional network, sees the collage and the features of
the matches, and adds what is missing. lab/training/train_decoder.py trains it. Its file,
`decoder.npz`, has for each layer:

    NAME_W        int8 [n, n, in, out]
    NAME_scale    float32 [out]: the kernel is W · scale, by output channel
    NAME_b        float32 [out]

and `mean` and `deviation`, float32 [features]: places' features are standardised by them.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from painterly.engine.features.convolutions import (
    AnyKernel,
    Finish,
    Kernel,
    Maps,
    convolve,
    doubled,
    kernel,
    rectified,
    repeat_border,
    spread,
)
from painterly.engine.places import MATCHED_LAYERS, PLACE
from painterly.images import arrays
from painterly.signals import CheckStop
from painterly.vgg.architectures import BUILTIN, MULTIPLE, poolings_before
from painterly.vgg.readers import read_file

DECODER = Path(__file__).with_name("decoder.npz")
GREY = 0.45  # a picture's mean; pixels are relative to it
PIXEL_SCALE = 3.0  # about one over the standard deviation of pixels
CORRECTION = 0.2  # the standard deviation of what the last layer adds, about
# The channels of a place's features; conv1_1, conv2_1, conv3_1, conv3_2 and conv4_1.
CHANNELS = (32, 64, 128, 128, 256)
AT_ONCE = 1024  # places that pass the decoder's first layer at a time
# Large pictures are computed in bands of rows, so that their memory is bounded.
BAND_PIXELS, LEAST_ROWS = 1_000_000, 64
# px above and below a band that its features, or its decoded pixels, depend on.
FEATURES_HALO, DECODER_HALO = 32, 16
# Layers with few channels compute 2 × 2 or 4 × 4 pixels at once.
FIRST, BLOCKS = "conv1_1", {"conv1_1": 2, "full2": 2, "full3": 4}


def bands(height: int, width: int) -> list[slice]:
    """Return the rows of each band of a canvas, multiples of 16."""
    most = max(LEAST_ROWS, BAND_PIXELS // width)
    rows = -(-height // -(-height // most))
    return [*arrays.bands(height, rows + -rows % MULTIPLE)]


def with_halo(rows: slice, halo: int, height: int) -> slice:
    """Return rows with those that they depend on, of an image with `height` rows."""
    return slice(max(0, rows.start - halo), min(height, rows.stop + halo))


def at_scale(rows: slice, px: int, other_px: int = PLACE) -> slice:
    """Return rows of `px` pixels each as rows of `other_px` pixels each."""
    return slice(rows.start * px // other_px, rows.stop * px // other_px)


def features_of(image: np.ndarray, rows: slice, check_stop: CheckStop = lambda: None) -> np.ndarray:
    """Compute the features of places.

    Args:
        image: The image on its canvas [H, W, 3], sRGB 0…1; H and W are multiples of 16.
        rows: The rows of pixels whose places are computed, from and to multiples of 16.
        check_stop: Called after each layer.

    Returns:
        [rows / 4, W / 4, 608]: averaged in shallow layers, repeated in deep ones.
    """
    (kernels, mean), maps = _network(), Maps()
    used = with_halo(rows, FEATURES_HALO, len(image))
    height, width = used.stop - used.start, image.shape[1]
    x, inside = maps.framed(height, width, 3)
    inside[:] = 255 * image[used] - mean
    features = np.empty((height // PLACE, width // PLACE, sum(CHANNELS)), np.float32)
    of_layers = np.split(features, np.cumsum(CHANNELS)[:-1], -1)
    places = dict(zip(MATCHED_LAYERS, of_layers, strict=True))
    sides = [2 ** poolings_before(name) for name in kernels]
    next_sides = [*sides[1:], sides[-1]]
    for (name, layer), px, next_px in zip(kernels.items(), sides, next_sides, strict=True):
        channels = layer.channels // 4 if name == FIRST else layer.channels
        y, out = maps.framed(height // next_px, width // next_px, channels)
        if name == FIRST:
            finish = _stored_first(out, places[name])
        else:
            finish = _stored(px, out, next_px, places.get(name))
        convolve(repeat_border(x), layer, finish)
        check_stop()
        x = y
    first = (rows.start - used.start) // PLACE
    return features[first : first + (rows.stop - rows.start) // PLACE]


def _stored(px: int, out: np.ndarray, next_px: int, places: np.ndarray | None) -> Finish:
    """Return a function for `convolve` that stores the values of a layer.

    Args:
        px: Side of a position of the layer in pixels.
        out: The inside of the next layer's map.
        next_px: Side of a position of the next layer.
        places: The layer's features of places, or None if it is not matched.
    """

    def finish(values: np.ndarray, rows: slice, columns: slice) -> None:
        np.maximum(values, 0, out=values)
        if places is not None:
            shown, side = values, px
            while side < PLACE:
                shown, side = _halved(np.add, shown), 2 * side
                shown *= 0.25
            if side > PLACE:
                shown = shown.repeat(2, 0).repeat(2, 1)
            places[at_scale(rows, px), at_scale(columns, px)] = shown
        tile = at_scale(rows, px, next_px), at_scale(columns, px, next_px)
        out[tile] = values if px == next_px else _halved(np.maximum, values)

    return finish


def _stored_first(out: np.ndarray, places: np.ndarray) -> Finish:
    """Do the same for the first layer. Its values are for squares of 2 × 2 pixels: the channels of
    four pixels, one after another."""

    def finish(values: np.ndarray, rows: slice, columns: slice) -> None:
        np.maximum(values, 0, out=values)
        (a, b), (c, d) = (np.split(row, 2, -1) for row in np.split(values, 2, -1))
        np.maximum(np.maximum(a, c), np.maximum(b, d), out=out[rows, columns])
        means = _halved(np.add, (a + c) + (b + d))
        np.multiply(means, PLACE**-2, out=places[at_scale(rows, 2), at_scale(columns, 2)])

    return finish


def pixels_of(image: np.ndarray) -> np.ndarray:
    """Return the pixels of places [H / 4, W / 4, 48] of an image [H, W, 3]."""
    return _space_to_depth(image, PLACE)


def joined(features: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Pass places through the decoder's first layer, before its ReLU. It sees each place alone and
    is linear, so that candidates are passed through it before they are matched and mixed.

    Args:
        features: Their features [h, w, 608].
        pixels: Their pixels [h, w, 48], sRGB 0…1.

    Returns:
        [h, w, 128].
    """
    of_features, of_pixels, bias = _decoder().join
    places = features.reshape(-1, features.shape[-1]), pixels.reshape(-1, pixels.shape[-1])
    out = np.empty((len(places[0]), len(bias)), np.float32)

    def work(todo: Iterator[slice]) -> None:
        for some in todo:
            np.matmul(places[0][some], of_features, out=out[some])
            out[some] += places[1][some] @ of_pixels
            out[some] += bias

    spread(arrays.bands(len(out), AT_ONCE), work)
    return out.reshape(*features.shape[:2], -1)


def decoded(
    first: np.ndarray, pixels: np.ndarray, check_stop: CheckStop = lambda: None
) -> np.ndarray:
    """Decode the places of a part of a picture.

    Args:
        first: The first layer of the places [h, w, 128], as `joined` returns it.
        pixels: Their pixels [h, w, 48], sRGB 0…1.
        check_stop: Called after each layer.

    Returns:
        The pixels [4·h, 4·w, 3], about 0…1.
    """
    layers, maps = _decoder().layers, Maps()
    collage = _depth_to_space(_scaled(pixels), PLACE)
    height, width = first.shape[:2]
    x, inside = maps.framed(height, width, 128)
    np.maximum(first, 0, out=inside)
    for name in ("quarter1", "quarter2"):
        y = _rectified(maps, x, layers[name])
        y[1:-1, 1:-1] += x[1:-1, 1:-1]
        x = y
        check_stop()
    half = _space_to_depth(collage, 2)
    for name, beside, side in (
        ("half1", half, 2),
        ("half2", None, 1),
        ("full1", collage, 2),
        ("full2", None, 1),
    ):
        x = _rectified(maps, x, layers[name], beside, side)
        check_stop()
    picture = collage / PIXEL_SCALE + GREY

    def correct(values: np.ndarray, rows: slice, columns: slice) -> None:
        picture[rows, columns] += CORRECTION * values

    convolve(repeat_border(x), layers["full3"], correct)
    return picture


def _rectified(
    maps: Maps, x: np.ndarray, layer: AnyKernel, beside: np.ndarray | None = None, side: int = 1
) -> np.ndarray:
    """Convolve a framed map, and return the result, rectified, as a framed map with the channels
    of another map [h, w, C] after its own. A position has the channels of side × side pixels."""
    height, width = (side * (length - 2) for length in x.shape[:2])
    channels = layer.channels // side**2
    y, out = maps.framed(height, width, channels + (0 if beside is None else beside.shape[2]))
    store = rectified(out[..., :channels])

    def finish(values: np.ndarray, rows: slice, columns: slice) -> None:
        store(_depth_to_space(values, side), at_scale(rows, side, 1), at_scale(columns, side, 1))

    convolve(repeat_border(x), layer, finish)
    if beside is not None:
        out[..., channels:] = beside
    return y


class _Decoder(NamedTuple):
    """The decoder: all layers but the first, and that one's weights of features [608, 128] and of
    pixels [48, 128], sRGB 0…1, and its bias [128]."""

    layers: dict[str, AnyKernel]
    join: tuple[np.ndarray, np.ndarray, np.ndarray]


@cache
def _network() -> tuple[dict[str, AnyKernel], np.ndarray]:
    """Read the built-in network: its layers, and the mean of its pixels from 0 to 255."""
    network = read_file(BUILTIN, "vgg19", identity="builtin")
    kernels = _kernels(network.kernels)
    first = kernels[FIRST]
    assert isinstance(first, Kernel)
    kernels[FIRST] = first._replace(block=1)  # Its pixels are pooled, and need no order.
    return kernels, network.mean


@cache
def _decoder() -> _Decoder:
    with np.load(DECODER, allow_pickle=False) as file:
        names = [name.removesuffix("_W") for name in file.files if name.endswith("_W")]
        arrays = {
            name: (file[f"{name}_W"] * file[f"{name}_scale"], file[f"{name}_b"]) for name in names
        }
        arrays["half1"] = doubled(*arrays["half1"])
        weights, bias = arrays.pop("join")
        of_features, of_pixels = np.split(weights[0, 0].astype(np.float64), [sum(CHANNELS)])
        of_features /= file["deviation"][:, None]
        of_pixels *= PIXEL_SCALE
        bias = bias - file["mean"] @ of_features - np.float32(GREY) * of_pixels.sum(0)
        join = of_features.astype("f"), of_pixels.astype("f"), bias.astype("f")
        return _Decoder(_kernels(arrays), join)


def _kernels(arrays: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, AnyKernel]:
    return {name: kernel(*layer, BLOCKS.get(name, 1)) for name, layer in arrays.items()}


def _scaled(pixels: np.ndarray) -> np.ndarray:
    return PIXEL_SCALE * (pixels - np.float32(GREY))


def _halved(operation: np.ufunc, x: np.ndarray) -> np.ndarray:
    """Reduce each square of 2 × 2 of x [h, w, C]."""
    rows = operation(x[::2], x[1::2])
    return operation(rows[:, ::2], rows[:, 1::2])


def _space_to_depth(x: np.ndarray, side: int) -> np.ndarray:
    height, width, channels = x.shape
    squares = x.reshape(height // side, side, width // side, side, channels).swapaxes(1, 2)
    return squares.reshape(height // side, width // side, -1)


def _depth_to_space(x: np.ndarray, side: int) -> np.ndarray:
    height, width, depth = x.shape
    squares = x.reshape(height, width, side, side, depth // side**2).swapaxes(1, 2)
    return squares.reshape(side * height, side * width, -1)
