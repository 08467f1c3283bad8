"""Recipe `instant`: a picture in one pass at each scale, without optimisation, in NumPy.

Each place of the picture is matched to a place of the painting, as in the default recipe
(instant_matches.py), and a decoder makes a picture of the matches (instant_networks.py). At the
next scale, about twice as large, the photo and this picture are matched together, so that forms
grow coarse to fine. Kolkin et al. 2022, "Neural Neighbor Style Transfer", have such a decoder for
features alone.
"""

import math
from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np

from styletransfer.engine.constants import FULL_STRENGTH, MARGIN, PLACE
from styletransfer.engine.convolutions import threads
from styletransfer.engine.grain import grained
from styletransfer.engine.instant_matches import (
    KEPT_BYTES,
    Candidates,
    features_bytes,
    nearest,
)
from styletransfer.engine.instant_networks import (
    BAND_PIXELS,
    DECODER_HALO,
    FEATURES_HALO,
    LEAST_ROWS,
    CheckStop,
    at_scale,
    bands,
    decoded,
    features_of,
    joined,
    pixels_of,
    with_halo,
)
from styletransfer.engine.instant_paintings import (
    TINY,
    InstantPaintings,
    on_canvas,
    resampled,
)
from styletransfer.engine.picture import Postprocess, postprocess_bytes
from styletransfer.engine.schedule import schedule
from styletransfer.settings import Settings
from styletransfer.vgg.architectures import MULTIPLE

# Bytes that painting takes, measured: for networks and kept candidates, for each thread, and for
# each pixel of copies of a picture, of a painting's shares and matches, and of a band.
FIXED_BYTES, THREAD_BYTES = 80_000_000, 15_000_000
IMAGE_BYTES, SHARE_BYTES, BAND_BYTES = 60, 2, 400
# Most rows of a band beyond BAND_PIXELS.
BAND_ROWS = LEAST_ROWS + 2 * FEATURES_HALO + MULTIPLE


def paint(
    photo: np.ndarray,
    paintings: InstantPaintings,
    settings: Settings,
    *,
    content_mask: np.ndarray | None = None,
    color_mask: np.ndarray | None = None,
    init: np.ndarray | None = None,
) -> np.ndarray:
    """Paint a photo. Other arguments and errors as in `steps`.

    Args:
        color_mask: The part to which `preserve_color` applies, [h, w], 0…1.

    Returns:
        The picture [h, w, 3], float32, sRGB 0…1, with the photo's size and colours if the settings
        ask for them. Parts that are not painted keep the photo's pixels.
    """
    *_, picture = steps(photo, paintings, settings, content_mask=content_mask, init=init)
    painted = paintings.painted(content_mask)
    return Postprocess.of(photo, settings, painted, color_mask)(picture)


def steps(
    photo: np.ndarray,
    paintings: InstantPaintings,
    settings: Settings,
    *,
    content_mask: np.ndarray | None = None,
    init: np.ndarray | None = None,
    check_stop: CheckStop = lambda: None,
) -> Iterator[np.ndarray]:
    """Paint a photo, and yield the picture at each scale, [h, w, 3], float32, sRGB 0…1.

    Args:
        photo: The photo [H, W, 3], sRGB, floats 0…1 or full-range integers.
        paintings: The paintings, which may have been used for other photos.
        settings: Settings of recipe `instant`.
        content_mask: The part that is painted, [h, w], 0…1, of any size. The rest, and what no
            region covers, is decoded from the photo's own places.
        init: The picture to start from, of any size, instead of the photo.
        check_stop: Called several times a second; it may raise an exception to stop.

    Raises:
        PictureError: The masks leave nothing to paint.
    """
    sizes, _ = schedule(photo.shape[0], photo.shape[1], settings)
    strength, part = settings.strength, min(1.0, settings.strength / FULL_STRENGTH)
    at_end, picture = resampled(photo, sizes[-1]), init
    for size in sizes:
        scaled = resampled(at_end, size)
        shares = [part * each for each in paintings.shares_of_places(size, content_mask)]
        candidates = paintings.candidates(max(size), settings.stroke_size, check_stop)
        first = grained(scaled) if picture is None else resampled(picture, size)
        matches = nearest(
            candidates, on_canvas(strength * first + (1 - strength) * scaled), check_stop
        )
        del first
        canvas = _decoded(on_canvas(scaled), candidates, matches, shares, check_stop)
        picture = canvas[MARGIN : MARGIN + size[0], MARGIN : MARGIN + size[1]]
        yield picture


def _decoded(
    photo: np.ndarray,
    candidates: Sequence[Candidates],
    matches: Sequence[np.ndarray],
    shares: Sequence[np.ndarray],
    check_stop: CheckStop,
) -> np.ndarray:
    """Decode the matches in each painting, mixed by its shares, and the photo's places for the
    rest, on a canvas [H, W, 3]."""
    canvas = np.empty_like(photo)
    for rows in bands(*photo.shape[:2]):
        used = with_halo(rows, DECODER_HALO, len(photo))
        places = at_scale(used, 1)
        parts = [
            (share[places], painting, numbers[places])
            for share, painting, numbers in zip(shares, candidates, matches, strict=True)
        ]
        first = reduce(np.add, (share * own.joined[numbers] for share, own, numbers in parts))
        pixels = reduce(np.add, (share * own.pixels[numbers] for share, own, numbers in parts))
        rest = 1 - reduce(np.add, (share for share, *_ in parts))
        if rest.max() > TINY:
            of_photo = pixels_of(photo[used])
            first += rest * joined(features_of(photo, used, check_stop), of_photo)
            pixels += rest * of_photo
        band = decoded(first, pixels, check_stop)[rows.start - used.start :][
            : rows.stop - rows.start
        ]
        np.clip(band, 0, 1, out=canvas[rows])
    return canvas


def bytes_needed(
    photo: tuple[int, int], paintings: InstantPaintings, settings: Settings, masked: bool
) -> int:
    """Return the bytes that painting takes at most, in addition to its arguments.

    Args:
        photo: The photo's (height, width).
        paintings: The paintings.
        settings: The settings.
        masked: Whether a part of the photo is not painted.
    """
    sizes, _ = schedule(photo[0], photo[1], settings)
    of_paintings = paintings.sizes(max(sizes[-1]), settings.stroke_size)
    needed = [postprocess_bytes(photo, sizes[-1], settings, masked)]
    for height, width in (sizes[-1], *of_paintings):
        pixels = height * width
        features = min(features_bytes(pixels // PLACE**2), KEPT_BYTES)
        in_band = min(pixels, BAND_PIXELS + BAND_ROWS * width)
        needed.append(IMAGE_BYTES * pixels + features + BAND_BYTES * in_band)
    shares = SHARE_BYTES * len(of_paintings) * math.prod(sizes[-1])
    return FIXED_BYTES + THREAD_BYTES * threads() + shares + max(needed)
