"""Recipe `instant` in NumPy: a small picture in seconds on one core, without TensorFlow.

It paints as instant.py does, with one painting over the whole picture. It leaves out the painting's
rotations, which would take as much time again.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from styletransfer.engine.constants import (
    CORRECTION,
    CROWDING_WEIGHT,
    DECODER,
    FULL_STRENGTH,
    GREY,
    MARGIN,
    MATCHED_DIRECTIONS,
    MATCHED_LAYERS,
    MAX_STRETCH,
    NO_LENGTH,
    PIXEL_SCALE,
    PLACE,
    QUERIES_AT_ONCE,
    SAMPLE_GROUPS,
    SAMPLED_PLACES,
    SUBSPACE_ITERATIONS,
)
from styletransfer.engine.grain import grained
from styletransfer.engine.schedule import painting_size, schedule
from styletransfer.images import colour
from styletransfer.images.arrays import resample, resize, to_float
from styletransfer.settings import Settings
from styletransfer.vgg.architectures import BUILTIN, MULTIPLE, Weights, poolings_before
from styletransfer.vgg.readers import Layers, read_weights

BAND_BYTES = 1_000_000  # patches that a kernel is applied to at a time, so that a cache holds them


@dataclass(frozen=True)
class Places:
    """The places of an image on its canvas.

    Attributes:
        layers: The features at each matched layer [h, w, C].
        pixels: Their pixels [h, w, 48], sRGB 0…1.
    """

    layers: list[np.ndarray]
    pixels: np.ndarray

    @property
    def features(self) -> np.ndarray:
        """The features at all matched layers [h, w, D]."""
        return np.concatenate(self.layers, -1)


def painted(photo: np.ndarray, painting: np.ndarray, settings: Settings) -> np.ndarray:
    """Paints a photo.

    Args:
        photo: The photo [H, W, 3], sRGB, floats 0…1 or full-range integers.
        painting: The painting, like the photo.
        settings: Settings of recipe `instant`. The picture is not rescaled to the photo's size.

    Returns:
        The picture [h, w, 3], float32, sRGB 0…1.
    """
    part = min(1.0, settings.strength / FULL_STRENGTH)
    sizes, _ = schedule(photo.shape[0], photo.shape[1], settings)
    at_end = _resampled(photo, *sizes[-1])
    picture = grained(_resampled(at_end, *sizes[0]))
    for height, width in sizes:
        scaled, own = _resampled(at_end, height, width), _resampled(picture, height, width)
        sought = settings.strength * own + (1 - settings.strength) * scaled
        of_sought = of_photo = places(_on_canvas(sought, MARGIN))
        if part < 1:
            of_photo = places(_on_canvas(scaled, MARGIN))
        tall, wide = painting_size(
            painting.shape[0], painting.shape[1], max(height, width), settings.stroke_size
        )
        candidates = places(_on_canvas(_resampled(painting, tall, wide), 0))
        matches = nearest(candidates, of_sought)
        features = part * _flat(candidates.features)[matches] + (1 - part) * of_photo.features
        pixels = part * _flat(candidates.pixels)[matches] + (1 - part) * of_photo.pixels
        canvas = decoded(features, pixels)
        picture = np.clip(canvas[MARGIN : MARGIN + height, MARGIN : MARGIN + width], 0, 1)
    if settings.preserve_color:
        picture = colour.preserve(picture, resize(photo, height, width))
    return picture


def places(image: np.ndarray) -> Places:
    """Computes the places of an image on its canvas [H, W, 3], sRGB 0…1."""
    layers = []
    for layer, feature in _features(image).items():
        side = PLACE >> poolings_before(layer)
        layers.append(_squares(feature, side).mean((1, 3)) if side else _doubled(feature))
    return Places(layers, _space_to_depth(image, PLACE))


def nearest(candidates: Places, picture: Places) -> np.ndarray:
    """Finds the number of each place's candidate [h, w], as `neighbours.nearest` does.

    Args:
        candidates: The painting's places.
        picture: The places of the picture.
    """
    scale = np.concatenate([_scale(layer) for layer in candidates.layers])
    keys = scale * _flat(candidates.features)
    centre = keys.mean(0)
    keys -= centre
    covariance = keys.T @ keys / len(keys)
    spread, basis = np.sqrt(np.diag(covariance)), _basis(covariance)
    keys = keys @ basis / (np.linalg.norm(keys, axis=1, keepdims=True) + NO_LENGTH)
    queries = scale * _flat(picture.features)
    queries -= queries.mean(0)
    queries *= np.minimum(spread / (queries.std(0) + NO_LENGTH), MAX_STRETCH)
    sample = np.random.default_rng(0).permutation(len(queries))[:SAMPLED_PLACES]
    crowding = _crowding(queries[sample], basis, keys)
    # The product has one length of the query, its crowding too.
    squares = np.square(queries).sum(1, keepdims=True)
    keys = np.concatenate([keys, -crowding[:, None]], 1)
    queries = np.concatenate([queries @ basis, squares], 1)
    found = [
        np.argmax(queries[first : first + QUERIES_AT_ONCE] @ keys.T, 1)
        for first in range(0, len(queries), QUERIES_AT_ONCE)
    ]
    return np.concatenate(found).reshape(picture.pixels.shape[:2])


def decoded(features: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Decodes places, as `decoder.Decoder` does.

    Args:
        features: Their features [h, w, D].
        pixels: Their pixels [h, w, 48], sRGB 0…1.

    Returns:
        The pixels [4·h, 4·w, 3], float32, about 0…1.
    """
    layers, mean, deviation = _decoder()

    def rectified(layer: str, *parts: np.ndarray) -> np.ndarray:
        return np.maximum(_convolved(np.concatenate(parts, -1), *layers[layer]), 0)

    pixels = PIXEL_SCALE * (pixels - GREY)
    collage = _depth_to_space(pixels, PLACE)
    x = rectified("join", (features - mean) / deviation, pixels)
    for layer in ("quarter1", "quarter2"):
        x = x + rectified(layer, x)
    x = rectified("half1", _doubled(x))
    x = rectified("half2", x, _space_to_depth(collage, 2))
    x = rectified("full2", _depth_to_space(rectified("full1", x), 2), collage)
    return GREY + collage / PIXEL_SCALE + CORRECTION * _convolved(x, *layers["full3"])


