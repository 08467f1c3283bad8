"""Recipe `instant`: a picture in one pass at each scale, without optimisation, in NumPy.

Each place of the picture is matched to a place of the painting, as in the default recipe
(matches.py), and a decoder makes a picture of the matches (networks.py). At the next scale, about
twice as large, the photo and this picture are matched together, so that forms grow coarse to fine.
The last picture is rebuilt from patches of the painting (engine/patches.py).
Kolkin et al. 2022, "Neural Neighbor Style Transfer", have such a decoder for features alone.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial, reduce

import numpy as np

from painterly.devices.budget import MemoryBudget
from painterly.engine.faces.care import held
from painterly.engine.faces.strokes import Brush
from painterly.engine.features.convolutions import later, limit_blas
from painterly.engine.instant import matches as instant_matches
from painterly.engine.instant import networks as networks
from painterly.engine.instant.matches import Candidates
from painterly.engine.instant.memory import memory_plan, sizes_of
from painterly.engine.memory_model import Size
from painterly.engine.paintings import FULLY_COVERED, Paintings, nothing_to_paint, resized
from painterly.engine.patches import Patches, patch_count
from painterly.engine.picture import Canvas, picture_size
from painterly.engine.places import PLACE
from painterly.engine.schedule import StepEta, work_of_steps
from painterly.engine.transfer import FULL_STRENGTH, Drawn, Step, Transfer, TransferInputs
from painterly.images.arrays import resampled
from painterly.signals import CheckStop

# The standard deviation of the noise in the first picture, in sRGB 0…1. All places of a white
# background look the same. Without noise, all would be matched to one place of the painting, and
# its pixels would repeat like a mesh.
NOISE = 0.02
MOST_INSTANT_PATCHES = 6000  # With more, large pictures would be rebuilt longer than painted.
MOST_REUSED_PIXELS = 1_000_000  # A larger scaled photo is not kept for further styles.
MAX_PREPARED = 12  # paintings' candidates at a size that are kept for further photos
LEAST_SHARE = 1e-6  # Less of a place counts as none.


class InstantTransfer(Transfer):
    """A photo prepared to be painted by recipe `instant`, on the CPU, without TensorFlow.

    Raises:
        ValueError: Arrays do not fit.
        MemoryShortError: It cannot be painted in the available memory.
    """

    def __init__(self, inputs: TransferInputs, budget: MemoryBudget) -> None:
        super().__init__(inputs)
        size = self.schedule.sizes[-1]
        self.memory_plan = memory_plan(
            self.painting_inputs, size, self._styles, self._settings, budget
        )

    def _steps(
        self, done: int, resume: Mapping[str, np.ndarray] | None, check_stop: CheckStop
    ) -> Iterator[Step]:
        """Paint at each scale in one step, always from the first one, and rebuild the last picture
        in one more."""
        limit_blas()
        settings, sizes = self._settings, self.schedule.sizes
        eta = StepEta(work_of_steps(self.schedule, settings))
        photo, picture = self._scaled_photo(), self._init
        [drawing] = self._drawings(photo, [1]) or [photo]
        paintings = [*map(picture_size, self._styles.paintings)]
        for size in sizes:
            canvas = Canvas.around(size)
            shares = _shares_of_places(self._styles, canvas, self._content_mask)
            shares = [min(1.0, settings.strength / FULL_STRENGTH) * share for share in shares]
            seen = sizes_of(paintings, max(size), settings.stroke_size)
            candidates = _candidates(self._styles, seen, check_stop)
            if size == sizes[-1]:  # They are drawn while the picture is painted.
                count = patch_count(canvas.size, MOST_INSTANT_PATCHES)
                patches = _drawn(self._styles, seen, Patches, count)
                brushes = []
                if self._stroked(size):
                    brushes = _drawn(self._styles, seen, Brush)
            scaled = resampled(photo, size)
            matched = scaled if drawing is photo else resampled(drawing, size)
            painted = self._painted(
                scaled, matched, picture, canvas, candidates, shares, check_stop
            )
            yield Step(eta.tick(), painted[None], canvas, self._postprocess)
            picture = canvas.inside(painted)
        # A large picture's memory is shortest below.
        del photo, drawing, scaled, matched, candidates
        painted = self._rebuilt(painted, canvas, patches, brushes, shares, check_stop)
        yield Step(eta.tick(), painted[None], canvas, self._postprocess)

    def _scaled_photo(self) -> np.ndarray:
        """Return the photo at the last scale [h, w, 3], sRGB 0…1, which is not written to."""
        size, scaled = self.schedule.sizes[-1], partial(resampled, self._content)
        if math.prod(size) > MOST_REUSED_PIXELS:
            return scaled(size)
        return self._inputs.of_photo("scaled", size, lambda: scaled(size))

    def _painted(
        self,
        photo: np.ndarray,
        matched: np.ndarray,
        picture: np.ndarray | None,
        canvas: Canvas,
        candidates: Sequence[Future[Candidates]],
        shares: Sequence[np.ndarray],
        check_stop: CheckStop,
    ) -> np.ndarray:
        """Paint at one scale.

        Args:
            photo: The photo at this scale [h, w, 3], sRGB 0…1.
            matched: The photo as it is matched, of the same shape: itself, or a drawing.
            picture: The picture to start from, of any size, or None for the photo.
            canvas: The picture's canvas.
            candidates: The candidates of each painting.
            shares: Each painting's share of each place.
            check_stop: As in `steps`.

        Returns:
            The picture on its canvas [H, W, 3].
        """
        strength: float | np.ndarray = self._settings.strength
        if cares := self._cares(canvas.picture):
            strength = strength * (1 - held(cares, canvas.picture)[..., None])
        first = _with_noise(matched) if picture is None else resampled(picture, canvas.picture)
        # Half of the work of mixing their features, and nearly the same matches.
        mixed = strength * first + (1 - strength) * matched
        del first
        tones = instant_matches.tones_of(networks.pixels_of(canvas.padded(matched)))
        known: dict[int, np.ndarray] = {}
        if picture is None and matched is photo:
            # The photo was scaled to the last size before it was scaled to this one.
            key = canvas, self._settings.strength, self._settings.faces, self.schedule.sizes[-1]
            known = self._inputs.of_photo("features", key, dict)
        image = canvas.padded(mixed)
        matches = instant_matches.nearest(candidates, image, tones, shares, known, check_stop)
        del known, image
        drawn = [each.result() for each in candidates]
        return _decoded(canvas.padded(photo), drawn, matches, shares, check_stop)

    def _rebuilt(
        self,
        painted: np.ndarray,
        canvas: Canvas,
        patches: Sequence[Future[Patches]],
        brushes: Sequence[Future[Brush]],
        shares: Sequence[np.ndarray],
        check_stop: CheckStop,
    ) -> np.ndarray:
        """Rebuild the painted part of a picture on its canvas [H, W, 3] from the patches of each
        group of paintings, and its faces with their brushes, if there are any."""
        groups = []
        for members, of_group in zip(self._styles.members, patches, strict=True):
            share = reduce(np.add, (shares[each] for each in members))
            groups.append((of_group.result(), share.repeat(PLACE, 0).repeat(PLACE, 1)))
        whole = self._from_groups(painted, canvas, groups, check_stop)
        if brushes:
            strokes = [
                (brush.result(), share) for brush, (_, share) in zip(brushes, groups, strict=True)
            ]
            self._add_strokes(whole, canvas, strokes, check_stop)
        return whole


def _with_noise(picture: np.ndarray) -> np.ndarray:
    """Return a picture [h, w, 3], sRGB 0…1, with the same noise in all pixels of a place."""
    height, width, channels = picture.shape
    shape = -(-height // PLACE), -(-width // PLACE), channels
    noise = np.random.default_rng(0).normal(scale=NOISE, size=shape).astype(np.float32)
    repeated = noise.repeat(PLACE, axis=0).repeat(PLACE, axis=1)
    return np.clip(picture + repeated[:height, :width], 0, 1)


def _candidates(
    styles: Paintings, sizes: Sequence[Size], check_stop: CheckStop
) -> list[Future[Candidates]]:
    """Return the candidates of each painting at its size."""
    drawn = zip(styles.paintings, sizes, styles.masks, strict=True)
    return [
        _prepared(
            styles, (number, sizes[number]), partial(instant_matches.drawn, *each, check_stop)
        )
        for number, each in enumerate(drawn)
    ]


def _drawn(
    styles: Paintings, sizes: Sequence[Size], kind: type[Drawn], *more: int
) -> list[Future[Drawn]]:
    """Return patches or the brush of each group of paintings at their sizes."""
    return [
        _prepared(
            styles,
            (kind, members, *sizes, *styles.shares, *more),
            partial(later, kind.of, styles, members, sizes, *more),
        )
        for members in styles.members
    ]


def _prepared(styles: Paintings, key: Hashable, draw: Callable[[], Future]) -> Future:
    """Return what is drawn from paintings. Drawing takes half of the time of a picture, so it is
    kept for the next."""
    prepared: dict[Hashable, Future] = styles.prepared
    drawn = prepared.pop(key, None)  # Another thread may drop it at any time.
    if drawn is None or (drawn.done() and drawn.exception()):
        drawn = draw()
    prepared[key] = drawn  # The latest comes last.
    for oldest in [*prepared][:-MAX_PREPARED]:
        prepared.pop(oldest, None)
    return drawn


def _shares_of_places(
    styles: Paintings, canvas: Canvas, content_mask: np.ndarray | None
) -> list[np.ndarray]:
    """Return each painting's share of each place of a picture, [h, w, 1]. Their sum is 1 at most;
    the rest is the photo's. Raises PictureError if nothing is painted."""

    def at_places(mask: np.ndarray) -> np.ndarray:
        return networks.pixels_of(canvas.padded(mask)[..., None]).mean(-1, keepdims=True)

    content = resized(content_mask, canvas.picture)
    covered = np.minimum(at_places(styles.covered(canvas.picture) * content), 1)
    if not covered.any():
        raise nothing_to_paint()
    covered[covered > FULLY_COVERED] = 1
    weights = [
        share * at_places(resized(region, canvas.picture) * content)
        for share, region in zip(styles.shares, styles.regions, strict=True)
    ]
    total = np.maximum(np.sum(weights, 0), LEAST_SHARE)
    return [covered * weight / total for weight in weights]


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
    for rows in networks.bands(*photo.shape[:2]):
        used = networks.with_halo(rows, networks.DECODER_HALO, len(photo))
        places = networks.at_scale(used, 1)
        parts = [
            (share[places], painting, numbers[places])
            for share, painting, numbers in zip(shares, candidates, matches, strict=True)
        ]
        first = reduce(np.add, (share * one.joined[numbers] for share, one, numbers in parts))
        pixels = reduce(np.add, (share * one.pixels[numbers] for share, one, numbers in parts))
        rest = 1 - reduce(np.add, (share for share, *_ in parts))
        if rest.max() > LEAST_SHARE:
            of_photo = networks.pixels_of(photo[used])
            first += rest * networks.joined(networks.features_of(photo, used, check_stop), of_photo)
            pixels += rest * of_photo
        band = networks.decoded(first, pixels, check_stop)[rows.start - used.start :]
        np.clip(band[: rows.stop - rows.start], 0, 1, out=canvas[rows])
    return canvas