@cache
def _network() -> Weights:
    return read_weights(BUILTIN, "vgg19")


@cache
def _decoder() -> tuple[Layers, np.ndarray, np.ndarray]:
    """Reads the decoder's layers, and the features' mean and deviation."""
    with np.load(DECODER, allow_pickle=False) as arrays:
        names = [name.removesuffix("_W") for name in arrays.files if name.endswith("_W")]
        layers = {
            name: (arrays[f"{name}_W"] * arrays[f"{name}_scale"], arrays[f"{name}_b"])
            for name in names
        }
        return layers, arrays["mean"], arrays["deviation"]


def _features(image: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the matched layers' features [h, w, C] of an image [H, W, 3], sRGB 0…1."""
    network, poolings, found = _network(), 0, {}
    x = 255 * image - network.mean
    for layer, (kernel, bias) in network.kernels.items():
        if poolings_before(layer) > poolings:
            poolings += 1
            x = _squares(x, 2).max((1, 3))
        x = np.maximum(_convolved(x, kernel, bias), 0)
        if layer in MATCHED_LAYERS:
            found[layer] = x
    return found


def _convolved(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Returns x [h, w, C] convolved with a kernel [n, n, C, C′]; its border is repeated."""
    side, _, channels, width = kernel.shape
    around = side // 2
    padded = np.pad(x, [(around, around), (around, around), (0, 0)], "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (0, 1))
    patches = windows.transpose(0, 1, 3, 4, 2)  # In the order of the kernel.
    length = side * side * channels
    rows = max(1, BAND_BYTES // (4 * length * x.shape[1]))
    bands = [
        patches[first : first + rows].reshape(-1, length) @ kernel.reshape(length, width) + bias
        for first in range(0, len(x), rows)
    ]
    return np.concatenate(bands).reshape(*x.shape[:2], width)


def _scale(layer: np.ndarray) -> np.ndarray:
    """Returns the factor of a layer's features, repeated for each of its channels."""
    channels = layer.shape[-1]
    variance = np.square(layer).mean() - np.square(layer.mean())
    return np.full(channels, 1 / (np.sqrt(max(variance, 0) * channels) + NO_LENGTH), np.float32)


def _basis(covariance: np.ndarray) -> np.ndarray:
    """Returns the directions [D, E] in which candidates differ most."""
    random = np.random.default_rng(0)
    basis = random.standard_normal((len(covariance), MATCHED_DIRECTIONS), np.float32)
    for _ in range(SUBSPACE_ITERATIONS):
        basis, _ = np.linalg.qr(covariance @ basis)
    return basis


def _crowding(sample: np.ndarray, basis: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Returns how much each candidate [K] is held back among sampled queries [N, D] of length 1."""
    lengths = np.linalg.norm(sample, axis=1, keepdims=True)
    directions = sample @ basis / (lengths + NO_LENGTH)
    groups = min(SAMPLE_GROUPS, len(sample))
    most_similar = [(keys @ directions[each::groups].T).max(1) for each in range(groups)]
    found: np.ndarray = np.mean(most_similar, 0) * CROWDING_WEIGHT / (lengths.mean() + NO_LENGTH)
    return found


def _resampled(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns an image at another size, float32, as `pyramid.resample` does."""
    if image.shape[:2] == (height, width):
        return to_float(image)
    shrinks = height < image.shape[0]
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return resample(image, height, width, method)


def _on_canvas(image: np.ndarray, margin: int) -> np.ndarray:
    """Returns an image [h, w, 3] on its canvas, as `Canvas.padded` does."""
    margins = [(margin, margin + -(side + 2 * margin) % MULTIPLE) for side in image.shape[:2]]
    return np.pad(image, [*margins, (0, 0)], "symmetric")


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, x.shape[-1])


def _doubled(x: np.ndarray) -> np.ndarray:
    """Repeats each row and column of x [h, w, C]."""
    return x.repeat(2, 0).repeat(2, 1)


def _squares(x: np.ndarray, side: int) -> np.ndarray:
    """Returns a view [h / side, side, w / side, side, C] of x [h, w, C]."""
    height, width, channels = x.shape
    return x.reshape(height // side, side, width // side, side, channels)


def _space_to_depth(x: np.ndarray, side: int) -> np.ndarray:
    squares = _squares(x, side).transpose(0, 2, 1, 3, 4)
    return squares.reshape(*squares.shape[:2], -1)


def _depth_to_space(x: np.ndarray, side: int) -> np.ndarray:
    height, width, depth = x.shape
    squares = x.reshape(height, width, side, side, depth // side**2).transpose(0, 2, 1, 3, 4)
    return squares.reshape(side * height, side * width, -1)
